//! Asks after what is unknown, for each provider that can be asked: does it know the submission whose answer was lost? One
//! provider that does not answer holds up nobody else's questions, and no deadline.

use super::attempt;
use crate::{
    app::App,
    commands::{Move, move_job},
};
use std::{sync::Arc, time::Duration};
use studio_core::{
    job::{Actor, Event, Job, Status},
    ports::{Advanced, Lookup, StoreError},
};

/// How often the same unknown jobs are asked after.
const PERIOD: Duration = Duration::from_secs(5);

/// Runs until the server stops.
pub(super) async fn run(app: Arc<App>, provider: String) {
    loop {
        tokio::select! {
            biased;
            () = app.stopping.cancelled() => return,
            done = activate(&app, &provider) => {
                if let Err(error) = done {
                    tracing::warn!(provider, %error, "unknown jobs can't be asked after; will try again");
                }
            }
        }
        tokio::select! {
            biased;
            () = app.stopping.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

async fn activate(app: &Arc<App>, provider: &str) -> Result<(), StoreError> {
    for job in app.store.unfinished().await? {
        if job.status == Status::Unknown && job.provider == provider {
            ask(app, job).await?;
        }
    }
    Ok(())
}

async fn ask(app: &Arc<App>, job: Job) -> Result<(), StoreError> {
    let Some(lane) = app.lanes.get(&job.provider) else { return Ok(()) };
    let event = match lane.provider.lookup(&job.attempt_name()).await {
        Ok(Lookup::Found(handle)) => Event::Submitted { handle },
        Ok(Lookup::NotLanded) => Event::NotLanded { retry_at: app.now() },
        Err(failure) => {
            tracing::info!(job.id = %job.id, kind = failure.kind.code(), "provider can't say yet; will ask again");
            return Ok(());
        }
    };
    // What is not proof yet, or never will be because it had landed once, is not worth a move of its own.
    let lease = app.lease();
    let with_lease = Job { lease: Some(lease), ..job.clone() };
    if studio_core::job::step(&with_lease, Actor::Holder(lease), event.clone(), app.now()).is_err() {
        return Ok(());
    }
    let Advanced::Moved { .. } = move_job(app, Move::new(job.id, Actor::Studio, Event::TakenOver(lease))).await? else {
        return Ok(());
    };
    if let Advanced::Moved { job, .. } = move_job(app, Move::new(job.id, Actor::Holder(lease), event)).await?
        && job.status == Status::Running
    {
        attempt::resume(app, job);
    }
    Ok(())
}
