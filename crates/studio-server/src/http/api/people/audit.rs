//! `/audit`: who did what.

use super::super::{id, page, page_size};
use crate::{
    app::App,
    http::{
        call::{Call, Caller},
        refusal::Refusal,
        table::Answer,
    },
};
use serde_json::{Value, json};
use std::sync::Arc;
use studio_core::{
    id::UserId,
    ports::{AuditFilter, AuditRow},
};

/// Entries on a page unless said otherwise.
const USUAL_PAGE: u32 = 20;

pub(in crate::http) fn list_audit(app: Arc<App>, _: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let size = page_size(&call, USUAL_PAGE)?;
        let user = call.query.get("userId").map(|text| id("userId", text, UserId::parse)).transpose()?;
        let before = call.query.get("cursor").map(|text| text.parse::<u64>().ok().filter(|number| *number > 0));
        if before == Some(None) {
            return Err(Refusal::invalid_field("cursor", "must be the nextCursor of the page before"));
        }
        let filter = AuditFilter { user, before: before.flatten(), limit: size + 1 };
        let rows = app.store.audit_entries(filter).await?;
        Ok(page(rows, size, show, |row| row.number.to_string()))
    })
}

fn show(row: &AuditRow) -> Value {
    let entry = &row.entry;
    let mut shown = json!({
        "number": row.number,
        "at": entry.at.to_string(),
        "action": entry.action.as_str(),
        "via": entry.actor.via.as_str(),
        "details": entry.details,
    });
    for (field, text) in [
        ("userId", entry.actor.user.map(|user| user.to_string())),
        ("user", row.email.clone()),
        ("viaId", entry.actor.via.id().map(|id| id.to_string())),
        ("target", entry.target.clone()),
        ("network", entry.network.clone()),
        ("requestId", entry.request.map(|request| request.to_string())),
    ] {
        if let Some(text) = text {
            shown[field] = text.into();
        }
    }
    shown
}
