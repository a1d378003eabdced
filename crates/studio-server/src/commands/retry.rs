//! Does a job again that ended without a result: a new job, with a hold of its own, that names the one before it. What ended
//! stays as it is.

use super::{Allowed, Asked, GivenKeys, Keys, NotSubmitted, people::Doer, submit};
use crate::app::App;
use serde_json::json;
use std::sync::Arc;
use studio_core::{
    id::{JobId, RequestId, UserId},
    idempotency::IdempotencyRecord,
    job::{Durability, Job, Payer, Status},
    people::{Action, AuditEntry},
};

/// Why it is not done again.
#[derive(Debug, thiserror::Error)]
pub enum NotRetried {
    /// There is no such job, or it is another's.
    #[error("there is no such job")]
    Absent,
    /// It is not over, or it has a result.
    #[error("it is {}", .0.as_str())]
    NotNow(Status),
    /// Its model is not in the catalog any more.
    #[error("its model is gone")]
    ModelGone(String),
    /// It would not be accepted.
    #[error(transparent)]
    NotSubmitted(#[from] NotSubmitted),
}

/// Does `id` again, if it is the caller's and ended without a result; `payer` pays for it.
pub async fn retry(
    app: &Arc<App>,
    owner: UserId,
    payer: Payer,
    request: RequestId,
    id: JobId,
    idempotency: Option<IdempotencyRecord>,
    given: GivenKeys,
) -> Result<Job, NotRetried> {
    let before = app.store.job(owner, id).await.map_err(NotSubmitted::from)?.ok_or(NotRetried::Absent)?;
    let allowed = if before.key_source.is_studio() { Allowed::Any } else { Allowed::Own };
    again(app, before, payer, request, idempotency, Keys { given, allowed }, None).await
}

/// Does a dead letter again, whoever's it is: for its owner, paid as before, and told of.
pub async fn replay(
    app: &Arc<App>,
    doer: &Doer,
    request: RequestId,
    id: JobId,
    idempotency: Option<IdempotencyRecord>,
    given: GivenKeys,
) -> Result<Job, NotRetried> {
    let before = app.store.job_for_work(id).await.map_err(NotSubmitted::from)?.ok_or(NotRetried::Absent)?;
    if before.forgotten_at.is_some() {
        return Err(NotRetried::Absent);
    }
    if !before.is_dead_letter() {
        return Err(NotRetried::NotNow(before.status));
    }
    let payer = before.payer;
    let allowed = if before.key_source.is_studio() { Allowed::Studio } else { Allowed::Own };
    let entry = app.desk().entry(doer, Action::JobReplayed).of("job", id);
    let entry = entry.with(json!({ "userId": before.owner.to_string() }));
    again(app, before, payer, request, idempotency, Keys { given, allowed }, Some(entry)).await
}

async fn again(
    app: &Arc<App>,
    before: Job,
    payer: Payer,
    request: RequestId,
    idempotency: Option<IdempotencyRecord>,
    keys: Keys,
    entry: Option<AuditEntry>,
) -> Result<Job, NotRetried> {
    if !matches!(before.status, Status::Failed | Status::Canceled | Status::Expired) {
        return Err(NotRetried::NotNow(before.status));
    }
    let model = app.catalog.find(&before.model).ok_or_else(|| NotRetried::ModelGone(before.model.clone()))?;
    let asked = Asked {
        owner: before.owner,
        payer,
        request,
        model,
        input: before.input,
        request_name: None,
        retry_of: Some(before.id),
        priority: before.priority,
        may_shorten: false,
        brought: Vec::new(),
        durability: Durability::Power,
        // Its deadline was that of the one before it.
        deadline: None,
        warnings: Vec::new(),
        idempotency,
        keys,
        entry,
    };
    Ok(submit(app, asked).await?.job)
}
