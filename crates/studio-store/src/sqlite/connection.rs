//! Opens connections to the one database file: a writing one that sets the rules of the file, and reading ones that can't
//! write even by mistake.

use super::schema;
use rusqlite::{Connection, OpenFlags};
use std::{path::PathBuf, time::Duration};

/// How long to wait for another process (the command line) that writes at the same time.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// All our statements fit, with room.
const STATEMENT_CACHE: usize = 96;
/// What is kept of the log's file after a long reader or a burst made it longer, in bytes.
const LOG_SIZE_LIMIT: u32 = 64 * 1024 * 1024;
/// Pages kept in memory by the writer, in KiB.
const CACHE_KIB: u32 = 16 * 1024;

/// Where the database lies.
#[derive(Debug, Clone)]
pub(super) struct Database {
    /// The file.
    pub(super) file: PathBuf,
}

impl Database {
    /// A connection that writes; makes the database if there is none.
    pub(super) fn create(&self) -> Result<Connection, schema::NotReady> {
        self.open_with(OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)
    }

    /// A connection that writes. A file that vanished while we run is an error: an empty new one would look as if nothing
    /// had ever been accepted.
    pub(super) fn open_writer(&self) -> Result<Connection, schema::NotReady> {
        self.open_with(OpenFlags::SQLITE_OPEN_READ_WRITE)
    }

    fn open_with(&self, flags: OpenFlags) -> Result<Connection, schema::NotReady> {
        // Each connection is used by one thread at a time, so it needs no lock of its own.
        let mut connection = Connection::open_with_flags(&self.file, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // A version that we don't know is left exactly as it is.
        schema::refuse_newer(&connection)?;
        write_ahead(&connection)?;
        prepare(&connection)?;
        connection.pragma_update(None, "journal_size_limit", LOG_SIZE_LIMIT)?;
        connection.pragma_update(None, "cache_size", -i64::from(CACHE_KIB))?;
        schema::migrate(&mut connection)?;
        Ok(connection)
    }

    /// A connection that only moves the log into the database.
    pub(super) fn open_mover(&self) -> Result<Connection, rusqlite::Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.file, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // What was promised to survive a power cut is synced in the log before it is moved, and in the database after.
        connection.pragma_update(None, "synchronous", "FULL")?;
        Ok(connection)
    }

    /// A connection that only reads.
    pub(super) fn open_reader(&self) -> Result<Connection, rusqlite::Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.file, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        prepare(&connection)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }
}

/// What every connection is told, one in memory too.
pub(super) fn prepare(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    // What is deleted is wiped where that costs no further write: within the pages that the deletion changes anyway. It answers.
    connection.pragma_update_and_check(None, "secure_delete", "FAST", |_| Ok(()))?;
    connection.pragma_update(None, "foreign_keys", true)
}

/// Switches to the write-ahead log. SQLite does not wait by itself here when another process switches in the same moment,
/// so two that make the same database at once would fail without these tries.
fn write_ahead(connection: &Connection) -> Result<(), schema::NotReady> {
    const TRIES: u32 = 50;
    const PAUSE: Duration = Duration::from_millis(20);
    let mut tries = 0;
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0)) {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(_) => return Err(schema::NotReady::NoLog),
            Err(rusqlite::Error::SqliteFailure(error, _))
                if error.code == rusqlite::ErrorCode::DatabaseBusy && tries < TRIES =>
            {
                tries += 1;
                std::thread::sleep(PAUSE);
            }
            Err(error) => return Err(error.into()),
        }
    }
}
