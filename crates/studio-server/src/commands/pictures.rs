//! Finds the pictures that a request shows: in its owner's library, in the request itself, or at an address of others. What came
//! with it or was fetched is looked into by a child as uploads are, and what is kept of it has no metadata. It is kept like any
//! other asset before the job is accepted, and is its owner's from that commit on.
//!
//! What is only tried is not fetched and not looked into: of an address, its form and whether it can be public are checked, and no
//! more.

use super::{
    fetches::{self, NotFetched, too_large},
    library::{NoThumbnail, make_thumbnail},
};
use crate::{
    app::App,
    settings::{FETCHES_OF_ONE, PICTURE_FETCH_LIMIT, PICTURES_LIMIT},
    work::inspector::{Look, NotInspected},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, StreamExt, stream};
use studio_core::{
    id::{AssetId, UserId},
    inspection::FileKind,
    job::ContentHash,
    library::Facts,
    media::{MediaType, Raster},
    ports::{Asset, AssetError, Blob, StagedBlob, StoreError},
    request::{MAX_EDIT_PIXELS, MAX_PICTURES, Picture, PictureSource, Pictures},
};
use tokio::{sync::Mutex, time::Instant};

/// What a request shows, found but not kept yet.
#[derive(Default)]
pub struct Shown {
    /// By the path in the request.
    pub pictures: Pictures,
    /// Those that are nobody's yet.
    pub brought: Vec<Brought>,
}

/// A picture that came with a request or was fetched for it: looked into, without metadata, and not kept yet. Dropped, it leaves
/// nothing behind.
pub struct Brought {
    picture: Picture,
    facts: Facts,
    staged: Box<dyn StagedBlob>,
}

/// How much of an asset is read to tell its size in pixels. Cameras may write more before they say it; but what was decoded once is
/// known without reading.
const HEAD_BYTES: u64 = 256 << 10;

/// What is wanted of pictures.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Nothing is to be made of them, so nothing is fetched or decoded.
    pub tried: bool,
    /// They will be decoded by whoever gets them: how large they are must be known, and what nobody here has decoded yet is decoded
    /// by a child first, so that what can't be is refused before anything is accepted.
    pub decoded: bool,
}

/// Finds the pictures that a request names, each by its path in the body and of at most `limit` bytes. What is wrong with one is
/// told at its place.
pub async fn find_pictures(
    app: &App,
    owner: UserId,
    named: Vec<(String, PictureSource<'_>)>,
    limit: u64,
    wanted: Wanted,
) -> Result<Shown, NotLooked> {
    let mut shown = Shown::default();
    if named.len() > MAX_PICTURES {
        // They are refused for their number, so nobody is asked for any.
        let refused = |(path, _)| (path, Err("is one of too many pictures".to_owned()));
        shown.pictures.extend(named.into_iter().map(refused));
        return Ok(shown);
    }
    let finder = &Finder::new(app, owner, wanted);
    let mut finding = Vec::with_capacity(named.len());
    for (path, source) in named {
        finding.push(async move { (path, finder.find(source, limit).await) }.boxed());
    }
    // In their order, whoever answers first.
    let mut finding = stream::iter(finding).buffered(FETCHES_OF_ONE);
    let mut left = PICTURES_LIMIT;
    while let Some((path, found)) = finding.next().await {
        let found = found?.and_then(|found| {
            left = left.checked_sub(found.came).ok_or_else(|| {
                format!("is too much: all pictures together may have at most {} MiB", PICTURES_LIMIT >> 20)
            })?;
            Ok(found)
        });
        let picture = found.map(|Found { picture, brought, .. }| {
            shown.brought.extend(brought.map(|(facts, staged)| Brought { picture: picture.clone(), facts, staged }));
            picture
        });
        shown.pictures.insert(path, picture);
    }
    Ok(shown)
}

/// Why it can't be told whether a picture is there: nothing is wrong with the request.
#[derive(Debug, thiserror::Error)]
pub enum NotLooked {
    /// The library can't be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was fetched can't be kept.
    #[error(transparent)]
    Assets(#[from] AssetError),
    /// It can't be looked into now.
    #[error(transparent)]
    NotInspected(NotInspected),
    /// Too many pictures are fetched from addresses of others.
    #[error("there was no turn to fetch a picture")]
    NoTurn,
}

/// A picture that was found.
struct Found {
    /// As it is or will be its owner's.
    picture: Picture,
    /// How many bytes it had when it came: what is kept may be less.
    came: u64,
    /// What is known of one that is nobody's yet, and its bytes.
    brought: Option<(Facts, Box<dyn StagedBlob>)>,
}

impl Found {
    /// One of which nothing has to be kept.
    fn known(picture: Picture) -> Self {
        Self { came: picture.bytes, picture, brought: None }
    }
}

impl Brought {
    /// How many bytes of it would be kept.
    pub(super) fn bytes(&self) -> u64 {
        self.picture.bytes
    }

    /// Keeps it: its bytes are durable from then on.
    pub(super) async fn keep(self) -> Result<(Picture, Facts), AssetError> {
        self.staged.commit().await?;
        Ok((self.picture, self.facts))
    }
}

/// Finds the pictures of one request. All that has to be fetched for it has one deadline, from now.
struct Finder<'a> {
    app: &'a App,
    owner: UserId,
    wanted: Wanted,
    deadline: Instant,
    /// Held while a child looks into one of them: a request takes one of its owner's looks, however many pictures it has.
    looking: Mutex<()>,
}

impl<'a> Finder<'a> {
    /// For a request of `owner`.
    fn new(app: &'a App, owner: UserId, wanted: Wanted) -> Self {
        Self { app, owner, wanted, deadline: Instant::now() + PICTURE_FETCH_LIMIT, looking: Mutex::new(()) }
    }

    /// Finds one of at most `cap` bytes, or says what is wrong with it.
    async fn find(&self, source: PictureSource<'_>, cap: u64) -> Result<Result<Found, String>, NotLooked> {
        match source {
            PictureSource::Asset(id) => self.in_library(id, cap).await,
            PictureSource::Inline(uri) => {
                let read = read_inline(uri, cap).and_then(|bytes| Ok((self.picture(&bytes)?, bytes)));
                match read {
                    Ok((picture, _)) if self.wanted.tried => Ok(Ok(Found::known(picture))),
                    Ok((picture, bytes)) => self.brought(picture, staged(self.app, bytes).await?).await,
                    Err(fault) => Ok(Err(fault)),
                }
            }
            PictureSource::Elsewhere("") => {
                Ok(Err("must be given by assetId, or as url: a data: URI or an http or https address".to_owned()))
            }
            PictureSource::Elsewhere(url) if self.wanted.tried => {
                Ok(fetches::check(self.app, url).map(|()| Found::known(self.stand_in())))
            }
            PictureSource::Elsewhere(url) => self.elsewhere(url, cap).await,
        }
    }

    async fn in_library(&self, id: &str, cap: u64) -> Result<Result<Found, String>, NotLooked> {
        // Absent and another's are the same answer.
        let absent = || Err("is not an asset of yours".to_owned());
        let Ok(id) = AssetId::parse(id) else { return Ok(absent()) };
        let Some(asset) = self.app.store.asset(self.owner, id).await? else { return Ok(absent()) };
        if !asset.media_type.is_picture() {
            return Ok(Err("must be a PNG, JPEG or WebP picture; this asset is another kind of file".to_owned()));
        }
        if asset.bytes > cap {
            return Ok(Err(too_large(cap)));
        }
        let raster = match self.wanted.decoded {
            true => match self.raster(&asset).await? {
                Ok(raster) => raster,
                Err(fault) => return Ok(Err(fault)),
            },
            // Whoever is only shown it doesn't ask.
            false => None,
        };
        let Asset { id: asset, hash, media_type, bytes, .. } = asset;
        Ok(Ok(Found::known(Picture { asset, hash, media_type, bytes, tokens: 0, raster })))
    }

    /// How large a picture of the library is; nothing when neither its head nor anybody who decoded it has said so. What models made
    /// nobody here has decoded until somebody asks for a small picture of it, or to change it.
    async fn raster(&self, asset: &Asset) -> Result<Result<Option<Raster>, String>, NotLooked> {
        let head = head(self.app, asset).await.as_deref().and_then(Raster::of);
        if self.wanted.tried || asset.facts.width.is_some() || !fair(head) {
            return Ok(Ok(head.or_else(|| told(&asset.facts))));
        }
        if self.app.inspector.is_hopeless(asset.hash) {
            return Ok(Err(NOT_DECODED.to_owned()));
        }
        let _one_at_a_time = self.looking.lock().await;
        match make_thumbnail(self.app, asset).await {
            Ok((_, facts)) => Ok(Ok(head.or_else(|| told(&facts)))),
            Err(NoThumbnail::None) => Ok(Err(NOT_DECODED.to_owned())),
            Err(NoThumbnail::NotInspected(not)) => not_decoded(not).map(Err),
            Err(NoThumbnail::Assets(error)) => Err(error.into()),
            Err(NoThumbnail::Store(error)) => Err(error.into()),
        }
    }

    async fn elsewhere(&self, url: &str, cap: u64) -> Result<Result<Found, String>, NotLooked> {
        let (bytes, turn) = match fetches::fetch(self.app, self.owner, url, cap, self.deadline).await {
            Ok(fetched) => fetched,
            Err(NotFetched::Fault(fault)) => return Ok(Err(fault)),
            Err(NotFetched::NoTurn) => return Err(NotLooked::NoTurn),
        };
        let picture = match self.picture(&bytes) {
            Ok(picture) => picture,
            Err(fault) => return Ok(Err(fault)),
        };
        let staged = staged(self.app, bytes).await?;
        // It is on the disk: the next one may be in memory while this one is looked into.
        drop(turn);
        self.brought(picture, staged).await
    }

    /// A picture that is nowhere yet, as a child leaves it: without metadata.
    async fn brought(&self, picture: Picture, staged: Box<dyn StagedBlob>) -> Result<Result<Found, String>, NotLooked> {
        let came = picture.bytes;
        if self.wanted.decoded && !fair(picture.raster) {
            // Refused for what its head says, by whoever reads the request, in words that tell what may be changed.
            return Ok(Ok(Found { picture, came, brought: None }));
        }
        let file = staged.reader().await?;
        let look =
            Look { owner: self.owner, kind: FileKind::Image, bytes: came, keep_metadata: false, only_thumbnail: false };
        let looked = {
            let _one_at_a_time = self.looking.lock().await;
            self.app.inspector.look(&*self.app.assets, look, file).await
        };
        let inspected = match looked {
            Ok(inspected) => inspected,
            Err(not) => return not_decoded(not).map(Err),
        };
        let facts = Facts::from(inspected.facts);
        let staged = inspected.clean.unwrap_or(staged);
        let Blob { hash, bytes } = staged.so_far()?;
        let raster = picture.raster.or_else(|| told(&facts));
        let picture = Picture { hash, bytes, raster, ..picture };
        Ok(Ok(Found { picture, came, brought: Some((facts, staged)) }))
    }

    /// The picture that these bytes are. Its type is told by them, whatever anybody calls it.
    fn picture(&self, bytes: &Bytes) -> Result<Picture, String> {
        let media_type = MediaType::sniff_picture(bytes).ok_or("must be a PNG, JPEG or WebP picture")?;
        if !media_type.is_whole(bytes) {
            return Err("must be a whole PNG, JPEG or WebP picture; this one is cut off".into());
        }
        let raster = Raster::of(bytes);
        Ok(Picture { media_type, bytes: bytes.len() as u64, raster, ..self.stand_in() })
    }

    /// A picture of which nothing is known.
    fn stand_in(&self) -> Picture {
        let asset = AssetId::new(self.app.now(), self.app.chance.id_bytes());
        Picture { asset, hash: ContentHash([0; 32]), media_type: MediaType::Png, bytes: 0, tokens: 0, raster: None }
    }
}

const NOT_DECODED: &str = "can't be decoded within the limits for pictures";

/// What is told of a picture that a child did not take. If that is not the picture's fault, nothing is wrong with the request.
fn not_decoded(not: NotInspected) -> Result<String, NotLooked> {
    match not {
        NotInspected::Refused(refusal) => Ok(format!("can't be decoded: {}", refusal.message)),
        NotInspected::Unreadable(_) => Ok(NOT_DECODED.to_owned()),
        not => Err(NotLooked::NotInspected(not)),
    }
}

/// Whether a picture that is to be changed does not say itself that it is too large for that.
fn fair(raster: Option<Raster>) -> bool {
    raster.is_none_or(|raster| raster.pixels() <= MAX_EDIT_PIXELS)
}

/// How large whoever decoded it says that it is.
fn told(facts: &Facts) -> Option<Raster> {
    Some(Raster { width: facts.width?, height: facts.height?, alpha: false })
}

/// The beginning of a picture of the library. Nothing when it can't be read now: whoever needs it tells so.
async fn head(app: &App, asset: &Asset) -> Option<BytesMut> {
    let mut reader = app.assets.open(asset.hash, 0..HEAD_BYTES.min(asset.bytes)).await.ok()?;
    let mut head = BytesMut::new();
    while let Some(more) = reader.next().await {
        head.extend_from_slice(&more.ok()?);
    }
    Some(head)
}

async fn staged(app: &App, bytes: Bytes) -> Result<Box<dyn StagedBlob>, AssetError> {
    let mut staged = app.assets.stage(bytes.len() as u64).await?;
    staged.write(bytes).await?;
    Ok(staged)
}

/// Reads `data:image/png;base64,...`.
fn read_inline(uri: &str, cap: u64) -> Result<Bytes, String> {
    let encoded = uri
        .split_once(',')
        .filter(|(head, _)| head.to_ascii_lowercase().ends_with(";base64"))
        .map(|(_, encoded)| encoded);
    let encoded = encoded.ok_or("must be a data: URI in base64")?;
    // Four letters are three bytes: known before anything is decoded.
    if encoded.len() as u64 / 4 * 3 > cap {
        return Err(too_large(cap));
    }
    STANDARD.decode(encoded).map(Bytes::from).map_err(|_| "must be a data: URI in base64".to_owned())
}
