//! Moves the write-ahead log into the database, on a thread and a connection of its own: the copying and the syncs of a move
//! take ten milliseconds and more, for which otherwise whoever commits next would wait.
//!
//! It moves what is there without holding up the writer (a passive checkpoint); once all is moved, the writer begins the log
//! anew by itself. If it should ever fall behind, the writer does it at [`MOST_PAGES`], so that the log can't grow for ever.

use super::connection::Database;
use rusqlite::Connection;
use std::{
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread::JoinHandle,
    time::Duration,
};
use studio_core::ports::StoreError;

/// Pages in the log that are worth a move: 16 MiB.
const MOVE_PAGES: i32 = 4000;
/// Pages at which the writer moves them itself: 128 MiB.
const MOST_PAGES: i32 = 32_000;
/// While the writer writes on, a move may not reach the log's end; so often it is tried at once.
const TRIES: usize = 4;
/// Pause after a move, so that one that does not get to the end is not repeated all the time.
const PAUSE: Duration = Duration::from_millis(50);

/// Moves the log.
#[derive(Debug)]
pub(super) struct Mover {
    bell: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Mover {
    /// Starts its thread.
    pub(super) fn start(database: Database) -> Result<Self, StoreError> {
        let (bell, rung) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("studio-store-mover".into())
            .spawn(move || run(&database, &rung))
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self { bell: Some(bell), thread: Some(thread) })
    }

    /// Has commits of this connection say how long the log is.
    pub(super) fn watch(&self, connection: &mut Connection) -> Result<(), rusqlite::Error> {
        let Some(bell) = self.bell.clone() else { return Ok(()) };
        connection.wal_hook(Some(move |log: &mut rusqlite::hooks::Wal, pages| {
            if pages >= MOST_PAGES {
                // The commit has happened; that its pages could not be moved is no failure of it.
                drop(log.checkpoint());
            } else if pages >= MOVE_PAGES && matches!(bell.try_send(()), Err(TrySendError::Disconnected(()))) {
                drop(log.checkpoint());
            }
            Ok(())
        }))
    }
}

impl Drop for Mover {
    fn drop(&mut self) {
        drop(self.bell.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the mover of the store's log had panicked");
        }
    }
}

fn run(database: &Database, rung: &Receiver<()>) {
    let mut connection = None;
    while rung.recv().is_ok() {
        if let Err(error) = move_log(database, &mut connection) {
            // The writer does it when the log gets too long.
            tracing::warn!(%error, "the store's log could not be moved");
            connection = None;
        }
        std::thread::sleep(PAUSE);
    }
}

fn move_log(database: &Database, connection: &mut Option<Connection>) -> Result<(), rusqlite::Error> {
    let connection = match connection {
        Some(connection) => connection,
        none => none.insert(database.open_mover()?),
    };
    for _ in 0..TRIES {
        let (busy, pages, moved) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
        })?;
        if busy == 0 && pages == moved {
            break;
        }
    }
    Ok(())
}
