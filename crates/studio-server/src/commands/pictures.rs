//! Finds the pictures that a request shows: in its owner's library, in the request itself, or at an address of others. What came
//! with it or was fetched is kept like any other asset before the job is accepted, and is its owner's from that commit on.
//!
//! What is only tried is not fetched: of an address, its form and whether it can be public are checked, and no more.

use super::fetches::{self, too_large};
use crate::{
    app::App,
    settings::{FETCHES_OF_ONE, PICTURE_FETCH_LIMIT, PICTURES_LIMIT},
    work::inspector::{Look, NotInspected},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, StreamExt, stream};
use sha2::{Digest, Sha256};
use studio_core::{
    id::{AssetId, UserId},
    inspection::FileKind,
    job::ContentHash,
    media::{MediaType, Raster},
    ports::{Asset, AssetError, StagedBlob, StoreError, Stored},
    request::{MAX_EDIT_PIXELS, MAX_PICTURES, Picture, PictureSource, Pictures},
};
use tokio::time::Instant;

/// What a request shows, found but not kept yet.
#[derive(Default)]
pub struct Shown {
    /// By the path in the request.
    pub pictures: Pictures,
    brought: Vec<(Picture, Brought)>,
}

/// How much of an asset is read to tell its size in pixels. Cameras may write more before they say it; then all of it is read.
const HEAD_BYTES: u64 = 256 << 10;

/// Bytes that nobody has kept yet.
enum Brought {
    /// They came in the request.
    Inline(Bytes),
    /// They were fetched, and are written already: a request is not as small as what it names.
    Staged(Box<dyn StagedBlob>),
}

/// What is wanted of pictures.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Nothing is to be made of them, so nothing is fetched or decoded.
    pub tried: bool,
    /// They will be decoded by whoever gets them: those that came with the request are decoded by a child first, so that what can't
    /// be is refused before anything is accepted.
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
            left = left.checked_sub(found.picture.bytes).ok_or_else(|| {
                format!("is too much: all pictures together may have at most {} MiB", PICTURES_LIMIT >> 20)
            })?;
            Ok(found)
        });
        let picture = found.map(|found| shown.take(found));
        shown.pictures.insert(path, picture);
    }
    let received = shown.brought.iter().map(|(picture, _)| picture.bytes).sum();
    if received > 0 && !wanted.tried {
        refuse_too_much(app, owner, received).await?;
    }
    Ok(shown)
}

/// Refuses what is beyond the quota before anything is kept: what the store refuses is on the disk by then, and stays for a day.
/// The last word has the store.
async fn refuse_too_much(app: &App, owner: UserId, received: u64) -> Result<(), NotLooked> {
    let (quota, stored) = (app.upload_limits.quota(), app.store.stored(owner, app.now()).await?);
    if received > stored.room(quota) { Err(NotLooked::OverQuota { quota, stored, received }) } else { Ok(()) }
}

/// Why pictures are not looked at, although nothing is wrong with the request.
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
    /// What comes with the request would be too much beside what its owner brought before.
    #[error("the quota is used up")]
    OverQuota {
        /// The quota.
        quota: u64,
        /// What they have without it.
        stored: Stored,
        /// How many bytes come with the request.
        received: u64,
    },
}

/// A picture that was found.
struct Found {
    /// As it is or will be its owner's.
    picture: Picture,
    brought: Option<Brought>,
}

impl Shown {
    /// Takes one more, whose bytes are to be kept if they are nowhere yet; the picture.
    fn take(&mut self, found: Found) -> Picture {
        if let Some(brought) = found.brought {
            self.brought.push((found.picture.clone(), brought));
        }
        found.picture
    }

    /// Keeps those that came with the request or were fetched for it; what was kept.
    pub async fn keep(self, app: &App) -> Result<Vec<Picture>, AssetError> {
        let mut kept = Vec::with_capacity(self.brought.len());
        for (picture, brought) in self.brought {
            let staged = match brought {
                Brought::Staged(staged) => staged,
                Brought::Inline(bytes) => staged(app, bytes).await?,
            };
            staged.commit().await?;
            kept.push(picture);
        }
        Ok(kept)
    }
}

async fn staged(app: &App, bytes: Bytes) -> Result<Box<dyn StagedBlob>, AssetError> {
    let mut staged = app.assets.stage(bytes.len() as u64).await?;
    staged.write(bytes).await?;
    Ok(staged)
}

/// Finds the pictures of one request. All that has to be fetched for it has one deadline, from now.
struct Finder<'a> {
    app: &'a App,
    owner: UserId,
    wanted: Wanted,
    deadline: Instant,
}

impl<'a> Finder<'a> {
    /// For a request of `owner`.
    fn new(app: &'a App, owner: UserId, wanted: Wanted) -> Self {
        Self { app, owner, wanted, deadline: Instant::now() + PICTURE_FETCH_LIMIT }
    }

    /// Finds one of at most `cap` bytes, or says what is wrong with it.
    async fn find(&self, source: PictureSource<'_>, cap: u64) -> Result<Result<Found, String>, NotLooked> {
        let found = match source {
            PictureSource::Asset(id) => self.in_library(id).await?,
            PictureSource::Inline(uri) => {
                let read = read_inline(uri, cap).and_then(|bytes| Ok((self.picture(&bytes)?, bytes)));
                match read {
                    Ok((picture, bytes)) => self.brought(picture, bytes).await?,
                    Err(fault) => Err(fault),
                }
            }
            PictureSource::Elsewhere("") => {
                Err("must be given by assetId, or as url: a data: URI or an http or https address".to_owned())
            }
            PictureSource::Elsewhere(url) if self.wanted.tried => {
                fetches::check(self.app, url).map(|()| Found { picture: self.stand_in(), brought: None })
            }
            PictureSource::Elsewhere(url) => self.elsewhere(url, cap).await?,
        };
        Ok(found.and_then(|found| if found.picture.bytes > cap { Err(too_large(cap)) } else { Ok(found) }))
    }

    async fn in_library(&self, id: &str) -> Result<Result<Found, String>, NotLooked> {
        // Absent and another's are the same answer.
        let absent = || Err("is not an asset of yours".to_owned());
        let Ok(id) = AssetId::parse(id) else { return Ok(absent()) };
        let Some(asset) = self.app.store.asset(self.owner, id).await? else { return Ok(absent()) };
        if !asset.media_type.is_picture() {
            return Ok(Err("must be a PNG, JPEG or WebP picture; this asset is another kind of file".to_owned()));
        }
        let raster = raster(self.app, &asset).await;
        let Asset { id: asset, hash, media_type, bytes, .. } = asset;
        Ok(Ok(Found { picture: Picture { asset, hash, media_type, bytes, tokens: 0, raster }, brought: None }))
    }

    async fn elsewhere(&self, url: &str, cap: u64) -> Result<Result<Found, String>, NotLooked> {
        let (bytes, _turn) = match fetches::fetch(self.app, self.owner, url, cap, self.deadline).await {
            Ok(fetched) => fetched,
            Err(fault) => return Ok(Err(fault)),
        };
        let picture = match self.picture(&bytes) {
            Ok(picture) => picture,
            Err(fault) => return Ok(Err(fault)),
        };
        Ok(match self.brought(picture, bytes).await? {
            Ok(Found { picture, brought: Some(Brought::Inline(bytes)) }) => {
                Ok(Found { picture, brought: Some(Brought::Staged(staged(self.app, bytes).await?)) })
            }
            other => other,
        })
    }

    /// A picture that is nowhere yet. If it will be decoded, a child has tried that; of one that says itself that it is too
    /// large, this is told better elsewhere.
    async fn brought(&self, picture: Picture, bytes: Bytes) -> Result<Result<Found, String>, NotLooked> {
        let fair = picture.raster.is_some_and(|raster| raster.pixels() <= MAX_EDIT_PIXELS);
        if self.wanted.tried || !self.wanted.decoded || !fair {
            return Ok(Ok(Found { picture, brought: Some(Brought::Inline(bytes)) }));
        }
        let staged = staged(self.app, bytes).await?;
        let look = Look { kind: FileKind::Image, bytes: picture.bytes, keep_metadata: true, only_thumbnail: true };
        let file = staged.reader().await?;
        match self.app.inspector.look(&*self.app.assets, look, file).await {
            Ok(_) => Ok(Ok(Found { picture, brought: Some(Brought::Staged(staged)) })),
            Err(NotInspected::Refused(refusal)) => Ok(Err(format!("can't be decoded: {}", refusal.message))),
            Err(NotInspected::Unreadable(_)) => Ok(Err("can't be decoded within the limits for pictures".to_owned())),
            Err(not) => Err(NotLooked::NotInspected(not)),
        }
    }

    /// The picture that these bytes are. Its type is told by them, whatever anybody calls it.
    fn picture(&self, bytes: &Bytes) -> Result<Picture, String> {
        let media_type = MediaType::sniff_picture(bytes).ok_or("must be a PNG, JPEG or WebP picture")?;
        if !media_type.is_whole(bytes) {
            return Err("must be a whole PNG, JPEG or WebP picture; this one is cut off".into());
        }
        let hash = ContentHash(Sha256::digest(bytes).into());
        let raster = Raster::of(bytes);
        Ok(Picture { hash, media_type, bytes: bytes.len() as u64, raster, ..self.stand_in() })
    }

    /// A picture of which nothing is known.
    fn stand_in(&self) -> Picture {
        let asset = AssetId::new(self.app.now(), self.app.chance.id_bytes());
        Picture { asset, hash: ContentHash([0; 32]), media_type: MediaType::Png, bytes: 0, tokens: 0, raster: None }
    }
}

/// How large a picture of the library is. Nothing when it can't be read now: whoever needs it tells so.
async fn raster(app: &App, asset: &Asset) -> Option<Raster> {
    for length in [HEAD_BYTES.min(asset.bytes), asset.bytes] {
        let mut reader = app.assets.open(asset.hash, 0..length).await.ok()?;
        let mut head = BytesMut::new();
        while let Some(more) = reader.next().await {
            head.extend_from_slice(&more.ok()?);
        }
        if let Some(raster) = Raster::of(&head) {
            return Some(raster);
        }
        if length == asset.bytes {
            return None;
        }
    }
    None
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
