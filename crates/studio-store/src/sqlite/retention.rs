//! Forgets jobs that have been over for long: what was asked of them, what they said and made, and the names that callers gave
//! to their requests. Their rows, attempts and entries stay: the books are never shortened. What a job that is not over needs of
//! them waits with all of its own job.

use super::{
    error::{read_json, write_json},
    inputs,
    jobs::integer,
    library,
};
use rusqlite::{Connection, Transaction, params};
use studio_core::{
    id::JobId,
    job::{ContentHash, Job},
    ports::{Forget, Forgotten},
    time::Timestamp,
};
use uuid::Uuid;

/// Jobs that may be old enough, the oldest first: an id begins with the time at which it was made.
pub(super) const OLDEST: &str = "SELECT doc FROM jobs INDEXED BY jobs_remembered
    WHERE forgotten = 0 AND id < ?1 AND id > ?2 AND status IN ('succeeded', 'failed', 'canceled', 'expired')
    ORDER BY id LIMIT ?3";
/// Whether any asset has these bytes, or shows them as its small picture.
pub(super) const NAMED: &str =
    "SELECT 1 FROM assets WHERE hash = ?1 UNION ALL SELECT 1 FROM assets WHERE thumb_hash = ?1 LIMIT 1";
/// Whether an asset that had them went a little while ago.
pub(super) const RECENTLY: &str = "SELECT 1 FROM forgotten_blobs WHERE hash = ?1 AND at > ?2";
pub(super) const LONG_AGO: &str = "SELECT hash FROM forgotten_blobs WHERE at <= ?1 ORDER BY at, hash LIMIT ?2";

/// Forgets some jobs.
pub(super) fn forget(transaction: &Transaction<'_>, forget: &Forget) -> Result<Forgotten, rusqlite::Error> {
    let bound = JobId::new(forget.over_before, [0xff; 10]).as_uuid();
    let after = forget.after.map_or(Uuid::nil(), |id| id.as_uuid());
    let old: Vec<Job> = transaction
        .prepare_cached(OLDEST)?
        .query_map(params![bound, after, forget.limit], |row| read_json(row, 0, "a job"))?
        .collect::<Result<_, _>>()?;
    let mut forgotten = Forgotten { jobs: 0, last: old.last().map(|job| job.id) };
    for job in old.iter().filter(|job| job.may_be_forgotten(forget.over_before)) {
        if !inputs::any_needed_of(transaction, job.id)? {
            forget_one(transaction, job, forget.now)?;
            forgotten.jobs += 1;
        }
    }
    Ok(forgotten)
}

/// Forgets of some blobs whose they were, and that they were anyone's; of how many.
pub(super) fn forget_blobs(
    transaction: &Transaction<'_>,
    until: Timestamp,
    limit: u32,
) -> Result<u64, rusqlite::Error> {
    let gone = format!("DELETE FROM forgotten_blobs WHERE hash IN ({LONG_AGO})");
    let rows = transaction.prepare_cached(&gone)?.execute(params![until.as_millis(), limit])?;
    Ok(u64::try_from(rows).unwrap_or(u64::MAX))
}

fn forget_one(transaction: &Transaction<'_>, job: &Job, now: Timestamp) -> Result<(), rusqlite::Error> {
    const UNSHARE: &str = "DELETE FROM shares WHERE asset_id IN (SELECT id FROM assets WHERE job_id = ?1)";
    let id = job.id.as_uuid();
    library::remember_blobs(transaction, "job_id", id, now)?;
    transaction.prepare_cached(UNSHARE)?.execute([id])?;
    for table in ["assets", "words", "idempotency"] {
        transaction.prepare_cached(&format!("DELETE FROM {table} WHERE job_id = ?1"))?.execute([id])?;
    }
    let forgotten = job.forgotten(now);
    transaction
        .prepare_cached("UPDATE jobs SET forgotten = 1, dead = 0, version = ?2, doc = ?3 WHERE id = ?1")?
        .execute(params![id, integer(forgotten.version)?, write_json(&forgotten, "a job")?])
        .map(drop)
}

/// Those of some blobs that no asset names, nor did a little while ago.
pub(super) fn unnamed(
    connection: &Connection,
    hashes: &[ContentHash],
    since: Timestamp,
) -> Result<Vec<ContentHash>, rusqlite::Error> {
    let (mut named, mut recently) = (connection.prepare_cached(NAMED)?, connection.prepare_cached(RECENTLY)?);
    let mut unnamed = Vec::new();
    for hash in hashes {
        if !named.exists([hash.0])? && !recently.exists(params![hash.0, since.as_millis()])? {
            unnamed.push(*hash);
        }
    }
    Ok(unnamed)
}

/// Sees that nothing is kept of what was forgotten.
pub(super) fn audit(
    connection: &Connection,
    auditor: &mut studio_core::ledger::Auditor,
) -> Result<(), rusqlite::Error> {
    const LEFT: &str = "SELECT id, EXISTS (SELECT 1 FROM assets WHERE job_id = id)
            OR EXISTS (SELECT 1 FROM words WHERE job_id = id)
            OR EXISTS (SELECT 1 FROM idempotency WHERE job_id = id) FROM jobs WHERE forgotten = 1";
    let mut statement = connection.prepare_cached(LEFT)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, left): (Uuid, bool) = (row.get(0)?, row.get(1)?);
        auditor.check("nothing is kept of what was forgotten", !left, || format!("job {id}"));
    }
    Ok(())
}
