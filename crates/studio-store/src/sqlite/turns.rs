//! The queue of a provider: its users take turns, so that nobody's ten thousand jobs keep another's first one waiting for longer
//! than a turn of each.
//!
//! A turn goes to the next user, in the order of their ids and around, who has a job that is due. Whose turn it was last is
//! written in the transaction that takes the job; nothing else has to be kept up to date, and one that waits is found with two
//! look-ups in an index, however many wait.

use super::{
    error::{read_json, unknown},
    jobs,
};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::collections::BTreeSet;
use studio_core::{
    id::{JobId, UserId},
    job::{Actor, Event, Job, step},
    ports::{Claim, Waiting},
    retry::LONGEST_PAUSE,
    time::Timestamp,
};
use uuid::Uuid;

/// The next user who waits at a provider, after another.
pub(super) const NEXT_OWNER: &str = "SELECT owner FROM jobs INDEXED BY jobs_queued_by_turn
    WHERE provider = ?1 AND status = 'queued' AND owner > ?2 ORDER BY owner LIMIT 1";
/// The job of a user that is to be taken next (due by `retry::is_due`).
pub(super) const DUE: &str = "SELECT doc FROM jobs INDEXED BY jobs_queued_by_turn
    WHERE provider = ?1 AND status = 'queued' AND owner = ?2 AND (run_at <= ?3 OR run_at > ?4)
    ORDER BY priority DESC, id LIMIT 1";
/// How many of a user's jobs a provider is at.
pub(super) const AT_WORK: &str = "SELECT count(*) FROM jobs INDEXED BY jobs_unfinished
    WHERE status IN ('submitting', 'running', 'collecting', 'unknown') AND status <> 'unknown'
        AND provider = ?1 AND owner = ?2";
/// A user's jobs that are to be taken before one of theirs.
pub(super) const OWN_AHEAD: &str = "SELECT count(*) FROM jobs INDEXED BY jobs_queued_by_turn
    WHERE provider = ?1 AND status = 'queued' AND owner = ?2 AND (priority > ?3 OR priority = ?3 AND id < ?4)";
/// How many wait, by user.
pub(super) const WAITING: &str = "SELECT owner, count(*) FROM jobs INDEXED BY jobs_queued_by_turn
    WHERE provider = ?1 AND status = 'queued' GROUP BY owner";

/// Takes due jobs by turns, one for each lease.
pub(super) fn claim(transaction: &Transaction<'_>, claim: &Claim) -> Result<Vec<Job>, rusqlite::Error> {
    let mut claimed = Vec::new();
    let mut turn = last_turn(transaction, &claim.provider)?;
    // Those who were passed over since somebody's job was taken last: once around, nobody is left.
    let mut passed = BTreeSet::new();
    let mut leases = claim.leases.iter();
    let mut lease = leases.next();
    while let Some(token) = lease {
        let Some(owner) = next_owner(transaction, &claim.provider, turn)? else { break };
        turn = Some(owner);
        let full = may_not_have_more(transaction, &claim.provider, owner, claim.per_owner)?;
        let due = if full { None } else { due(transaction, &claim.provider, owner, claim.now)? };
        // Whatever is queued can be claimed.
        let moved = due.and_then(|job| step(&job, Actor::Studio, Event::Claimed(*token), claim.now).ok());
        match moved {
            Some(moved) => {
                jobs::update(transaction, &moved.job)?;
                jobs::begin_attempt(transaction, &moved.job, claim.now)?;
                claimed.push(moved.job);
                passed.clear();
                lease = leases.next();
            }
            None if !passed.insert(owner) => break,
            None => {}
        }
    }
    if let Some(last) = claimed.last() {
        let set = "INSERT INTO turns (provider, owner) VALUES (?1, ?2) ON CONFLICT (provider) DO UPDATE SET owner = ?2";
        transaction.prepare_cached(set)?.execute(params![claim.provider, last.owner.as_uuid()])?;
    }
    Ok(claimed)
}

fn last_turn(connection: &Connection, provider: &str) -> Result<Option<UserId>, rusqlite::Error> {
    connection
        .prepare_cached("SELECT owner FROM turns WHERE provider = ?1")?
        .query_row([provider], |row| row.get(0).map(UserId::from_uuid))
        .optional()
}

/// The next one after another who waits, around the circle.
fn next_owner(
    connection: &Connection,
    provider: &str,
    after: Option<UserId>,
) -> Result<Option<UserId>, rusqlite::Error> {
    let mut statement = connection.prepare_cached(NEXT_OWNER)?;
    let after = after.map_or(Uuid::nil(), |id| id.as_uuid());
    for after in [after, Uuid::nil()] {
        let next = statement.query_row(params![provider, after], |row| row.get(0).map(UserId::from_uuid)).optional()?;
        if next.is_some() {
            return Ok(next);
        }
    }
    Ok(None)
}

fn due(connection: &Connection, provider: &str, owner: UserId, now: Timestamp) -> Result<Option<Job>, rusqlite::Error> {
    connection
        .prepare_cached(DUE)?
        .query_row(params![provider, owner.as_uuid(), now.as_millis(), now.plus(LONGEST_PAUSE).as_millis()], |row| {
            read_json(row, 0, "a job")
        })
        .optional()
}

/// Whether a user has as many jobs at work at a provider as they may.
pub(super) fn may_not_have_more(
    connection: &Connection,
    provider: &str,
    owner: UserId,
    most: Option<u32>,
) -> Result<bool, rusqlite::Error> {
    let Some(most) = most else { return Ok(false) };
    let at_work: i64 =
        connection.prepare_cached(AT_WORK)?.query_row(params![provider, owner.as_uuid()], |row| row.get(0))?;
    Ok(at_work >= i64::from(most))
}

/// How many wait, everywhere.
pub(super) const ALL_WAITING: &str = "SELECT provider, owner, count(*) FROM jobs INDEXED BY jobs_queued_by_turn
    WHERE status = 'queued' GROUP BY provider, owner";

/// How many jobs wait, by provider and user.
pub(super) fn waiting(connection: &Connection) -> Result<Vec<Waiting>, rusqlite::Error> {
    connection
        .prepare_cached(ALL_WAITING)?
        .query_map([], |row| {
            let count = u64::try_from(row.get::<_, i64>(2)?).map_err(|_| unknown(2, "a count"))?;
            Ok(Waiting { provider: row.get(0)?, owner: UserId::from_uuid(row.get(1)?), count })
        })?
        .collect()
}

/// How many jobs will be taken before a queued one: its owner's own that go before it, and of everyone else as many turns.
pub(super) fn position(connection: &Connection, id: JobId) -> Result<Option<u64>, rusqlite::Error> {
    const MINE: &str = "SELECT provider, owner, priority FROM jobs WHERE id = ?1 AND status = 'queued'";
    let mine = connection
        .prepare_cached(MINE)?
        .query_row([id.as_uuid()], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Uuid>(1)?, row.get::<_, i64>(2)?)))
        .optional()?;
    let Some((provider, owner, priority)) = mine else { return Ok(None) };
    let own: i64 = connection
        .prepare_cached(OWN_AHEAD)?
        .query_row(params![provider, owner, priority, id.as_uuid()], |row| row.get(0))?;
    let mut ahead = own;
    let mut waiting = connection.prepare_cached(WAITING)?;
    let mut rows = waiting.query([provider])?;
    while let Some(row) = rows.next()? {
        if row.get::<_, Uuid>(0)? != owner {
            ahead += row.get::<_, i64>(1)?.min(own + 1);
        }
    }
    u64::try_from(ahead).map(Some).map_err(|_| unknown(0, "a count"))
}
