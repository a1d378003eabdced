//! What people do with what they keep: remove it, show it to others, and have a small picture made of it.

use super::upload::keep_thumbnail;
use crate::{
    app::App,
    work::inspector::{Look, NotInspected},
};
use std::sync::Arc;
use studio_core::{
    id::{AssetId, ShareId, UserId},
    inspection::FileKind,
    library::{Facts, SLUG_CHARS, Share, slug},
    ports::{Asset, AssetError, Removed, StoreError, Thumbnail},
};

/// Removes an asset, and ends all pages that show it.
pub async fn remove_asset(app: &App, owner: UserId, id: AssetId) -> Result<Removed, StoreError> {
    let removed = app.store.remove_asset(owner, id, app.now()).await?;
    if removed == Removed::Gone {
        tracing::info!(asset = %id, user = %owner, "asset removed");
    }
    Ok(removed)
}

/// Shows an asset to whoever knows the page's address. Nothing: there is no such asset of theirs.
pub async fn share(
    app: &App,
    owner: UserId,
    asset: AssetId,
    title: Option<String>,
) -> Result<Option<Share>, StoreError> {
    let now = app.now();
    // So many are enough but once in 10^20 times; then there are more.
    let mut random = [0; SLUG_CHARS * 4];
    let address = loop {
        app.chance.fill(&mut random);
        if let Some(slug) = slug(&random) {
            break slug;
        }
    };
    let id = ShareId::new(now, app.chance.id_bytes());
    let share = Share { id, slug: address, owner, asset, title, created_at: now };
    let made = app.store.share(share.clone()).await?;
    if made {
        tracing::info!(%asset, user = %owner, "asset shown to others");
    }
    Ok(made.then_some(share))
}

/// Shows it no more. False: there is no such page of theirs.
pub async fn unshare(app: &App, owner: UserId, slug: &str) -> Result<bool, StoreError> {
    app.store.unshare(owner, slug).await
}

/// Why there is no small picture.
#[derive(Debug, thiserror::Error)]
pub enum NoThumbnail {
    /// It is of a kind of which none is made.
    #[error("there is none of this kind of file")]
    None,
    /// None could be made.
    #[error(transparent)]
    NotInspected(#[from] NotInspected),
    /// It can't be kept or read.
    #[error(transparent)]
    Assets(#[from] AssetError),
    /// It can't be noted.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The small picture of an asset: made when somebody first asks for it, and kept. What is uploaded has one from its beginning.
/// Those who ask at once have it made once.
pub async fn thumbnail(app: &Arc<App>, asset: &Asset) -> Result<Thumbnail, NoThumbnail> {
    if let Some(known) = asset.thumbnail {
        return Ok(known);
    }
    if asset.media_type.kind() != FileKind::Image || app.inspector.is_hopeless(asset.hash) {
        return Err(NoThumbnail::None);
    }
    let _turn = app.inspector.turn_for_small().await?;
    // Whoever had a turn before may have made it.
    let asset = &app.store.asset(asset.owner, asset.id).await?.ok_or(NoThumbnail::None)?;
    if let Some(known) = asset.thumbnail {
        return Ok(known);
    }
    if app.inspector.is_hopeless(asset.hash) {
        return Err(NoThumbnail::None);
    }
    Ok(make_thumbnail(app, asset).await?.0)
}

/// Has a child decode an asset that nobody decoded yet, and keeps what came of it: a small picture, and what is known of it now.
pub(super) async fn make_thumbnail(app: &App, asset: &Asset) -> Result<(Thumbnail, Facts), NoThumbnail> {
    let look = Look {
        owner: asset.owner,
        kind: FileKind::Image,
        bytes: asset.bytes,
        keep_metadata: true,
        only_thumbnail: true,
    };
    let file = app.assets.file(asset.hash).await?;
    let inspected = app.inspector.look(&*app.assets, look, file).await.inspect_err(|not| {
        if let NotInspected::Refused(_) | NotInspected::Unreadable(_) = not {
            app.inspector.give_up(asset.hash);
        }
    })?;
    let (media_type, picture) = inspected.thumbnail.ok_or(NoThumbnail::None)?;
    let made = keep_thumbnail(app, media_type, picture).await?;
    let facts = Facts { stripped: asset.facts.stripped.clone(), ..Facts::from(inspected.facts) };
    app.store.keep_thumbnail(asset.id, made, facts.clone()).await?;
    Ok((made, facts))
}
