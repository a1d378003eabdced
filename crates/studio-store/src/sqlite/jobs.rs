//! Jobs and their attempts: the row, the moves, the queue, the lists.
//!
//! A job is kept whole as a document, which is what everyone reads. The columns beside it repeat what queries look for;
//! `Columns` is the only place that fills them. Moves are made by `studio_core::job::step` on the document that this
//! transaction read, so two of them can't cross.

use super::{
    assets,
    error::{read_json, write_json},
    inputs, ledger, people, vault, words,
};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params, params};
use studio_core::{
    id::{JobId, UserId},
    job::{Effect, Event, Job, KeySource, Moved, Status, step},
    ledger::entries_of,
    ports::{Advance, Advanced, AttemptRow, JobFilter},
    retry::LONGEST_PAUSE,
    time::Timestamp,
};
use uuid::Uuid;

/// Whether anything of a queue may run now (`retry::is_due`).
pub(super) const ANY_DUE: &str = "SELECT 1 FROM jobs INDEXED BY jobs_queued_by_time
    WHERE provider = ?1 AND status = 'queued' AND (run_at <= ?2 OR run_at > ?3) LIMIT 1";
pub(super) const NEXT_RUN_AT: &str = "SELECT run_at FROM jobs INDEXED BY jobs_queued_by_time
    WHERE provider = ?1 AND status = 'queued' ORDER BY run_at LIMIT 1";
pub(super) const UNFINISHED: &str =
    "SELECT doc FROM jobs WHERE status IN ('submitting', 'running', 'collecting', 'unknown') ORDER BY id";
pub(super) const OVERDUE: &str = "SELECT id FROM jobs WHERE untold_deadline <= ?1 ORDER BY untold_deadline, id";
pub(super) const LIST: &str = "SELECT doc FROM jobs WHERE owner = ?1 AND id < ?2 AND forgotten = 0
    AND (?3 IS NULL OR status = ?3) AND (?4 IS NULL OR modality = ?4) ORDER BY id DESC LIMIT ?5";

pub(super) const DEAD: &str = "SELECT doc FROM jobs WHERE dead = 1 AND id < ?1 ORDER BY id DESC LIMIT ?2";

/// What the row repeats of a job that may change.
struct Columns {
    status: &'static str,
    run_at: i64,
    untold_deadline: Option<i64>,
    cost: Option<i64>,
    version: i64,
    lease: Option<Uuid>,
    doc: String,
}

impl Columns {
    fn of(job: &Job) -> Result<Self, rusqlite::Error> {
        let untold = !job.status.is_terminal() && job.deadline_passed_at.is_none();
        Ok(Self {
            status: job.status.as_str(),
            run_at: job.run_at.as_millis(),
            untold_deadline: job.deadline.filter(|_| untold).map(Timestamp::as_millis),
            cost: job.cost.map(|cost| cost.get()),
            version: integer(job.version)?,
            lease: job.lease.map(|lease| lease.as_uuid()),
            doc: write_json(job, "a job")?,
        })
    }
}

/// A count as SQLite can hold it.
pub(super) fn integer(count: u64) -> Result<i64, rusqlite::Error> {
    i64::try_from(count).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// The job in the first column.
fn read(row: &Row<'_>) -> Result<Job, rusqlite::Error> {
    read_json(row, 0, "a job")
}

/// Writes a new job.
pub(super) fn insert(transaction: &Transaction<'_>, job: &Job) -> Result<(), rusqlite::Error> {
    const INSERT: &str =
        "INSERT INTO jobs (id, owner, status, provider, modality, model, run_at, untold_deadline, hold,
            cost, version, lease, created_at, priority, own_key, doc)
        VALUES (:id, :owner, :status, :provider, :modality, :model, :run_at, :untold_deadline, :hold,
            :cost, :version, :lease, :created_at, :priority, :own_key, :doc)";
    let columns = Columns::of(job)?;
    transaction
        .prepare_cached(INSERT)?
        .execute(named_params! {
            ":id": job.id.as_uuid(),
            ":owner": job.owner.as_uuid(),
            ":status": columns.status,
            ":provider": job.provider,
            ":modality": job.modality.as_str(),
            ":model": job.model,
            ":run_at": columns.run_at,
            ":untold_deadline": columns.untold_deadline,
            ":hold": job.hold.get(),
            ":cost": columns.cost,
            ":version": columns.version,
            ":lease": columns.lease,
            ":created_at": job.created_at.as_millis(),
            ":priority": job.priority.rank(),
            ":own_key": !job.key_source.is_studio(),
            ":doc": columns.doc,
        })
        .map(drop)
}

/// Writes a job as it has become.
pub(super) fn update(transaction: &Transaction<'_>, job: &Job) -> Result<(), rusqlite::Error> {
    const UPDATE: &str = "UPDATE jobs SET status = :status, run_at = :run_at, untold_deadline = :untold_deadline,
            cost = :cost, absorbed = :absorbed, version = :version, lease = :lease, doc = :doc
        WHERE id = :id";
    let columns = Columns::of(job)?;
    transaction
        .prepare_cached(UPDATE)?
        .execute(named_params! {
            ":id": job.id.as_uuid(),
            ":status": columns.status,
            ":run_at": columns.run_at,
            ":untold_deadline": columns.untold_deadline,
            ":cost": columns.cost,
            ":absorbed": job.absorbed.get(),
            ":version": columns.version,
            ":lease": columns.lease,
            ":doc": columns.doc,
        })
        .map(drop)
}

/// Notes that a job waits for a person to have it done again.
fn is_dead(transaction: &Transaction<'_>, id: JobId) -> Result<(), rusqlite::Error> {
    transaction.prepare_cached("UPDATE jobs SET dead = 1 WHERE id = ?1")?.execute([id.as_uuid()]).map(drop)
}

/// Notes that it is done again.
pub(super) fn no_longer_dead(transaction: &Transaction<'_>, id: JobId) -> Result<(), rusqlite::Error> {
    transaction.prepare_cached("UPDATE jobs SET dead = 0 WHERE id = ?1")?.execute([id.as_uuid()]).map(drop)
}

/// Jobs that wait for that, newest first.
pub(super) fn dead(connection: &Connection, before: Option<JobId>, limit: u32) -> Result<Vec<Job>, rusqlite::Error> {
    let before = before.map_or(Uuid::max(), |id| id.as_uuid());
    connection.prepare_cached(DEAD)?.query_map(params![before, limit], read)?.collect()
}

/// Moves a job, with all that follows from it in the store.
pub(super) fn advance(transaction: &Transaction<'_>, advance: &Advance) -> Result<Advanced, rusqlite::Error> {
    let Some(job) = get(transaction, advance.job)? else { return Ok(Advanced::Absent) };
    match step(&job, advance.actor, advance.event.clone(), advance.now) {
        Err(reason) => Ok(Advanced::Refused { job, reason }),
        Ok(Moved { job: moved, effects }) => {
            if let Some(said) = &advance.said {
                words::append_before_move(transaction, &job, said)?;
            }
            let (before, job) = (job, moved);
            update(transaction, &job)?;
            if let Some(entry) = &advance.entry {
                people::note(transaction, entry)?;
            }
            follow_attempt(transaction, &job, &advance.event, advance.now)?;
            for entry in entries_of(&before, &job, &effects, &advance.event, advance.now) {
                ledger::record(transaction, &entry)?;
            }
            if effects.contains(&Effect::Settle) && job.is_dead_letter() {
                is_dead(transaction, job.id)?;
            }
            if job.status.is_terminal() && job.key_source == KeySource::Request {
                vault::erase_of_job(transaction, job.id)?;
            }
            if job.status.is_terminal() {
                inputs::erase(transaction, job.id)?;
            }
            if matches!(advance.event, Event::Completed { .. }) {
                assets::insert_outputs(transaction, &job, advance.now)?;
            }
            Ok(Advanced::Moved { job, effects })
        }
    }
}

/// Writes the intent of an attempt: before anything is sent.
pub(super) fn begin_attempt(transaction: &Transaction<'_>, job: &Job, now: Timestamp) -> Result<(), rusqlite::Error> {
    const BEGIN: &str = "INSERT INTO attempts (job_id, number, provider, started_at) VALUES (?1, ?2, ?3, ?4)";
    transaction
        .prepare_cached(BEGIN)?
        .execute(params![job.id.as_uuid(), job.attempt, job.provider, now.as_millis()])
        .map(drop)
}

/// Writes down what an event says of the current attempt of `job`, which it has moved.
fn follow_attempt(
    transaction: &Transaction<'_>,
    job: &Job,
    event: &Event,
    now: Timestamp,
) -> Result<(), rusqlite::Error> {
    const FOLLOW: &str = "UPDATE attempts
        SET handle = coalesce(?3, handle), ended_at = ?4, outcome = coalesce(?5, outcome)
        WHERE job_id = ?1 AND number = ?2";
    let outcome = match event.of_attempt() {
        _ if matches!(event, Event::Claimed(_)) => return begin_attempt(transaction, job, now),
        None => return Ok(()),
        Some(outcome) => outcome,
    };
    // Still open while submitted, and while nobody knows.
    let ended = job.status == Status::Queued || job.status.is_terminal();
    let ended_at = ended.then_some(now.as_millis());
    transaction
        .prepare_cached(FOLLOW)?
        .execute(params![job.id.as_uuid(), job.attempt, job.handle, ended_at, outcome])
        .map(drop)
}

/// The attempts of a job, in order.
pub(super) fn attempts(connection: &Connection, id: JobId) -> Result<Vec<AttemptRow>, rusqlite::Error> {
    const ATTEMPTS: &str = "SELECT number, provider, started_at, handle, ended_at, outcome
        FROM attempts WHERE job_id = ?1 ORDER BY number";
    connection
        .prepare_cached(ATTEMPTS)?
        .query_map([id.as_uuid()], |row| {
            Ok(AttemptRow {
                number: row.get(0)?,
                provider: row.get(1)?,
                started_at: Timestamp::from_millis(row.get(2)?),
                handle: row.get(3)?,
                ended_at: row.get::<_, Option<i64>>(4)?.map(Timestamp::from_millis),
                outcome: row.get(5)?,
            })
        })?
        .collect()
}

/// A job.
pub(super) fn get(connection: &Connection, id: JobId) -> Result<Option<Job>, rusqlite::Error> {
    connection.prepare_cached("SELECT doc FROM jobs WHERE id = ?1")?.query_row([id.as_uuid()], read).optional()
}

/// A job, if it is `owner`'s.
pub(super) fn get_owned(connection: &Connection, owner: UserId, id: JobId) -> Result<Option<Job>, rusqlite::Error> {
    connection
        .prepare_cached("SELECT doc FROM jobs WHERE id = ?1 AND owner = ?2 AND forgotten = 0")?
        .query_row([id.as_uuid(), owner.as_uuid()], read)
        .optional()
}

/// Someone's jobs, newest first.
pub(super) fn list(connection: &Connection, owner: UserId, filter: &JobFilter) -> Result<Vec<Job>, rusqlite::Error> {
    let before = filter.before.map_or(Uuid::max(), |id| id.as_uuid());
    let status = filter.status.map(|status| status.as_str());
    let modality = filter.modality.map(|modality| modality.as_str());
    connection
        .prepare_cached(LIST)?
        .query_map(params![owner.as_uuid(), before, status, modality, filter.limit], read)?
        .collect()
}

/// Jobs that are neither queued nor over, oldest first.
pub(super) fn unfinished(connection: &Connection) -> Result<Vec<Job>, rusqlite::Error> {
    connection.prepare_cached(UNFINISHED)?.query_map([], read)?.collect()
}

/// Jobs whose deadline is over and that were not told, most overdue first.
pub(super) fn overdue(connection: &Connection, now: Timestamp) -> Result<Vec<JobId>, rusqlite::Error> {
    connection.prepare_cached(OVERDUE)?.query_map([now.as_millis()], |row| row.get(0).map(JobId::from_uuid))?.collect()
}

/// Whether a job of a queue is due.
pub(super) fn any_due(connection: &Connection, provider: &str, now: Timestamp) -> Result<bool, rusqlite::Error> {
    connection.prepare_cached(ANY_DUE)?.exists(params![provider, now.as_millis(), now.plus(LONGEST_PAUSE).as_millis()])
}

/// When the next job of a queue may run.
pub(super) fn next_run_at(connection: &Connection, provider: &str) -> Result<Option<Timestamp>, rusqlite::Error> {
    connection
        .prepare_cached(NEXT_RUN_AT)?
        .query_row([provider], |row| row.get(0).map(Timestamp::from_millis))
        .optional()
}
