//! What generating routes answer, whatever they make: the result if it is there, the job if it goes on, and what became of
//! it if nothing did.

use super::{json, legacy};
use crate::{
    app::App,
    commands::{self, Asked, Keys},
    http::{
        call::{Call, Caller},
        codes::{self, ErrorCode},
        present,
        refusal::Refusal,
    },
};
use axum::response::Response;
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use studio_core::{
    job::{Durability, Job, Status},
    request::{Input, Read},
};

/// What a body asks for, of whatever modality, with what is usual where a route says nothing else.
pub(super) fn asked<'a, R>(caller: &Caller, call: &mut Call, read: Read<'a, R>, input: fn(R) -> Input) -> Asked<'a> {
    Asked {
        owner: caller.user(),
        payer: caller.payer(),
        request: call.request,
        request_name: call.request_name.take(),
        model: read.model,
        input: input(read.request),
        retry_of: None,
        priority: read.priority,
        may_shorten: false,
        brought: Vec::new(),
        durability: Durability::Power,
        deadline: read.deadline,
        warnings: call.warnings.drain(..).chain(read.warnings).collect(),
        idempotency: call.idempotency.take(),
        keys: Keys { given: std::mem::take(&mut call.own_keys), ..Keys::default() },
        entry: None,
    }
}

/// What became of what was asked.
pub(super) enum Made {
    /// A job.
    Job(Box<Job>),
    /// It was only tried: what it would be and could cost.
    Estimate(Response),
}

/// Accepts what was asked, or tells what it could cost if it is only tried.
pub(super) async fn make(app: &Arc<App>, tried: bool, asked: Asked<'_>) -> Result<Made, Refusal> {
    if tried {
        let estimate = commands::estimate(app, asked).await?;
        return Ok(Made::Estimate(json(StatusCode::OK, &present::estimate(&estimate))));
    }
    Ok(Made::Job(Box::new(commands::submit(app, asked).await?.job)))
}

/// Waits for a job as long as the caller does, once others with the same key may go on.
pub(super) async fn wait_for(app: &App, call: &mut Call, job: Job, patience: Duration) -> Job {
    call.turn.take();
    if patience.is_zero() {
        return job;
    }
    let as_it_was = job.clone();
    tokio::select! {
        job = commands::wait(app, job, patience) => job,
        () = call.gone.cancelled() => as_it_was,
    }
}

/// The answer for a job as it stands. `result` shows one that succeeded.
pub(super) async fn answer(
    app: &App,
    legacy: bool,
    job: &Job,
    at_once: bool,
    result: impl FnOnce(&Job) -> Value,
) -> Result<Response, Refusal> {
    let mut response = match job.status {
        // `wait=0` is always 202: whoever asked for no wait wants one shape of answer.
        Status::Succeeded if !at_once => json(StatusCode::OK, &result(job)),
        Status::Failed if !at_once => return Err(failed(job)),
        Status::Canceled if !at_once => {
            return Err(over(job, codes::CANCELED, "The job was canceled before it was done."));
        }
        Status::Expired if !at_once => {
            let message = "The job's deadline passed before it was done.";
            return Err(over(job, codes::DEADLINE_EXCEEDED, message));
        }
        _ => {
            // Whoever is told to come back later finds it, even after a power cut.
            if job.durability == Durability::Process {
                app.store.harden().await?;
            }
            let mut accepted = present::accepted(job);
            if legacy {
                accepted["status"] = legacy::word(job.status).into();
            }
            json(StatusCode::ACCEPTED, &accepted)
        }
    };
    name(&mut response, job);
    Ok(response)
}

/// Tells the job's name in a header.
pub(super) fn name(response: &mut Response, job: &Job) {
    if let Ok(id) = HeaderValue::try_from(job.id.to_string()) {
        response.headers_mut().insert("x-studio-job-id", id);
    }
}

fn failed(job: &Job) -> Refusal {
    let (code, message) = match &job.error {
        Some(error) => (error.kind.code(), error.message.as_str()),
        None => ("failed", "it failed"),
    };
    let charged = job.cost.unwrap_or_default();
    let message = format!("The job failed: {message}. Charged: {charged} USD. A new request makes a new job.");
    let refusal = over(job, codes::GENERATION_FAILED, &message);
    refusal.with(json!({ "jobId": job.id.to_string(), "reason": code, "cost": present::money(charged) }))
}

fn over(job: &Job, code: &'static ErrorCode, message: &str) -> Refusal {
    Refusal::new(code, message).with(json!({ "jobId": job.id.to_string() }))
}
