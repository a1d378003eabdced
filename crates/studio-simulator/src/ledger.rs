//! Nothing but money: random operations on the real commands of the store, one after another, as many as anyone likes. After
//! each of them all accounts together hold nothing, and what counts against its payer's budget is what a second bookkeeper,
//! who adds up costs and holds and knows nothing of accounts, has written down.

use crate::dice::Dice;
use crate::people::told;
use anyhow::{Result, bail, ensure};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use studio_core::{
    bill::{Basis, Bill},
    caller::{ApiKey, KeyHash, Scope, User},
    catalog::Modality,
    id::{AssetId, JobId, KeyId, LeaseToken, RequestId, UserId},
    job::{Actor, ContentHash, Durability, Event, Job, KeySource, NewJob, Output, Payer, Status},
    ledger::{Limits, Window},
    media::MediaType,
    money::Nanos,
    parameter::Parameters,
    people::Role,
    ports::{Admission, Admitted, Advance, Advanced, Claim, Store},
    price::{PriceList, Unit, Usage},
    request::{ImageRequest, Input},
    retry::{Failure, FailureKind},
    secret::Prompt,
    time::Timestamp,
};
use studio_store::SimulatedStore;

const BEGINNING: Timestamp = Timestamp::from_millis(1_796_000_000_000);
const PAYERS: u64 = 6;
/// After so many operations everything is audited.
const AUDIT_EVERY: u64 = 100_000;

/// What was done.
#[derive(Debug, Default)]
pub struct Done {
    /// Operations, those that were refused among them.
    pub operations: u64,
    /// How many changed something, by name.
    pub changed: BTreeMap<&'static str, u64>,
    /// Entries of the ledger at the end.
    pub entries: u64,
    /// Whole audits on the way, all clean.
    pub audits: u64,
}

/// Someone who pays, in the second bookkeeper's eyes.
#[derive(Debug, Default, Clone)]
struct Payers {
    committed: BTreeMap<(Payer, Window, Timestamp), i64>,
}

struct Run {
    store: SimulatedStore,
    dice: Dice,
    now: Timestamp,
    keys: Vec<(KeyId, UserId)>,
    /// Jobs that are not over.
    open: Vec<Job>,
    /// Some that are.
    over: Vec<Job>,
    books: Payers,
    limits: BTreeMap<Payer, Limits>,
    number: u64,
}

/// Does so many operations, from a seed.
pub async fn run(seed: u64, operations: u64) -> Result<Done> {
    let mut run = Run {
        store: SimulatedStore::new()?,
        dice: Dice::new(seed, 11),
        now: BEGINNING,
        keys: Vec::new(),
        open: Vec::new(),
        over: Vec::new(),
        books: Payers::default(),
        limits: BTreeMap::new(),
        number: 0,
    };
    run.settle_in().await?;
    let mut done = Done::default();
    while done.operations < operations {
        done.operations += 1;
        if let Some(name) = run.operation().await? {
            *done.changed.entry(name).or_default() += 1;
        }
        let sum = run.store.sum_of_accounts()?;
        ensure!(sum == 0, "after operation {}: all accounts together hold {sum}", done.operations);
        if done.operations % AUDIT_EVERY == 0 || done.operations == operations {
            let audit = run.store.audit().await?;
            ensure!(audit.sum == 0 && audit.violations.is_empty(), "after {}: {:?}", done.operations, audit.violations);
            run.compare_all().await?;
            (done.entries, done.audits) = (audit.entries, done.audits + 1);
        }
    }
    Ok(done)
}

impl Run {
    async fn settle_in(&mut self) -> Result<()> {
        for number in 0..PAYERS {
            let n = number as u8;
            // Two keys for each user.
            let user = UserId::new(BEGINNING, [n / 2; 10]);
            let email = format!("{}@example.org", n / 2);
            let user =
                self.store.ensure_user(User::new(user, email, Role::Admin, BEGINNING), told(BEGINNING)).await?.id;
            let id = KeyId::new(BEGINNING, [n; 10]);
            let key = ApiKey {
                id,
                user,
                name: format!("key {n}"),
                hash: KeyHash([n; 32]),
                last4: "last".into(),
                scopes: Scope::ALL.into(),
                limits: BTreeMap::new(),
                created_at: BEGINNING,
                expires_at: None,
                revoked_at: None,
            };
            self.store.create_key(key, Limits::new(), told(BEGINNING)).await?;
            self.keys.push((id, user));
        }
        Ok(())
    }

    fn id_bytes(&mut self) -> [u8; 10] {
        self.number += 1;
        let mut bytes = [0; 10];
        bytes[2..].copy_from_slice(&self.number.to_be_bytes());
        bytes
    }

    fn lease(&mut self) -> LeaseToken {
        let bytes = self.id_bytes();
        LeaseToken::new(self.now, bytes)
    }

    /// One of them; what it was called, if it changed something.
    async fn operation(&mut self) -> Result<Option<&'static str>> {
        // Now and then an hour, so that days and months pass.
        let step = if self.dice.per_mille(2) { 3_600_000 } else { self.dice.from_to(0, 50) };
        self.now = self.now.plus(Duration::from_millis(step));
        match self.dice.below(100) {
            0..=21 => self.admit().await,
            22..=43 => self.claim().await,
            44..=79 => self.advance().await,
            80..=96 => self.adjust().await,
            _ => self.set_budgets().await,
        }
    }

    async fn admit(&mut self) -> Result<Option<&'static str>> {
        let Some((key, owner)) = self.dice.one(&self.keys) else { return Ok(None) };
        let by_key = self.dice.per_mille(900);
        let own = self.dice.per_mille(100);
        let payer = match (own, by_key) {
            (true, _) => Payer::OwnKey(owner),
            (false, true) => Payer::Key(key),
            (false, false) => Payer::User(owner),
        };
        let hold = if self.dice.per_mille(100) { 0 } else { self.dice.from_to(1, 5_000_000_000) };
        let (bytes, request) = (self.id_bytes(), self.id_bytes());
        let list = PriceList {
            version: "l1".into(),
            from: "2026-01-01".into(),
            rates: [(Unit::Call, 1_000_000)].into(),
            by: Vec::new(),
        };
        let job = NewJob {
            id: JobId::new(self.now, bytes),
            owner,
            payer,
            request: RequestId::new(self.now, request),
            modality: Modality::Image,
            model: "m".into(),
            provider: if self.dice.per_mille(500) { "p" } else { "q" }.into(),
            upstream: "m".into(),
            input: Input::Image(ImageRequest::new(Prompt::new("x"), Parameters::new())),
            deadline: None,
            hold: Nanos::new(i64::try_from(hold)?),
            price_list: Some(list),
            warnings: Vec::new(),
            durability: Durability::Process,
            now: self.now,
        }
        .queued();
        let key_source = if own { KeySource::Own } else { KeySource::Studio };
        let job = Job { key_source, ..job };
        let fits = self.fits(&job);
        let (idempotency, assets, claim, per_owner, own_key) = Default::default();
        let (quota, entry) = (u64::MAX, None);
        let admission = Admission { job, idempotency, assets, claim, per_owner, own_key, entry, quota };
        let answer = self.store.admit(admission).await?;
        match answer {
            Admitted::Accepted(job) if fits => {
                self.count(&job, job.hold.get()).await?;
                self.open.push(job);
                Ok(Some("hold"))
            }
            Admitted::OverCap(_) if !fits => Ok(None),
            other => bail!("{other:?}, and by the second bookkeeper it fits: {fits}"),
        }
    }

    /// Whether a job fits into what the second bookkeeper says is left.
    fn fits(&self, job: &Job) -> bool {
        job.hold == Nanos::ZERO
            || matches!(job.payer, Payer::OwnKey(_))
            || [job.payer, Payer::User(job.owner)].iter().all(|payer| {
                self.limits.get(payer).into_iter().flatten().all(|(window, limit)| {
                    let place = (*payer, *window, window.start(job.created_at));
                    self.books.committed.get(&place).copied().unwrap_or(0).saturating_add(job.hold.get()) <= limit.get()
                })
            })
    }

    /// Counts what a job commits its payers to, and sees that the store does, too.
    async fn count(&mut self, job: &Job, amount: i64) -> Result<()> {
        let mut payers = std::collections::BTreeSet::from([job.payer, Payer::User(job.owner)]);
        if matches!(job.payer, Payer::OwnKey(_)) {
            // No money of the studio's.
            payers.clear();
        }
        for payer in &payers {
            for window in Window::ALL {
                *self.books.committed.entry((*payer, window, window.start(job.created_at))).or_default() += amount;
            }
        }
        for standing in self.store.standings(job.payer, job.owner, job.created_at).await? {
            let cap = standing.cap;
            let place = (cap.payer, cap.window, cap.window.start(job.created_at));
            let ours = self.books.committed.get(&place).copied().unwrap_or(0);
            ensure!(
                standing.committed.get() == ours,
                "{}: {} where {ours} is due",
                cap.payer,
                standing.committed.get()
            );
        }
        Ok(())
    }

    async fn claim(&mut self) -> Result<Option<&'static str>> {
        let provider = if self.dice.per_mille(500) { "p" } else { "q" };
        let leases = (0..self.dice.from_to(1, 3)).map(|_| self.lease()).collect();
        let claimed =
            self.store.claim(Claim { provider: provider.into(), leases, per_owner: None, now: self.now }).await?;
        for job in &claimed {
            if let Some(known) = self.open.iter_mut().find(|known| known.id == job.id) {
                known.clone_from(job);
            }
        }
        Ok((!claimed.is_empty()).then_some("claim"))
    }

    /// Moves a job that is not over, or tries to: most of it fits, some of it is refused.
    async fn advance(&mut self) -> Result<Option<&'static str>> {
        if self.open.is_empty() {
            return Ok(None);
        }
        let place = usize::try_from(self.dice.below(self.open.len() as u64))?;
        let Some(job) = self.open.get(place).cloned() else { return Ok(None) };
        let holder = Actor::Holder(job.lease.unwrap_or_else(|| self.lease()));
        let most = u64::try_from(job.hold.get())? + 10;
        let charge = self.dice.below(most + most / 10);
        let bill = Bill {
            amount: Nanos::new(i64::try_from(charge)?),
            basis: Some(Basis::Counted),
            measured: Some(Usage::of(Unit::Call, charge)),
            ..Bill::default()
        };
        let failure = |kind| Failure::new(kind, "so it is");
        let wanted = self.dice.below(9);
        let (actor, event) = match wanted {
            0 => (Actor::Person, Event::CancelRequested),
            1 if job.status == Status::Unknown => {
                let charge = bill.amount;
                (Actor::Person, Event::Resolved { charge, note: "looked up".into() })
            }
            2 => (
                holder,
                Event::AttemptFailed { failure: failure(FailureKind::Lost), harmless: false, bill, retry_at: self.now },
            ),
            3 => {
                let bill = Bill { absorbed: bill.amount, ..Bill::nothing() };
                let failure = failure(FailureKind::BadOutput);
                (holder, Event::AttemptFailed { failure, harmless: false, bill, retry_at: self.now })
            }
            4 => {
                let (failure, bill) = (failure(FailureKind::WorkerDied), Bill::nothing());
                (holder, Event::AttemptFailed { failure, harmless: true, bill, retry_at: self.now })
            }
            5 => (holder, Event::CanceledAtProvider { bill }),
            _ if job.status == Status::Collecting => {
                let output = Output {
                    asset: AssetId::new(self.now, self.id_bytes()),
                    hash: ContentHash([7; 32]),
                    media_type: MediaType::Png,
                    bytes: 1,
                    seed: None,
                };
                (holder, Event::Completed { outputs: vec![output], finish: None, bill })
            }
            _ => (holder, Event::OutputsReady),
        };
        let advance = Advance {
            job: job.id,
            actor,
            event,
            said: None,
            entry: None,
            durability: Durability::Process,
            now: self.now,
        };
        // Every tenth is said twice, as whoever has not heard the answer does.
        let again = self.dice.per_mille(100).then(|| advance.clone());
        let moved = self.store.advance(advance).await?;
        if let Some(again) = again {
            self.store.advance(again).await?;
        }
        let Advanced::Moved { .. } = moved else { return Ok(None) };
        let Some(after) = self.store.job_for_work(job.id).await? else { bail!("job {} is gone", job.id) };
        if !after.status.is_terminal() {
            self.open[place] = after;
            return Ok(Some("move"));
        }
        self.open.swap_remove(place);
        let cost = after.cost.unwrap_or_default().get();
        self.count(&after, cost - after.hold.get()).await?;
        let name = if cost == 0 {
            "void"
        } else if cost > after.hold.get() {
            "post and overage"
        } else {
            "post"
        };
        // A few thousand are enough to be adjusted.
        if self.over.len() < 5000 {
            self.over.push(after);
        } else {
            let place = usize::try_from(self.dice.below(self.over.len() as u64))?;
            self.over[place] = after;
        }
        Ok(Some(name))
    }

    async fn adjust(&mut self) -> Result<Option<&'static str>> {
        if self.over.is_empty() {
            return Ok(None);
        }
        let place = usize::try_from(self.dice.below(self.over.len() as u64))?;
        let before = self.over[place].clone();
        let amount = |dice: &mut Dice| i64::try_from(dice.below(6_000_000_000)).unwrap_or(0);
        let cost = amount(&mut self.dice);
        let absorbed = if self.dice.per_mille(500) { 0 } else { amount(&mut self.dice) - cost };
        let event = Event::Adjusted { cost: Nanos::new(cost), absorbed: Nanos::new(absorbed), note: "a bill".into() };
        let (actor, durability) = (Actor::Person, Durability::Process);
        let advance = Advance { job: before.id, actor, event, said: None, entry: None, durability, now: self.now };
        let Advanced::Moved { job, .. } = self.store.advance(advance.clone()).await? else { return Ok(None) };
        if self.dice.per_mille(100) {
            self.store.advance(advance).await?;
        }
        self.count(&job, cost - before.cost.unwrap_or_default().get()).await?;
        self.over[place] = job;
        Ok(Some("adjustment"))
    }

    async fn set_budgets(&mut self) -> Result<Option<&'static str>> {
        let Some((key, user)) = self.dice.one(&self.keys) else { return Ok(None) };
        let payer = if self.dice.per_mille(600) { Payer::Key(key) } else { Payer::User(user) };
        let mut limits = Limits::new();
        for (window, most) in Window::ALL.into_iter().zip([40, 400, 200_000]) {
            if self.dice.per_mille(400) {
                let limit = self.dice.below(most * 1_000_000_000);
                limits.insert(window, Nanos::new(i64::try_from(limit)?));
            }
        }
        ensure!(self.store.set_budgets(payer, limits.clone(), told(self.now)).await?, "{payer} is gone");
        self.limits.insert(payer, limits);
        Ok(Some("budget"))
    }

    /// What counts, for everyone, in the windows of now.
    async fn compare_all(&self) -> Result<()> {
        for row in self.store.budgets(None, self.now).await? {
            for (window, _, committed) in row.windows {
                let place = (row.payer, window, window.start(self.now));
                let ours = self.books.committed.get(&place).copied().unwrap_or(0);
                ensure!(committed.get() == ours, "{}: {} where {ours} is due", row.payer, committed.get());
            }
        }
        Ok(())
    }
}

/// Runs it and says what was done, and how long it took.
pub fn report(seed: u64, operations: u64) -> Result<serde_json::Value> {
    let begun = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let done = runtime.block_on(run(seed, operations))?;
    let seconds = begun.elapsed().as_secs_f64();
    Ok(serde_json::json!({
        "operations": done.operations, "changed": done.changed, "entries": done.entries, "audits": done.audits,
        "sum": "0", "violations": 0, "seconds": (seconds * 10.0).round() / 10.0,
    }))
}
