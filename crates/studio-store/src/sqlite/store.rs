//! From the port to commands and questions, whatever carries them out.

use super::{
    admit,
    apply::{Answer, Command},
    budgets, jobs, keys, ledger, retention, turns, words,
};
use async_trait::async_trait;
use rusqlite::Connection;
use studio_core::{
    caller::{ApiKey, KeyHash, KeyHolder, User},
    id::{JobId, KeyId, UserId},
    idempotency::IdempotencyRecord,
    job::{ContentHash, Job, Payer},
    ledger::{Audit, Limits, Standing},
    people::AuditEntry,
    ports::{
        Admission, Admitted, Advance, Advanced, AttemptRow, BudgetRow, Checkpoint, Checkpointed, Claim, EntryFilter,
        EntryRow, Forget, Forgotten, JobFilter, KeyRow, Part, Period, Store, StoreError, UsageReport, Waiting,
    },
    time::Timestamp,
    words::Log,
};

/// Carries out commands, and has questions answered.
pub(crate) trait Engine: Send + Sync {
    /// Does a command; its answer is given after its commit.
    fn run(&self, command: Command) -> impl Future<Output = Result<Answer, StoreError>> + Send;

    /// Asks, within one snapshot of what is committed.
    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> impl Future<Output = Result<T, StoreError>> + Send;

    /// The same for a question that may take long: such questions never take all who answer.
    fn ask_at_length<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> impl Future<Output = Result<T, StoreError>> + Send {
        self.ask(question)
    }

    /// Whether anything can be written now.
    fn check(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// How often it was too busy for a command or a question.
    fn refused_as_busy(&self) -> u64 {
        0
    }
}

/// A store in SQLite.
#[derive(Debug)]
pub struct Sqlite<E>(pub(super) E);

#[async_trait]
impl<E: Engine> Store for Sqlite<E> {
    async fn admit(&self, admission: Admission) -> Result<Admitted, StoreError> {
        match self.0.run(Command::Admit(Box::new(admission))).await? {
            Answer::Admitted(admitted) => Ok(admitted),
            other => Err(other.misplaced()),
        }
    }

    async fn replay(&self, record: &IdempotencyRecord) -> Result<Option<Admitted>, StoreError> {
        let record = record.clone();
        self.0.ask(move |connection| admit::replay(connection, &record)).await
    }

    async fn advance(&self, advance: Advance) -> Result<Advanced, StoreError> {
        match self.0.run(Command::Advance(Box::new(advance))).await? {
            Answer::Advanced(advanced) => Ok(advanced),
            other => Err(other.misplaced()),
        }
    }

    async fn checkpoint(&self, checkpoint: Checkpoint) -> Result<Checkpointed, StoreError> {
        match self.0.run(Command::Checkpoint(checkpoint)).await? {
            Answer::Checkpointed(checkpointed) => Ok(checkpointed),
            other => Err(other.misplaced()),
        }
    }

    async fn said(&self, job: JobId, epoch: u32) -> Result<Log, StoreError> {
        self.0.ask(move |connection| words::said(connection, job, epoch)).await
    }

    async fn said_after(&self, job: JobId, epoch: u32, offset: u64) -> Result<Part, StoreError> {
        self.0.ask(move |connection| words::said_after(connection, job, epoch, offset)).await
    }

    async fn harden(&self) -> Result<(), StoreError> {
        self.0.run(Command::Harden).await.map(drop)
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Job>, StoreError> {
        match self.0.run(Command::Claim(claim)).await? {
            Answer::Claimed(jobs) => Ok(jobs),
            other => Err(other.misplaced()),
        }
    }

    async fn job(&self, owner: UserId, id: JobId) -> Result<Option<Job>, StoreError> {
        self.0.ask(move |connection| jobs::get_owned(connection, owner, id)).await
    }

    async fn job_for_work(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        self.0.ask(move |connection| jobs::get(connection, id)).await
    }

    async fn jobs(&self, owner: UserId, filter: JobFilter) -> Result<Vec<Job>, StoreError> {
        self.0.ask_at_length(move |connection| jobs::list(connection, owner, &filter)).await
    }

    async fn queue_position(&self, id: JobId) -> Result<Option<u64>, StoreError> {
        self.0.ask_at_length(move |connection| turns::position(connection, id)).await
    }

    async fn unfinished(&self) -> Result<Vec<Job>, StoreError> {
        self.0.ask(jobs::unfinished).await
    }

    async fn overdue(&self, now: Timestamp) -> Result<Vec<JobId>, StoreError> {
        self.0.ask(move |connection| jobs::overdue(connection, now)).await
    }

    async fn next_run_at(&self, provider: &str) -> Result<Option<Timestamp>, StoreError> {
        let provider = provider.to_owned();
        self.0.ask(move |connection| jobs::next_run_at(connection, &provider)).await
    }

    async fn waiting(&self) -> Result<Vec<Waiting>, StoreError> {
        self.0.ask(turns::waiting).await
    }

    async fn standings(&self, payer: Payer, owner: UserId, at: Timestamp) -> Result<Vec<Standing>, StoreError> {
        self.0.ask(move |connection| budgets::standings(connection, payer, owner, at)).await
    }

    async fn set_budgets(&self, payer: Payer, limits: Limits, entry: AuditEntry) -> Result<bool, StoreError> {
        match self.0.run(Command::SetBudgets(payer, limits, Box::new(entry))).await? {
            Answer::Found(found) => Ok(found),
            other => Err(other.misplaced()),
        }
    }

    async fn budgets(&self, user: Option<UserId>, at: Timestamp) -> Result<Vec<BudgetRow>, StoreError> {
        self.0.ask_at_length(move |connection| budgets::list(connection, user, at)).await
    }

    async fn usage(&self, owner: UserId, period: Period) -> Result<UsageReport, StoreError> {
        self.0.ask_at_length(move |connection| ledger::usage(connection, owner, period)).await
    }

    async fn entries(&self, filter: EntryFilter) -> Result<Vec<EntryRow>, StoreError> {
        self.0.ask_at_length(move |connection| ledger::list(connection, &filter)).await
    }

    async fn dead_letters(&self, before: Option<JobId>, limit: u32) -> Result<Vec<Job>, StoreError> {
        self.0.ask_at_length(move |connection| jobs::dead(connection, before, limit)).await
    }

    async fn forget(&self, forget: Forget) -> Result<Forgotten, StoreError> {
        match self.0.run(Command::Forget(forget)).await? {
            Answer::Forgotten(forgotten) => Ok(forgotten),
            other => Err(other.misplaced()),
        }
    }

    async fn unnamed(&self, hashes: Vec<ContentHash>, since: Timestamp) -> Result<Vec<ContentHash>, StoreError> {
        self.0.ask_at_length(move |connection| retention::unnamed(connection, &hashes, since)).await
    }

    async fn forget_blobs(&self, until: Timestamp, limit: u32) -> Result<u64, StoreError> {
        match self.0.run(Command::ForgetBlobs(until, limit)).await? {
            Answer::Counted(count) => Ok(count),
            other => Err(other.misplaced()),
        }
    }

    async fn attempts(&self, job: JobId) -> Result<Vec<AttemptRow>, StoreError> {
        self.0.ask(move |connection| jobs::attempts(connection, job)).await
    }

    async fn ensure_user(&self, user: User, entry: AuditEntry) -> Result<User, StoreError> {
        match self.0.run(Command::EnsureUser(Box::new(user), Box::new(entry))).await? {
            Answer::User(user) => Ok(user),
            other => Err(other.misplaced()),
        }
    }

    async fn create_key(&self, key: ApiKey, limits: Limits, entry: AuditEntry) -> Result<bool, StoreError> {
        match self.0.run(Command::CreateKey(Box::new(key), limits, Box::new(entry))).await? {
            Answer::Found(made) => Ok(made),
            other => Err(other.misplaced()),
        }
    }

    async fn revoke_key(&self, id: KeyId, of: Option<UserId>, entry: AuditEntry) -> Result<bool, StoreError> {
        match self.0.run(Command::RevokeKey(id, of, Box::new(entry))).await? {
            Answer::Found(found) => Ok(found),
            other => Err(other.misplaced()),
        }
    }

    async fn key(&self, hash: KeyHash) -> Result<Option<KeyHolder>, StoreError> {
        self.0.ask(move |connection| keys::find(connection, hash)).await
    }

    async fn has_keys(&self) -> Result<bool, StoreError> {
        self.0.ask(keys::are_there).await
    }

    async fn keys(&self, of: Option<UserId>) -> Result<Vec<KeyRow>, StoreError> {
        self.0.ask_at_length(move |connection| keys::list(connection, of)).await
    }

    async fn audit(&self) -> Result<Audit, StoreError> {
        self.0.ask_at_length(ledger::audit).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.0.check().await
    }

    fn refused_as_busy(&self) -> u64 {
        self.0.refused_as_busy()
    }
}
