//! `POST /generate/image`.

use super::json;
use crate::{
    app::App,
    commands::{self, Asked},
    http::{
        call::{Call, Caller},
        present,
        refusal::Refusal,
        table::Answer,
    },
    settings::{LONGEST_WAIT, USUAL_WAIT},
};
use axum::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use studio_core::{
    job::{Job, Output, Status},
    request::{Input, read_image},
};
use tokio_util::sync::CancellationToken;

pub(in crate::http) fn generate_image(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let patience = call.patience(USUAL_WAIT, LONGEST_WAIT)?;
        let job = match call.replayed {
            Some(job) => job,
            None => {
                let read = read_image(&call.json, &app.catalog, app.chance.number(), call.now)?;
                let asked = Asked {
                    key: caller.key(),
                    request: call.request,
                    model: read.model,
                    input: Input::Image(read.request),
                    deadline: read.deadline,
                    warnings: read.warnings,
                    idempotency: call.idempotency,
                };
                commands::submit(&app, asked).await?.job
            }
        };
        drop(call.turn);
        let job = if patience.is_zero() { job } else { wait_for(&app, &call.gone, job, patience).await };
        // `Accept: image/*`: the picture itself, for people at a terminal and for `<img>`-minded clients.
        let wants_picture =
            call.headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"image/"));
        match job.outputs.first() {
            Some(first) if wants_picture && !patience.is_zero() => picture(&app, &job, first).await,
            _ => answer(&job, patience.is_zero()),
        }
    })
}

/// Waits for a job, as long as the caller does.
async fn wait_for(app: &App, gone: &CancellationToken, job: Job, patience: Duration) -> Job {
    let as_it_was = job.clone();
    tokio::select! {
        job = commands::wait(app, job, patience) => job,
        () = gone.cancelled() => as_it_was,
    }
}

/// The result if it is there, the job if it goes on, and what became of it if nothing did.
fn answer(job: &Job, at_once: bool) -> Result<Response, Refusal> {
    let mut response = match job.status {
        // `wait=0` is always 202: whoever asked for no wait wants one shape of answer.
        _ if at_once => json(StatusCode::ACCEPTED, &present::accepted(job)),
        Status::Succeeded => json(StatusCode::OK, &present::images(job)),
        Status::Failed => return Err(failed(job)),
        Status::Canceled => {
            return Err(over(job, StatusCode::CONFLICT, "canceled", "The job was canceled before it was done."));
        }
        Status::Expired => {
            let message = "The job's deadline passed before it was done.";
            return Err(over(job, StatusCode::GATEWAY_TIMEOUT, "deadline_exceeded", message));
        }
        _ => json(StatusCode::ACCEPTED, &present::accepted(job)),
    };
    if let Ok(id) = HeaderValue::try_from(job.id.to_string()) {
        response.headers_mut().insert("x-studio-job-id", id);
    }
    Ok(response)
}

/// The first picture's bytes.
async fn picture(app: &App, job: &Job, output: &Output) -> Result<Response, Refusal> {
    let bytes = app.assets.open(output.hash, 0..output.bytes).await?;
    let response = Response::builder()
        .header(header::CONTENT_TYPE, output.media_type.as_str())
        .header(header::CONTENT_LENGTH, output.bytes)
        .header("x-studio-job-id", job.id.to_string());
    response.body(Body::from_stream(bytes)).map_err(|_| Refusal::internal())
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
