//! `/dead-letters`: what failed for no fault of its request, for whoever runs the studio.

use super::{id, json, page, page_size};
use crate::{
    app::App,
    commands::{self, NotRetried},
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
use studio_core::id::JobId;

/// Jobs on a page, unless the caller says otherwise.
const USUAL_PAGE: u32 = 20;

pub(in crate::http) fn list_dead_letters(app: Arc<App>, _: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let before = call.query.get("cursor").map(|text| id("cursor", text, JobId::parse)).transpose()?;
        let limit = page_size(&call, USUAL_PAGE)?;
        let jobs = app.store.dead_letters(before, limit + 1).await?;
        Ok(page(jobs, limit, present::for_operators, |job| job.id.to_string()))
    })
}

pub(in crate::http) fn get_dead_letter(app: Arc<App>, _: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let id = id("id", call.parameter("id"), JobId::parse)?;
        let job = app.store.job_for_work(id).await?.filter(|job| job.is_dead_letter() && job.forgotten_at.is_none());
        let job = job.ok_or_else(|| Refusal::not_found("dead letter"))?;
        let attempts: Vec<_> = app.store.attempts(id).await?.iter().map(present::attempt).collect();
        let body = json!({ "success": true, "job": present::for_operators(&job), "attempts": attempts });
        Ok(json(StatusCode::OK, &body))
    })
}

pub(in crate::http) fn replay_dead_letter(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let id = id("id", call.parameter("id"), JobId::parse)?;
        let job = match call.replayed {
            Some(job) => job,
            None => {
                let doer = caller.doer(&call);
                match commands::replay(&app, &doer, call.request, id, call.idempotency, call.own_keys).await {
                    Ok(job) => job,
                    Err(NotRetried::Absent | NotRetried::NotNow(_)) => return Err(Refusal::not_found("dead letter")),
                    Err(other) => return Err(other.into()),
                }
            }
        };
        drop(call.turn);
        Ok(json(StatusCode::ACCEPTED, &json!({ "success": true, "job": present::for_operators(&job) })))
    })
}
