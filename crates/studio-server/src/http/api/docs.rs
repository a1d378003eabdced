//! `GET /openapi.json` and `GET /docs`: the API's own description, for machines and for people.

use super::json;
use crate::{
    app::App,
    http::{call::Call, openapi, refusal::Refusal, table::Answer},
};
use axum::{body::Body, response::Response};
use http::{StatusCode, header};
use serde_json::Value;
use std::sync::Arc;

fn document(app: &App) -> Value {
    openapi::document(&app.catalog, |provider| app.is_ready(provider))
}

pub(in crate::http) fn openapi(app: Arc<App>, _: Call) -> Answer {
    Box::pin(async move { Ok(json(StatusCode::OK, &document(&app))) })
}

pub(in crate::http) fn docs(app: Arc<App>, _: Call) -> Answer {
    Box::pin(async move {
        let response = Response::builder()
            .header(header::CONTENT_TYPE, "text/html; charset=utf-8")
            .header(header::CONTENT_SECURITY_POLICY, super::PAGE_POLICY);
        response.body(Body::from(openapi::page(&document(&app)))).map_err(|_| Refusal::internal())
    })
}
