//! At start: finds the jobs that the server before us left in the middle, and puts each back on its road.
//!
//! On SQLite a folder lock proves that whoever held their leases is gone. A supervised worker died with its server, which
//! is proof that its work ended: try again. A provider that has a handle still works on it: attach. What was on its way to a
//! provider that charges may have landed: unknown, its money held, and the sweep asks.

use super::attempt;
use crate::{app::App, commands::move_job};
use std::sync::Arc;
use studio_core::{
    job::{Actor, Event, Job, Status},
    money::Nanos,
    ports::{Advanced, Capabilities, StoreError},
    retry::{Failure, FailureKind, repeat_is_harmless},
};

/// Puts every unfinished job back on its road; how many there were.
pub async fn recover(app: &Arc<App>) -> Result<usize, StoreError> {
    let jobs = app.store.unfinished().await?;
    let count = jobs.len();
    for job in jobs {
        let capabilities = app.lanes.get(&job.provider).map(|lane| lane.provider.capabilities()).unwrap_or_default();
        match job.status {
            // The sweep asks after these.
            Status::Unknown => {}
            Status::Running | Status::Collecting if !capabilities.supervised && job.handle.is_some() => {
                attach(app, job).await?;
            }
            _ => interrupt(app, job, capabilities).await?,
        }
    }
    Ok(count)
}

/// Goes on with work that its provider still has.
pub(super) async fn attach(app: &Arc<App>, job: Job) -> Result<(), StoreError> {
    let lease = app.lease();
    let Advanced::Moved { job, .. } = move_job(app, job.id, Actor::Studio, Event::TakenOver(lease)).await? else {
        return Ok(());
    };
    // It has its place at the provider already, whether or not one is free in our own count.
    let permit = app.lanes.get(&job.provider).and_then(|lane| lane.permits.clone().try_acquire_owned().ok());
    attempt::begin(app, job, permit);
    Ok(())
}

/// Ends an attempt whose server is gone.
async fn interrupt(app: &Arc<App>, job: Job, capabilities: Capabilities) -> Result<(), StoreError> {
    let Some(lease) = job.lease else { return Ok(()) };
    let failure = Failure::new(FailureKind::Interrupted, "the server stopped while it was being made");
    let harmless = repeat_is_harmless(capabilities, job.is_free());
    let event = Event::AttemptFailed { failure, harmless, charge: Nanos::ZERO, retry_at: app.now() };
    move_job(app, job.id, Actor::Holder(lease), event).await.map(drop)
}
