//! What SQLite says went wrong, in the words of the port.
//!
//! The texts name tables, files and places, never what was written or read: a document holds a person's prompt.

use rusqlite::{Error, ErrorCode, types::Type};
use studio_core::ports::StoreError;

/// An error of SQLite, or of what it gave us, as the port tells it.
pub(super) fn store_error(error: Error) -> StoreError {
    match &error {
        Error::SqliteFailure(code, _) => match code.code {
            ErrorCode::DiskFull => StoreError::NoSpace,
            // The index of the write-ahead log could not be made longer: only a full disk does that.
            _ if code.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE => StoreError::NoSpace,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Busy,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreError::Damaged(error.to_string()),
            _ => StoreError::Unavailable(error.to_string()),
        },
        // A column that can't be what we wrote.
        Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::InvalidColumnType(..)
        | Error::Utf8Error(..) => StoreError::Damaged(error.to_string()),
        _ => StoreError::Unavailable(error.to_string()),
    }
}

/// Why a column can't be read or written.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("{what} is not one that this program knows")]
    Unknown { what: &'static str },
    /// Where and not what: the text of a JSON error can quote the document.
    #[error("{what} can't be read (at its character {at})")]
    Json { what: &'static str, at: usize },
    #[error("{what} can't be written as JSON")]
    Unwritable { what: &'static str },
    #[error("{what}")]
    Refused { what: &'static str },
}

/// The column at `index` holds a `what` that is none.
pub(super) fn unknown(index: usize, what: &'static str) -> Error {
    Error::FromSqlConversionFailure(index, Type::Text, Box::new(Unreadable::Unknown { what }))
}

/// What was told contradicts what is kept: our own mistake, which fails as it would by a constraint of the database.
pub(super) fn refused(what: &'static str) -> Error {
    Error::ToSqlConversionFailure(Box::new(Unreadable::Refused { what }))
}

/// Reads JSON from the column at `index`.
pub(super) fn read_json<T: serde::de::DeserializeOwned>(
    row: &rusqlite::Row<'_>,
    index: usize,
    what: &'static str,
) -> Result<T, Error> {
    let text = row.get_ref(index)?.as_str().map_err(|_| unknown(index, what))?;
    serde_json::from_str(text).map_err(|error| {
        let unreadable = Unreadable::Json { what, at: error.column() };
        Error::FromSqlConversionFailure(index, Type::Text, Box::new(unreadable))
    })
}

/// Writes JSON for a column.
pub(super) fn write_json<T: serde::Serialize>(value: &T, what: &'static str) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|_| Error::ToSqlConversionFailure(Box::new(Unreadable::Unwritable { what })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    #[test]
    fn a_damaged_document_is_not_quoted() {
        let connection = Connection::open_in_memory().unwrap();
        let read = connection
            .query_row(r#"SELECT '{"prompt": "a secret cat", "count": "a secret cat"}'"#, [], |row| {
                read_json::<std::collections::BTreeMap<String, u8>>(row, 0, "a job")
            })
            .unwrap_err();
        let StoreError::Damaged(text) = store_error(read) else { panic!("should be damaged") };
        assert!(text.contains("a job can't be read") && !text.contains("cat"), "{text}");
    }
}
