//! `/jobs`: list, see, follow, cancel.

use super::{id, json, page, page_size};
use crate::{
    app::App,
    commands::{self, CancelOutcome, NotRetried},
    http::{
        call::{Call, Caller},
        codes, present,
        refusal::Refusal,
        stream,
        table::Answer,
        words::{self, Place},
    },
    settings::LONGEST_WAIT,
};
use axum::{body::Body, response::Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use studio_core::{
    catalog::Modality,
    id::JobId,
    job::{Job, Status},
    ports::JobFilter,
    request::Input,
};

/// Jobs on a page, unless the caller says otherwise.
const USUAL_PAGE: u32 = 20;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The one answer for a job that is absent and for one that is another's.
fn absent() -> Refusal {
    Refusal::not_found("job")
}

fn job_id(call: &Call) -> Result<JobId, Refusal> {
    id("id", call.parameter("id"), JobId::parse)
}

async fn own_job(app: &App, caller: &Caller, id: JobId) -> Result<Job, Refusal> {
    app.store.job(caller.user(), id).await?.ok_or_else(absent)
}

async fn show(app: &App, job: &Job) -> Result<Value, Refusal> {
    let position = if job.status == Status::Queued { app.store.queue_position(job.id).await? } else { None };
    let mut shown = present::job(job, position);
    if let Input::Image(request) = &job.input {
        for (name, given) in [("image", &request.image), ("mask", &request.mask)] {
            if let Some(picture) = given {
                shown[name] = present::picture(picture);
            }
        }
    }
    if let Input::Chat(request) = &job.input {
        shown["messages"] = present::messages(request);
        // While it is said, what was said so far; then what is kept of it.
        let log = match app.lives.find(job.id) {
            Some(live) => live.after(0).into_iter().collect(),
            None => app.store.said(job.id, job.epoch).await?,
        };
        if log.end() > 0 {
            shown["message"] = present::message(&log);
        }
    }
    Ok(json!({ "success": true, "job": shown }))
}

pub(in crate::http) fn get_job(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let job = own_job(&app, &caller, job_id(&call)?).await?;
        Ok(json(StatusCode::OK, &show(&app, &job).await?))
    })
}

pub(in crate::http) fn list_jobs(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let filter = read_filter(&call)?;
        let limit = filter.limit;
        let jobs = app.store.jobs(caller.user(), JobFilter { limit: limit + 1, ..filter }).await?;
        Ok(page(jobs, limit, |job| present::job(job, None), |job| job.id.to_string()))
    })
}

fn read_filter(call: &Call) -> Result<JobFilter, Refusal> {
    let one_of =
        |name: &str, allowed: &[&str]| Refusal::invalid_field(name, format!("must be one of {}", allowed.join(", ")));
    let status = call
        .query
        .get("status")
        .map(|text| Status::parse(text).ok_or_else(|| one_of("status", &Status::ALL.map(Status::as_str))));
    let modality = call
        .query
        .get("modality")
        .map(|text| Modality::parse(text).ok_or_else(|| one_of("modality", &Modality::ALL.map(Modality::as_str))));
    let cursor = call.query.get("cursor").map(|text| id("cursor", text, JobId::parse));
    Ok(JobFilter {
        status: status.transpose()?,
        modality: modality.transpose()?,
        before: cursor.transpose()?,
        limit: page_size(call, USUAL_PAGE)?,
    })
}

pub(in crate::http) fn cancel_job(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let id = job_id(&call)?;
        let patience = call.patience(Duration::ZERO, LONGEST_WAIT)?;
        match commands::cancel(&app, caller.user(), id).await? {
            CancelOutcome::Canceled(job) => Ok(json(StatusCode::OK, &show(&app, &job).await?)),
            CancelOutcome::Requested(job) => {
                let job = if patience.is_zero() { job } else { commands::wait(&app, job, patience).await };
                let status = if job.status.is_terminal() { StatusCode::OK } else { StatusCode::ACCEPTED };
                Ok(json(status, &show(&app, &job).await?))
            }
            CancelOutcome::Over(job) => {
                let message = format!("The job is over already: it {}.", job.status.as_str());
                let details = json!({ "jobId": job.id.to_string(), "status": job.status.as_str() });
                Err(Refusal::new(codes::JOB_OVER, message).with(details))
            }
            CancelOutcome::Absent => Err(absent()),
        }
    })
}

pub(in crate::http) fn retry_job(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let id = job_id(&call)?;
        let job = match call.replayed {
            Some(job) => job,
            None => {
                let (owner, payer) = (caller.user(), caller.payer());
                match commands::retry(&app, owner, payer, call.request, id, call.idempotency, call.own_keys).await {
                    Ok(job) => job,
                    Err(NotRetried::Absent) => return Err(absent()),
                    Err(other) => return Err(other.into()),
                }
            }
        };
        drop(call.turn);
        Ok(json(StatusCode::ACCEPTED, &present::accepted(&job)))
    })
}

pub(in crate::http) fn job_events(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let seen = match call.headers.get(LAST_EVENT_ID).filter(|value| !value.is_empty()) {
            None => 0,
            Some(value) => value.to_str().ok().and_then(|text| text.trim().parse().ok()).ok_or_else(|| {
                Refusal::invalid_field("Last-Event-ID", "must be the id of an event of this stream, a whole number")
            })?,
        };
        let id = job_id(&call)?;
        // Listen first, read after: a change in between is seen by one of the two.
        let news = app.news.listen(id);
        let job = own_job(&app, &caller, id).await?;
        // A number that this job never had comes from another stream: the reader has seen nothing of this one.
        let seen = if seen > job.version { 0 } else { seen };
        if job.status.is_terminal() && seen >= job.version {
            // Nothing will come any more; 204 tells a browser's EventSource not to come back.
            return Ok(status_only(StatusCode::NO_CONTENT));
        }
        let mut response = Response::new(stream::events(app, caller, news, job, seen));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        // Proxies that buffer would hold news back.
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        Ok(response)
    })
}

pub(in crate::http) fn job_stream(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let place = match call.headers.get(LAST_EVENT_ID).filter(|value| !value.is_empty()) {
            Some(value) => Place::parse("Last-Event-ID", value.to_str().unwrap_or_default())?,
            None => call.query.get("offset").map_or(Ok(Some(Place::BEGINNING)), |text| Place::parse("offset", text))?,
        };
        let job = own_job(&app, &caller, job_id(&call)?).await?;
        if !matches!(job.input, Input::Chat(_)) {
            let message = "This job says nothing. Follow its events: GET /api/v1/jobs/{id}/events.";
            return Err(Refusal::new(codes::NO_STREAM, message));
        }
        let Some(place) = place else {
            // Its reader has seen the end; 204 tells a browser's EventSource not to come back.
            return Ok(status_only(StatusCode::NO_CONTENT));
        };
        Ok(words::follow(app, caller, job, place))
    })
}

fn status_only(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
