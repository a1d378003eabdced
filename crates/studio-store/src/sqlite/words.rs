//! What jobs say, as rows that are only ever added: each begins where the one before it ends, so that an offset means the
//! same byte for ever.
//!
//! A thousand answers are kept twice a second while they are written, so keeping costs little: the right to speak is read
//! from an index without the job's document, the end of the log from the last row's key, and what is new is one row more.

use super::{
    error::{read_json, refused, unknown, write_json},
    jobs::integer,
};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use studio_core::{
    id::{JobId, LeaseToken},
    job::Job,
    ledger::Auditor,
    ports::{Checkpoint, Checkpointed, PART_BYTES, Part, Said},
    words::{Log, Segment},
};
use uuid::Uuid;

/// The lease of a job that is neither queued nor over. Told which index: the other one would lead to the document.
pub(super) const LEASE: &str = "SELECT lease FROM jobs INDEXED BY jobs_unfinished
    WHERE id = ?1 AND status IN ('submitting', 'running', 'collecting', 'unknown')";
pub(super) const END: &str = "SELECT at + bytes FROM words WHERE job_id = ?1 AND epoch = ?2 ORDER BY at DESC LIMIT 1";
pub(super) const LOG: &str = "SELECT segments FROM words WHERE job_id = ?1 AND epoch = ?2 ORDER BY at";
pub(super) const PART: &str = "SELECT at, segments FROM words WHERE job_id = ?1 AND epoch = ?2 AND at >= coalesce(
        (SELECT max(at) FROM words WHERE job_id = ?1 AND epoch = ?2 AND at <= ?3), 0) ORDER BY at";

const WHAT: &str = "what a job said";

/// Keeps what a job has said so far, if whoever says so works on it.
pub(super) fn checkpoint(
    transaction: &Transaction<'_>,
    checkpoint: &Checkpoint,
) -> Result<Checkpointed, rusqlite::Error> {
    let lease = transaction
        .prepare_cached(LEASE)?
        .query_row([checkpoint.job.as_uuid()], |row| row.get::<_, Option<Uuid>>(0))
        .optional()?
        .flatten();
    if lease.map(LeaseToken::from_uuid) != Some(checkpoint.lease) {
        return Ok(Checkpointed::Stale);
    }
    append(transaction, checkpoint.job, &checkpoint.said)
}

/// Keeps what was said up to a move of `job`, which is as it was before: the move may begin a new epoch. What does not fit
/// is our own mistake, so the move must fail with it: it may be charging for these words.
pub(super) fn append_before_move(transaction: &Transaction<'_>, job: &Job, said: &Said) -> Result<(), rusqlite::Error> {
    let fits =
        said.bytes() == 0 || (said.epoch == job.epoch && append(transaction, job.id, said)? == Checkpointed::Kept);
    if fits { Ok(()) } else { Err(refused("what a job said does not follow what is kept of it")) }
}

/// Adds to a log what begins where it ends. The same again is kept already.
fn append(transaction: &Transaction<'_>, job: JobId, said: &Said) -> Result<Checkpointed, rusqlite::Error> {
    const SAME: &str = "SELECT 1 FROM words WHERE job_id = ?1 AND epoch = ?2 AND at = ?3 AND segments = ?4";
    const APPEND: &str = "INSERT INTO words (job_id, epoch, at, bytes, segments) VALUES (?1, ?2, ?3, ?4, ?5)";
    let bytes = integer(said.bytes())?;
    if bytes == 0 {
        return Ok(Checkpointed::Kept);
    }
    let (job, epoch, at) = (job.as_uuid(), said.epoch, integer(said.offset)?);
    let segments = write_json(&said.segments, WHAT)?;
    let end = transaction.prepare_cached(END)?.query_row(params![job, epoch], |row| row.get(0)).optional()?;
    if at == end.unwrap_or(0) {
        transaction.prepare_cached(APPEND)?.execute(params![job, epoch, at, bytes, segments])?;
        return Ok(Checkpointed::Kept);
    }
    let same = transaction.prepare_cached(SAME)?.exists(params![job, epoch, at, segments])?;
    Ok(if same { Checkpointed::Kept } else { Checkpointed::Gap })
}

/// What is kept of what a job said in an epoch.
pub(super) fn said(connection: &Connection, job: JobId, epoch: u32) -> Result<Log, rusqlite::Error> {
    let mut log = Log::default();
    let mut statement = connection.prepare_cached(LOG)?;
    let mut rows = statement.query(params![job.as_uuid(), epoch])?;
    while let Some(row) = rows.next()? {
        let segments: Vec<Segment> = read_json(row, 0, WHAT)?;
        segments.iter().for_each(|segment| log.append(&segment.voice, &segment.text));
    }
    Ok(log)
}

/// The next part of it after `offset`: rows are read from the one that holds the offset until there is enough.
pub(super) fn said_after(
    connection: &Connection,
    job: JobId,
    epoch: u32,
    offset: u64,
) -> Result<Part, rusqlite::Error> {
    let (job, wanted) = (job.as_uuid(), i64::try_from(offset).unwrap_or(i64::MAX));
    let end = connection.prepare_cached(END)?.query_row(params![job, epoch], |row| row.get::<_, i64>(0)).optional()?;
    let end = u64::try_from(end.unwrap_or(0)).map_err(|_| unknown(0, "a count"))?;
    let mut statement = connection.prepare_cached(PART)?;
    let mut rows = statement.query(params![job, epoch, wanted])?;
    let (mut log, mut start) = (Log::default(), None);
    while let Some(row) = rows.next()? {
        let at = u64::try_from(row.get::<_, i64>(0)?).map_err(|_| unknown(0, "a count"))?;
        let start = *start.get_or_insert(at);
        let segments: Vec<Segment> = read_json(row, 1, WHAT)?;
        segments.iter().for_each(|segment| log.append(&segment.voice, &segment.text));
        if start + log.end() >= offset.saturating_add(PART_BYTES as u64) {
            break;
        }
    }
    let start = start.unwrap_or(0);
    let within = log.beginning(offset.saturating_sub(start));
    Ok(Part { begins: start.saturating_add(within), segments: log.part(within, PART_BYTES), end })
}

/// Sees that every log begins at its beginning and has no gap, by its text and not only by what is written beside it.
pub(super) fn audit(connection: &Connection, auditor: &mut Auditor) -> Result<(), rusqlite::Error> {
    const ALL: &str = "SELECT job_id, epoch, at, bytes, segments FROM words ORDER BY job_id, epoch, at";
    let count = |count: i64, index| u64::try_from(count).map_err(|_| unknown(index, "a count"));
    let mut statement = connection.prepare_cached(ALL)?;
    let mut rows = statement.query([])?;
    let mut last = None;
    let mut end = 0;
    while let Some(row) = rows.next()? {
        let (job, epoch) = (JobId::from_uuid(row.get(0)?), row.get(1)?);
        let (offset, bytes) = (count(row.get(2)?, 2)?, count(row.get(3)?, 3)?);
        let said = Said { epoch, offset, segments: read_json(row, 4, WHAT)? };
        if last.replace((job, epoch)) != Some((job, epoch)) {
            end = 0;
        }
        auditor.check("what a job said has no gap", offset == end && bytes == said.bytes(), || {
            format!("job {job}, epoch {epoch}: {bytes} bytes at {offset}, where {end} came before")
        });
        end = offset + said.bytes();
    }
    Ok(())
}
