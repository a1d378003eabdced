//! `/assets`: what someone has here, its bytes, its small pictures, and its end.

use super::{
    bytes::{FOR_EVER, Sent, send},
    id, json, page, page_size,
};
use crate::{
    app::App,
    commands,
    http::{
        call::{Call, Caller},
        codes,
        disposition::disposition,
        leave::Leave,
        present,
        refusal::Refusal,
        table::Answer,
    },
};
use http::StatusCode;
use serde_json::json;
use std::sync::Arc;
use studio_core::{
    caller::Scope,
    id::AssetId,
    inspection::FileKind,
    library::Origin,
    ports::{Asset, AssetFilter, Removed, Thumbnail},
};

/// Assets on a page, unless said otherwise.
const USUAL_PAGE: u32 = 20;

/// The asset that a path names, if it is the caller's.
async fn named(app: &App, caller: &Caller, call: &Call) -> Result<Asset, Refusal> {
    let id = id("id", call.parameter("id"), AssetId::parse)?;
    app.store.asset(caller.user(), id).await?.ok_or_else(|| Refusal::not_found("asset"))
}

pub(in crate::http) fn get_asset(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let asset = named(&app, &caller, &call).await?;
        let Asset { id, hash, media_type, bytes, .. } = asset;
        let disposition = disposition(media_type, asset.name.as_deref(), &id.to_string());
        let leave = Leave::Caller(caller, Scope::Read);
        send(&app, &call, leave, Sent { hash, media_type, bytes, disposition, cache: FOR_EVER }).await
    })
}

pub(in crate::http) fn get_details(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let asset = named(&app, &caller, &call).await?;
        Ok(json(StatusCode::OK, &json!({ "success": true, "asset": present::asset(&asset) })))
    })
}

pub(in crate::http) fn get_thumbnail(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let asset = named(&app, &caller, &call).await?;
        let Thumbnail { hash, media_type, bytes } = commands::thumbnail(&app, &asset).await?;
        let disposition = disposition(media_type, None, &format!("{}-small", asset.id));
        let leave = Leave::Caller(caller, Scope::Read);
        send(&app, &call, leave, Sent { hash, media_type, bytes, disposition, cache: FOR_EVER }).await
    })
}

pub(in crate::http) fn list_assets(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let size = page_size(&call, USUAL_PAGE)?;
        let kind = one_of(&call, "kind", FileKind::parse)?;
        let origin = one_of(&call, "origin", Origin::parse)?;
        let before = call.query.get("cursor").map(|text| id("cursor", text, AssetId::parse)).transpose()?;
        let filter = AssetFilter { kind, origin, before, limit: size + 1 };
        let assets = app.store.assets(caller.user(), filter).await?;
        Ok(page(assets, size, present::asset, |asset| asset.id.to_string()))
    })
}

/// One of a few words from the query.
fn one_of<T>(call: &Call, name: &str, parse: fn(&str) -> Option<T>) -> Result<Option<T>, Refusal> {
    let read =
        |text: &String| parse(text).ok_or_else(|| Refusal::invalid_field(name, "must be one of those described"));
    call.query.get(name).map(read).transpose()
}

pub(in crate::http) fn delete_asset(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let id = id("id", call.parameter("id"), AssetId::parse)?;
        match commands::remove_asset(&app, caller.user(), id).await? {
            Removed::Gone => Ok(json(StatusCode::OK, &json!({ "success": true }))),
            Removed::Absent => Err(Refusal::not_found("asset")),
            Removed::InUse(job) => {
                let message = "A job that is not over needs this asset. Cancel the job, or wait for its end.";
                Err(Refusal::new(codes::ASSET_IN_USE, message).with(json!({ "jobId": job.to_string() })))
            }
        }
    })
}
