//! Asks after what is unknown, for each provider that can be asked: does it know the submission whose answer was lost? One
//! provider that does not answer holds up nobody else's questions, and no deadline.

use super::{attempt, goes_on, own_key};
use crate::{
    app::App,
    commands::{Move, move_job, move_surely},
};
use std::{collections::HashMap, sync::Arc, time::Duration};
use studio_core::{
    id::JobId,
    job::{Actor, Event, Job, Status},
    ports::{Advanced, Lookup, StoreError},
    retry::LANDING,
};
use tokio::time::Instant;

/// How often the same unknown jobs are asked after.
const PERIOD: Duration = Duration::from_secs(5);

/// Since when this server has known attempts to be unknown, by a clock that nobody sets: the wall clock may jump over the
/// minute after which a provider's "I don't know it" is proof.
type Known = HashMap<(JobId, u32), Instant>;

/// Runs until the server stops.
pub(super) async fn run(app: Arc<App>, provider: String) {
    let mut known = Known::new();
    loop {
        tokio::select! {
            biased;
            () = app.stopping.cancelled() => return,
            done = activate(&app, &provider, &mut known) => {
                if let Err(error) = done {
                    tracing::warn!(provider, %error, "unknown jobs can't be asked after; will try again");
                }
            }
        }
        if !goes_on(&app, PERIOD).await {
            return;
        }
    }
}

async fn activate(app: &Arc<App>, provider: &str, known: &mut Known) -> Result<(), StoreError> {
    let mut unknown = app.store.unfinished().await?;
    unknown.retain(|job| job.status == Status::Unknown && job.provider == provider);
    known.retain(|attempt, _| unknown.iter().any(|job| *attempt == (job.id, job.attempt)));
    for job in unknown {
        let since = *known.entry((job.id, job.attempt)).or_insert_with(Instant::now);
        ask(app, job, since).await?;
    }
    Ok(())
}

async fn ask(app: &Arc<App>, job: Job, since: Instant) -> Result<(), StoreError> {
    let Some(lane) = app.lanes.get(&job.provider) else { return Ok(()) };
    let provider = match own_key::provider_of(app, lane, &job).await {
        Some(Ok(provider)) => provider,
        // A person can still say what became of it.
        Some(Err(failure)) => {
            tracing::info!(job.id = %job.id, kind = failure.kind.code(), "its provider can't be asked");
            return Ok(());
        }
        None => return Ok(()),
    };
    let event = match provider.lookup(&job.attempt_name()).await {
        Ok(Lookup::Found(handle)) => Event::Submitted { handle },
        Ok(Lookup::NotLanded) if since.elapsed() < LANDING => return Ok(()),
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
    // If somebody else asked too, and was quicker, theirs is the job.
    let taken = Event::TakenOver { lease, seen: job.version };
    let Advanced::Moved { .. } = move_job(app, Move::new(job.id, Actor::Studio, taken)).await? else {
        return Ok(());
    };
    // Refused although it is ours: it happened already, by a try that was said to have failed.
    match move_surely(app, Move::new(job.id, Actor::Holder(lease), event)).await {
        Some(Advanced::Moved { job, .. } | Advanced::Refused { job, .. })
            if job.status == Status::Running && job.lease == Some(lease) =>
        {
            attempt::resume(app, job);
        }
        _ => {}
    }
    Ok(())
}
