//! The same database without its threads: every command and every question is done at once, by the same `apply` and the same
//! queries, on one connection in memory. For a simulator that lives through crashes and must replay them bit for bit.
//!
//! What it leaves out is the writer (groups, syncs) and the readers (their queue): those are threads and a disk, and are
//! tested as such. A crash before a commit is a commit that was told to fail: all of its work is done and rolled back.

use super::{
    admit,
    apply::{Answer, Command, apply},
    assets, connection,
    error::store_error,
    jobs, keys, ledger, schema, words,
};
use async_trait::async_trait;
use rusqlite::{Connection, TransactionBehavior};
use std::sync::{Mutex, PoisonError};
use studio_core::{
    caller::{ApiKey, KeyHash, User},
    id::{AssetId, JobId, KeyId, UserId},
    idempotency::IdempotencyRecord,
    job::{Job, Payer},
    ledger::{Account, Audit},
    money::Nanos,
    ports::{
        Admission, Admitted, Advance, Advanced, Asset, Checkpoint, Checkpointed, Claim, JobFilter, KeyRow, Part, Store,
        StoreError, UsageReport,
    },
    time::Timestamp,
    words::Log,
};

/// The SQLite store on a connection in memory.
#[derive(Debug)]
pub struct SimulatedStore {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    connection: Connection,
    /// What the next commit fails with.
    refusal: Option<StoreError>,
}

impl SimulatedStore {
    /// An empty database with the schema of the real one.
    pub fn new() -> Result<Self, StoreError> {
        let mut connection = Connection::open_in_memory().map_err(store_error)?;
        connection::prepare(&connection).map_err(store_error)?;
        schema::migrate(&mut connection)?;
        Ok(Self { inner: Mutex::new(Inner { connection, refusal: None }) })
    }

    /// Has the next command done and then rolled back, as by a disk that fails or a process that ends before the commit.
    pub fn refuse_next_commit(&self, error: StoreError) {
        self.with(|inner| inner.refusal = Some(error));
    }

    /// Changes the database behind the studio's back, to see that it does not go unnoticed.
    pub fn tamper(&self, sql: &str) -> Result<(), StoreError> {
        self.with(|inner| inner.connection.execute_batch(sql)).map_err(store_error)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        // What a panic leaves of a transaction is rolled back when it is dropped.
        work(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn run(&self, command: &Command) -> Result<Answer, StoreError> {
        self.with(|inner| {
            let refusal = inner.refusal.take();
            let behavior = TransactionBehavior::Immediate;
            let transaction = inner.connection.transaction_with_behavior(behavior).map_err(store_error)?;
            let answer = apply(&transaction, command).map_err(store_error)?;
            match refusal {
                // Dropped, it rolls back.
                Some(refusal) => Err(refusal),
                None => transaction.commit().map(|()| answer).map_err(store_error),
            }
        })
    }

    fn ask<T>(&self, question: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>) -> Result<T, StoreError> {
        self.with(|inner| question(&inner.connection)).map_err(store_error)
    }
}

#[async_trait]
impl Store for SimulatedStore {
    async fn admit(&self, admission: Admission) -> Result<Admitted, StoreError> {
        match self.run(&Command::Admit(Box::new(admission)))? {
            Answer::Admitted(admitted) => Ok(admitted),
            other => Err(other.misplaced()),
        }
    }

    async fn replay(&self, record: &IdempotencyRecord) -> Result<Option<Admitted>, StoreError> {
        self.ask(|connection| admit::replay(connection, record))
    }

    async fn advance(&self, advance: Advance) -> Result<Advanced, StoreError> {
        match self.run(&Command::Advance(Box::new(advance)))? {
            Answer::Advanced(advanced) => Ok(advanced),
            other => Err(other.misplaced()),
        }
    }

    async fn checkpoint(&self, checkpoint: Checkpoint) -> Result<Checkpointed, StoreError> {
        match self.run(&Command::Checkpoint(checkpoint))? {
            Answer::Checkpointed(checkpointed) => Ok(checkpointed),
            other => Err(other.misplaced()),
        }
    }

    async fn said(&self, job: JobId, epoch: u32) -> Result<Log, StoreError> {
        self.ask(|connection| words::said(connection, job, epoch))
    }

    async fn said_after(&self, job: JobId, epoch: u32, offset: u64) -> Result<Part, StoreError> {
        self.ask(|connection| words::said_after(connection, job, epoch, offset))
    }

    async fn harden(&self) -> Result<(), StoreError> {
        self.run(&Command::Harden).map(drop)
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Job>, StoreError> {
        match self.run(&Command::Claim(claim))? {
            Answer::Claimed(jobs) => Ok(jobs),
            other => Err(other.misplaced()),
        }
    }

    async fn job(&self, owner: UserId, id: JobId) -> Result<Option<Job>, StoreError> {
        self.ask(|connection| jobs::get_owned(connection, owner, id))
    }

    async fn job_for_work(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        self.ask(|connection| jobs::get(connection, id))
    }

    async fn jobs(&self, owner: UserId, filter: JobFilter) -> Result<Vec<Job>, StoreError> {
        self.ask(|connection| jobs::list(connection, owner, &filter))
    }

    async fn queue_position(&self, id: JobId) -> Result<Option<u64>, StoreError> {
        self.ask(|connection| jobs::queue_position(connection, id))
    }

    async fn unfinished(&self) -> Result<Vec<Job>, StoreError> {
        self.ask(jobs::unfinished)
    }

    async fn overdue(&self, now: Timestamp) -> Result<Vec<JobId>, StoreError> {
        self.ask(|connection| jobs::overdue(connection, now))
    }

    async fn next_run_at(&self, provider: &str) -> Result<Option<Timestamp>, StoreError> {
        self.ask(|connection| jobs::next_run_at(connection, provider))
    }

    async fn queues(&self) -> Result<Vec<String>, StoreError> {
        self.ask(jobs::queues)
    }

    async fn asset(&self, owner: UserId, id: AssetId) -> Result<Option<Asset>, StoreError> {
        self.ask(|connection| assets::get_owned(connection, owner, id))
    }

    async fn committed(&self, payer: Payer) -> Result<Nanos, StoreError> {
        self.ask(|connection| ledger::balance(connection, &Account::Payer(payer))).map(Nanos::negated)
    }

    async fn usage(&self, owner: UserId) -> Result<UsageReport, StoreError> {
        self.ask(|connection| ledger::usage(connection, owner))
    }

    async fn ensure_user(&self, user: User) -> Result<User, StoreError> {
        match self.run(&Command::EnsureUser(user))? {
            Answer::User(user) => Ok(user),
            other => Err(other.misplaced()),
        }
    }

    async fn create_key(&self, key: ApiKey) -> Result<(), StoreError> {
        match self.run(&Command::CreateKey(Box::new(key)))? {
            Answer::Written => Ok(()),
            other => Err(other.misplaced()),
        }
    }

    async fn revoke_key(&self, id: KeyId, now: Timestamp) -> Result<bool, StoreError> {
        match self.run(&Command::RevokeKey(id, now))? {
            Answer::Revoked(revoked) => Ok(revoked),
            other => Err(other.misplaced()),
        }
    }

    async fn key(&self, hash: KeyHash) -> Result<Option<ApiKey>, StoreError> {
        self.ask(|connection| keys::find(connection, hash))
    }

    async fn keys(&self) -> Result<Vec<KeyRow>, StoreError> {
        self.ask(keys::list)
    }

    async fn audit(&self) -> Result<Audit, StoreError> {
        self.ask(ledger::audit)
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.run(&Command::Probe).map(drop)
    }
}
