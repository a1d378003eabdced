//! The store in one SQLite file.
//!
//! Writes go through the `writer`, one thread that commits for everyone who waits; reads through a few `readers` beside it.
//! What a write does is in `apply` and the files named after what they keep. This file only leads from the port to them.

mod admit;
mod apply;
mod assets;
mod connection;
mod error;
mod jobs;
mod keys;
mod ledger;
mod mover;
mod readers;
mod schema;
mod simulated;
mod words;
mod writer;

use apply::{Answer, Command};
use async_trait::async_trait;
use connection::Database;
use readers::Readers;
pub use simulated::SimulatedStore;
use std::{fs::File, io, path::Path, time::Duration};
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
use tokio::{sync::Mutex, time::Instant};
use writer::Writer;

/// The database's file within the data folder.
pub const DATABASE_FILE: &str = "studio.db";

/// How long the answer of a check is good.
const CHECK_LIFETIME: Duration = Duration::from_secs(1);

/// How the store works, for those who measure it. The default is right for everyone else.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Most commands in one commit.
    pub max_group: usize,
    /// Most commands that may wait; more are refused as [`StoreError::Busy`].
    pub queue: usize,
    /// Connections that read.
    pub readers: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_group: 256, queue: 4096, readers: 3 }
    }
}

/// Remembers in one SQLite file, durably.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    readers: Readers,
    checked: Mutex<Option<(Instant, Result<(), StoreError>)>>,
}

impl SqliteStore {
    /// Opens the store of a data folder, making both if there are none.
    pub fn open(folder: &Path, options: Options) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder).map_err(folder_error)?;
        let database = Database { file: folder.join(DATABASE_FILE) };
        let connection = database.create()?;
        // A new file is found again after a power cut only if its folder was synced too.
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(folder_error)?;
        Ok(Self {
            readers: Readers::start(&database, options.readers)?,
            writer: Writer::start(database, connection, options.max_group, options.queue)?,
            checked: Mutex::new(None),
        })
    }
}

fn folder_error(error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::NoSpace,
        _ => StoreError::Unavailable(format!("the data folder can't be used: {error}")),
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn admit(&self, admission: Admission) -> Result<Admitted, StoreError> {
        match self.writer.run(Command::Admit(Box::new(admission))).await? {
            Answer::Admitted(admitted) => Ok(admitted),
            other => Err(other.misplaced()),
        }
    }

    async fn replay(&self, record: &IdempotencyRecord) -> Result<Option<Admitted>, StoreError> {
        let record = record.clone();
        self.readers.ask(move |connection| admit::replay(connection, &record)).await
    }

    async fn advance(&self, advance: Advance) -> Result<Advanced, StoreError> {
        match self.writer.run(Command::Advance(Box::new(advance))).await? {
            Answer::Advanced(advanced) => Ok(advanced),
            other => Err(other.misplaced()),
        }
    }

    async fn checkpoint(&self, checkpoint: Checkpoint) -> Result<Checkpointed, StoreError> {
        match self.writer.run(Command::Checkpoint(checkpoint)).await? {
            Answer::Checkpointed(checkpointed) => Ok(checkpointed),
            other => Err(other.misplaced()),
        }
    }

    async fn said(&self, job: JobId, epoch: u32) -> Result<Log, StoreError> {
        self.readers.ask(move |connection| words::said(connection, job, epoch)).await
    }

    async fn said_after(&self, job: JobId, epoch: u32, offset: u64) -> Result<Part, StoreError> {
        self.readers.ask(move |connection| words::said_after(connection, job, epoch, offset)).await
    }

    async fn harden(&self) -> Result<(), StoreError> {
        self.writer.run(Command::Harden).await.map(drop)
    }

    async fn claim(&self, claim: Claim) -> Result<Vec<Job>, StoreError> {
        match self.writer.run(Command::Claim(claim)).await? {
            Answer::Claimed(jobs) => Ok(jobs),
            other => Err(other.misplaced()),
        }
    }

    async fn job(&self, owner: UserId, id: JobId) -> Result<Option<Job>, StoreError> {
        self.readers.ask(move |connection| jobs::get_owned(connection, owner, id)).await
    }

    async fn job_for_work(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        self.readers.ask(move |connection| jobs::get(connection, id)).await
    }

    async fn jobs(&self, owner: UserId, filter: JobFilter) -> Result<Vec<Job>, StoreError> {
        self.readers.ask(move |connection| jobs::list(connection, owner, &filter)).await
    }

    async fn queue_position(&self, id: JobId) -> Result<Option<u64>, StoreError> {
        self.readers.ask(move |connection| jobs::queue_position(connection, id)).await
    }

    async fn unfinished(&self) -> Result<Vec<Job>, StoreError> {
        self.readers.ask(jobs::unfinished).await
    }

    async fn overdue(&self, now: Timestamp) -> Result<Vec<JobId>, StoreError> {
        self.readers.ask(move |connection| jobs::overdue(connection, now)).await
    }

    async fn next_run_at(&self, provider: &str) -> Result<Option<Timestamp>, StoreError> {
        let provider = provider.to_owned();
        self.readers.ask(move |connection| jobs::next_run_at(connection, &provider)).await
    }

    async fn asset(&self, owner: UserId, id: AssetId) -> Result<Option<Asset>, StoreError> {
        self.readers.ask(move |connection| assets::get_owned(connection, owner, id)).await
    }

    async fn queues(&self) -> Result<Vec<String>, StoreError> {
        self.readers.ask(jobs::queues).await
    }

    async fn committed(&self, payer: Payer) -> Result<Nanos, StoreError> {
        let account = Account::Payer(payer);
        self.readers.ask(move |connection| ledger::balance(connection, &account)).await.map(Nanos::negated)
    }

    async fn usage(&self, owner: UserId) -> Result<UsageReport, StoreError> {
        self.readers.ask(move |connection| ledger::usage(connection, owner)).await
    }

    async fn ensure_user(&self, user: User) -> Result<User, StoreError> {
        match self.writer.run(Command::EnsureUser(user)).await? {
            Answer::User(user) => Ok(user),
            other => Err(other.misplaced()),
        }
    }

    async fn create_key(&self, key: ApiKey) -> Result<(), StoreError> {
        match self.writer.run(Command::CreateKey(Box::new(key))).await? {
            Answer::Written => Ok(()),
            other => Err(other.misplaced()),
        }
    }

    async fn revoke_key(&self, id: KeyId, now: Timestamp) -> Result<bool, StoreError> {
        match self.writer.run(Command::RevokeKey(id, now)).await? {
            Answer::Revoked(revoked) => Ok(revoked),
            other => Err(other.misplaced()),
        }
    }

    async fn key(&self, hash: KeyHash) -> Result<Option<ApiKey>, StoreError> {
        self.readers.ask(move |connection| keys::find(connection, hash)).await
    }

    async fn keys(&self) -> Result<Vec<KeyRow>, StoreError> {
        self.readers.ask(keys::list).await
    }

    async fn audit(&self) -> Result<Audit, StoreError> {
        self.readers.ask(ledger::audit).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        // Held while it is asked: many who ask at once share one answer.
        let mut checked = self.checked.lock().await;
        if let Some((at, result)) = &*checked
            && at.elapsed() < CHECK_LIFETIME
        {
            return result.clone();
        }
        let result = self.writer.run(Command::Probe).await.map(drop);
        *checked = Some((Instant::now(), result.clone()));
        result
    }
}
