//! The handlers, one file for each resource. Each is short: read what the route says, call one verb, show the answer.

mod answers;
mod assets;
mod catalog;
mod chat;
mod docs;
mod health;
mod images;
mod jobs;
mod outputs;
mod usage;
mod welcome;

pub(super) use assets::get_asset;
pub(super) use catalog::list_models;
pub(super) use chat::{chat, title};
pub(super) use docs::{docs, openapi};
pub(super) use health::{health, live, ready};
pub(super) use images::generate_image;
pub(super) use jobs::{cancel_job, get_job, job_events, job_stream, list_jobs, retry_job};
pub(super) use outputs::receive_output;
pub(super) use usage::get_usage;
pub(super) use welcome::welcome;

use super::refusal::Refusal;
use axum::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;
use studio_core::id::NotAnId;

/// What pages of ours may do: show themselves, and nothing else.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/// A JSON answer.
fn json(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An id from a path or a query.
fn id<T>(field: &str, text: &str, parse: fn(&str) -> Result<T, NotAnId>) -> Result<T, Refusal> {
    parse(text).map_err(|error| Refusal::invalid_field(field, error.to_string()))
}
