//! The studio's sign: browsers ask for it by themselves.

use crate::{
    app::App,
    http::{call::Call, table::Answer},
};
use axum::{body::Body, response::Response};
use http::{HeaderValue, header};
use std::sync::Arc;

/// A small vector picture: browsers ask for it by themselves, and a 404 each time would be noise (finding 42).
const SIGN: &str = include_str!("favicon.svg");
/// Browsers need not ask again for a day.
const SIGN_CACHE: HeaderValue = HeaderValue::from_static("public, max-age=86400");

pub(in crate::http) fn favicon(_: Arc<App>, _: Call) -> Answer {
    Box::pin(async move {
        let mut response = Response::new(Body::from(SIGN));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/svg+xml"));
        headers.insert(header::CACHE_CONTROL, SIGN_CACHE);
        Ok(response)
    })
}
