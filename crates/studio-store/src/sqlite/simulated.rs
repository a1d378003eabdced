//! The same database without its threads: every command and every question is done at once, by the same `apply` and the same
//! queries, on one connection in memory. For a simulator that lives through crashes and must replay them bit for bit.
//!
//! What it leaves out is the writer (groups, syncs) and the readers (their queue): those are threads and a disk, and are
//! tested as such. A crash before a commit is a commit that was told to fail: all of its work is done and rolled back.

use super::{
    apply::{Answer, Command, apply},
    connection,
    error::store_error,
    schema,
    store::{Engine, Sqlite},
};
use rusqlite::{Connection, TransactionBehavior};
use std::sync::{Mutex, PoisonError};
use studio_core::ports::StoreError;

/// A connection in memory.
#[derive(Debug)]
pub struct InMemory {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    connection: Connection,
    /// What the next commit fails with.
    refusal: Option<StoreError>,
}

impl Sqlite<InMemory> {
    /// An empty database with the schema of the real one.
    pub fn new() -> Result<Self, StoreError> {
        let mut connection = Connection::open_in_memory().map_err(store_error)?;
        connection::prepare(&connection).map_err(store_error)?;
        schema::migrate(&mut connection)?;
        Ok(Self(InMemory { inner: Mutex::new(Inner { connection, refusal: None }) }))
    }

    /// Has the next command done and then rolled back, as by a disk that fails or a process that ends before the commit.
    pub fn refuse_next_commit(&self, error: StoreError) {
        self.0.with(|inner| inner.refusal = Some(error));
    }

    /// What all accounts hold together: nothing, after every command.
    pub fn sum_of_accounts(&self) -> Result<i64, StoreError> {
        let sum = "SELECT coalesce(sum(balance), 0) FROM accounts";
        self.0.with(|inner| inner.connection.query_row(sum, [], |row| row.get(0))).map_err(store_error)
    }

    /// Changes the database behind the studio's back, to see that it does not go unnoticed.
    pub fn tamper(&self, sql: &str) -> Result<(), StoreError> {
        self.0.with(|inner| inner.connection.execute_batch(sql)).map_err(store_error)
    }
}

impl InMemory {
    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        // What a panic leaves of a transaction is rolled back when it is dropped.
        work(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Engine for InMemory {
    async fn run(&self, command: Command) -> Result<Answer, StoreError> {
        self.with(|inner| {
            let refusal = inner.refusal.take();
            let behavior = TransactionBehavior::Immediate;
            let transaction = inner.connection.transaction_with_behavior(behavior).map_err(store_error)?;
            let answer = apply(&transaction, &command).map_err(store_error)?;
            match refusal {
                // Dropped, it rolls back.
                Some(refusal) => Err(refusal),
                None => transaction.commit().map(|()| answer).map_err(store_error),
            }
        })
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.with(|inner| question(&inner.connection)).map_err(store_error)
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.run(Command::Probe).await.map(drop)
    }
}
