//! `GET /models`, and those of one modality.

use super::json;
use crate::{
    app::App,
    http::{
        call::{Call, Caller},
        present,
        refusal::Refusal,
        table::Answer,
    },
};
use http::StatusCode;
use serde_json::json;
use std::sync::Arc;
use studio_core::catalog::Modality;

pub(in crate::http) fn list_models(app: Arc<App>, _: Caller, call: Call) -> Answer {
    list(app, call, None)
}

pub(in crate::http) fn list_models_of(app: Arc<App>, _: Caller, call: Call) -> Answer {
    match Modality::parse(call.parameter("modality")) {
        Some(modality) => list(app, call, Some(modality)),
        None => Box::pin(async { Err(Refusal::not_found("modality")) }),
    }
}

/// All models, or those of one modality.
fn list(app: Arc<App>, call: Call, of: Option<Modality>) -> Answer {
    Box::pin(async move {
        let models = app.catalog.models().iter().filter(|model| of.is_none_or(|modality| model.modality == modality));
        let items: Vec<_> =
            models.map(|model| present::model(model, app.lanes.contains_key(&model.provider), call.now)).collect();
        Ok(json(StatusCode::OK, &json!({ "success": true, "items": items })))
    })
}
