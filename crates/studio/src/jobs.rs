//! `studio job resolve`: a person says what became of a job that nobody knows about.

use crate::{
    arguments::Resolve,
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
    job::{Actor, Durability, Event},
    money::Nanos,
    ports::{Advance, Advanced, Clock, Store},
};

pub(crate) async fn resolve(config: &Config, arguments: Resolve) -> anyhow::Result<ExitCode> {
    let id = JobId::parse(&arguments.id).context("the job's id")?;
    let charge = match &arguments.charged {
        None => Nanos::ZERO,
        Some(text) => match Nanos::parse_usd(text).context("--charged")? {
            amount if amount >= Nanos::ZERO => amount,
            _ => bail!("--charged must not be negative"),
        },
    };
    let store = open_existing_store(config.data())?;
    let advance = Advance {
        job: id,
        actor: Actor::Person,
        event: Event::Resolved { charge },
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
