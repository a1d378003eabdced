//! `GET /dead-letters`: what failed for no fault of its request, for whoever runs the studio.

use super::{id, json, page_size};
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
use studio_core::id::JobId;

/// Jobs on a page, unless the caller says otherwise.
const USUAL_PAGE: u32 = 20;

pub(in crate::http) fn list_dead_letters(app: Arc<App>, _: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let before = call.query.get("cursor").map(|text| id("cursor", text, JobId::parse)).transpose()?;
        let limit = page_size(&call, USUAL_PAGE)?;
        let mut jobs = app.store.dead_letters(before, limit + 1).await?;
        let more = jobs.len() > limit as usize;
        jobs.truncate(limit as usize);
        let items: Vec<_> = jobs.iter().map(present::dead_letter).collect();
        let mut body = json!({ "success": true, "items": items });
        if let Some(last) = jobs.last().filter(|_| more) {
            body["nextCursor"] = last.id.to_string().into();
        }
        Ok(json(StatusCode::OK, &body))
    })
}
