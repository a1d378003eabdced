//! `studio job resolve` and `studio job adjust`: a person says what became of a job that nobody knows about, or what one cost after
//! all.

use crate::{
    arguments::{Adjust, Resolve},
    budgets::read_amount,
    config::Config,
    system::SystemClock,
    terminal::{complain, say},
    wiring::open_existing_store,
};
use anyhow::{Context, bail};
use serde_json::json;
use std::process::ExitCode;
use studio_core::{
    id::JobId,
    job::{Actor, Durability, Event, MOST_ADJUSTED, Refused, Status},
    money::Nanos,
    ports::{Advance, Advanced, Clock, Store},
};

pub(crate) async fn resolve(config: &Config, arguments: Resolve) -> anyhow::Result<ExitCode> {
    let id = JobId::parse(&arguments.id).context("the job's id")?;
    let charge = arguments.charged.as_ref().map_or(Ok(Nanos::ZERO), |text| read_amount("--charged", text))?;
    let store = open_existing_store(config.data())?;
    let advance = Advance {
        job: id,
        actor: Actor::Person,
        event: Event::Resolved { charge, note: arguments.reason },
        said: None,
        durability: Durability::Power,
        now: SystemClock.now(),
    };
    let job = match store.advance(advance).await? {
        Advanced::Moved { job, .. } => job,
        Advanced::Refused { job, .. } => {
            complain(&format!("studio: job {id} is {}; only an unknown job needs this", job.status.as_str()));
            return Ok(ExitCode::FAILURE);
        }
        Advanced::Absent => {
            complain(&format!("studio: there is no job {id}"));
            return Ok(ExitCode::FAILURE);
        }
    };
    let cost = job.cost.unwrap_or_default();
    if arguments.json {
        say(&json!({ "id": id.to_string(), "status": job.status.as_str(), "cost": cost.to_string() }).to_string());
    } else {
        say(&format!("Job {id} is {}; charged {cost} USD.", job.status.as_str()));
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn adjust(config: &Config, arguments: Adjust) -> anyhow::Result<ExitCode> {
    let id = JobId::parse(&arguments.id).context("the job's id")?;
    if arguments.reason.trim().is_empty() {
        bail!("--reason must say something: it stays in the ledger");
    }
    let amount = |flag, text: &Option<String>| text.as_ref().map(|text| read_amount(flag, text)).transpose();
    let (provided, paid) =
        (amount("--provider-charged", &arguments.provider_charged)?, amount("--payer-pays", &arguments.payer_pays)?);
    let store = open_existing_store(config.data())?;
    let Some(job) = store.job_for_work(id).await? else {
        complain(&format!("studio: there is no job {id}"));
        return Ok(ExitCode::FAILURE);
    };
    let so_far = job.cost.unwrap_or_default();
    let provided = provided.unwrap_or_else(|| so_far.plus(job.absorbed).unwrap_or_default());
    let cost = match paid {
        Some(paid) => paid,
        None if job.absorbed != Nanos::ZERO && so_far != Nanos::ZERO => {
            bail!("the studio bears {} USD of this job already: say --payer-pays, too", job.absorbed)
        }
        // Nobody pays for what nobody got.
        None if so_far == Nanos::ZERO && job.status != Status::Succeeded => Nanos::ZERO,
        None => provided,
    };
    let absorbed = provided.minus(cost).context("the amounts are too far apart")?;
    let event = Event::Adjusted { cost, absorbed, note: arguments.reason };
    let advance = Advance {
        job: id,
        actor: Actor::Person,
        event,
        said: None,
        durability: Durability::Power,
        now: SystemClock.now(),
    };
    let job = match store.advance(advance).await? {
        Advanced::Moved { job, .. } | Advanced::Refused { job, reason: Refused::Nothing } => job,
        Advanced::Refused { job, .. } if job.status.is_terminal() => {
            bail!("no job can have cost less than nothing, or more than {MOST_ADJUSTED} USD")
        }
        Advanced::Refused { job, .. } => {
            let status = job.status.as_str();
            complain(&format!("studio: job {id} is {status}; its cost can be adjusted once it is over"));
            return Ok(ExitCode::FAILURE);
        }
        Advanced::Absent => bail!("job {id} is gone"),
    };
    let cost = job.cost.unwrap_or_default();
    if arguments.json {
        let body = json!({ "id": id.to_string(), "cost": cost.to_string(), "writtenOff": job.absorbed.to_string() });
        say(&body.to_string());
    } else {
        say(&format!("Job {id} costs {cost} USD; the studio bears {} USD.", job.absorbed));
    }
    Ok(ExitCode::SUCCESS)
}
