//! Sends kept bytes: whole or a range, with the content's hash as their tag.
//!
//! What users and models made is never taken for a page of ours: its type is one of a few and what its bytes say, nothing may
//! sniff another, a sandbox without rights goes with it, and what a browser has no business showing is only for keeping.

use crate::{
    app::App,
    http::{call::Call, leave::Leave, refusal::Refusal},
};
use axum::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, header, response::Builder};
use std::{ops::Range, sync::Arc};
use studio_core::{job::ContentHash, media::MediaType};

/// What may be done with bytes on their way: nothing.
const SANDBOX: HeaderValue =
    HeaderValue::from_static("sandbox; default-src 'none'; base-uri 'none'; frame-ancestors 'none'");
/// Content never changes; it is one user's, so no shared cache may keep it.
pub(super) const FOR_EVER: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");
/// What can end at any moment is asked for each time.
pub(super) const NOT_KEPT: HeaderValue = HeaderValue::from_static("no-store");

/// Bytes to be sent.
pub(super) struct Sent {
    pub(super) hash: ContentHash,
    pub(super) media_type: MediaType,
    pub(super) bytes: u64,
    /// The `Content-Disposition`.
    pub(super) disposition: String,
    pub(super) cache: HeaderValue,
}

/// Sends what the call asks for.
pub(super) async fn send(app: &Arc<App>, call: &Call, leave: Leave, sent: Sent) -> Result<Response, Refusal> {
    let tag = format!("\"{}\"", sent.hash);
    if call.header(&header::IF_NONE_MATCH).is_some_and(|wanted| matches(wanted, &tag)) {
        return finish(StatusCode::NOT_MODIFIED, Body::empty(), &sent, &tag, None);
    }
    let range = wanted_range(call, sent.bytes, &tag)?;
    let bytes = app.assets.open(sent.hash, range.clone().unwrap_or(0..sent.bytes)).await?;
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    finish(status, Body::from_stream(leave.send(app.clone(), bytes)), &sent, &tag, range)
}

/// Sends all of them as the answer to what made them: that is no address of theirs, so there are no ranges and no tag.
pub(super) async fn send_made(app: &App, sent: Sent) -> Result<Response, Refusal> {
    let bytes = app.assets.open(sent.hash, 0..sent.bytes).await?;
    let response = guarded(StatusCode::OK, &sent, sent.bytes);
    response.body(Body::from_stream(bytes)).map_err(|_| Refusal::internal())
}

/// What every answer says that has kept bytes in it, or would have `length` of them.
fn guarded(status: StatusCode, sent: &Sent, length: u64) -> Builder {
    let response = Response::builder()
        .status(status)
        .header(header::CACHE_CONTROL, &sent.cache)
        .header(header::CONTENT_SECURITY_POLICY, SANDBOX)
        .header("cross-origin-resource-policy", "same-origin");
    if status == StatusCode::NOT_MODIFIED {
        return response;
    }
    response
        .header(header::CONTENT_TYPE, HeaderValue::from_static(sent.media_type.as_str()))
        .header(header::CONTENT_LENGTH, length)
        .header(header::CONTENT_DISPOSITION, &sent.disposition)
}

/// Whether an `If-None-Match` names the tag. Weak comparison, as the standard asks for here.
fn matches(wanted: &str, tag: &str) -> bool {
    wanted.split(',').map(|one| one.trim().trim_start_matches("W/")).any(|one| one == "*" || one == tag)
}

/// The range to send; nothing means all. Several ranges at once are answered with all, as the standard allows.
fn wanted_range(call: &Call, bytes: u64, tag: &str) -> Result<Option<Range<u64>>, Refusal> {
    let Some(text) = call.header(&header::RANGE) else { return Ok(None) };
    if call.header(&header::IF_RANGE).is_some_and(|condition| condition != tag) {
        return Ok(None);
    }
    let Ok(parsed) = http_range_header::parse_range_header(text) else { return Ok(None) };
    match parsed.validate(bytes).as_deref() {
        Ok([range]) => Ok(Some(*range.start()..range.end() + 1)),
        // Of several, some may lie outside; that is known only of each for itself.
        Ok(_) => Ok(None),
        Err(_) if text.contains(',') => Ok(None),
        Err(_) => Err(Refusal::range_not_satisfiable(bytes)),
    }
}

fn finish(
    status: StatusCode,
    body: Body,
    sent: &Sent,
    tag: &str,
    range: Option<Range<u64>>,
) -> Result<Response, Refusal> {
    let length = range.as_ref().map_or(sent.bytes, |range| range.end - range.start);
    let mut response = guarded(status, sent, length).header(header::ETAG, tag).header(header::ACCEPT_RANGES, "bytes");
    if let Some(range) = range {
        response =
            response.header(header::CONTENT_RANGE, format!("bytes {}-{}/{}", range.start, range.end - 1, sent.bytes));
    }
    response.body(body).map_err(|_| Refusal::internal())
}
