//! Finds jobs that are stuck: begun, and nobody works on them. There should be none. An attempt that vanished without a word (a
//! bug of ours, or a claim whose answer never came back) would leave its owner waiting and its money held for ever; so whoever
//! is seen without an attempt twice in a row is put back on its road, as a start would do it.

use super::{goes_on, recover};
use crate::app::App;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
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
/// Attempts of which it was said that they have been unknown for long.
type Flagged = HashSet<(JobId, u32)>;

/// Runs until the server stops.
pub(super) async fn run(app: Arc<App>) {
    let mut seen = Seen::new();
    let mut flagged = Flagged::new();
    loop {
        if !goes_on(&app, PERIOD).await {
            return;
        }
        if let Err(error) = activate(&app, &mut seen, &mut flagged).await {
            tracing::warn!(%error, "nobody knows whether a job is stuck; will look again");
        }
    }
}

async fn activate(app: &Arc<App>, seen: &mut Seen, flagged: &mut Flagged) -> Result<(), StoreError> {
    let now = app.now();
    let (mut idle, mut unknown) = (Seen::new(), Flagged::new());
    for job in app.store.unfinished().await? {
        if job.status == Status::Unknown {
            let name = (job.id, job.attempt);
            if flagged.contains(&name) || flag(&job, now) {
                unknown.insert(name);
            }
        } else if !app.attempts.contains(job.id) {
            if seen.get(&job.id) != Some(&job.version) {
                idle.insert(job.id, job.version);
                continue;
            }
            tracing::error!(
                job.id = %job.id, job.status = job.status.as_str(), attempt = job.attempt,
                "a job is stuck: nobody works on it; it is put back on its road"
            );
            // A claim whose answer never came back: nothing was sent, so there is nothing to find out.
            if job.lease.is_some_and(|lease| app.attempts.never_begun(lease)) {
                recover::not_sent(app, &job).await?;
            } else {
                recover::put_back(app, job).await?;
            }
        }
    }
    *seen = idle;
    *flagged = unknown;
    Ok(())
}

/// Says of an unknown job that it has been so for long; whether it has.
fn flag(job: &Job, now: Timestamp) -> bool {
    let due = job.unknown_since.is_some_and(|since| now.since(since) >= FLAG_AFTER);
    if due {
        tracing::error!(
            job.id = %job.id, provider = %job.provider, hold = %job.hold,
            "nobody knows what became of a job for a quarter of an hour; look it up at its provider, then: studio job resolve"
        );
    }
    due
}
