//! Moves a job: one store method, then what follows from it outside of the store.

use crate::app::App;
use std::time::Duration;
use studio_core::{
    id::JobId,
    job::{Actor, Effect, Event},
    ports::{Advance, Advanced, StoreError},
};

/// How long to wait before a move that the store could not take is tried again.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// Moves a job by `event` and tells whoever waits for it.
pub async fn move_job(app: &App, job: JobId, actor: Actor, event: Event) -> Result<Advanced, StoreError> {
    let advanced = app.store.advance(Advance { job, actor, event, now: app.now() }).await?;
    if let Advanced::Moved { job, effects } = &advanced {
        tracing::debug!(job.id = %job.id, job.status = job.status.as_str(), job.version = job.version, "job moved");
        app.news.tell(job);
        for effect in effects {
            match effect {
                // Whoever runs the attempt listens to the job and sees the wish in it.
                Effect::AskProviderToStop | Effect::Settle { .. } => {}
                Effect::Requeued => ring(app, &job.provider),
            }
        }
    }
    Ok(advanced)
}

/// As [`move_job`], for news that must not be lost: tries again while the store can't take it (its disk is full, say),
/// until the server gives up. Nothing: it gave up, and the next start will find the job where it stands.
pub async fn move_surely(app: &App, job: JobId, actor: Actor, event: Event) -> Option<Advanced> {
    loop {
        match move_job(app, job, actor, event.clone()).await {
            Ok(advanced) => return Some(advanced),
            Err(error) => {
                tracing::warn!(job.id = %job, event = event.name(), %error, "store can't take it; will try again")
            }
        }
        tokio::select! {
            () = app.giving_up.cancelled() => return None,
            () = tokio::time::sleep(STORE_PAUSE) => {}
        }
    }
}

/// Rings the bell of a provider's queue.
fn ring(app: &App, provider: &str) {
    if let Some(lane) = app.lanes.get(provider) {
        lane.bell.notify_one();
    }
}
