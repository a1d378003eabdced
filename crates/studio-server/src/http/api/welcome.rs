//! `GET /`: for people who open the address in a browser. Until the web studio is built in, it says what this is and how to
//! make the first picture.

use crate::{
    app::App,
    http::{call::Call, table::Answer},
};
use axum::{body::Body, response::Response};
use http::{HeaderValue, header};
use std::sync::Arc;

const PAGE: &str = include_str!("welcome.html");

pub(in crate::http) fn welcome(_: Arc<App>, _: Call) -> Answer {
    Box::pin(async move {
        let mut response = Response::new(Body::from(PAGE));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(super::PAGE_POLICY));
        Ok(response)
    })
}
