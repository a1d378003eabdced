//! `GET /models`.

use super::json;
use crate::{
    app::App,
    http::{
        call::{Call, Caller},
        present,
        table::Answer,
    },
};
use http::StatusCode;
use serde_json::json;
use std::sync::Arc;

pub(in crate::http) fn list_models(app: Arc<App>, _: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let models = app.catalog.models().iter();
        let items: Vec<_> =
            models.map(|model| present::model(model, app.lanes.contains_key(&model.provider), call.now)).collect();
        Ok(json(StatusCode::OK, &json!({ "success": true, "items": items })))
    })
}
