//! What people keep here, as the API's JSON.

use super::{asset_url, without_nulls};
use serde_json::{Value, json};
use studio_core::{inspection::FileKind, library::Share, ports::Asset};

/// An asset, as its owner sees it.
pub(in crate::http) fn asset(asset: &Asset) -> Value {
    let url = asset_url(asset.id);
    let facts = &asset.facts;
    without_nulls(json!({
        "id": asset.id.to_string(),
        "kind": asset.media_type.kind().as_str(),
        "mediaType": asset.media_type.as_str(),
        "origin": asset.origin.as_str(),
        "jobId": asset.job.map(|job| job.to_string()),
        "name": asset.name,
        "bytes": asset.bytes,
        "sha256": asset.hash.to_string(),
        "width": facts.width,
        "height": facts.height,
        "frames": facts.frames,
        "durationMs": facts.duration_ms,
        "sampleRate": facts.sample_rate,
        "channels": facts.channels,
        "entries": facts.entries,
        "placeholder": facts.placeholder,
        "stripped": (!facts.stripped.is_empty()).then(|| facts.stripped.clone()),
        "url": url,
        "thumbnailUrl": has_thumbnail(asset).then(|| format!("{url}/thumbnail")),
        "createdAt": asset.created_at.to_string(),
    }))
}

/// Whether there is a small picture of it, or one can be made.
fn has_thumbnail(asset: &Asset) -> bool {
    asset.thumbnail.is_some() || asset.media_type.kind() == FileKind::Image
}

/// A page by which an asset is shown, to its owner.
pub(in crate::http) fn share(share: &Share) -> Value {
    without_nulls(json!({
        "slug": share.slug,
        "url": format!("/share/{}", share.slug),
        "assetId": share.asset.to_string(),
        "title": share.title,
        "createdAt": share.created_at.to_string(),
    }))
}

/// What such a page shows, to whoever knows its address: nothing of whose it is.
pub(in crate::http) fn shared(share: &Share, asset: &Asset) -> Value {
    let url = format!("/share/{}", share.slug);
    let facts = &asset.facts;
    let shown = without_nulls(json!({
        "kind": asset.media_type.kind().as_str(),
        "mediaType": asset.media_type.as_str(),
        "name": asset.name,
        "bytes": asset.bytes,
        "width": facts.width,
        "height": facts.height,
        "durationMs": facts.duration_ms,
        "placeholder": facts.placeholder,
        "url": format!("{url}/content"),
        "thumbnailUrl": has_thumbnail(asset).then(|| format!("{url}/thumbnail")),
    }));
    without_nulls(json!({
        "success": true, "slug": share.slug, "url": url, "title": share.title, "content": shown,
        "createdAt": share.created_at.to_string(),
    }))
}
