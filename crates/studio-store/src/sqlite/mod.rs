//! The store in one SQLite file.
//!
//! Writes go through the `writer`, one thread that commits for everyone who waits; reads through a few `readers` beside it.
//! What a write does is in `apply` and the files named after what they keep; `store` leads from the port to them. The same
//! without threads and without a file, for a simulator, is in `simulated`. Whoever looks at the database from outside of the
//! server, to copy or to check it, uses `backup`; `damage` remembers that a page could not be read.

mod admit;
mod apply;
mod assets;
mod backup;
mod budgets;
mod connection;
mod damage;
mod error;
mod inputs;
mod jobs;
mod keys;
mod ledger;
mod library;
mod mover;
mod people;
mod readers;
mod retention;
mod schema;
mod simulated;
mod store;
mod turns;
mod vault;
mod words;
mod writer;

pub use backup::{Contents, Depth, Sealed, Snapshot, sealed};

use apply::{Answer, Command};
use connection::Database;
use damage::Damage;
use readers::Readers;
use rusqlite::Connection;
use simulated::InMemory;
use std::{
    fs::File,
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use store::{Engine, Sqlite};
use studio_core::ports::StoreError;
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
pub type SqliteStore = Sqlite<InFile>;

/// The same on a connection in memory, without threads: for a simulator.
pub type SimulatedStore = Sqlite<InMemory>;

/// The writer and the readers of a file.
#[derive(Debug)]
pub struct InFile {
    // Dropped in this order: the last connection to be closed is one that may write, so what is in the log gets to its place.
    readers: Readers,
    writer: Writer,
    damage: Arc<Damage>,
    checked: Mutex<Option<(Instant, Result<(), StoreError>)>>,
    /// How often it was too busy.
    busy: AtomicU64,
}

impl InFile {
    /// Counts what was refused because too much waits.
    fn noted<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        result.inspect_err(|error| {
            if *error == StoreError::Busy {
                self.busy.fetch_add(1, Ordering::Relaxed);
            }
        })
    }
}

impl Sqlite<InFile> {
    /// Opens the store of a data folder, making both if there are none.
    pub fn open(folder: &Path, options: Options) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder).map_err(folder_error)?;
        let database = Database { file: folder.join(DATABASE_FILE) };
        let connection = database.create()?;
        // A new file is found again after a power cut only if its folder was synced too.
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(folder_error)?;
        let damage = Arc::new(Damage::of(&database.file));
        Ok(Self(InFile {
            readers: Readers::start(&database, options.readers, damage.clone())?,
            writer: Writer::start(database, connection, options.max_group, options.queue, damage.clone())?,
            damage,
            checked: Mutex::new(None),
            busy: AtomicU64::new(0),
        }))
    }
}

/// Whether the database of a data folder was written by an older program, and would be brought up to date by opening it: only
/// whoever has the folder to themselves may do that. False: it is as new as this program, or there is none.
pub fn is_older(folder: &Path) -> Result<bool, StoreError> {
    let database = Database { file: folder.join(DATABASE_FILE) };
    if !database.file.exists() {
        return Ok(false);
    }
    let connection = database.open_reader().map_err(error::store_error)?;
    Ok(schema::is_older(&connection)?)
}

fn folder_error(error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::NoSpace,
        _ => StoreError::Unavailable(format!("the data folder can't be used: {error}")),
    }
}

impl Engine for InFile {
    async fn run(&self, command: Command) -> Result<Answer, StoreError> {
        self.noted(self.writer.run(command).await)
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.noted(self.readers.ask(question).await)
    }

    async fn ask_at_length<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.noted(self.readers.ask_at_length(question).await)
    }

    async fn check(&self) -> Result<(), StoreError> {
        // A page that could not be read does not mend itself, whatever can still be written elsewhere in the file.
        self.damage.none_seen()?;
        // Held while it is asked: many who ask at once share one answer.
        let mut checked = self.checked.lock().await;
        if let Some((at, result)) = &*checked
            && at.elapsed() < CHECK_LIFETIME
        {
            return result.clone();
        }
        let result = self.run(Command::Probe).await.map(drop);
        *checked = Some((Instant::now(), result.clone()));
        result
    }

    fn refused_as_busy(&self) -> u64 {
        self.busy.load(Ordering::Relaxed)
    }
}
