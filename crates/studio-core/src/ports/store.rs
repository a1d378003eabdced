//! Remembers: one method is one transaction and one sentence of the domain. A refusal is an outcome, not an error.

use super::{Asset, Library, People, Stored, Vault};
use crate::{
    caller::{ApiKey, KeyHash, KeyHolder, User},
    catalog::Modality,
    id::{AssetId, JobId, KeyId, LeaseToken, UserId},
    idempotency::IdempotencyRecord,
    job::{Actor, ContentHash, Durability, Effect, Event, Job, Payer, Refused, Status},
    ledger::{Audit, Entry, Limits, Standing, Window},
    money::Nanos,
    people::AuditEntry,
    seal::Sealed,
    time::Timestamp,
    words::{Log, Segment},
};
use async_trait::async_trait;
use std::time::Duration;

/// The store can't do its work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The disk is full.
    #[error("no space left in the data folder")]
    NoSpace,
    /// Too much waits for it already.
    #[error("the store is busy")]
    Busy,
    /// It can't be read or written.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// What it holds is not what we wrote.
    #[error("the store is damaged: {0}")]
    Damaged(String),
}

/// Most keys of one person that are good or were made within a day, where they make them themselves: keys that are revoked stay, and
/// whoever makes and revokes without end must not fill the store.
pub const MOST_OWN_KEYS: usize = 100;
/// How long a key counts that was revoked.
pub const OWN_KEYS_WINDOW: Duration = Duration::from_secs(24 * 3600);

/// A job to be accepted, with all that must commit together with it.
#[derive(Debug, Clone)]
pub struct Admission {
    /// The job, queued.
    pub job: Job,
    /// What a repeat finds it by.
    pub idempotency: Option<IdempotencyRecord>,
    /// What its input brings along: already kept, to be its owner's from this commit on.
    pub assets: Vec<Asset>,
    /// Claims it at birth, by this lease, if nothing waits for its provider: its first intent is in the same commit.
    pub claim: Option<LeaseToken>,
    /// And if its owner has fewer jobs at work there than this.
    pub per_owner: Option<u32>,
    /// The key that came with its request, sealed: kept until it is over.
    pub own_key: Option<Sealed>,
    /// What is told of it in the audit log, where a person has another's work done again; written if it is accepted.
    pub entry: Option<AuditEntry>,
    /// Most bytes that all of its owner may have that somebody brought, with what comes along: the same that uploads keep to.
    pub quota: u64,
}

/// What became of an admission.
#[derive(Debug, Clone, PartialEq)]
pub enum Admitted {
    /// It is ours: queued, or claimed at birth.
    Accepted(Job),
    /// The same was asked before under the same key: this is that job as it stands now.
    Replayed(Job),
    /// Something else was asked before under the same key.
    KeyReused,
    /// It would exceed a budget of who pays for it, or of its owner: the tightest, as it stands.
    OverCap(Standing),
    /// It has no price, and there is a budget to be kept.
    Unpriced,
    /// Its key is sealed by a master key that is being taken out of use: to be sealed again by another.
    SealRetired,
    /// Its input names an asset that its owner has not, or has no more.
    InputGone(AssetId),
    /// What it brings along would be too much beside these.
    OverQuota(Stored),
}

/// Moves a job by an event.
#[derive(Debug, Clone)]
pub struct Advance {
    /// Which.
    pub job: JobId,
    /// On whose word.
    pub actor: Actor,
    /// What happened.
    pub event: Event,
    /// What was said since the last checkpoint; kept if the job moves.
    pub said: Option<Said>,
    /// What is told of it in the audit log, where a person says it; written if the job moves.
    pub entry: Option<AuditEntry>,
    /// What the answer promises, where losing the move costs money or a promise; news of running work promises less.
    pub durability: Durability,
    /// When.
    pub now: Timestamp,
}

/// A stretch of what a job says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// In which epoch of the job.
    pub epoch: u32,
    /// Where it begins: the end of what was kept before.
    pub offset: u64,
    /// What.
    pub segments: Vec<Segment>,
}

impl Said {
    /// How many bytes it has.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.text.len() as u64).sum()
    }
}

/// About how much of what a job said is read at once: a reader holds no more of it.
pub const PART_BYTES: usize = 64 << 10;

/// A part of what a job said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Where it begins: an offset within a character counts as its beginning.
    pub begins: u64,
    /// What; nothing at the end.
    pub segments: Vec<Segment>,
    /// Where all that is kept ends.
    pub end: u64,
}

/// Keeps what a running job has said so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which job.
    pub job: JobId,
    /// By whom: refused if another works on it now, or nobody.
    pub lease: LeaseToken,
    /// What.
    pub said: Said,
}

/// What became of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checkpointed {
    /// It is kept, now or by an earlier try.
    Kept,
    /// The job is over, or another's to work on.
    Stale,
    /// It does not begin where what is kept ends.
    Gap,
}

/// What became of a move.
#[derive(Debug, Clone, PartialEq)]
pub enum Advanced {
    /// It moved; its ledger entries and assets are in the same commit.
    Moved {
        /// The job after it.
        job: Job,
        /// What must follow.
        effects: Vec<Effect>,
    },
    /// It did not move.
    Refused {
        /// The job as it stands.
        job: Job,
        /// Why.
        reason: Refused,
    },
    /// There is no such job.
    Absent,
}

/// Takes jobs from the queue of a provider, one for each lease. Owners take turns, whoever's turn was longest ago first; of an
/// owner's due jobs the most urgent is taken, of these the oldest.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Whose queue.
    pub provider: String,
    /// Fresh tokens, as many as jobs are wanted.
    pub leases: Vec<LeaseToken>,
    /// Most jobs that an owner may have at work there at once.
    pub per_owner: Option<u32>,
    /// When.
    pub now: Timestamp,
}

/// Forgets jobs that are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forget {
    /// Since before this.
    pub over_before: Timestamp,
    /// Only of those after this one: where the look before it ended ([`Forgotten::last`]).
    pub after: Option<JobId>,
    /// Looks at so many of the oldest of these at most.
    pub limit: u32,
    /// When.
    pub now: Timestamp,
}

/// What became of that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// How many jobs were forgotten.
    pub jobs: u64,
    /// The last one that was looked at. Those that have to wait lie before it, and others whose time has come behind it. Nothing:
    /// there was none to look at.
    pub last: Option<JobId>,
}

/// Jobs of one user that wait at one provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Where.
    pub provider: String,
    /// Whose.
    pub owner: UserId,
    /// How many.
    pub count: u64,
}

/// Which of their jobs someone wants to see, newest first.
#[derive(Debug, Clone, Default)]
pub struct JobFilter {
    /// Only of this status.
    pub status: Option<Status>,
    /// Only of this modality.
    pub modality: Option<Modality>,
    /// Only older than this one.
    pub before: Option<JobId>,
    /// At most so many.
    pub limit: u32,
}

/// A key and its owner, for a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// The key.
    pub key: ApiKey,
    /// Its owner.
    pub user: User,
    /// The most that it may spend and hold, by window.
    pub limits: Limits,
    /// What it has spent and holds.
    pub committed: Nanos,
    /// When it was used last, to the minute or so.
    pub last_used_at: Option<Timestamp>,
}

/// One attempt of a job, as it is on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRow {
    /// Its number.
    pub number: u32,
    /// Where.
    pub provider: String,
    /// Since when it was meant to be sent.
    pub started_at: Timestamp,
    /// The provider's name for it, or ours.
    pub handle: Option<String>,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// How, in one word.
    pub outcome: Option<String>,
}

/// Who has budgets, and how they stand at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetRow {
    /// Who: a user, or one of their keys.
    pub payer: Payer,
    /// The user.
    pub user: User,
    /// What the key is called.
    pub key_name: Option<String>,
    /// Every window: its limit, if it has one, and what counts against it.
    pub windows: Vec<(Window, Option<Nanos>, Nanos)>,
}

/// What a list of ledger entries is to show, newest first.
#[derive(Debug, Clone, Default)]
pub struct EntryFilter {
    /// Only of jobs of this user.
    pub owner: Option<UserId>,
    /// Only of this job.
    pub job: Option<JobId>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// Only those with a smaller number.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: u32,
}

/// One entry of the ledger, for a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryRow {
    /// Its number: entries are numbered in the order in which they were made.
    pub number: u64,
    /// The entry.
    pub entry: Entry,
    /// The job's model.
    pub model: String,
}

/// What one model cost someone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelUsage {
    /// The model.
    pub model: String,
    /// Jobs accepted.
    pub jobs: u64,
    /// Of these, succeeded.
    pub succeeded: u64,
    /// Of these, not over.
    pub unfinished: u64,
    /// What was charged, but for what is in `own_key`.
    pub charged: Nanos,
    /// What its owner's own keys were charged, by our price list: no money of the studio's.
    pub own_key: Nanos,
    /// What is held.
    pub held: Nanos,
    /// What the studio bears beside that.
    pub absorbed: Nanos,
}

/// When jobs were accepted that a report is to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Period {
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}

impl Period {
    /// Whether it contains a moment.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }
}

/// What someone used, by model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UsageReport {
    /// By model, in order of name.
    pub models: Vec<ModelUsage>,
}

/// Remembers.
#[async_trait]
pub trait Store: Library + People + Vault + Send + Sync {
    /// Accepts a job: idempotency record, job, hold, assets and first intent in one commit, or none of them. Once answered
    /// it survives what the job's [`Durability`] says.
    async fn admit(&self, admission: Admission) -> Result<Admitted, StoreError>;

    /// The job that was accepted under a key, without accepting anything: [`Admitted::Replayed`] or
    /// [`Admitted::KeyReused`].
    async fn replay(&self, record: &IdempotencyRecord) -> Result<Option<Admitted>, StoreError>;

    /// Moves a job: calls [`crate::job::step`] in the transaction that writes its result and what follows from it.
    async fn advance(&self, advance: Advance) -> Result<Advanced, StoreError>;

    /// Keeps what a running job has said; survives the end of the process.
    async fn checkpoint(&self, checkpoint: Checkpoint) -> Result<Checkpointed, StoreError>;

    /// What is kept of what a job said in an epoch.
    async fn said(&self, job: JobId, epoch: u32) -> Result<Log, StoreError>;

    /// The next bytes of it after `offset`, about [`PART_BYTES`] of them.
    async fn said_after(&self, job: JobId, epoch: u32, offset: u64) -> Result<Part, StoreError>;

    /// Everything that was answered before survives a power cut once this is answered.
    async fn harden(&self) -> Result<(), StoreError>;

    /// Takes due jobs from a queue; their intents are durable when it answers.
    async fn claim(&self, claim: Claim) -> Result<Vec<Job>, StoreError>;

    /// A job, if it is `owner`'s and not forgotten.
    async fn job(&self, owner: UserId, id: JobId) -> Result<Option<Job>, StoreError>;

    /// A job for those who work on it, whoever's it is.
    async fn job_for_work(&self, id: JobId) -> Result<Option<Job>, StoreError>;

    /// Someone's jobs, but those that are forgotten.
    async fn jobs(&self, owner: UserId, filter: JobFilter) -> Result<Vec<Job>, StoreError>;

    /// How many jobs will be taken from the same queue before this one, as things stand; nothing when it doesn't wait.
    async fn queue_position(&self, id: JobId) -> Result<Option<u64>, StoreError>;

    /// Jobs that are neither queued nor over: at start, those whose workers are gone.
    async fn unfinished(&self) -> Result<Vec<Job>, StoreError>;

    /// Jobs that are not over although their deadline is, and that were not told yet.
    async fn overdue(&self, now: Timestamp) -> Result<Vec<JobId>, StoreError>;

    /// When the next queued job of a provider may run; nothing when none waits.
    async fn next_run_at(&self, provider: &str) -> Result<Option<Timestamp>, StoreError>;

    /// How many jobs wait, by provider and user, in their order.
    async fn waiting(&self) -> Result<Vec<Waiting>, StoreError>;

    /// The budgets that a job of `owner`, paid by `payer` and accepted `at` a moment, would have to keep, as they stand.
    async fn standings(&self, payer: Payer, owner: UserId, at: Timestamp) -> Result<Vec<Standing>, StoreError>;

    /// Sets all budgets of a payer: windows that are not named have none. False: there is no such payer, or
    /// the key is revoked.
    async fn set_budgets(&self, payer: Payer, limits: Limits, entry: AuditEntry) -> Result<bool, StoreError>;

    /// Users and keys that are not revoked, of one user or of all, with their budgets as they stand `at` a moment; each user
    /// before their keys.
    async fn budgets(&self, user: Option<UserId>, at: Timestamp) -> Result<Vec<BudgetRow>, StoreError>;

    /// What someone used.
    async fn usage(&self, owner: UserId, period: Period) -> Result<UsageReport, StoreError>;

    /// Entries of the ledger, newest first.
    async fn entries(&self, filter: EntryFilter) -> Result<Vec<EntryRow>, StoreError>;

    /// Jobs that failed for no fault of their request and were not done again since ([`Job::is_dead_letter`]), newest first.
    async fn dead_letters(&self, before: Option<JobId>, limit: u32) -> Result<Vec<Job>, StoreError>;

    /// Forgets what was asked of some old jobs and what came of it ([`Job::forgotten`]), with their assets, words and
    /// idempotency records; what they cost stays in the books.
    async fn forget(&self, forget: Forget) -> Result<Forgotten, StoreError>;

    /// Those of some blobs that no asset names, nor did after `since`.
    async fn unnamed(&self, hashes: Vec<ContentHash>, since: Timestamp) -> Result<Vec<ContentHash>, StoreError>;

    /// Forgets of some blobs, the oldest first and at most so many, that assets named them which were gone by `until`, and whose
    /// these were. Of how many.
    async fn forget_blobs(&self, until: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// What was, or may have been, sent to providers for a job, in order.
    async fn attempts(&self, job: JobId) -> Result<Vec<AttemptRow>, StoreError>;

    /// The user of that address, made (with the id given) if there is none; only then it is told of.
    async fn ensure_user(&self, user: User, entry: AuditEntry) -> Result<User, StoreError>;

    /// Keeps a new key, with its budgets. False: it is its owner who makes it, and they have made [`MOST_OWN_KEYS`].
    async fn create_key(&self, key: ApiKey, limits: Limits, entry: AuditEntry) -> Result<bool, StoreError>;

    /// Revokes a key, of one user or of anyone. False: there is none of that id, or it is another's.
    async fn revoke_key(&self, id: KeyId, of: Option<UserId>, entry: AuditEntry) -> Result<bool, StoreError>;

    /// The key of that hash, revoked or not, with its owner.
    async fn key(&self, hash: KeyHash) -> Result<Option<KeyHolder>, StoreError>;

    /// Whether there is a key at all, of whomever and good or not.
    async fn has_keys(&self) -> Result<bool, StoreError>;

    /// Keys of one user or of all, oldest first.
    async fn keys(&self, of: Option<UserId>) -> Result<Vec<KeyRow>, StoreError>;

    /// Audits the whole ledger in one snapshot.
    async fn audit(&self) -> Result<Audit, StoreError>;

    /// Whether it can be written now.
    async fn check(&self) -> Result<(), StoreError>;

    /// How often, since it was opened, it has refused to read or write because too much waited for it: [`StoreError::Busy`].
    fn refused_as_busy(&self) -> u64 {
        0
    }
}
