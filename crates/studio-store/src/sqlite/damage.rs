//! Remembers that SQLite met a page that can't be what was written, and says it loudly once.
//!
//! A document that can't be read is not counted here: that is one job's misfortune, and is told to whoever asks for it. A page
//! is everyone's: what else it takes with it nobody knows, so the server is not ready from then on.

use super::error::store_error;
use rusqlite::{Error, ErrorCode};
use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};
use studio_core::ports::StoreError;

/// Whether, and how, a database was found to be damaged.
#[derive(Debug)]
pub(super) struct Damage {
    file: PathBuf,
    seen: OnceLock<StoreError>,
}

impl Damage {
    /// Nothing seen yet.
    pub(super) fn of(file: &Path) -> Self {
        Self { file: file.to_owned(), seen: OnceLock::new() }
    }

    /// An error of SQLite as the port tells it; noted if it means damage.
    pub(super) fn note(&self, error: Error) -> StoreError {
        let damaged = matches!(
            &error,
            Error::SqliteFailure(code, _) if matches!(code.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        );
        let error = store_error(error);
        if damaged && self.seen.set(error.clone()).is_ok() {
            tracing::error!(
                file = %self.file.display(), %error,
                "the database is damaged: stop the server, keep the file (don't delete it), and bring the last backup back \
                 into a new folder: studio restore <backup folder> --data <new folder>"
            );
        }
        error
    }

    /// The damage that was seen, as an error.
    pub(super) fn none_seen(&self) -> Result<(), StoreError> {
        self.seen.get().map_or(Ok(()), |error| Err(error.clone()))
    }
}
