//! `GET /assets/{id}`: the bytes, whole or a range, with the content's hash as their tag.
//!
//! What users and models made is never taken for a page of ours: its type is what its bytes say, nothing may sniff another,
//! and a sandbox policy goes with it.

use super::id;
use crate::{
    app::App,
    http::{
        call::{Call, Caller},
        refusal::Refusal,
        table::Answer,
    },
};
use axum::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, header};
use std::{ops::Range, sync::Arc};
use studio_core::{id::AssetId, ports::Asset};

pub(in crate::http) fn get_asset(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let id = id("id", call.parameter("id"), AssetId::parse)?;
        let asset = app.store.asset(caller.user(), id).await?.ok_or_else(|| Refusal::not_found("asset"))?;
        let tag = format!("\"{}\"", asset.hash);
        if call.header(&header::IF_NONE_MATCH).is_some_and(|wanted| matches(wanted, &tag)) {
            return finish(StatusCode::NOT_MODIFIED, Body::empty(), &asset, &tag, None);
        }
        match wanted_range(&call, &asset, &tag)? {
            None => {
                let bytes = app.assets.open(asset.hash, 0..asset.bytes).await?;
                finish(StatusCode::OK, Body::from_stream(bytes), &asset, &tag, None)
            }
            Some(range) => {
                let bytes = app.assets.open(asset.hash, range.clone()).await?;
                finish(StatusCode::PARTIAL_CONTENT, Body::from_stream(bytes), &asset, &tag, Some(range))
            }
        }
    })
}

/// Whether an `If-None-Match` names the tag. Weak comparison, as the standard asks for here.
fn matches(wanted: &str, tag: &str) -> bool {
    wanted.split(',').map(|one| one.trim().trim_start_matches("W/")).any(|one| one == "*" || one == tag)
}

/// The range to send; nothing means all. Several ranges at once are answered with all, as the standard allows.
fn wanted_range(call: &Call, asset: &Asset, tag: &str) -> Result<Option<Range<u64>>, Refusal> {
    let Some(text) = call.header(&header::RANGE) else { return Ok(None) };
    if call.header(&header::IF_RANGE).is_some_and(|condition| condition != tag) {
        return Ok(None);
    }
    let Ok(parsed) = http_range_header::parse_range_header(text) else { return Ok(None) };
    match parsed.validate(asset.bytes).as_deref() {
        Ok([range]) => Ok(Some(*range.start()..range.end() + 1)),
        // Of several, some may lie outside; that is known only of each for itself.
        Ok(_) => Ok(None),
        Err(_) if text.contains(',') => Ok(None),
        Err(_) => Err(Refusal::range_not_satisfiable(asset.bytes)),
    }
}

fn finish(
    status: StatusCode,
    body: Body,
    asset: &Asset,
    tag: &str,
    range: Option<Range<u64>>,
) -> Result<Response, Refusal> {
    let length = range.as_ref().map_or(asset.bytes, |range| range.end - range.start);
    let name = format!("inline; filename=\"{}.{}\"", asset.id, asset.media_type.extension());
    let mut response = Response::builder()
        .status(status)
        .header(header::ETAG, tag)
        // Content never changes; it is one user's, so no shared cache may keep it.
        .header(header::CACHE_CONTROL, "private, max-age=31536000, immutable")
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'")
        .header("cross-origin-resource-policy", "same-origin");
    if status != StatusCode::NOT_MODIFIED {
        response = response
            .header(header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type.as_str()))
            .header(header::CONTENT_LENGTH, length)
            .header(header::CONTENT_DISPOSITION, name);
    }
    if let Some(range) = range {
        response =
            response.header(header::CONTENT_RANGE, format!("bytes {}-{}/{}", range.start, range.end - 1, asset.bytes));
    }
    response.body(body).map_err(|_| Refusal::internal())
}
