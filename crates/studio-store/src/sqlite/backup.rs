//! Snapshots: the database as it stands at one moment, looked at or copied from outside of the server, whether or not one runs.
//!
//! A copy is made by SQLite's online backup, all pages in one step. In a database with a write-ahead log that is one read
//! transaction: the server goes on writing meanwhile, and what it writes is not in the copy. Several small steps would begin anew
//! at each commit of another process and never come to their end under load. `VACUUM INTO` is one read transaction too, but a longer
//! one (by half, measured on 300 MB), for it rebuilds every table and index, and as long as it lasts the log of a busy server can't begin
//! anew and grows. What it does better, a damaged page can't get through it unseen, is done on the copy instead, which nobody waits
//! for.
//!
//! A copy is one file without a log beside it, so it can be carried away, hashed, and opened where nothing may be written.

use super::{DATABASE_FILE, SqliteStore, connection::Database, error::store_error, keys, ledger, schema, vault};
use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
    types::Type,
};
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    time::Duration,
};
use studio_core::{
    id::JobId,
    job::{ContentHash, Status},
    ledger::Audit,
    ports::{Blob, KeyRow, StoreError},
    seal::MasterKeyId,
};

/// Largest database that [`Depth::Start`] reads whole. A check takes about a millisecond for each megabyte that lies in memory, and what the
/// disk takes for those that don't: a second or two for all of this after the machine itself was started.
const WHOLE_AT_START: u64 = 256 << 20;
/// How long to wait for another process that has the database to itself, which it has for moments.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How much is in memory at once while a file is hashed.
const CHUNK_BYTES: usize = 256 << 10;

/// How closely to look for damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// As a start can afford it: a small database whole; of a large one its schema, the first and last rows of every
    /// table, and the beginning of every index.
    Start,
    /// Every page, and the form of every row: `PRAGMA quick_check`.
    Pages,
    /// That, and every index against its table: `PRAGMA integrity_check`.
    Whole,
}

/// What is in a database, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Contents {
    /// The version of its schema.
    pub schema: u32,
    /// Jobs.
    pub jobs: u64,
    /// Entries of the ledger.
    pub entries: u64,
    /// Jobs that wait to be begun.
    pub queued: u64,
    /// Jobs that someone works on.
    pub under_way: u64,
    /// Jobs of which nobody knows what became.
    pub unknown: u64,
    /// Jobs that failed for no fault of their request, and wait for someone to have them done again.
    pub dead_letters: u64,
}

/// A file that is finished: synced, with the hash by which it is known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// Its size.
    pub bytes: u64,
    /// The SHA-256 of all of it.
    pub hash: ContentHash,
}

/// A database as it stands at one moment.
#[derive(Debug)]
pub struct Snapshot {
    connection: Connection,
    file: PathBuf,
}

impl SqliteStore {
    /// Looks at the database of a data folder as it stands now, without changing anything, also while a server writes. Held, it
    /// keeps the server's log from beginning anew; so not for long.
    pub fn look(folder: &Path) -> Result<Snapshot, StoreError> {
        let file = folder.join(DATABASE_FILE);
        let connection = Database { file: file.clone() }.open_reader().map_err(store_error)?;
        // Deferred: the moment is that of the first read, which is the next line.
        connection.execute_batch("BEGIN").map_err(store_error)?;
        schema::refuse_newer(&connection)?;
        Ok(Snapshot { connection, file })
    }

    /// Copies the database of a data folder, as it stands at one moment, to a new file.
    pub fn copy(folder: &Path, to: &Path) -> Result<Snapshot, StoreError> {
        let source = Self::look(folder)?;
        let mut copy = Snapshot::open(to, OpenFlags::SQLITE_OPEN_CREATE)?;
        // Without a journal and without syncs: until it is sealed, it is thrown away if anything goes wrong.
        let plain = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF";
        copy.connection.execute_batch(plain).map_err(store_error)?;
        let backup = Backup::new(&source.connection, &mut copy.connection).map_err(store_error)?;
        match backup.step(-1).map_err(store_error)? {
            StepResult::Done => {}
            _ => return Err(StoreError::Busy),
        }
        drop(backup);
        copy.without_log()?;
        Ok(copy)
    }
}

impl Snapshot {
    /// Opens a copy that nobody else uses.
    pub fn of_copy(file: &Path) -> Result<Self, StoreError> {
        let copy = Self::open(file, OpenFlags::empty())?;
        schema::refuse_newer(&copy.connection)?;
        copy.without_log()?;
        Ok(copy)
    }

    fn open(file: &Path, more: OpenFlags) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
        let connection = Connection::open_with_flags(file, flags).map_err(store_error)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(store_error)?;
        Ok(Self { connection, file: file.to_owned() })
    }

    /// A database says itself that it has a write-ahead log, and a copy repeats it.
    fn without_log(&self) -> Result<(), StoreError> {
        let set =
            self.connection.pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get::<_, String>(0));
        match set.map_err(store_error)?.as_str() {
            "delete" | "off" => Ok(()),
            other => Err(StoreError::Unavailable(format!("the copy of the database keeps its {other} journal"))),
        }
    }

    /// Looks for damage.
    pub fn check(&self, depth: Depth) -> Result<(), StoreError> {
        let size = std::fs::metadata(&self.file).map(|file| file.len()).unwrap_or(u64::MAX);
        match depth {
            Depth::Start if size > WHOLE_AT_START => self.edges().map_err(store_error),
            Depth::Start | Depth::Pages => self.ask_for_damage("quick_check"),
            Depth::Whole => self.ask_for_damage("integrity_check"),
        }
    }

    fn ask_for_damage(&self, pragma: &str) -> Result<(), StoreError> {
        let said: String =
            self.connection.query_row(&format!("PRAGMA {pragma}(1)"), [], |row| row.get(0)).map_err(store_error)?;
        if said == "ok" { Ok(()) } else { Err(StoreError::Damaged(said.replace('\n', " "))) }
    }

    /// Reads the schema, and the way from its root to its first and last row in every table, to its first in every index.
    fn edges(&self) -> Result<(), rusqlite::Error> {
        const TREES: &str = "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE type IN ('table', 'index')";
        let mut trees = self.connection.prepare(TREES)?;
        let mut trees = trees.query([])?;
        while let Some(tree) = trees.next()? {
            let (kind, name, table): (String, String, String) = (tree.get(0)?, tree.get(1)?, tree.get(2)?);
            if kind == "index" {
                // One that has only some rows is used only for these. (Those that SQLite makes by itself have no text.)
                let made_by: Option<String> = tree.get(3)?;
                let which = made_by.as_deref().and_then(|sql| sql.split_once(" WHERE ")).map_or("1", |(_, rows)| rows);
                self.read_all(&[&format!("SELECT 1 FROM \"{table}\" INDEXED BY \"{name}\" WHERE {which} LIMIT 1")])?;
                continue;
            }
            for order in ["ASC", "DESC"] {
                // By rowid or, in a table that has none, by its first column, with which its key begins.
                let by_row = format!("SELECT * FROM \"{name}\" NOT INDEXED ORDER BY rowid {order} LIMIT 1");
                let by_key = format!("SELECT * FROM \"{name}\" ORDER BY 1 {order} LIMIT 1");
                self.read_all(&[&by_row, &by_key])?;
            }
        }
        Ok(())
    }

    /// Reads all that the first of these queries finds that can be asked.
    fn read_all(&self, queries: &[&str]) -> Result<(), rusqlite::Error> {
        for query in queries {
            let Ok(mut statement) = self.connection.prepare(query) else { continue };
            let columns = statement.column_count();
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                (0..columns).try_for_each(|column| row.get_ref(column).map(drop))?;
            }
            return Ok(());
        }
        Ok(())
    }

    /// Counts what is in it.
    pub fn contents(&self) -> Result<Contents, StoreError> {
        let count = |query: &str| {
            let count = self.connection.query_row(query, [], |row| row.get::<_, i64>(0));
            count.map(|count| u64::try_from(count).unwrap_or(0)).map_err(store_error)
        };
        let schema = self.schema()?;
        Ok(Contents {
            schema,
            jobs: count("SELECT count(*) FROM jobs")?,
            entries: count("SELECT count(*) FROM entries")?,
            queued: count("SELECT count(*) FROM jobs WHERE status = 'queued'")?,
            under_way: count("SELECT count(*) FROM jobs WHERE status IN ('submitting', 'running', 'collecting')")?,
            unknown: count("SELECT count(*) FROM jobs WHERE status = 'unknown'")?,
            // Older schemas did not count them.
            dead_letters: if schema < 3 { 0 } else { count("SELECT count(*) FROM jobs WHERE dead = 1")? },
        })
    }

    /// The version of its schema.
    pub fn schema(&self) -> Result<u32, StoreError> {
        self.connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(store_error)
    }

    /// Whether its schema is the one that this program writes.
    pub fn is_current(&self) -> Result<bool, StoreError> {
        Ok(self.schema()? == schema::VERSION)
    }

    /// Gives a copy of an older program the schema of this one.
    pub fn migrate(&mut self) -> Result<(), StoreError> {
        Ok(schema::migrate(&mut self.connection)?)
    }

    /// Every blob that it names, once, in order of address.
    pub fn blobs(&self) -> Result<Vec<Blob>, StoreError> {
        const BLOBS: &str = "SELECT hash, max(bytes), min(bytes) FROM assets GROUP BY hash ORDER BY hash";
        const WITH_THUMBNAILS: &str = "SELECT hash, max(bytes), min(bytes) FROM (
                SELECT hash, bytes FROM assets
                UNION ALL SELECT thumb_hash, thumb_bytes FROM assets WHERE thumb_hash IS NOT NULL
            ) GROUP BY hash ORDER BY hash";
        // Older schemas had none.
        let query = if self.schema()? < 7 { BLOBS } else { WITH_THUMBNAILS };
        let read = || {
            let mut statement = self.connection.prepare(query)?;
            let rows = statement.query_map([], |row| {
                let (most, least): (i64, i64) = (row.get(1)?, row.get(2)?);
                let bytes = u64::try_from(most).ok().filter(|_| most == least);
                let unlike = || {
                    let error = "a blob is named with sizes that it can't have".into();
                    rusqlite::Error::FromSqlConversionFailure(1, Type::Integer, error)
                };
                Ok(Blob { hash: ContentHash(row.get(0)?), bytes: bytes.ok_or_else(unlike)? })
            })?;
            rows.collect::<Result<Vec<_>, _>>()
        };
        read().map_err(store_error)
    }

    /// Jobs that wait to be begun, oldest first.
    pub fn queued(&self) -> Result<Vec<JobId>, StoreError> {
        let read = || {
            let mut statement = self.connection.prepare("SELECT id FROM jobs WHERE status = ?1 ORDER BY id")?;
            let rows = statement.query_map([Status::Queued.as_str()], |row| row.get(0).map(JobId::from_uuid))?;
            rows.collect::<Result<Vec<_>, _>>()
        };
        read().map_err(store_error)
    }

    /// How much is sealed by which master key.
    pub fn sealed_by(&self) -> Result<Vec<(MasterKeyId, u64)>, StoreError> {
        vault::sealed_by(&self.connection).map_err(store_error)
    }

    /// All keys to the studio, with their owners.
    pub fn keys(&self) -> Result<Vec<KeyRow>, StoreError> {
        keys::list(&self.connection, None).map_err(store_error)
    }

    /// Audits its ledger.
    pub fn audit(&self) -> Result<Audit, StoreError> {
        ledger::audit(&self.connection).map_err(store_error)
    }

    /// Closes a copy, and syncs and hashes its file.
    pub fn seal(self) -> Result<Sealed, StoreError> {
        self.connection.close().map_err(|(_, error)| store_error(error))?;
        sealed(&self.file)
    }
}

/// Syncs a file, and hashes it.
pub fn sealed(file: &Path) -> Result<Sealed, StoreError> {
    seal(file).map_err(super::folder_error)
}

fn seal(path: &Path) -> io::Result<Sealed> {
    let mut file = File::open(path)?;
    file.sync_all()?;
    let (mut hasher, mut bytes, mut chunk) = (Sha256::new(), 0, vec![0; CHUNK_BYTES]);
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return Ok(Sealed { bytes, hash: ContentHash(hasher.finalize().into()) });
        }
        hasher.update(&chunk[..read]);
        bytes += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    /// A database with something in every table that can have something by itself, in its file alone; and the root of each tree.
    fn database(folder: &tempfile::TempDir) -> (PathBuf, Vec<(String, u64)>) {
        let store = folder.path().join(DATABASE_FILE);
        let connection = Database { file: store.clone() }.create().unwrap();
        connection
            .execute("INSERT INTO users (id, email, role, created_at) VALUES (x'01', 'a@b', 'owner', 1)", [])
            .unwrap();
        drop(connection);
        let copy = SqliteStore::copy(folder.path(), &folder.path().join("copy")).unwrap();
        copy.check(Depth::Whole).unwrap();
        let roots = {
            let query = "SELECT name, rootpage FROM sqlite_schema WHERE rootpage > 1";
            let mut roots = copy.connection.prepare(query).unwrap();
            let roots = roots.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64))).unwrap();
            roots.collect::<Result<_, _>>().unwrap()
        };
        copy.seal().unwrap();
        (folder.path().join("copy"), roots)
    }

    #[test]
    fn a_damaged_root_is_seen_even_by_who_reads_only_the_edges() {
        let folder = tempfile::tempdir().unwrap();
        let (copy, roots) = database(&folder);
        assert!(roots.len() > 20, "{roots:?}");
        Snapshot::of_copy(&copy).unwrap().edges().unwrap();
        let page_size = 4096;
        for (name, root) in roots {
            let file = File::options().read(true).write(true).open(&copy).unwrap();
            let mut page = vec![0; page_size];
            file.read_exact_at(&mut page, (root - 1) * page_size as u64).unwrap();
            file.write_all_at(&vec![0xa5; page_size], (root - 1) * page_size as u64).unwrap();
            let database = Snapshot::of_copy(&copy).unwrap();
            let seen = database.edges().map_err(store_error);
            assert!(matches!(seen, Err(StoreError::Damaged(_))), "{name}: {seen:?}");
            assert!(matches!(database.check(Depth::Pages), Err(StoreError::Damaged(_))), "{name}");
            file.write_all_at(&page, (root - 1) * page_size as u64).unwrap();
        }
    }

    #[test]
    fn a_copy_is_one_file_and_known_again_by_its_hash() {
        let folder = tempfile::tempdir().unwrap();
        let (copy, _) = database(&folder);
        let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(!names.iter().any(|name| name.to_string_lossy().starts_with("copy-")), "{names:?}");
        let before = sealed(&copy).unwrap();
        let again = Snapshot::of_copy(&copy).unwrap();
        assert_eq!(again.contents().unwrap().schema, schema::VERSION);
        assert_eq!(again.seal().unwrap(), before, "looking changes nothing");
    }
}
