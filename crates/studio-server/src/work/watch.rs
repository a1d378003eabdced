//! Finds jobs that are stuck: begun, and nobody works on them. There should be none. An attempt that vanished without a word (a
//! bug of ours, or a claim whose answer never came back) would leave its owner waiting and its money held for ever; so whoever
//! is seen without an attempt twice in a row is put back on its road, as a start would do it.

use super::recover;
use crate::app::App;
use std::{collections::HashMap, sync::Arc, time::Duration};
use studio_core::{
    id::JobId,
    job::{Job, Status},
    ports::StoreError,
    time::Timestamp,
};

/// How often it is looked. Between a claim and its attempt lies no more than the way back from the store.
const PERIOD: Duration = Duration::from_secs(10);
/// After so long an unknown job is somebody's to look into (promises.md, 5).
const FLAG_AFTER: Duration = Duration::from_secs(15 * 60);

/// Who was seen without an attempt, in which version.
type Seen = HashMap<JobId, u64>;

/// Runs until the server stops.
pub(super) async fn run(app: Arc<App>) {
    let mut seen = Seen::new();
    let mut flagged_until = app.now();
    loop {
        tokio::select! {
            biased;
            () = app.stopping.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
        if let Err(error) = activate(&app, &mut seen, &mut flagged_until).await {
            tracing::warn!(%error, "nobody knows whether a job is stuck; will look again");
        }
    }
}

async fn activate(app: &Arc<App>, seen: &mut Seen, flagged_until: &mut Timestamp) -> Result<(), StoreError> {
    let now = app.now();
    let mut idle = Seen::new();
    for job in app.store.unfinished().await? {
        if job.status == Status::Unknown {
            flag(&job, *flagged_until, now);
        } else if !app.attempts.contains(job.id) {
            if seen.get(&job.id) != Some(&job.version) {
                idle.insert(job.id, job.version);
                continue;
            }
            tracing::error!(
                job.id = %job.id, job.status = job.status.as_str(), attempt = job.attempt,
                "a job is stuck: nobody works on it; it is put back on its road"
            );
            recover::put_back(app, job).await?;
        }
    }
    *seen = idle;
    *flagged_until = now;
    Ok(())
}

/// Says once of an unknown job that it has been so for long.
fn flag(job: &Job, flagged_until: Timestamp, now: Timestamp) {
    let Some(due) = job.unknown_since.map(|since| since.plus(FLAG_AFTER)) else { return };
    if flagged_until < due && due <= now {
        tracing::error!(
            job.id = %job.id, provider = %job.provider, hold = %job.hold,
            "nobody knows what became of a job for a quarter of an hour; look it up at its provider, then: studio job resolve"
        );
    }
}
