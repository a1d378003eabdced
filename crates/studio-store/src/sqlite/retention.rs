//! Forgets jobs that have been over for long: what was asked of them, what they said and made, and the names that callers gave
//! to their requests. Their rows, attempts and entries stay: the books are never shortened. What a job that is not over needs of
//! them waits with all of its own job.

use super::{
    error::{read_json, write_json},
    jobs::integer,
    library,
};
use rusqlite::{Connection, Transaction, params};
use std::collections::{HashMap, HashSet, hash_map::Entry};
use studio_core::{
    id::{AssetId, JobId},
    job::{ContentHash, Job},
    ports::Forget,
    time::Timestamp,
};
use uuid::Uuid;

/// Jobs that may be old enough, the oldest first: an id begins with the time at which it was made.
pub(super) const OLDEST: &str = "SELECT doc FROM jobs INDEXED BY jobs_remembered
    WHERE forgotten = 0 AND id < ?1 AND status IN ('succeeded', 'failed', 'canceled', 'expired') ORDER BY id LIMIT ?2";
/// Whether any asset has these bytes, or shows them as its small picture.
pub(super) const NAMED: &str =
    "SELECT 1 FROM assets WHERE hash = ?1 UNION ALL SELECT 1 FROM assets WHERE thumb_hash = ?1 LIMIT 1";

/// Forgets some jobs; how many.
pub(super) fn forget(transaction: &Transaction<'_>, forget: &Forget) -> Result<u64, rusqlite::Error> {
    let bound = JobId::new(forget.over_before, [0xff; 10]).as_uuid();
    let old: Vec<Job> = transaction
        .prepare_cached(OLDEST)?
        .query_map(params![bound, forget.limit], |row| read_json(row, 0, "a job"))?
        .collect::<Result<_, _>>()?;
    let mut count = 0;
    let mut unfinished = HashMap::new();
    for job in old.iter().filter(|job| job.may_be_forgotten(forget.over_before)) {
        let theirs = match unfinished.entry(job.owner) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => free.insert(library::unfinished(transaction, job.owner)?),
        };
        if is_needed(transaction, job, theirs)? {
            continue;
        }
        forget_one(transaction, job, forget.now)?;
        count += 1;
    }
    Ok(count)
}

/// Whether something that came with a job or was made by it is needed by one that is not over.
fn is_needed(transaction: &Transaction<'_>, job: &Job, unfinished: &[Job]) -> Result<bool, rusqlite::Error> {
    if unfinished.is_empty() {
        return Ok(false);
    }
    let mut statement = transaction.prepare_cached("SELECT id FROM assets WHERE job_id = ?1")?;
    let mut rows = statement.query([job.id.as_uuid()])?;
    while let Some(row) = rows.next()? {
        let asset = AssetId::from_uuid(row.get(0)?);
        if unfinished.iter().any(|other| other.needs(asset)) {
            return Ok(true);
        }
    }
    Ok(false)
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
    let recently: HashSet<[u8; 32]> = connection
        .prepare_cached("SELECT hash FROM forgotten_blobs WHERE at > ?1")?
        .query_map([since.as_millis()], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut named = connection.prepare_cached(NAMED)?;
    let mut unnamed = Vec::new();
    for hash in hashes {
        if !recently.contains(&hash.0) && !named.exists([hash.0])? {
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
