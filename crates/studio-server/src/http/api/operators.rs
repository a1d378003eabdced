//! For whoever runs the studio: what became of a job that nobody knows about, what one cost after all, what is stuck.

use super::{amount, id, json};
use crate::{
    app::App,
    commands::{
        self, Move, NotSaid, move_job,
        people::{Doer, may_say_of_money},
    },
    http::{
        call::{Call, Caller},
        present,
        refusal::Refusal,
        table::Answer,
    },
};
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use studio_core::{
    catalog::DEFAULT_TOTAL_LIMIT,
    id::JobId,
    job::{Actor, Event, Job, MOST_ADJUSTED, Refused, Status},
    money::Nanos,
    ports::Advanced,
    request::Fields,
};

/// How long beyond its model's limit an attempt may take to be stopped, fetched and settled before it counts as late.
const GRACE: Duration = Duration::from_secs(120);

pub(in crate::http) fn resolve_job(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let mut fields = Fields::of(&call.json)?;
        let charged = amount(&mut fields, "charged", MOST_ADJUSTED);
        let not_landed = match fields.take("notLanded") {
            None => false,
            Some(Value::Bool(not_landed)) => *not_landed,
            Some(_) => {
                fields.fault("notLanded", "must be true or false");
                false
            }
        };
        if charged.is_some() == not_landed {
            fields.fault("charged", "must be given, or notLanded: true; one of the two");
        }
        let reason = fields.text("reason").unwrap_or("an operator looked it up").to_owned();
        let charge = fields.finish(Some(charged.unwrap_or(Nanos::ZERO)))?;
        let id = id("id", call.parameter("id"), JobId::parse)?;
        say(&app, &caller.doer(&call), id, move |job| commands::resolution(job, charge, &reason)).await
    })
}

pub(in crate::http) fn adjust_job(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let mut fields = Fields::of(&call.json)?;
        let (provided, paid) =
            (amount(&mut fields, "providerCharged", MOST_ADJUSTED), amount(&mut fields, "payerPays", MOST_ADJUSTED));
        if provided.is_none() && paid.is_none() {
            fields.fault("providerCharged", "must be given, or payerPays");
        }
        let reason = fields.text("reason").unwrap_or_default().to_owned();
        let (provided, paid) = fields.finish(Some((provided, paid)))?;
        let id = id("id", call.parameter("id"), JobId::parse)?;
        say(&app, &caller.doer(&call), id, move |job| commands::adjustment(job, provided, paid, &reason)).await
    })
}

/// Carries out what a person says of a job.
async fn say(
    app: &Arc<App>,
    doer: &Doer,
    id: JobId,
    event: impl FnOnce(&Job) -> Result<Event, NotSaid>,
) -> Result<Response, Refusal> {
    may_say_of_money(app.desk(), doer).await?;
    let absent = || Refusal::not_found("job");
    let job = app.store.job_for_work(id).await?.ok_or_else(absent)?;
    let event = event(&job)?;
    tracing::info!(job.id = %id, event = event.name(), "a person says");
    let entry = commands::told(app.desk(), doer, &job, &event);
    match move_job(app, Move { entry, ..Move::new(id, Actor::Person, event) }).await? {
        Advanced::Moved { job, .. } | Advanced::Refused { job, reason: Refused::Nothing } => {
            Ok(json(StatusCode::OK, &json!({ "success": true, "job": present::for_operators(&job) })))
        }
        Advanced::Refused { job, .. } => Err(NotSaid::NotUnknown(job.status).into()),
        Advanced::Absent => Err(absent()),
    }
}

pub(in crate::http) fn list_stuck(app: Arc<App>, _: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let mut items = Vec::new();
        for job in app.store.unfinished().await? {
            if let Some(why) = why_stuck(&app, &job, call.now) {
                let mut shown = present::for_operators(&job);
                shown["why"] = why.into();
                items.push(shown);
            }
        }
        for waiting in app.store.waiting().await?.into_iter().filter(|row| !app.lanes.contains_key(&row.provider)) {
            let (provider, owner) = (waiting.provider, waiting.owner.to_string());
            items.push(json!({ "provider": provider, "userId": owner, "why": "its provider is not configured" }));
        }
        Ok(json(StatusCode::OK, &json!({ "success": true, "items": items })))
    })
}

/// Why a job does not come to its end by itself, if it doesn't.
fn why_stuck(app: &App, job: &Job, now: studio_core::time::Timestamp) -> Option<&'static str> {
    if job.status == Status::Unknown {
        let asked = app.lanes.get(&job.provider).is_some_and(|lane| lane.provider.capabilities().lookup);
        return Some(if asked {
            "its provider is asked what became of it"
        } else {
            "its provider can't be asked: look it up there, and resolve it"
        });
    }
    if !app.attempts.contains(job.id) {
        return Some("nobody works on it; it is put back on its road within half a minute");
    }
    let limit = app.catalog.find(&job.model).map_or(DEFAULT_TOTAL_LIMIT, |model| model.total_limit) + GRACE;
    let late = job.attempt_at.is_some_and(|begun| now.since(begun) > limit);
    late.then_some("it takes longer than its model may")
}
