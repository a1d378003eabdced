//! `studio job resolve` and `studio job adjust`: a person says what became of a job that nobody knows about, or what one cost after
//! all.

use crate::{
    arguments::{Adjust, Resolve},
    budgets::read_amount,
    config::Config,
    system::SystemClock,
    terminal::{complain, say},
    wiring::{desk, open_existing_store},
};
use anyhow::{Context, bail};
use serde_json::json;
use std::process::ExitCode;
use studio_core::{
    id::JobId,
    job::{Actor, Durability, Event, Job, Refused, Status},
    money::Nanos,
    ports::{Advance, Advanced, Clock, Store},
};
use studio_server::commands::{adjustment, people::Doer, resolution, told};
use studio_store::SqliteStore;

pub(crate) async fn resolve(config: &Config, arguments: Resolve) -> anyhow::Result<ExitCode> {
    let id = JobId::parse(&arguments.id).context("the job's id")?;
    let charge = arguments.charged.as_ref().map_or(Ok(Nanos::ZERO), |text| read_amount("--charged", text))?;
    let store = open_existing_store(config.data())?;
    let Some(job) = store.job_for_work(id).await? else { return absent(id) };
    let event = resolution(&job, charge, &arguments.reason).with_context(|| format!("job {id}"))?;
    let Some(job) = carry_out(&store, &job, event).await? else { return absent(id) };
    let cost = job.cost.unwrap_or_default();
    if arguments.json {
        say(&json!({ "id": id.to_string(), "status": job.status.as_str(), "cost": cost.to_string() }).to_string());
    } else {
        say(&format!("Job {id} is {}; charged {cost} USD.", job.status.as_str()));
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn stuck(config: &Config, as_json: bool) -> anyhow::Result<ExitCode> {
    let mut jobs = open_existing_store(config.data())?.unfinished().await?;
    jobs.sort_by_key(|job| (job.status != Status::Unknown, job.id));
    let since = |job: &Job| job.unknown_since.or(job.attempt_at).unwrap_or(job.created_at);
    if as_json {
        let shown = jobs.iter().map(|job| {
            json!({
                "id": job.id.to_string(), "status": job.status.as_str(), "since": since(job).to_string(),
                "modelId": job.model, "provider": job.provider, "providerRef": job.handle.clone().unwrap_or_else(|| job.attempt_name()),
                "hold": job.hold.to_string(),
            })
        });
        say(&json!({ "jobs": shown.collect::<Vec<_>>() }).to_string());
        return Ok(ExitCode::SUCCESS);
    }
    if jobs.is_empty() {
        say("No job is unknown or at work.");
    }
    for job in jobs {
        let name = job.handle.clone().unwrap_or_else(|| job.attempt_name());
        say(&format!(
            "{}  {:<10}  since {}  {} at {}, there {name}  holds {} USD",
            job.id,
            job.status.as_str(),
            since(&job),
            job.model,
            job.provider,
            job.hold
        ));
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn adjust(config: &Config, arguments: Adjust) -> anyhow::Result<ExitCode> {
    let id = JobId::parse(&arguments.id).context("the job's id")?;
    let amount = |flag, text: &Option<String>| text.as_ref().map(|text| read_amount(flag, text)).transpose();
    let (provided, paid) =
        (amount("--provider-charged", &arguments.provider_charged)?, amount("--payer-pays", &arguments.payer_pays)?);
    let store = open_existing_store(config.data())?;
    let Some(job) = store.job_for_work(id).await? else { return absent(id) };
    let event = adjustment(&job, provided, paid, &arguments.reason).with_context(|| format!("job {id}"))?;
    let Some(job) = carry_out(&store, &job, event).await? else { return absent(id) };
    let cost = job.cost.unwrap_or_default();
    if arguments.json {
        let body = json!({ "id": id.to_string(), "cost": cost.to_string(), "writtenOff": job.absorbed.to_string() });
        say(&body.to_string());
    } else {
        say(&format!("Job {id} costs {cost} USD; the studio bears {} USD.", job.absorbed));
    }
    Ok(ExitCode::SUCCESS)
}

fn absent(id: JobId) -> anyhow::Result<ExitCode> {
    complain(&format!("studio: there is no job {id}"));
    Ok(ExitCode::FAILURE)
}

/// Moves a job on a person's word; the job after it. What is so already is no failure.
async fn carry_out(store: &SqliteStore, job: &Job, event: Event) -> anyhow::Result<Option<Job>> {
    let entry = told(desk(store), &Doer::COMMAND_LINE, job, &event);
    let id = job.id;
    let advance = Advance {
        job: id,
        actor: Actor::Person,
        event,
        said: None,
        entry,
        durability: Durability::Power,
        now: SystemClock.now(),
    };
    match store.advance(advance).await? {
        Advanced::Moved { job, .. } | Advanced::Refused { job, reason: Refused::Nothing } => Ok(Some(job)),
        Advanced::Refused { job, .. } => bail!("job {id} moved on meanwhile: it is {}", job.status.as_str()),
        Advanced::Absent => Ok(None),
    }
}
