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

pub(in crate::http) fn list_models(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    list(app, caller, call, None)
}

pub(in crate::http) fn list_models_of(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    match Modality::parse(call.parameter("modality")) {
        Some(modality) => list(app, caller, call, Some(modality)),
        None => Box::pin(async { Err(Refusal::not_found("modality")) }),
    }
}

/// All models, or those of one modality.
fn list(app: Arc<App>, caller: Caller, call: Call, of: Option<Modality>) -> Answer {
    Box::pin(async move {
        let models = app.catalog.models().iter().filter(|model| of.is_none_or(|modality| model.modality == modality));
        // What is ready for everyone, and what is for this caller by a key of their own.
        let own = app.store.provider_keys(caller.user()).await?;
        let takes = |provider: &str| app.lanes.get(provider).is_some_and(|lane| lane.takes_own_keys);
        let has = |provider: &str| takes(provider) && own.iter().any(|key| key.provider == provider);
        let ready = |provider: &str| app.is_ready(provider) || has(provider);
        let items: Vec<_> = models.map(|model| present::model(model, ready(&model.provider), call.now)).collect();
        Ok(json(StatusCode::OK, &json!({ "success": true, "items": items })))
    })
}
