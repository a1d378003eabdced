//! The store of a world: the real SQLite commands on a connection in memory, beside the store in plain maps that is their
//! oracle. Every command goes to both, and what both answer must be the same. Around them: crashes, disks that are full, and
//! the rules that hold after every commit.

use crate::{
    faults::Fault,
    planted::{self, Plant},
    record::Record,
    world::{Doom, World},
};
use async_trait::async_trait;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use studio_core::{
    caller::{ApiKey, KeyHash, KeyHolder, User},
    id::{JobId, KeyId, UserId},
    idempotency::IdempotencyRecord,
    job::{ContentHash, Job, Payer},
    ledger::{Audit, Limits, Standing},
    money::Nanos,
    people::AuditEntry,
    ports::{
        Admission, Admitted, Advance, Advanced, AttemptRow, BudgetRow, Checkpoint, Checkpointed, Claim, EntryFilter,
        EntryRow, Forget, Forgotten, JobFilter, KeyRow, Part, Period, Store, StoreError, UsageReport, Waiting,
    },
    time::Timestamp,
    words::Log,
};
use studio_store::{MemoryStore, SimulatedStore};
use tokio::time::sleep;

/// Both stores.
pub struct TwinStore {
    /// The one that is judged.
    pub sqlite: SimulatedStore,
    /// The one that judges.
    pub twin: MemoryStore,
    /// What was committed.
    pub record: Record,
    world: Arc<World>,
    /// Until when it can't be reached, and why.
    away: Mutex<Option<(Duration, StoreError)>>,
    /// One writer: commands are done in the order in which they were given.
    turn: tokio::sync::Mutex<()>,
    /// The budgets that were set last.
    budgets: Mutex<BTreeMap<Payer, Limits>>,
}

/// A command, as both stores take it.
#[derive(Debug, Clone)]
pub enum Command {
    /// Accept a job.
    Admit(Box<Admission>),
    /// Move a job.
    Advance(Box<Advance>),
    /// Keep words.
    Checkpoint(Checkpoint),
    /// Take from a queue.
    Claim(Claim),
    /// Make a user.
    EnsureUser(User, AuditEntry),
    /// Make a key.
    CreateKey(Box<ApiKey>, Limits, AuditEntry),
    /// Set budgets.
    SetBudgets(Payer, Limits, AuditEntry),
    /// Sync.
    Harden,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Of an admission.
    Admitted(Admitted),
    /// Of a move.
    Advanced(Advanced),
    /// Of a checkpoint.
    Checkpointed(Checkpointed),
    /// Of a claim.
    Claimed(Vec<Job>),
    /// Of a user.
    User(User),
    /// Whether there was such a payer.
    Found(bool),
    /// Done.
    Done,
}

async fn run(store: &dyn Store, command: Command) -> Result<Answer, StoreError> {
    Ok(match command {
        Command::Admit(admission) => Answer::Admitted(store.admit(*admission).await?),
        Command::Advance(advance) => Answer::Advanced(store.advance(*advance).await?),
        Command::Checkpoint(checkpoint) => Answer::Checkpointed(store.checkpoint(checkpoint).await?),
        Command::Claim(claim) => Answer::Claimed(store.claim(claim).await?),
        Command::EnsureUser(user, entry) => Answer::User(store.ensure_user(user, entry).await?),
        Command::CreateKey(key, limits, entry) => Answer::Found(store.create_key(*key, limits, entry).await?),
        Command::SetBudgets(payer, limits, entry) => Answer::Found(store.set_budgets(payer, limits, entry).await?),
        Command::Harden => {
            store.harden().await?;
            Answer::Done
        }
    })
}

/// Errors are the same when they are of one kind: their words may differ.
fn same<T: PartialEq>(a: &Result<T, StoreError>, b: &Result<T, StoreError>) -> bool {
    match (a, b) {
        (Ok(a), Ok(b)) => a == b,
        (Err(a), Err(b)) => std::mem::discriminant(a) == std::mem::discriminant(b),
        _ => false,
    }
}

pub(crate) fn misplaced() -> StoreError {
    StoreError::Unavailable("another command was answered".into())
}

impl TwinStore {
    /// Both, empty.
    pub fn new(world: &Arc<World>, record: Record) -> Result<Self, StoreError> {
        Ok(Self {
            sqlite: SimulatedStore::new()?,
            twin: MemoryStore::new(),
            record,
            world: world.clone(),
            away: Mutex::new(None),
            turn: tokio::sync::Mutex::new(()),
            budgets: Mutex::default(),
        })
    }

    /// Whether the store can't be reached now.
    fn trouble(&self, writes: bool) -> Option<StoreError> {
        let now = self.world.elapsed();
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((until, error)) = &*away {
            // A full disk can still be read.
            let concerns = writes || *error != StoreError::NoSpace;
            if self.world.calm_since().is_none() && now < *until {
                return Some(error.clone()).filter(|_| concerns);
            }
            *away = None;
        }
        let error = if writes && self.world.strikes(Fault::DiskFull) {
            StoreError::NoSpace
        } else if writes && self.world.strikes(Fault::StoreAway) {
            StoreError::Unavailable("not now".into())
        } else {
            return None;
        };
        let long = self.world.draw(|dice| if dice.per_mille(700) { dice.millis(0, 800) } else { dice.millis(0, 6000) });
        *away = Some((now + long, error.clone()));
        Some(error)
    }

    /// Does a command on both stores: all of it before anyone else's, and whether or not anyone waits for the answer.
    async fn commit(&self, mut command: Command) -> Result<Answer, StoreError> {
        let looked_well = planted::look(self, self.world.plant, &command).await;
        let turn = self.turn.lock().await;
        let (before, after) = self.world.draw(|dice| (dice.millis(0, 2), dice.millis(0, 2)));
        sleep(before).await;
        self.world.lives().await;
        let doom = self.world.write();
        let trouble = self.trouble(true);
        if let Some(error) = &trouble {
            self.sqlite.refuse_next_commit(error.clone());
        } else if matches!(doom, Some(Doom::Before(_))) {
            self.sqlite.refuse_next_commit(misplaced());
        }
        let told = command.clone();
        planted::twist(&self.world, self, looked_well, &mut command).await;
        let mut answer = run(&self.sqlite, command.clone()).await;
        if let Some(error) = trouble {
            self.world.note(|| format!("{}: {error}", planted::name(&told)));
            return planted::answered_anyway(self.world.plant, &told).ok_or(error);
        }
        if doom.is_some() {
            self.world.count(if matches!(doom, Some(Doom::Before(_))) {
                Fault::CrashBeforeCommit
            } else {
                Fault::CrashAfterCommit
            });
        }
        if matches!(doom, Some(Doom::Before(_))) {
            self.world.note(|| format!("{}: the process ends before the commit", planted::name(&told)));
            self.world.die();
            self.world.lives().await;
        }
        let twin = run(&self.twin, command).await;
        if !same(&answer, &twin) && self.compares() {
            self.world.wrong("both stores say the same", format!("{answer:?} and {twin:?}"));
        }
        self.world.note(|| format!("{} -> {}", planted::name(&told), brief(&answer)));
        planted::after(&self.world, self, looked_well, &told, &mut answer).await;
        if let (Command::SetBudgets(payer, limits, _), Ok(Answer::Found(true))) = (&told, &answer) {
            self.budgets_set().insert(*payer, limits.clone());
        }
        if let Ok(answer) = &answer {
            self.record.committed(&self.world, &told, answer);
            self.check_caps(answer);
        }
        if doom.is_some() {
            self.world.note(|| "the process ends after the commit, before the answer".to_owned());
            self.world.die();
        }
        self.world.lives().await;
        drop(turn);
        let moves = !matches!(told, Command::EnsureUser(..) | Command::CreateKey(..) | Command::Harden);
        if moves && self.world.strikes(Fault::CommitUnknown) {
            return Err(StoreError::Unavailable("nobody knows".into()));
        }
        sleep(after).await;
        self.world.lives().await;
        answer
    }

    fn compares(&self) -> bool {
        !self.world.plant.is_some_and(Plant::is_in_one_store)
    }

    /// The budgets that were set last.
    pub fn budgets_set(&self) -> MutexGuard<'_, BTreeMap<Payer, Limits>> {
        self.budgets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was just accepted is within every budget of who pays for it, and of its owner, whatever came at once.
    fn check_caps(&self, answer: &Answer) {
        let Answer::Admitted(Admitted::Accepted(job)) = answer else { return };
        if job.hold == Nanos::ZERO || matches!(job.payer, Payer::OwnKey(_)) {
            return;
        }
        for payer in BTreeSet::from([job.payer, Payer::User(job.owner)]) {
            let limits = self.budgets_set().get(&payer).cloned().unwrap_or_default();
            for (window, limit) in limits {
                let committed = self.record.committed_in(payer, window, job.created_at);
                if committed > limit {
                    let detail = format!("{payer} in the {}: {committed} of {limit}", window.as_str());
                    self.world.wrong("a payer never exceeds its cap", detail);
                }
            }
        }
    }

    /// Asks both stores.
    async fn ask<T: PartialEq + Debug>(
        &self,
        what: &str,
        sqlite: impl Future<Output = Result<T, StoreError>>,
        twin: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.world.lives().await;
        if let Some(error) = self.trouble(false) {
            return Err(error);
        }
        let (answer, twin) = (sqlite.await, twin.await);
        if !same(&answer, &twin) && self.compares() {
            self.world.wrong("both stores say the same", format!("{what}: {answer:?} and {twin:?}"));
        }
        answer
    }
}

/// An answer in a few words.
fn brief(answer: &Result<Answer, StoreError>) -> String {
    let job = |job: &Job| {
        let cost = job.cost.map(|cost| format!(" for {cost}")).unwrap_or_default();
        format!("{} {} v{} attempt {}{cost}", job.id, job.status.as_str(), job.version, job.attempt)
    };
    match answer {
        Ok(Answer::Admitted(Admitted::Accepted(accepted))) => {
            format!("accepted {}, hold {}", job(accepted), accepted.hold)
        }
        Ok(Answer::Admitted(Admitted::Replayed(known))) => format!("replayed {}", job(known)),
        Ok(Answer::Admitted(Admitted::KeyReused)) => "key reused".into(),
        Ok(Answer::Admitted(Admitted::OverCap(over))) => format!("over cap, committed {}", over.committed),
        Ok(Answer::Advanced(Advanced::Moved { job: moved, .. })) => format!("moved {}", job(moved)),
        Ok(Answer::Advanced(Advanced::Refused { job: stands, reason })) => {
            format!("refused, {reason}: {}", job(stands))
        }
        Ok(Answer::Claimed(jobs)) => format!("claimed {}", jobs.iter().map(job).collect::<Vec<_>>().join(", ")),
        Ok(other) => format!("{other:?}"),
        Err(error) => format!("{error}"),
    }
}

/// The store as the server sees it. A command is carried out even if its caller goes away, as the writer's thread would.
#[derive(Clone)]
pub struct StorePort(pub Arc<TwinStore>);

impl StorePort {
    async fn command(&self, command: Command) -> Result<Answer, StoreError> {
        let store = self.0.clone();
        store.world.lives().await;
        let task = store.world.clone().tasks.spawn(async move { store.commit(command).await });
        task.await.unwrap_or_else(|_| Err(misplaced()))
    }
}

macro_rules! ask {
    ($self:ident, $method:ident($($argument:expr),*)) => {{
        let store = &$self.0;
        store.ask(stringify!($method), store.sqlite.$method($($argument),*), store.twin.$method($($argument),*)).await
    }};
}

// Behind the macro that it uses.
mod library;
mod vault;

#[async_trait]
impl Store for StorePort {
    async fn admit(&self, admission: Admission) -> Result<Admitted, StoreError> {
        match self.command(Command::Admit(Box::new(admission))).await? {
            Answer::Admitted(admitted) => Ok(admitted),
            _ => Err(misplaced()),
        }
    }

    async fn replay(&self, record: &IdempotencyRecord) -> Result<Option<Admitted>, StoreError> {
        ask!(self, replay(record))
    }

    async fn advance(&self, advance: Advance) -> Result<Advanced, StoreError> {
        match self.command(Command::Advance(Box::new(advance))).await? {
            Answer::Advanced(advanced) => Ok(advanced),
            _ => Err(misplaced()),
        }
    }

    async fn checkpoint(&self, checkpoint: Checkpoint) -> Result<Checkpointed, StoreError> {
        match self.command(Command::Checkpoint(checkpoint)).await? {
            Answer::Checkpointed(checkpointed) => Ok(checkpointed),
            _ => Err(misplaced()),
        }
    }

    async fn said(&self, job: JobId, epoch: u32) -> Result<Log, StoreError> {
        ask!(self, said(job, epoch))
    }

    async fn said_after(&self, job: JobId, epoch: u32, offset: u64) -> Result<Part, StoreError> {
        ask!(self, said_after(job, epoch, offset))
    }

    async fn harden(&self) -> Result<(), StoreError> {
        self.command(Command::Harden).await.map(drop)
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Job>, StoreError> {
        match self.command(Command::Claim(claim)).await? {
            Answer::Claimed(jobs) => Ok(jobs),
            _ => Err(misplaced()),
        }
    }

    async fn job(&self, owner: UserId, id: JobId) -> Result<Option<Job>, StoreError> {
        ask!(self, job(owner, id))
    }

    async fn job_for_work(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        ask!(self, job_for_work(id))
    }

    async fn jobs(&self, owner: UserId, filter: JobFilter) -> Result<Vec<Job>, StoreError> {
        ask!(self, jobs(owner, filter.clone()))
    }

    async fn queue_position(&self, id: JobId) -> Result<Option<u64>, StoreError> {
        ask!(self, queue_position(id))
    }

    async fn unfinished(&self) -> Result<Vec<Job>, StoreError> {
        ask!(self, unfinished()).map(|jobs| planted::unfinished(&self.0.world, jobs))
    }

    async fn overdue(&self, now: Timestamp) -> Result<Vec<JobId>, StoreError> {
        ask!(self, overdue(now)).map(|jobs| planted::overdue(&self.0.world, jobs))
    }

    async fn next_run_at(&self, provider: &str) -> Result<Option<Timestamp>, StoreError> {
        ask!(self, next_run_at(provider))
    }

    async fn waiting(&self) -> Result<Vec<Waiting>, StoreError> {
        ask!(self, waiting())
    }

    async fn standings(&self, payer: Payer, owner: UserId, at: Timestamp) -> Result<Vec<Standing>, StoreError> {
        ask!(self, standings(payer, owner, at))
    }

    async fn set_budgets(&self, payer: Payer, limits: Limits, entry: AuditEntry) -> Result<bool, StoreError> {
        match self.command(Command::SetBudgets(payer, limits, entry)).await? {
            Answer::Found(found) => Ok(found),
            _ => Err(misplaced()),
        }
    }

    async fn budgets(&self, user: Option<UserId>, at: Timestamp) -> Result<Vec<BudgetRow>, StoreError> {
        ask!(self, budgets(user, at))
    }

    async fn usage(&self, owner: UserId, period: Period) -> Result<UsageReport, StoreError> {
        ask!(self, usage(owner, period))
    }

    async fn entries(&self, filter: EntryFilter) -> Result<Vec<EntryRow>, StoreError> {
        ask!(self, entries(filter.clone()))
    }

    async fn dead_letters(&self, before: Option<JobId>, limit: u32) -> Result<Vec<Job>, StoreError> {
        ask!(self, dead_letters(before, limit))
    }

    async fn forget(&self, _forget: Forget) -> Result<Forgotten, StoreError> {
        // Nobody in these worlds lives long enough.
        Err(misplaced())
    }

    async fn unnamed(&self, hashes: Vec<ContentHash>, since: Timestamp) -> Result<Vec<ContentHash>, StoreError> {
        ask!(self, unnamed(hashes.clone(), since))
    }

    async fn forget_blobs(&self, _until: Timestamp, _limit: u32) -> Result<u64, StoreError> {
        // Nothing in these worlds is removed or forgotten, so there is none.
        Ok(0)
    }

    async fn attempts(&self, job: JobId) -> Result<Vec<AttemptRow>, StoreError> {
        ask!(self, attempts(job))
    }

    async fn ensure_user(&self, user: User, entry: AuditEntry) -> Result<User, StoreError> {
        match self.command(Command::EnsureUser(user, entry)).await? {
            Answer::User(user) => Ok(user),
            _ => Err(misplaced()),
        }
    }

    async fn create_key(&self, key: ApiKey, limits: Limits, entry: AuditEntry) -> Result<bool, StoreError> {
        match self.command(Command::CreateKey(Box::new(key), limits, entry)).await? {
            Answer::Found(made) => Ok(made),
            _ => Err(misplaced()),
        }
    }

    async fn revoke_key(&self, _id: KeyId, _of: Option<UserId>, _entry: AuditEntry) -> Result<bool, StoreError> {
        // Nobody in these worlds does.
        Err(misplaced())
    }

    async fn key(&self, hash: KeyHash) -> Result<Option<KeyHolder>, StoreError> {
        ask!(self, key(hash))
    }

    async fn has_keys(&self) -> Result<bool, StoreError> {
        ask!(self, has_keys())
    }

    async fn keys(&self, of: Option<UserId>) -> Result<Vec<KeyRow>, StoreError> {
        ask!(self, keys(of))
    }

    async fn audit(&self) -> Result<Audit, StoreError> {
        ask!(self, audit())
    }

    async fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
