//! What the system that this one replaces answered, for front ends that still ask in its way (origin.md, 1.2). Only its words
//! and names are kept: times are ISO 8601 here too, and what is another's is not there.

use super::{id, json};
use crate::{
    app::App,
    http::{
        call::{Call, Caller},
        present,
        refusal::Refusal,
        table::{Answer, JOB_ID},
    },
};
use http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;
use studio_core::{
    id::JobId,
    job::{Job, Status},
};

/// A job's status in the words of then.
pub(super) const fn word(status: Status) -> &'static str {
    match status {
        Status::Queued => "pending",
        Status::Submitting | Status::Running | Status::Collecting | Status::Unknown => "processing",
        Status::Succeeded => "completed",
        Status::Failed | Status::Canceled | Status::Expired => "failed",
    }
}

/// Why it failed, in words; there was no status for what was canceled or too late.
fn error(job: &Job) -> Option<String> {
    match job.status {
        Status::Canceled => Some("The job was canceled.".to_owned()),
        Status::Expired => Some("The job's deadline passed.".to_owned()),
        Status::Failed => job.error.as_ref().map(|error| error.message.clone()),
        _ => None,
    }
}

pub(in crate::http) fn legacy_status(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let id = id(JOB_ID, call.query.get(JOB_ID).map_or("", String::as_str), JobId::parse)?;
        let job = app.store.job(caller.user(), id).await?.ok_or_else(|| Refusal::not_found("job"))?;
        let url = job.outputs.first().map_or(Value::Null, |output| present::asset_url(output.asset).into());
        let body = json!({
            "success": true,
            "jobId": job.id.to_string(),
            "status": word(job.status),
            "result_url": url,
            "error": error(&job),
            "provider": job.provider,
            "modelId": job.model,
            "created_at": job.created_at.to_string(),
            "source": "jobs",
        });
        Ok(json(StatusCode::OK, &body))
    })
}
