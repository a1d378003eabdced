//! Accepts a request for work: one commit makes job, hold and idempotency record, or nothing is made. If nothing waits for
//! its provider and a place is free there, the same commit claims it and it starts at once: the same road, without a detour
//! through the queue.

use super::{
    own_keys::{Chosen, Keys, choose},
    pictures::Brought,
    provider_keys::MOST_SEALS,
};
use crate::{app::App, backlog::Full, secrets::NotOpened, work};
use std::{sync::Arc, time::Duration};
use studio_core::{
    bill::Tokens,
    catalog::Model,
    id::{AssetId, JobId, RequestId, UserId},
    idempotency::IdempotencyRecord,
    job::{Durability, Job, NewJob, Payer, Priority, Status},
    ledger::{Standing, exceeded},
    library::{Facts, Origin},
    money::Nanos,
    people::AuditEntry,
    ports::{Admission, Admitted, Asset, AssetError, StoreError, Stored},
    price::{PriceError, Unit},
    request::{Flags, Input, Picture},
    time::Timestamp,
};

/// Fewer tokens than these are no answer: rather than shorten it to less, the request is refused.
const SHORTEST_ANSWER: u64 = 16;
/// How often a hold is made smaller, because others spent the same budget meanwhile, before the request is refused.
const MOST_SHORTENINGS: usize = 5;

/// A checked request and who makes it.
pub struct Asked<'a> {
    /// Whose it will be.
    pub owner: UserId,
    /// Who pays for it.
    pub payer: Payer,
    /// In which request.
    pub request: RequestId,
    /// What its caller calls that.
    pub request_name: Option<String>,
    /// Of which model.
    pub model: &'a Model,
    /// What.
    pub input: Input,
    /// The job that it does again.
    pub retry_of: Option<JobId>,
    /// How urgent it is among the caller's own.
    pub priority: Priority,
    /// Whether its answer may be bounded more tightly, to what is left of a budget.
    pub may_shorten: bool,
    /// Pictures that it brings along: kept if it is accepted.
    pub brought: Vec<Brought>,
    /// What the answers about it promise.
    pub durability: Durability,
    /// When the work dies.
    pub deadline: Option<Timestamp>,
    /// What the caller should know.
    pub warnings: Vec<String>,
    /// By what a repeat finds it.
    pub idempotency: Option<IdempotencyRecord>,
    /// By whose key its provider may be asked.
    pub keys: Keys,
    /// What is told of it in the audit log.
    pub entry: Option<AuditEntry>,
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
        /// The budget, as it stands.
        over: Standing,
        /// What this could cost at most.
        needed: Nanos,
        /// When it was asked for.
        now: Timestamp,
    },
    /// It has no price, and a budget is to be kept.
    #[error("the model has no price, so where there is a budget it can't be used")]
    Unpriced,
    /// Its price can't be counted.
    #[error(transparent)]
    Price(#[from] PriceError),
    /// It was to be paid by a key of its owner's own, and there is none any more.
    #[error("the own key that paid for it is gone")]
    OwnKeyGone,
    /// A key of its owner's own can't be sealed or opened.
    #[error("an own key can't be sealed or opened: {0}")]
    Unopened(NotOpened),
    /// A picture that its input names is not its owner's, or no more.
    #[error("a picture that it names is gone")]
    InputGone(AssetId),
    /// What it brings along would be too much beside what its owner brought before.
    #[error("the quota is used up")]
    OverQuota {
        /// The quota.
        quota: u64,
        /// What they have without it.
        stored: Stored,
        /// How many bytes it brings along.
        received: u64,
    },
    /// Nobody runs its model here.
    #[error("no provider is configured for this model")]
    NoProvider,
    /// Too much waits for its provider already.
    #[error("{} jobs wait for this provider already", .0.most)]
    QueueFull(Full),
    /// The server is about to stop.
    #[error("the server is about to stop")]
    Stopping,
    /// The store can't take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What it brings along can't be kept.
    #[error(transparent)]
    Assets(#[from] AssetError),
}

impl From<Full> for NotSubmitted {
    fn from(full: Full) -> Self {
        Self::QueueFull(full)
    }
}

/// What a request would be, and could cost.
#[derive(Debug)]
pub struct Estimate {
    /// The job as it would be accepted.
    pub job: Job,
    /// Whether its provider is configured.
    pub available: bool,
    /// The least that it costs; nothing where the model has no price.
    pub at_least: Option<Nanos>,
    /// Whether what it could cost at most, or an answer bounded to what is left, is within all budgets.
    pub within_budget: bool,
}

/// Tries a request: what [`submit`] would accept, without accepting it. Nothing is made, held or remembered.
pub async fn estimate(app: &App, mut asked: Asked<'_>) -> Result<Estimate, NotSubmitted> {
    let (may_shorten, limit) = (asked.may_shorten, asked.model.total_limit);
    let chosen = match key(app, &mut asked).await {
        Err(NotSubmitted::NoProvider) => None,
        chosen => Some(chosen?),
    };
    let available = chosen.is_some();
    let mut job = draft(app, asked, chosen.as_ref())?;
    let standings = app.store.standings(job.payer, job.owner, job.created_at).await?;
    let within_budget = afford(&mut job, &standings, may_shorten, limit).is_ok();
    let at_least = match &job.price_list {
        Some(list) => Some(list.cost(&job.input.least_usage(list))?),
        None => None,
    };
    Ok(Estimate { job, available, at_least, within_budget })
}

/// Whether budgets, as they stand, cover a job, or cover it with a shorter answer. The store asks again when it is accepted.
fn afford(job: &mut Job, standings: &[Standing], may_shorten: bool, limit: Duration) -> Result<(), NotSubmitted> {
    let needed = job.hold;
    match exceeded(standings, needed) {
        _ if job.price_list.is_none() => standings.is_empty().then_some(()).ok_or(NotSubmitted::Unpriced),
        None => Ok(()),
        // Within the tightest one it is within all.
        Some(over) if may_shorten && shorten(job, limit, over) && exceeded(standings, job.hold).is_none() => Ok(()),
        Some(over) => Err(NotSubmitted::OverCap { over, needed, now: job.created_at }),
    }
}

/// By whose key its provider is asked.
async fn key(app: &App, asked: &mut Asked<'_>) -> Result<Chosen, NotSubmitted> {
    let lane = app.lanes.get(&asked.model.provider).ok_or(NotSubmitted::NoProvider)?;
    choose(app, lane, &asked.model.provider, asked.owner, std::mem::take(&mut asked.keys)).await
}

/// Accepts a request, or says why not.
pub async fn submit(app: &Arc<App>, mut asked: Asked<'_>) -> Result<Submitted, NotSubmitted> {
    if app.stopping.is_cancelled() {
        return Err(NotSubmitted::Stopping);
    }
    let lane = app.lanes.get(&asked.model.provider).ok_or(NotSubmitted::NoProvider)?;
    app.backlog.room(&asked.model.provider, asked.owner)?;
    let (idempotency, may_shorten, limit) = (asked.idempotency.clone(), asked.may_shorten, asked.model.total_limit);
    let (brought, entry) = (std::mem::take(&mut asked.brought), asked.entry.take());
    let chosen = key(app, &mut asked).await?;
    let mut job = draft(app, asked, Some(&chosen))?;
    let mut own_key = chosen.sealed_for(app, &job)?;
    let (needed, quota) = (job.hold, app.upload_limits.quota());
    let mut assets = Vec::with_capacity(brought.len());
    if !brought.is_empty() {
        // Once kept, they stay for a day even if the store refuses the job; so what it would refuse is asked before.
        let standings = app.store.standings(job.payer, job.owner, job.created_at).await?;
        afford(&mut job, &standings, may_shorten, limit)?;
        let stored = app.store.stored(job.owner, job.created_at).await?;
        let received = brought.iter().map(Brought::bytes).sum();
        if received > stored.room(quota) {
            return Err(NotSubmitted::OverQuota { quota, stored, received });
        }
    }
    for picture in brought {
        let (picture, facts) = picture.keep().await?;
        assets.push(asset(&job, &picture, facts));
    }
    let permit = lane.permits.clone().try_acquire_owned().ok();
    let claim = permit.as_ref().map(|_| app.lease());
    let (mut shortenings, mut seals) = (0, 1);
    let admitted = loop {
        let admission = Admission {
            job: job.clone(),
            idempotency: idempotency.clone(),
            assets: assets.clone(),
            claim,
            per_owner: lane.per_owner,
            own_key: own_key.clone(),
            entry: entry.clone(),
            quota,
        };
        // Accepted, perhaps, and claimed; but nobody goes on with what nobody was told of.
        let admitted = app.store.admit(admission).await.inspect_err(|_| app.attempts.not_begun(claim));
        match admitted? {
            Admitted::OverCap(over)
                if may_shorten && shortenings < MOST_SHORTENINGS && shorten(&mut job, limit, over) =>
            {
                shortenings += 1;
            }
            // Its master key went out of use in this moment; there is another one.
            Admitted::SealRetired if seals < MOST_SEALS => {
                seals += 1;
                own_key = chosen.sealed_for(app, &job)?;
            }
            admitted => break admitted,
        }
    };
    match admitted {
        Admitted::Accepted(job) => {
            tracing::info!(
                job.id = %job.id, request.id = job.request_text(), model = %job.model, hold = %job.hold,
                key = job.key_source.as_str(), flags = told(&job.flags), at_once = job.status == Status::Submitting, "job accepted"
            );
            app.metrics.job_accepted(&job);
            match permit {
                Some(permit) if job.status == Status::Submitting => {
                    work::attempt::begin(app, job.clone(), Some(permit))
                }
                _ => {
                    app.backlog.queued(&job.provider, job.owner);
                    lane.queued();
                }
            }
            Ok(Submitted { job, replayed: false })
        }
        Admitted::Replayed(job) => Ok(Submitted { job, replayed: true }),
        Admitted::KeyReused => Err(NotSubmitted::KeyReused),
        Admitted::OverCap(over) => Err(NotSubmitted::OverCap { over, needed, now: job.created_at }),
        Admitted::Unpriced => Err(NotSubmitted::Unpriced),
        Admitted::InputGone(asset) => Err(NotSubmitted::InputGone(asset)),
        Admitted::OverQuota(stored) => {
            let received = assets.iter().map(|asset| asset.bytes).sum();
            Err(NotSubmitted::OverQuota { quota, stored, received })
        }
        Admitted::SealRetired => {
            let error = StoreError::Unavailable("the master key in use is retired: studio secret status".into());
            Err(error.into())
        }
    }
}

/// What was found in its words, for the log: how often, and nothing of the words.
fn told(flags: &Flags) -> Option<String> {
    let counts: Vec<_> = flags.iter().map(|(flag, count)| format!("{}:{count}", flag.as_str())).collect();
    (!counts.is_empty()).then(|| counts.join(","))
}

/// The job as it would be accepted.
fn draft(app: &App, asked: Asked<'_>, chosen: Option<&Chosen>) -> Result<Job, NotSubmitted> {
    let now = app.now();
    let prices = asked.model.price_at(now).map(|list| list.settled_for(asked.input.parameters()));
    let hold = match &prices {
        Some(list) => list.cost(&asked.input.upper_usage(list, asked.model.total_limit))?,
        None => Nanos::ZERO,
    };
    let (retry_of, priority, request_name) = (asked.retry_of, asked.priority, asked.request_name);
    let key_source = chosen.map(|chosen| chosen.source).unwrap_or_default();
    let payer = if key_source.is_studio() { asked.payer } else { Payer::OwnKey(asked.owner) };
    let mut warnings = asked.warnings;
    warnings.extend(chosen.and_then(|chosen| chosen.warning.clone()));
    let job = NewJob {
        id: JobId::new(now, app.chance.id_bytes()),
        owner: asked.owner,
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
        warnings,
        durability: asked.durability,
        now,
    }
    .queued();
    Ok(Job { retry_of, priority, request_name, key_source, ..job })
}

/// Bounds a conversation's answer to what is left under a cap. False: too little is left for an answer, or it is no
/// conversation.
fn shorten(job: &mut Job, total_limit: Duration, over: Standing) -> bool {
    let (Input::Chat(request), Some(list)) = (&mut job.input, &job.price_list) else { return false };
    let upper = request.upper_tokens();
    let Ok(input) = list.cost(&request.usage(list, Tokens { output: 0, ..upper })) else { return false };
    let left = over.left().minus(input).unwrap_or(Nanos::ZERO);
    let Some(most) = list.affordable(Unit::OutputTokens, left).filter(|most| *most >= SHORTEST_ANSWER) else {
        return false;
    };
    let most = most.min(upper.output);
    request.shorten(most);
    // The same rounding as for any other hold: what was just affordable still is.
    let Ok(hold) = list.cost(&job.input.upper_usage(list, total_limit)) else { return false };
    let smaller = hold < job.hold;
    job.hold = hold;
    job.warnings.retain(|warning| !warning.starts_with(SHORTENED));
    job.warnings.push(format!("{SHORTENED} {most} tokens: so much is left of the budget"));
    smaller
}

const SHORTENED: &str = "the answer is bounded to";

/// A picture that came with a job, as it will be its owner's.
fn asset(job: &Job, picture: &Picture, facts: Facts) -> Asset {
    Asset {
        id: picture.asset,
        owner: job.owner,
        job: Some(job.id),
        origin: Origin::Sent,
        hash: picture.hash,
        media_type: picture.media_type,
        bytes: picture.bytes,
        name: None,
        facts,
        thumbnail: None,
        created_at: job.created_at,
    }
}
