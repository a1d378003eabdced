//! `/budgets`: what users and keys may spend, and how they stand.

use super::{id, json, ours_or_all};
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
    request::{FieldFault, Invalid},
};

pub(in crate::http) fn list_budgets(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let rows = app.store.budgets(ours_or_all(&caller, &call)?, call.now).await?;
        let items: Vec<_> = rows.iter().map(|row| present::budget(row, call.now)).collect();
        Ok(json(StatusCode::OK, &json!({ "success": true, "items": items })))
    })
}

pub(in crate::http) fn put_budgets(app: Arc<App>, _: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let id = id("id", call.parameter("id"), UserId::parse)?;
        let limits = read_limits(&call.json)?;
        match commands::set_budgets(app.store.as_ref(), id, limits, call.now).await? {
            Some(row) => {
                tracing::info!(payer = %row.payer, "budgets set");
                Ok(json(StatusCode::OK, &json!({ "success": true, "budget": present::budget(&row, call.now) })))
            }
            None => Err(Refusal::not_found("user or key")),
        }
    })
}

/// Most fields beyond those there are that are looked at: a refusal can't be made as large as a body.
const MOST_FAULTS: usize = 20;

/// `{"day": "1.50", "month": null, "lifetime": 20}`: amounts in USD, as text or as numbers. What is not there has no limit.
fn read_limits(body: &Value) -> Result<Limits, Refusal> {
    let Some(fields) = body.as_object() else { return Err(Refusal::invalid_field("body", "must be an object")) };
    let (mut limits, mut faults) = (Limits::new(), Vec::new());
    for (name, value) in fields.iter().take(Window::ALL.len() + MOST_FAULTS) {
        // The name is the caller's own text: shortened, so that an error can't be made as large as the body.
        let field = || name.chars().take(100).collect();
        let mut fault = |message: String| faults.push(FieldFault { field: field(), message });
        let Some(window) = Window::parse(name) else {
            fault(format!("is not a known field; known are {}", Window::ALL.map(Window::as_str).join(", ")));
            continue;
        };
        let amount = match value {
            Value::Null => continue,
            Value::String(text) => Nanos::parse_usd(text),
            other => Nanos::parse_usd(&other.to_string()),
        };
        match amount {
            Ok(limit) if limit >= Nanos::ZERO => drop(limits.insert(window, limit)),
            Ok(_) => fault("must not be negative".into()),
            Err(error) => fault(error.to_string()),
        }
    }
    if faults.is_empty() { Ok(limits) } else { Err(Invalid(faults).into()) }
}
