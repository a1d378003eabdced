//! `/budgets`: what users and keys may spend, and how they stand.

use super::{amount, id, json, ours_or_all};
use crate::{
    app::App,
    commands,
    http::{
        call::{Call, Caller},
        present,
        refusal::Refusal,
        table::Answer,
    },
};
use http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;
use studio_core::{
    id::UserId,
    ledger::{Limits, Window},
    money::Nanos,
    request::{Fields, Invalid},
};

pub(in crate::http) fn list_budgets(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let rows = app.store.budgets(ours_or_all(&caller, &call)?, call.now).await?;
        let items: Vec<_> = rows.iter().map(|row| present::budget(row, call.now)).collect();
        Ok(json(StatusCode::OK, &json!({ "success": true, "items": items })))
    })
}

pub(in crate::http) fn put_budgets(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let id = id("id", call.parameter("id"), UserId::parse)?;
        let limits = read_limits(&call.json)?;
        match commands::set_budgets(app.desk(), &caller.doer(&call), id, limits).await? {
            Some(row) => {
                tracing::info!(payer = %row.payer, "budgets set");
                Ok(json(StatusCode::OK, &json!({ "success": true, "budget": present::budget(&row, call.now) })))
            }
            None => Err(Refusal::not_found("user or key")),
        }
    })
}

/// `{"day": "1.50", "month": null, "lifetime": 20}`: amounts in USD, as text or as numbers. What is not there has no limit.
fn read_limits(body: &Value) -> Result<Limits, Refusal> {
    Ok(limits_of(body)?)
}

/// The same, wherever it stands.
pub(super) fn limits_of(body: &Value) -> Result<Limits, Invalid> {
    let mut fields = Fields::of(body)?;
    let read = Window::ALL.map(|window| Some((window, amount(&mut fields, window.as_str(), Nanos::new(i64::MAX))?)));
    fields.finish(Some(read.into_iter().flatten().collect()))
}
