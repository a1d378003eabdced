//! Cancels a job: at once while it waits, else as a wish that its provider is asked to fulfil.

use super::{Move, move_job};
use crate::app::App;
use studio_core::{
    id::{JobId, UserId},
    job::{Actor, Event, Job, Refused},
    ports::{Advanced, StoreError},
};

/// What became of the wish.
#[derive(Debug)]
pub enum CancelOutcome {
    /// It is canceled.
    Canceled(Job),
    /// It is wished for; the job goes on until its provider has stopped.
    Requested(Job),
    /// The job was over before.
    Over(Job),
    /// There is no such job, or it is another's.
    Absent,
}

/// Cancels `owner`'s job.
pub async fn cancel(app: &App, owner: UserId, id: JobId) -> Result<CancelOutcome, StoreError> {
    if app.store.job(owner, id).await?.is_none() {
        return Ok(CancelOutcome::Absent);
    }
    Ok(match move_job(app, Move::new(id, Actor::Person, Event::CancelRequested)).await? {
        Advanced::Moved { job, .. } if job.status.is_terminal() => CancelOutcome::Canceled(job),
        Advanced::Moved { job, .. } | Advanced::Refused { job, reason: Refused::Nothing } => {
            CancelOutcome::Requested(job)
        }
        Advanced::Refused { job, .. } if job.status == studio_core::job::Status::Canceled => {
            CancelOutcome::Canceled(job)
        }
        Advanced::Refused { job, .. } => CancelOutcome::Over(job),
        Advanced::Absent => CancelOutcome::Absent,
    })
}
