//! Moves a job: one store method, then what follows from it outside of the store.

use crate::app::App;
use std::time::Duration;
use studio_core::{
    id::JobId,
    job::{Actor, Durability, Effect, Event},
    people::AuditEntry,
    ports::{Advance, Advanced, Said, StoreError},
};

/// How long to wait before a move that the store could not take is tried again.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// A move that is wanted.
#[derive(Debug, Clone)]
pub struct Move {
    /// Of which job.
    pub job: JobId,
    /// On whose word.
    pub actor: Actor,
    /// What happened.
    pub event: Event,
    /// What was said since the last checkpoint.
    pub said: Option<Said>,
    /// What is told of it in the audit log, where a person says it.
    pub entry: Option<AuditEntry>,
    /// What its answer promises.
    pub durability: Durability,
}

impl Move {
    /// A move that survives a power cut.
    pub fn new(job: JobId, actor: Actor, event: Event) -> Self {
        Self { job, actor, event, said: None, entry: None, durability: Durability::Power }
    }
}

/// Moves a job and tells whoever waits for it.
pub async fn move_job(app: &App, wanted: Move) -> Result<Advanced, StoreError> {
    let Move { job, actor, event, said, entry, durability } = wanted;
    let advanced = app.store.advance(Advance { job, actor, event, said, entry, durability, now: app.now() }).await?;
    if let Advanced::Moved { job, effects } = &advanced {
        tracing::debug!(job.id = %job.id, job.status = job.status.as_str(), job.version = job.version, "job moved");
        // Each job is settled once, at its end. Counted first: whoever is told of the end finds it counted.
        if effects.contains(&Effect::Settle) {
            app.metrics.job_ended(job);
        }
        app.news.tell(job);
        for effect in effects {
            match effect {
                // Whoever runs the attempt listens to the job and sees the wish in it.
                Effect::AskProviderToStop | Effect::Settle | Effect::Adjust => {}
                Effect::Requeued => ring(app, &job.provider),
            }
        }
    }
    Ok(advanced)
}

/// As [`move_job`], for news that must not be lost: tries again while the store can't take it (its disk is full, say),
/// until the server gives up. Nothing: it gave up, and the next start will find the job where it stands.
pub async fn move_surely(app: &App, wanted: Move) -> Option<Advanced> {
    loop {
        match move_job(app, wanted.clone()).await {
            Ok(advanced) => return Some(advanced),
            Err(error) => {
                let (job, event) = (wanted.job, wanted.event.name());
                tracing::warn!(job.id = %job, event, %error, "store can't take it; will try again");
            }
        }
        tokio::select! {
            biased;
            () = app.giving_up.cancelled() => return None,
            () = tokio::time::sleep(STORE_PAUSE) => {}
        }
    }
}

/// Rings the bell of a provider's queue.
fn ring(app: &App, provider: &str) {
    if let Some(lane) = app.lanes.get(provider) {
        lane.queued();
    }
}
