//! At start: finds the jobs that the server before us left in the middle, and puts each back on its road.
//!
//! On SQLite a folder lock proves that whoever held their leases is gone. A supervised worker died with its server, which
//! is proof that its work ended: try again. A provider that has a handle still works on it: attach. What was on its way to a
//! provider that charges may have landed: unknown, its money held, and the reconciler asks. An answer in words that was cut
//! off in its middle is over, and charged by what is kept of it.

use super::{attempt, goes_on};
use crate::{
    app::App,
    commands::{Move, move_job, move_surely},
    settings::LOOK_ANYWAY,
};
use std::{collections::BTreeSet, sync::Arc};
use studio_core::{
    bill::{Bill, REMAINDER_TOKENS},
    id::JobId,
    job::{Actor, Event, Job, Status},
    ports::{Advanced, Capabilities, Claim, StoreError},
    request::Input,
    retry::{Failure, FailureKind, repeat_is_harmless},
};

/// Puts every unfinished job back on its road; how many there were.
pub async fn recover(app: &Arc<App>) -> Result<usize, StoreError> {
    let jobs = app.store.unfinished().await?;
    let count = jobs.len();
    for job in jobs {
        if !app.lanes.contains_key(&job.provider) {
            tracing::warn!(job.id = %job.id, provider = %job.provider, "an unfinished job's provider is not configured any more");
        }
        put_back(app, job).await?;
    }
    let waiting = app.store.waiting().await?;
    let providers: BTreeSet<_> = waiting.into_iter().map(|row| row.provider).collect();
    for provider in providers.into_iter().filter(|provider| !app.lanes.contains_key(provider)) {
        app.work.spawn(turn_away(app.clone(), provider));
    }
    Ok(count)
}

/// Puts a job that nobody works on back on its road.
pub(super) async fn put_back(app: &Arc<App>, job: Job) -> Result<(), StoreError> {
    let lane = app.lanes.get(&job.provider);
    let capabilities = lane.map(|lane| lane.provider.capabilities()).unwrap_or_default();
    match job.status {
        // The reconciler asks after these.
        Status::Unknown => Ok(()),
        // What was being said by another's model broke off with us: there is nothing to go on with, and nobody to ask.
        Status::Running if matches!(job.input, Input::Chat(_)) && !capabilities.supervised => {
            cut_short(app, &job).await
        }
        Status::Running | Status::Collecting if lane.is_some() && !capabilities.supervised && job.handle.is_some() => {
            attach(app, &job).await
        }
        _ => interrupt(app, job, capabilities).await,
    }
}

/// Puts back a job that was claimed and never sent: it can be sent without any risk.
pub(super) async fn not_sent(app: &App, job: &Job) -> Result<(), StoreError> {
    let Some(lease) = job.lease else { return Ok(()) };
    let failure = Failure::new(FailureKind::Unavailable, "it was taken from the queue and never sent");
    let event = Event::AttemptFailed { failure, harmless: true, bill: Bill::nothing(), retry_at: app.now() };
    move_job(app, Move::new(job.id, Actor::Holder(lease), event)).await.map(drop)
}

/// Ends the attempt of a job whose task broke, as a start would do: a bug of ours must leave nobody waiting for ever.
pub(super) async fn broken(app: &App, id: JobId) -> Result<(), StoreError> {
    let Some(job) = app.store.job_for_work(id).await? else { return Ok(()) };
    let capabilities = app.lanes.get(&job.provider).map(|lane| lane.provider.capabilities()).unwrap_or_default();
    match job.status {
        Status::Queued | Status::Unknown => Ok(()),
        status if status.is_terminal() => Ok(()),
        Status::Running if matches!(job.input, Input::Chat(_)) && !capabilities.supervised => {
            cut_short(app, &job).await
        }
        _ => interrupt(app, job, capabilities).await,
    }
}

/// Goes on with work that its provider still has.
async fn attach(app: &Arc<App>, job: &Job) -> Result<(), StoreError> {
    let event = Event::TakenOver { lease: app.lease(), seen: job.version };
    let taken = move_job(app, Move::new(job.id, Actor::Studio, event)).await?;
    if let Advanced::Moved { job, .. } = taken {
        attempt::resume(app, job);
    }
    Ok(())
}

/// Ends an answer whose relay is gone: charged for what was sent, what is kept of it, and what may have come after that.
async fn cut_short(app: &App, job: &Job) -> Result<(), StoreError> {
    let Some(lease) = job.lease else { return Ok(()) };
    let kept = app.store.said(job.id, job.epoch).await?.end();
    let failure = Failure::new(FailureKind::Interrupted, "the server stopped in the middle of the answer");
    let event = Event::CutShort { failure, bill: Bill::estimate(job, kept, REMAINDER_TOKENS) };
    move_job(app, Move::new(job.id, Actor::Holder(lease), event)).await.map(drop)
}

/// Ends an attempt whose server is gone.
async fn interrupt(app: &App, job: Job, capabilities: Capabilities) -> Result<(), StoreError> {
    let Some(lease) = job.lease else { return Ok(()) };
    let failure = Failure::new(FailureKind::Interrupted, "the server stopped while it was being made");
    let harmless = repeat_is_harmless(capabilities, job.is_free());
    let event = Event::AttemptFailed { failure, harmless, bill: Bill::nothing(), retry_at: app.now() };
    move_job(app, Move::new(job.id, Actor::Holder(lease), event)).await.map(drop)
}

/// Ends the queue of a provider that is not configured any more: its jobs would wait for ever.
async fn turn_away(app: Arc<App>, provider: String) {
    tracing::warn!(provider, "jobs wait for a provider that is not configured any more; they fail");
    loop {
        match turn_one_away(&app, &provider).await {
            Ok(true) => continue,
            // Some may wait for the time of their next attempt.
            Ok(false) => match app.store.next_run_at(&provider).await {
                Ok(None) => return,
                Ok(Some(_)) => {}
                Err(error) => tracing::warn!(provider, %error, "queue can't be read; will try again"),
            },
            Err(error) => tracing::warn!(provider, %error, "queue can't be emptied; will try again"),
        }
        if !goes_on(&app, LOOK_ANYWAY).await {
            return;
        }
    }
}

/// Ends the oldest due job of a queue; whether there was one.
async fn turn_one_away(app: &App, provider: &str) -> Result<bool, StoreError> {
    let claim = Claim { provider: provider.to_owned(), leases: vec![app.lease()], per_owner: None, now: app.now() };
    let leases = claim.leases.clone();
    let claimed = app.store.claim(claim).await.inspect_err(|_| app.attempts.not_begun(leases));
    let Some(job) = claimed?.pop() else { return Ok(false) };
    let _living = app.attempts.begin(job.id);
    let failure = Failure::new(FailureKind::NotConfigured, "its provider is not configured any more");
    let event = Event::AttemptFailed { failure, harmless: true, bill: Bill::nothing(), retry_at: app.now() };
    if let Some(lease) = job.lease {
        // Claimed by us, and nobody else would go on with it.
        drop(move_surely(app, Move::new(job.id, Actor::Holder(lease), event)).await);
    }
    Ok(true)
}
