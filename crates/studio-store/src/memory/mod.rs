//! The store in memory: the oracle by which the durable ones are judged, and a store for tests.
//!
//! Plain maps under one lock, each verb from top to bottom in one function, decisions by the same functions of the core.
//! Nothing is clever here: where it and another store differ, the other one is suspect first.

mod books;
mod library;
mod people;
mod retention;
mod turns;
mod vault;

use async_trait::async_trait;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};
use studio_core::{
    caller::{ApiKey, KeyHash, KeyHolder, User},
    id::{AssetId, JobId, KeyId, UserId},
    idempotency::{Fingerprint, IdempotencyRecord},
    job::{Actor, ContentHash, Effect, Event, Job, KeySource, Moved, Payer, Status, step},
    ledger::{Audit, Entry, Limits, Standing, Window, entries_of, exceeded, hold},
    library::Share,
    money::Nanos,
    people::{AuditEntry, same_address},
    ports::{
        Admission, Admitted, Advance, Advanced, Asset, AttemptRow, BudgetRow, Checkpoint, Checkpointed, Claim,
        EntryFilter, EntryRow, Forget, Forgotten, JobFilter, KeyRow, MOST_OWN_KEYS, OWN_KEYS_WINDOW, PART_BYTES, Part,
        Period, Said, Store, StoreError, UsageReport, Waiting,
    },
    retry::is_due,
    time::Timestamp,
    words::Log,
};

/// Remembers in memory, until it is dropped.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    users: BTreeMap<UserId, User>,
    people: people::Papers,
    keys: BTreeMap<KeyId, ApiKey>,
    jobs: BTreeMap<JobId, Job>,
    idempotency: BTreeMap<(UserId, &'static str, String), (Fingerprint, JobId)>,
    entries: Vec<Entry>,
    balances: BTreeMap<String, Nanos>,
    budgets: BTreeMap<Payer, Limits>,
    commitments: BTreeMap<(Payer, Window, Timestamp), Nanos>,
    dead: BTreeSet<JobId>,
    assets: BTreeMap<AssetId, Asset>,
    /// What uploads were called by their senders, and what was sent.
    sent: BTreeMap<(UserId, String), (ContentHash, AssetId)>,
    shares: BTreeMap<String, Share>,
    words: BTreeMap<(JobId, u32), Vec<Said>>,
    turns: BTreeMap<String, UserId>,
    attempts: BTreeMap<JobId, Vec<AttemptRow>>,
    forgotten_blobs: BTreeMap<ContentHash, ForgottenBlob>,
    sealed: vault::Sealeds,
}

/// What is left of an asset that is gone.
#[derive(Debug, Clone, Copy)]
struct ForgottenBlob {
    at: Timestamp,
    /// Who brought it.
    owner: Option<UserId>,
    bytes: u64,
}

impl MemoryStore {
    /// A store that remembers nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a durable store's constraints would say.
fn refused(what: &str) -> StoreError {
    StoreError::Unavailable(what.into())
}

impl State {
    fn replay(&self, record: &IdempotencyRecord) -> Option<Admitted> {
        let known = (record.user, record.route, record.key.as_str().to_owned());
        let (fingerprint, job) = self.idempotency.get(&known)?;
        if *fingerprint == record.fingerprint {
            self.jobs.get(job).cloned().map(Admitted::Replayed)
        } else {
            Some(Admitted::KeyReused)
        }
    }

    fn admit(&mut self, admission: Admission) -> Result<Admitted, StoreError> {
        let Admission { mut job, idempotency, assets, claim, per_owner, own_key, entry, quota } = admission;
        match idempotency.as_ref().and_then(|record| self.replay(record)) {
            Some(Admitted::Replayed(stored)) if stored.id == job.id => return Ok(Admitted::Accepted(stored)),
            Some(known) => return Ok(known),
            None => {}
        }
        if let Some(stored) = self.jobs.get(&job.id) {
            return Ok(Admitted::Accepted(stored.clone()));
        }
        if own_key.as_ref().is_some_and(|sealed| self.sealed.is_retired(sealed.key())) {
            return Ok(Admitted::SealRetired);
        }
        if let Some(gone) = self.missing(&job, &assets) {
            return Ok(Admitted::InputGone(gone));
        }
        let (stored, comes) =
            (self.stored(job.owner, job.created_at), assets.iter().map(|asset| asset.bytes).sum::<u64>());
        if !assets.is_empty() && comes > stored.room(quota) {
            return Ok(Admitted::OverQuota(stored));
        }
        let standings = self.standings(job.payer, job.owner, job.created_at);
        if !standings.is_empty() && job.price_list.is_none() {
            return Ok(Admitted::Unpriced);
        }
        if let Some(over) = exceeded(&standings, job.hold) {
            return Ok(Admitted::OverCap(over));
        }
        if !self.users.contains_key(&job.owner) {
            return Err(refused("a job without an owner"));
        }
        if assets.iter().any(|asset| !self.users.contains_key(&asset.owner)) {
            return Err(refused("an asset without an owner"));
        }
        self.refuse_known(assets.iter().map(|asset| asset.id))?;
        let now = job.created_at;
        self.record(hold(&job, now));
        let nobody_waits = self.queue(&job.provider).all(|waiting| !is_due(waiting.run_at, now));
        if let Some(lease) = claim
            && job.run_at <= now
            && nobody_waits
            && !self.may_not_have_more(&job.provider, job.owner, per_owner)
            && let Ok(moved) = step(&job, Actor::Studio, Event::Claimed(lease), now)
        {
            job = moved.job;
            self.begin_attempt(&job, now);
        }
        if let Some(entry) = entry {
            self.people.note(entry);
        }
        if let Some(record) = idempotency {
            let known = (record.user, record.route, record.key.as_str().to_owned());
            self.idempotency.insert(known, (record.fingerprint, job.id));
        }
        for asset in assets {
            self.assets.insert(asset.id, Asset { job: Some(job.id), ..asset });
        }
        if let Some(sealed) = own_key {
            self.sealed.jobs.insert(job.id, sealed);
        }
        if let Some(again) = job.retry_of {
            self.dead.remove(&again);
        }
        self.jobs.insert(job.id, job.clone());
        Ok(Admitted::Accepted(job))
    }

    /// Refuses assets whose name is taken, or that share one.
    fn refuse_known(&self, assets: impl Iterator<Item = AssetId>) -> Result<(), StoreError> {
        let mut names = BTreeSet::new();
        for name in assets {
            if !names.insert(name) || self.assets.contains_key(&name) {
                return Err(refused("two assets of one name"));
            }
        }
        Ok(())
    }

    /// Adds to what a job said what begins where it ends; the same again is there already.
    fn append(&mut self, job: JobId, said: &Said) -> Checkpointed {
        if said.bytes() == 0 {
            return Checkpointed::Kept;
        }
        let kept = self.words.entry((job, said.epoch)).or_default();
        let end = kept.last().map_or(0, |last| last.offset + last.bytes());
        if said.offset == end {
            kept.push(said.clone());
        }
        if kept.contains(said) { Checkpointed::Kept } else { Checkpointed::Gap }
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Checkpointed {
        match self.jobs.get(&checkpoint.job) {
            Some(job) if !job.status.is_terminal() && job.lease == Some(checkpoint.lease) => {
                self.append(checkpoint.job, &checkpoint.said)
            }
            _ => Checkpointed::Stale,
        }
    }

    fn advance(&mut self, advance: Advance) -> Result<Advanced, StoreError> {
        let Some(job) = self.jobs.get(&advance.job) else { return Ok(Advanced::Absent) };
        let before = job.clone();
        let epoch = before.epoch;
        let Moved { job, effects } = match step(&before, advance.actor, advance.event.clone(), advance.now) {
            Ok(moved) => moved,
            Err(reason) => return Ok(Advanced::Refused { job: before, reason }),
        };
        if let Event::Completed { outputs, .. } = &advance.event {
            self.refuse_known(outputs.iter().map(|output| output.asset))?;
        }
        if let Some(said) = advance.said.filter(|said| said.bytes() > 0)
            && (said.epoch != epoch || self.append(job.id, &said) != Checkpointed::Kept)
        {
            return Err(refused("what a job said does not follow what is kept of it"));
        }
        if let Event::Completed { outputs, .. } = &advance.event {
            for output in outputs {
                self.assets.insert(output.asset, Asset::of_output(&job, output, advance.now));
            }
        }
        self.follow_attempt(&job, &advance.event, advance.now);
        for entry in entries_of(&before, &job, &effects, &advance.event, advance.now) {
            self.record(entry);
        }
        if effects.contains(&Effect::Settle) && job.is_dead_letter() {
            self.dead.insert(job.id);
        }
        if job.status.is_terminal() && job.key_source == KeySource::Request {
            self.sealed.jobs.remove(&job.id);
        }
        if let Some(entry) = advance.entry {
            self.people.note(entry);
        }
        self.jobs.insert(job.id, job.clone());
        Ok(Advanced::Moved { job, effects })
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn admit(&self, admission: Admission) -> Result<Admitted, StoreError> {
        self.state().admit(admission)
    }

    async fn replay(&self, record: &IdempotencyRecord) -> Result<Option<Admitted>, StoreError> {
        Ok(self.state().replay(record))
    }

    async fn advance(&self, advance: Advance) -> Result<Advanced, StoreError> {
        self.state().advance(advance)
    }

    async fn checkpoint(&self, checkpoint: Checkpoint) -> Result<Checkpointed, StoreError> {
        Ok(self.state().checkpoint(&checkpoint))
    }

    async fn said(&self, job: JobId, epoch: u32) -> Result<Log, StoreError> {
        let state = self.state();
        let kept = state.words.get(&(job, epoch));
        Ok(kept.into_iter().flatten().flat_map(|said| said.segments.clone()).collect())
    }

    async fn said_after(&self, job: JobId, epoch: u32, offset: u64) -> Result<Part, StoreError> {
        let log = self.said(job, epoch).await?;
        let begins = log.beginning(offset);
        Ok(Part { begins, segments: log.part(begins, PART_BYTES), end: log.end() })
    }

    async fn harden(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Job>, StoreError> {
        Ok(self.state().claim(&claim))
    }

    async fn job(&self, owner: UserId, id: JobId) -> Result<Option<Job>, StoreError> {
        let mine = |job: &&Job| job.owner == owner && job.forgotten_at.is_none();
        Ok(self.state().jobs.get(&id).filter(mine).cloned())
    }

    async fn job_for_work(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        Ok(self.state().jobs.get(&id).cloned())
    }

    async fn jobs(&self, owner: UserId, filter: JobFilter) -> Result<Vec<Job>, StoreError> {
        let JobFilter { status, modality, before, limit } = filter;
        let state = self.state();
        let wanted = state.jobs.values().rev().filter(|job| {
            job.owner == owner
                && job.forgotten_at.is_none()
                && before.is_none_or(|before| job.id < before)
                && status.is_none_or(|status| job.status == status)
                && modality.is_none_or(|modality| job.modality == modality)
        });
        Ok(wanted.take(usize::try_from(limit).unwrap_or(usize::MAX)).cloned().collect())
    }

    async fn queue_position(&self, id: JobId) -> Result<Option<u64>, StoreError> {
        Ok(self.state().queue_position(id))
    }

    async fn unfinished(&self) -> Result<Vec<Job>, StoreError> {
        let state = self.state();
        let unfinished = state.jobs.values().filter(|job| job.status != Status::Queued && !job.status.is_terminal());
        Ok(unfinished.cloned().collect())
    }

    async fn overdue(&self, now: Timestamp) -> Result<Vec<JobId>, StoreError> {
        let state = self.state();
        let untold = state.jobs.values().filter(|job| !job.status.is_terminal() && job.deadline_passed_at.is_none());
        let mut overdue: Vec<_> = untold
            .filter_map(|job| job.deadline.map(|deadline| (deadline, job.id)))
            .filter(|(deadline, _)| *deadline <= now)
            .collect();
        overdue.sort();
        Ok(overdue.into_iter().map(|(_, id)| id).collect())
    }

    async fn next_run_at(&self, provider: &str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.state().queue(provider).map(|job| job.run_at).min())
    }

    async fn waiting(&self) -> Result<Vec<Waiting>, StoreError> {
        Ok(self.state().waiting())
    }

    async fn standings(&self, payer: Payer, owner: UserId, at: Timestamp) -> Result<Vec<Standing>, StoreError> {
        Ok(self.state().standings(payer, owner, at))
    }

    async fn set_budgets(&self, payer: Payer, limits: Limits, entry: AuditEntry) -> Result<bool, StoreError> {
        let mut state = self.state();
        let found = state.set_budgets(payer, limits);
        if found {
            state.people.note(entry);
        }
        Ok(found)
    }

    async fn budgets(&self, user: Option<UserId>, at: Timestamp) -> Result<Vec<BudgetRow>, StoreError> {
        let state = self.state();
        let mut rows = Vec::new();
        for owner in state.users.values().filter(|owner| user.is_none_or(|user| owner.id == user)) {
            rows.push(state.budget_row(Payer::User(owner.id), owner, None, at));
            for key in state.keys.values().filter(|key| key.user == owner.id && key.revoked_at.is_none()) {
                rows.push(state.budget_row(Payer::Key(key.id), owner, Some(key.name.clone()), at));
            }
        }
        Ok(rows)
    }

    async fn usage(&self, owner: UserId, period: Period) -> Result<UsageReport, StoreError> {
        Ok(self.state().usage(owner, period))
    }

    async fn entries(&self, filter: EntryFilter) -> Result<Vec<EntryRow>, StoreError> {
        Ok(self.state().entries(&filter))
    }

    async fn dead_letters(&self, before: Option<JobId>, limit: u32) -> Result<Vec<Job>, StoreError> {
        let state = self.state();
        let dead = state.dead.iter().rev().filter(|id| before.is_none_or(|before| **id < before));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(dead.take(limit).filter_map(|id| state.jobs.get(id).cloned()).collect())
    }

    async fn forget(&self, forget: Forget) -> Result<Forgotten, StoreError> {
        Ok(self.state().forget(forget))
    }

    async fn unnamed(&self, hashes: Vec<ContentHash>, since: Timestamp) -> Result<Vec<ContentHash>, StoreError> {
        Ok(self.state().unnamed(hashes, since))
    }

    async fn forget_blobs(&self, until: Timestamp, limit: u32) -> Result<u64, StoreError> {
        Ok(self.state().forget_blobs(until, limit))
    }

    async fn attempts(&self, job: JobId) -> Result<Vec<AttemptRow>, StoreError> {
        Ok(self.state().attempts.get(&job).cloned().unwrap_or_default())
    }

    async fn ensure_user(&self, user: User, entry: AuditEntry) -> Result<User, StoreError> {
        let mut state = self.state();
        if let Some(known) = state.users.values().find(|known| same_address(&known.email, &user.email)) {
            return Ok(known.clone());
        }
        if state.users.contains_key(&user.id) {
            return Err(refused("two users of one id"));
        }
        state.users.insert(user.id, user.clone());
        state.people.note(entry);
        Ok(user)
    }

    async fn create_key(&self, key: ApiKey, limits: Limits, entry: AuditEntry) -> Result<bool, StoreError> {
        let mut state = self.state();
        if state.keys.values().any(|known| known.hash == key.hash && known.id == key.id) {
            return Ok(true);
        }
        let (now, since) = (key.created_at, key.created_at.minus(OWN_KEYS_WINDOW));
        let counts = |known: &&ApiKey| known.user == key.user && (known.is_good(now) || known.created_at > since);
        if entry.actor.user == Some(key.user) && state.keys.values().filter(counts).count() >= MOST_OWN_KEYS {
            return Ok(false);
        }
        if state.keys.values().any(|known| known.hash == key.hash || known.id == key.id) {
            return Err(refused("two keys of one hash or id"));
        }
        if !state.users.contains_key(&key.user) {
            return Err(refused("a key without an owner"));
        }
        let payer = Payer::Key(key.id);
        state.keys.insert(key.id, key);
        state.set_budgets(payer, limits);
        state.people.note(entry);
        Ok(true)
    }

    async fn revoke_key(&self, id: KeyId, of: Option<UserId>, entry: AuditEntry) -> Result<bool, StoreError> {
        let mut state = self.state();
        let theirs = |key: &&mut ApiKey| of.is_none_or(|of| key.user == of);
        let Some(key) = state.keys.get_mut(&id).filter(theirs) else { return Ok(false) };
        if key.revoked_at.is_none() {
            key.revoked_at = Some(entry.at);
            state.people.note(entry);
        }
        Ok(true)
    }

    async fn key(&self, hash: KeyHash) -> Result<Option<KeyHolder>, StoreError> {
        let state = self.state();
        let key = state.keys.values().find(|key| key.hash == hash);
        Ok(key.and_then(|key| Some(KeyHolder { key: key.clone(), user: state.users.get(&key.user)?.clone() })))
    }

    async fn has_keys(&self) -> Result<bool, StoreError> {
        Ok(!self.state().keys.is_empty())
    }

    async fn keys(&self, of: Option<UserId>) -> Result<Vec<KeyRow>, StoreError> {
        let state = self.state();
        let rows = state.keys.values().filter(|key| of.is_none_or(|of| key.user == of)).filter_map(|key| {
            let user = state.users.get(&key.user)?.clone();
            let payer = Payer::Key(key.id);
            let committed = state.committed(payer, Window::Lifetime, key.created_at);
            let limits = state.budgets.get(&payer).cloned().unwrap_or_default();
            let last_used_at = state.people.used(key.id);
            Some(KeyRow { key: key.clone(), user, limits, committed, last_used_at })
        });
        Ok(rows.collect())
    }

    async fn audit(&self) -> Result<Audit, StoreError> {
        Ok(self.state().audit())
    }

    async fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
