//! Accepts a request for work: one commit makes job, hold and idempotency record, or nothing is made. If nothing waits for
//! its provider and a place is free there, the same commit claims it and it starts at once: the same road, without a detour
//! through the queue.

use crate::{app::App, work};
use std::sync::Arc;
use studio_core::{
    caller::ApiKey,
    catalog::Model,
    id::{JobId, RequestId},
    idempotency::IdempotencyRecord,
    job::{Job, NewJob, Payer, Status},
    ledger::Cap,
    money::Nanos,
    ports::{Admission, Admitted, StoreError},
    price::PriceError,
    request::Input,
    time::Timestamp,
};

/// A checked request and who makes it.
pub struct Asked<'a> {
    /// By which key.
    pub key: &'a ApiKey,
    /// In which request.
    pub request: RequestId,
    /// Of which model.
    pub model: &'a Model,
    /// What.
    pub input: Input,
    /// When the work dies.
    pub deadline: Option<Timestamp>,
    /// What the caller should know.
    pub warnings: Vec<String>,
    /// By what a repeat finds it.
    pub idempotency: Option<IdempotencyRecord>,
}

/// It is accepted, now or before.
#[derive(Debug)]
pub struct Submitted {
    /// The job.
    pub job: Job,
    /// It had been accepted before.
    pub replayed: bool,
}

/// Why it is not accepted. Nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum NotSubmitted {
    /// Its key named another request before.
    #[error("the Idempotency-Key was used for another request")]
    KeyReused,
    /// It could cost more than is left.
    #[error("the budget does not cover it")]
    OverCap {
        /// The cap.
        cap: Cap,
        /// What is spent and held.
        committed: Nanos,
        /// What this could cost at most.
        needed: Nanos,
    },
    /// It has no price, and a budget is to be kept.
    #[error("the model has no price, so a key with a budget can't use it")]
    Unpriced,
    /// Its price can't be counted.
    #[error(transparent)]
    Price(#[from] PriceError),
    /// Nobody runs its model here.
    #[error("no provider is configured for this model")]
    NoProvider,
    /// The server is about to stop.
    #[error("the server is about to stop")]
    Stopping,
    /// The store can't take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Accepts a request, or says why not.
pub async fn submit(app: &Arc<App>, asked: Asked<'_>) -> Result<Submitted, NotSubmitted> {
    if app.stopping.is_cancelled() {
        return Err(NotSubmitted::Stopping);
    }
    let lane = app.lanes.get(&asked.model.provider).ok_or(NotSubmitted::NoProvider)?;
    let payer = Payer::Key(asked.key.id);
    let caps: Vec<Cap> = asked.key.budget.map(|limit| Cap { payer, limit }).into_iter().collect();
    let idempotency = asked.idempotency.clone();
    let job = draft(app, asked, payer, !caps.is_empty())?;
    let needed = job.hold;
    let permit = lane.permits.clone().try_acquire_owned().ok();
    let claim = permit.as_ref().map(|_| app.lease());
    match app.store.admit(Admission { job, idempotency, caps, claim }).await? {
        Admitted::Accepted(job) => {
            tracing::info!(
                job.id = %job.id, request.id = %job.request, model = %job.model, hold = %job.hold,
                at_once = job.status == Status::Submitting, "job accepted"
            );
            match permit {
                Some(permit) if job.status == Status::Submitting => {
                    work::attempt::begin(app, job.clone(), Some(permit))
                }
                _ => lane.bell.notify_one(),
            }
            Ok(Submitted { job, replayed: false })
        }
        Admitted::Replayed(job) => Ok(Submitted { job, replayed: true }),
        Admitted::KeyReused => Err(NotSubmitted::KeyReused),
        Admitted::OverCap { cap, committed } => Err(NotSubmitted::OverCap { cap, committed, needed }),
    }
}

/// The job as it would be accepted.
fn draft(app: &App, asked: Asked<'_>, payer: Payer, capped: bool) -> Result<Job, NotSubmitted> {
    let now = app.now();
    let prices = asked.model.price_at(now).map(|list| list.settled_for(asked.input.parameters()));
    let hold = match &prices {
        Some(list) => list.cost(&asked.input.upper_usage())?,
        None if capped => return Err(NotSubmitted::Unpriced),
        None => Nanos::ZERO,
    };
    Ok(NewJob {
        id: JobId::new(now, app.chance.id_bytes()),
        owner: asked.key.user,
        payer,
        request: asked.request,
        modality: asked.model.modality,
        model: asked.model.id.clone(),
        provider: asked.model.provider.clone(),
        upstream: asked.model.upstream.clone(),
        input: asked.input,
        deadline: asked.deadline,
        hold,
        price_list: prices,
        warnings: asked.warnings,
        now,
    }
    .queued())
}
