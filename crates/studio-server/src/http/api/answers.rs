//! What generating routes answer, whatever they make: the result if it is there, the job if it goes on, and what became of
//! it if nothing did.

use super::json;
use crate::{
    app::App,
    commands::{self, Asked},
    http::{present, refusal::Refusal},
};
use axum::response::Response;
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;
use studio_core::job::{Durability, Job, Status};
use tokio_util::sync::CancellationToken;

/// What a request that is only tried would be and could cost.
pub(super) async fn estimate(app: &App, asked: Asked<'_>) -> Result<Response, Refusal> {
    let estimate = commands::estimate(app, asked).await?;
    Ok(json(StatusCode::OK, &present::estimate(&estimate)))
}

/// Waits for a job, as long as the caller does.
pub(super) async fn wait_for(app: &App, gone: &CancellationToken, job: Job, patience: Duration) -> Job {
    let as_it_was = job.clone();
    tokio::select! {
        job = commands::wait(app, job, patience) => job,
        () = gone.cancelled() => as_it_was,
    }
}

/// The answer for a job as it stands. `result` shows one that succeeded.
pub(super) async fn answer(
    app: &App,
    job: &Job,
    at_once: bool,
    result: impl FnOnce(&Job) -> Value,
) -> Result<Response, Refusal> {
    let mut response = match job.status {
        // `wait=0` is always 202: whoever asked for no wait wants one shape of answer.
        Status::Succeeded if !at_once => json(StatusCode::OK, &result(job)),
        Status::Failed if !at_once => return Err(failed(job)),
        Status::Canceled if !at_once => {
            return Err(over(job, StatusCode::CONFLICT, "canceled", "The job was canceled before it was done."));
        }
        Status::Expired if !at_once => {
            let message = "The job's deadline passed before it was done.";
            return Err(over(job, StatusCode::GATEWAY_TIMEOUT, "deadline_exceeded", message));
        }
        _ => {
            // Whoever is told to come back later finds it, even after a power cut.
            if job.durability == Durability::Process {
                app.store.harden().await?;
            }
            json(StatusCode::ACCEPTED, &present::accepted(job))
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
    let refusal = over(job, StatusCode::BAD_GATEWAY, "generation_failed", &message);
    refusal.with(json!({ "jobId": job.id.to_string(), "reason": code, "cost": present::money(charged) }))
}

fn over(job: &Job, status: StatusCode, code: &'static str, message: &str) -> Refusal {
    Refusal::new(status, code, message).with(json!({ "jobId": job.id.to_string() }))
}
