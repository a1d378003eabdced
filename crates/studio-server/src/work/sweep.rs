//! Once a second: ends what is past its deadline, and asks after what is unknown.

use super::recover;
use crate::{
    app::{App, Lane},
    commands::move_job,
};
use std::{sync::Arc, time::Duration};
use studio_core::{
    job::{Actor, Event, Job, Status},
    ports::{Advanced, Lookup, StoreError},
};

const PERIOD: Duration = Duration::from_secs(1);
/// Rounds between two questions after the same unknown jobs.
const ASK_EVERY: u64 = 5;

/// Runs until the server stops.
pub(super) async fn run(app: Arc<App>) {
    for round in 0_u64.. {
        if let Err(error) = activate(&app, round).await {
            tracing::warn!(%error, "sweep failed; will try again");
        }
        tokio::select! {
            () = app.stopping.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

async fn activate(app: &Arc<App>, round: u64) -> Result<(), StoreError> {
    for id in app.store.overdue(app.now()).await? {
        move_job(app, id, Actor::Studio, Event::DeadlinePassed).await?;
    }
    if round.is_multiple_of(ASK_EVERY) {
        for job in app.store.unfinished().await?.into_iter().filter(|job| job.status == Status::Unknown) {
            if let Some(lane) = app.lanes.get(&job.provider).filter(|lane| lane.provider.capabilities().lookup) {
                ask(app, lane, job).await?;
            }
        }
    }
    Ok(())
}

/// Asks a provider whether it knows a submission whose answer was lost.
async fn ask(app: &Arc<App>, lane: &Lane, job: Job) -> Result<(), StoreError> {
    let lease = app.lease();
    let Advanced::Moved { job, .. } = move_job(app, job.id, Actor::Studio, Event::TakenOver(lease)).await? else {
        return Ok(());
    };
    let event = match lane.provider.lookup(&job.attempt_name()).await {
        Ok(Lookup::Found(handle)) => Event::Submitted { handle },
        Ok(Lookup::NotLanded) => Event::NotLanded { retry_at: app.now() },
        Err(failure) => {
            tracing::info!(job.id = %job.id, kind = failure.kind.code(), "provider can't say yet; will ask again");
            return Ok(());
        }
    };
    if let Advanced::Moved { job, .. } = move_job(app, job.id, Actor::Holder(lease), event).await?
        && job.status == Status::Running
    {
        recover::attach(app, job).await?;
    }
    Ok(())
}
