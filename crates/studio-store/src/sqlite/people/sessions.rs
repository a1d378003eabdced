//! Sessions, and when they and keys were used last.

use super::{
    super::people::{accounts, users},
    note,
};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params, params};
use studio_core::{
    id::{SessionId, UserId},
    people::{AuditEntry, SESSION_IDLE, Session, TokenHash},
    ports::{MOST_SESSIONS, OpenSession, Seen, SessionHolder, Sessions},
    time::Timestamp,
};

const COLUMNS: &str = "sessions.id, sessions.user_id, sessions.hash, sessions.created_at, sessions.last_seen_at,
    sessions.expires_at, sessions.network, sessions.agent";
const COLUMN_COUNT: usize = 8;

pub(in super::super) const OF_USER: &str =
    "SELECT id, user_id, hash, created_at, last_seen_at, expires_at, network, agent FROM sessions
    WHERE user_id = ?1 ORDER BY id DESC";

fn read(row: &Row<'_>) -> Result<Session, rusqlite::Error> {
    Ok(Session {
        id: SessionId::from_uuid(row.get(0)?),
        user: UserId::from_uuid(row.get(1)?),
        hash: TokenHash(row.get(2)?),
        created_at: Timestamp::from_millis(row.get(3)?),
        last_seen_at: Timestamp::from_millis(row.get(4)?),
        expires_at: Timestamp::from_millis(row.get(5)?),
        network: row.get(6)?,
        agent: row.get(7)?,
    })
}

/// The session of that hash, with whose it is.
pub(super) fn find(connection: &Connection, hash: TokenHash) -> Result<Option<SessionHolder>, rusqlite::Error> {
    let find = format!(
        "SELECT {COLUMNS}, {} FROM sessions JOIN users ON users.id = sessions.user_id WHERE sessions.hash = ?1",
        users::COLUMNS
    );
    connection
        .prepare_cached(&find)?
        .query_row([hash.0], |row| Ok(SessionHolder { session: read(row)?, user: users::read_at(row, COLUMN_COUNT)? }))
        .optional()
}

/// Someone's sessions, newest first.
pub(super) fn list(connection: &Connection, user: UserId) -> Result<Vec<Session>, rusqlite::Error> {
    connection.prepare_cached(OF_USER)?.query_map([user.as_uuid()], read)?.collect()
}

/// Begins a session, if the password that was right is still the one.
pub(super) fn open(transaction: &Transaction<'_>, open: &OpenSession) -> Result<bool, rusqlite::Error> {
    let user = open.session.user;
    let active = users::find(transaction, user)?.is_some_and(|user| user.is_active());
    if !active || accounts::password(transaction, user)?.as_ref() != Some(&open.password) {
        return Ok(false);
    }
    replace(transaction, open.replaces)?;
    insert(transaction, &open.session)?;
    note(transaction, &open.entry)?;
    Ok(true)
}

/// Ends the session that a browser had before another.
pub(super) fn replace(transaction: &Transaction<'_>, before: Option<TokenHash>) -> Result<(), rusqlite::Error> {
    let Some(hash) = before else { return Ok(()) };
    transaction.prepare_cached("DELETE FROM sessions WHERE hash = ?1")?.execute([hash.0]).map(drop)
}

/// Keeps a session; those that are over go, and so does the one that was used longest ago where there are too many.
pub(super) fn insert(transaction: &Transaction<'_>, session: &Session) -> Result<(), rusqlite::Error> {
    const INSERT: &str =
        "INSERT INTO sessions (id, user_id, hash, created_at, last_seen_at, expires_at, network, agent)
        VALUES (:id, :user, :hash, :created_at, :last_seen_at, :expires_at, :network, :agent)
        ON CONFLICT (id) DO NOTHING";
    const OVER: &str = "DELETE FROM sessions WHERE user_id = ?1 AND (expires_at <= ?2 OR last_seen_at <= ?3)";
    const TOO_MANY: &str = "DELETE FROM sessions WHERE id IN
        (SELECT id FROM sessions WHERE user_id = ?1 AND id <> ?2 ORDER BY last_seen_at DESC, id DESC LIMIT -1 OFFSET ?3)";
    let now = session.created_at.as_millis();
    let idle_since = now - i64::try_from(SESSION_IDLE.as_millis()).unwrap_or(i64::MAX);
    let user = session.user.as_uuid();
    transaction.prepare_cached(OVER)?.execute(params![user, now, idle_since])?;
    transaction.prepare_cached(INSERT)?.execute(named_params! {
        ":id": session.id.as_uuid(),
        ":user": user,
        ":hash": session.hash.0,
        ":created_at": now,
        ":last_seen_at": session.last_seen_at.as_millis(),
        ":expires_at": session.expires_at.as_millis(),
        ":network": session.network,
        ":agent": session.agent,
    })?;
    let most = i64::try_from(MOST_SESSIONS).unwrap_or(i64::MAX) - 1;
    transaction.prepare_cached(TOO_MANY)?.execute(params![user, session.id.as_uuid(), most]).map(drop)
}

/// Ends sessions of someone.
pub(super) fn end(
    transaction: &Transaction<'_>,
    user: UserId,
    which: Sessions,
    entry: &AuditEntry,
) -> Result<u64, rusqlite::Error> {
    let count = remove(transaction, user, which)?;
    if count > 0 {
        note(transaction, entry)?;
    }
    Ok(count)
}

/// Removes them, and tells nobody.
pub(super) fn remove(transaction: &Transaction<'_>, user: UserId, which: Sessions) -> Result<u64, rusqlite::Error> {
    let (one, but) = match which {
        Sessions::One(id) => (Some(id.as_uuid()), None),
        Sessions::AllBut(id) => (None, id.map(|id| id.as_uuid())),
    };
    let rows = transaction
        .prepare_cached("DELETE FROM sessions WHERE user_id = ?1 AND (?2 IS NULL OR id = ?2) AND id IS NOT ?3")?
        .execute(params![user.as_uuid(), one, but])?;
    Ok(rows as u64)
}

/// Notes when keys and sessions were used.
pub(super) fn note_seen(transaction: &Transaction<'_>, seen: &Seen) -> Result<(), rusqlite::Error> {
    let mut keys = transaction
        .prepare_cached("UPDATE keys SET last_used_at = ?2 WHERE id = ?1 AND coalesce(last_used_at < ?2, 1)")?;
    for (id, at) in &seen.keys {
        keys.execute(params![id.as_uuid(), at.as_millis()])?;
    }
    let mut sessions =
        transaction.prepare_cached("UPDATE sessions SET last_seen_at = max(last_seen_at, ?2) WHERE id = ?1")?;
    for (id, at) in &seen.sessions {
        sessions.execute(params![id.as_uuid(), at.as_millis()])?;
    }
    Ok(())
}
