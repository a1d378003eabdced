//! `GET /metrics`: what is counted, for Prometheus. It tells which models are used and how much, so it asks for an operator's
//! key, which Prometheus sends as a bearer token.

use crate::{
    app::App,
    http::{
        call::{Call, Caller},
        refusal::Refusal,
        table::Answer,
    },
    metrics::CONTENT_TYPE,
};
use axum::{body::Body, response::Response};
use http::{HeaderValue, header};
use std::sync::Arc;

pub(in crate::http) fn metrics(app: Arc<App>, _: Caller, _: Call) -> Answer {
    Box::pin(async move {
        let text = app.metrics.show(&app).map_err(|error| {
            tracing::error!(%error, "metrics can't be written");
            Refusal::internal()
        })?;
        let mut response = Response::new(Body::from(text));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        Ok(response)
    })
}
