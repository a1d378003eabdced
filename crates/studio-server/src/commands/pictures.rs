//! Finds the pictures that a request shows: in its owner's library, or in the request itself. Those are kept like any
//! other asset before the job is accepted, and are its owner's from that commit on.

use crate::{app::App, settings::PICTURES_LIMIT};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use studio_core::{
    id::{AssetId, UserId},
    job::ContentHash,
    media::{MediaType, Raster},
    ports::{Asset, AssetError, StoreError},
    request::{Picture, PictureSource, Pictures},
};

/// What a request shows, found but not kept yet.
pub struct Shown {
    /// By the path in the request.
    pub pictures: Pictures,
    inline: Vec<(Picture, Bytes)>,
}

/// How much of an asset is read to tell its size in pixels. Cameras may write more before they say it; then all of it is read.
const HEAD_BYTES: u64 = 256 << 10;

/// Finds the pictures that a request names, each by its path in the body and of at most `limit` bytes. What is wrong with one is
/// told at its place.
pub async fn find_pictures(
    app: &App,
    owner: UserId,
    named: Vec<(String, PictureSource<'_>)>,
    limit: u64,
) -> Result<Shown, StoreError> {
    let mut shown = Shown { pictures: Pictures::new(), inline: Vec::new() };
    let mut left = PICTURES_LIMIT;
    for (path, source) in named {
        let found = match source {
            PictureSource::Asset(id) => in_library(app, owner, id).await?,
            PictureSource::Inline(uri) => read_inline(app, uri, limit).map(|(picture, bytes)| {
                shown.inline.push((picture.clone(), bytes));
                picture
            }),
            PictureSource::Elsewhere(_) => {
                Err("must be given by assetId, or as url with a data: URI; addresses of others are not fetched"
                    .to_owned())
            }
        };
        let found = found.and_then(|picture| {
            if picture.bytes > limit {
                return Err(too_large(limit));
            }
            left = left.checked_sub(picture.bytes).ok_or_else(|| {
                format!("is too much: all pictures together may have at most {} MiB", PICTURES_LIMIT >> 20)
            })?;
            Ok(picture)
        });
        shown.pictures.insert(path, found);
    }
    Ok(shown)
}

impl Shown {
    /// Keeps those that came with the request; what was kept.
    pub async fn keep(self, app: &App) -> Result<Vec<Picture>, AssetError> {
        let mut kept = Vec::with_capacity(self.inline.len());
        for (picture, bytes) in self.inline {
            let mut staged = app.assets.stage(picture.bytes).await?;
            staged.write(bytes).await?;
            staged.commit().await?;
            kept.push(picture);
        }
        Ok(kept)
    }
}

async fn in_library(app: &App, owner: UserId, id: &str) -> Result<Result<Picture, String>, StoreError> {
    // Absent and another's are the same answer.
    let absent = || Err("is not an asset of yours".to_owned());
    let Ok(id) = AssetId::parse(id) else { return Ok(absent()) };
    let Some(asset) = app.store.asset(owner, id).await? else { return Ok(absent()) };
    if !asset.media_type.is_picture() {
        return Ok(Err("must be a PNG, JPEG or WebP picture; this asset is another kind of file".to_owned()));
    }
    let raster = raster(app, &asset).await;
    let Asset { id: asset, hash, media_type, bytes, .. } = asset;
    Ok(Ok(Picture { asset, hash, media_type, bytes, tokens: 0, raster }))
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

/// Reads `data:image/png;base64,...`. Its type is told by its bytes, whatever it calls itself.
fn read_inline(app: &App, uri: &str, limit: u64) -> Result<(Picture, Bytes), String> {
    let encoded = uri
        .split_once(',')
        .filter(|(head, _)| head.to_ascii_lowercase().ends_with(";base64"))
        .map(|(_, encoded)| encoded);
    let encoded = encoded.ok_or("must be a data: URI in base64")?;
    // Four letters are three bytes: known before anything is decoded.
    if encoded.len() as u64 / 4 * 3 > limit {
        return Err(too_large(limit));
    }
    let bytes = STANDARD.decode(encoded).map(Bytes::from).map_err(|_| "must be a data: URI in base64")?;
    let media_type = MediaType::sniff_picture(&bytes).ok_or("must be a PNG, JPEG or WebP picture")?;
    if !media_type.is_whole(&bytes) {
        return Err("must be a whole PNG, JPEG or WebP picture; this one is cut off".into());
    }
    let picture = Picture {
        asset: AssetId::new(app.now(), app.chance.id_bytes()),
        hash: ContentHash(Sha256::digest(&bytes).into()),
        media_type,
        bytes: bytes.len() as u64,
        tokens: 0,
        raster: Raster::of(&bytes),
    };
    Ok((picture, bytes))
}

fn too_large(limit: u64) -> String {
    format!("must have at most {} MiB", limit >> 20)
}
