//! `GET /usage`.

use super::json;
use crate::{
    app::App,
    http::{
        call::{Call, Caller},
        present::money,
        table::Answer,
    },
};
use http::StatusCode;
use serde_json::json;
use std::sync::Arc;
use studio_core::money::Nanos;

pub(in crate::http) fn get_usage(app: Arc<App>, caller: Caller, _: Call) -> Answer {
    Box::pin(async move {
        let models = app.store.usage(caller.user()).await?.models;
        let sum = |amounts: &mut dyn Iterator<Item = Nanos>| amounts.fold(Nanos::ZERO, |a, b| a.plus(b).unwrap_or(a));
        let total = json!({
            "jobs": models.iter().map(|m| m.jobs).sum::<u64>(),
            "cost": money(sum(&mut models.iter().map(|m| m.charged))),
            "held": money(sum(&mut models.iter().map(|m| m.held))),
        });
        let items: Vec<_> = models
            .iter()
            .map(|model| {
                json!({
                    "modelId": model.model,
                    "jobs": model.jobs,
                    "succeeded": model.succeeded,
                    "unfinished": model.unfinished,
                    "cost": money(model.charged),
                    "held": money(model.held),
                })
            })
            .collect();
        Ok(json(StatusCode::OK, &json!({ "success": true, "total": total, "items": items })))
    })
}
