//! The tables, and how an older file comes to have them.
//!
//! Migrations only go forward. `PRAGMA user_version` counts those that were made; each runs in the transaction that counts
//! it, so a crash leaves a whole older schema or a whole newer one. A file from a newer program is refused, untouched.

use super::error::store_error;
use rusqlite::{Connection, TransactionBehavior};
use studio_core::ports::StoreError;

const MIGRATIONS: [&str; 9] = [
    include_str!("../../migrations/0001_init.sql"),
    include_str!("../../migrations/0002_words.sql"),
    include_str!("../../migrations/0003_money.sql"),
    include_str!("../../migrations/0004_turns.sql"),
    include_str!("../../migrations/0005_retention.sql"),
    include_str!("../../migrations/0006_expiry.sql"),
    include_str!("../../migrations/0007_library.sql"),
    include_str!("../../migrations/0008_people.sql"),
    include_str!("../../migrations/0009_vault.sql"),
];

/// The version that this program writes.
pub(super) const VERSION: u32 = MIGRATIONS.len() as u32;

/// Why a database can't be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotReady {
    /// A newer program has written it.
    #[error(
        "the data folder was written by a newer studio (its schema is {found}, this one knows {VERSION}): use that"
    )]
    Newer {
        /// Its version.
        found: u32,
    },
    /// It lies where SQLite can't keep a write-ahead log, as on some network file systems.
    #[error("the data folder lies on a file system that can't share memory between connections: use a local disk")]
    NoLog,
    /// SQLite can't.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

impl From<NotReady> for StoreError {
    fn from(error: NotReady) -> Self {
        match error {
            NotReady::Newer { .. } | NotReady::NoLog => Self::Unavailable(error.to_string()),
            NotReady::Sqlite(error) => store_error(error),
        }
    }
}

fn version(connection: &Connection) -> Result<u32, NotReady> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Refuses a database of a newer program.
pub(super) fn refuse_newer(connection: &Connection) -> Result<(), NotReady> {
    let found = version(connection)?;
    if found > VERSION { Err(NotReady::Newer { found }) } else { Ok(()) }
}

/// Whether migrations are missing.
pub(super) fn is_older(connection: &Connection) -> Result<bool, NotReady> {
    Ok(version(connection)? < VERSION)
}

/// Makes the migrations that are missing.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), NotReady> {
    if version(connection)? == VERSION {
        return Ok(());
    }
    // The version is read again inside: another process may have come first.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    refuse_newer(&transaction)?;
    let made = version(&transaction)?;
    for migration in MIGRATIONS.iter().skip(made as usize) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What SQLite says it would do for a query.
    fn plan(query: &str) -> String {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
        let steps = statement.raw_query().mapped(|row| row.get::<_, String>(3));
        steps.map(Result::unwrap).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn the_queries_of_every_second_find_an_index() {
        use super::super::{budgets, inputs, jobs, ledger, library, people, retention, turns, words};
        for (query, index) in [
            (turns::NEXT_OWNER, "SEARCH jobs USING COVERING INDEX jobs_queued_by_turn (provider=? AND owner>?)"),
            (turns::DUE, "SEARCH jobs USING INDEX jobs_queued_by_turn (provider=? AND owner=?)"),
            (turns::AT_WORK, "jobs_unfinished"),
            (turns::OWN_AHEAD, "COVERING INDEX jobs_queued_by_turn (provider=? AND owner=?"),
            (turns::ALL_WAITING, "SCAN jobs USING COVERING INDEX jobs_queued_by_turn"),
            (turns::WAITING, "COVERING INDEX jobs_queued_by_turn (provider=?)"),
            (jobs::ANY_DUE, "jobs_queued_by_time"),
            (jobs::NEXT_RUN_AT, "jobs_queued_by_time"),
            (jobs::UNFINISHED, "jobs_unfinished"),
            (jobs::OVERDUE, "jobs_untold"),
            (jobs::LIST, "jobs_of_owner"),
            (jobs::DEAD, "jobs_dead"),
            (retention::OLDEST, "jobs_remembered (id>? AND id<?)"),
            (retention::NAMED, "assets_by_hash (hash=?)"),
            (retention::NAMED, "assets_by_thumb (thumb_hash=?)"),
            (retention::RECENTLY, "SEARCH forgotten_blobs USING PRIMARY KEY (hash=?)"),
            (retention::LONG_AGO, "COVERING INDEX forgotten_by_age (at<?)"),
            (library::BROUGHT, "COVERING INDEX assets_brought (owner=?)"),
            (library::LEAVING, "COVERING INDEX forgotten_of_owner (owner=? AND at>?)"),
            (library::LIST, "assets_of_owner (owner=? AND id<?)"),
            (library::SENT_AS, "assets_sent_once (owner=? AND sent_as=?)"),
            (library::SHARES, "shares_of_owner (owner=? AND id<?)"),
            (inputs::NEEDED_BY, "SEARCH job_inputs USING PRIMARY KEY (asset_id=?)"),
            (inputs::NEEDED_OF_JOB, "SEARCH assets USING COVERING INDEX assets_of_job (job_id=?)"),
            (inputs::NEEDED_OF_JOB, "SEARCH job_inputs USING PRIMARY KEY (asset_id=?)"),
            (inputs::ERASE, "job_inputs_of_job (job_id=?)"),
            (budgets::STANDINGS, "SEARCH budgets USING PRIMARY KEY (payer=?)"),
            (budgets::STANDINGS, "SEARCH commitments USING PRIMARY KEY (payer=? AND span=? AND start=?)"),
            (&ledger::list_of(true, false), "entries_of_owner"),
            (&ledger::list_of(false, true), "entries_of_job"),
            (people::BY_ADDRESS, "users_by_address (<expr>=?)"),
            (people::SESSIONS_OF_USER, "sessions_of_user (user_id=?)"),
            (people::OPEN_LINKS, "links_open (kind=?)"),
            // Without the row behind it, where the document is.
            (words::LEASE, "COVERING INDEX jobs_unfinished (id=?)"),
            (words::END, "SEARCH words USING PRIMARY KEY (job_id=? AND epoch=?)"),
            (words::LOG, "SEARCH words USING PRIMARY KEY (job_id=? AND epoch=?)"),
        ] {
            let plan = plan(query);
            assert!(plan.contains(index), "{query}: {plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{query} sorts: {plan}");
        }
    }

    #[test]
    fn migrations_are_made_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
        assert_eq!(version(&connection).unwrap(), VERSION);
    }
}
