//! Who they are.

use super::{super::error::unknown, note, sessions};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use studio_core::{
    id::UserId,
    people::{AuditEntry, Changed, Role, User, change as decide},
    ports::{ChangeUser, Sessions, UserChanged, UserRow},
    time::Timestamp,
};

/// Of a user, wherever one is read.
pub(in super::super) const COLUMNS: &str =
    "users.id, users.email, users.name, users.role, users.created_at, users.disabled_at";

pub(in super::super) const BY_ADDRESS: &str = "SELECT id FROM users WHERE lower(email) = lower(?1) ORDER BY id LIMIT 1";

/// Reads [`COLUMNS`] from the column at `first` on.
pub(in super::super) fn read_at(row: &Row<'_>, first: usize) -> Result<User, rusqlite::Error> {
    let role = row.get_ref(first + 3)?.as_str().ok().and_then(Role::parse);
    Ok(User {
        id: UserId::from_uuid(row.get(first)?),
        email: row.get(first + 1)?,
        name: row.get(first + 2)?,
        role: role.ok_or_else(|| unknown(first + 3, "a role"))?,
        created_at: Timestamp::from_millis(row.get(first + 4)?),
        disabled_at: row.get::<_, Option<i64>>(first + 5)?.map(Timestamp::from_millis),
    })
}

/// The user of that address.
pub(in super::super) fn by_address(connection: &Connection, email: &str) -> Result<Option<User>, rusqlite::Error> {
    let id = connection.prepare_cached(BY_ADDRESS)?.query_row([email], |row| row.get(0)).optional()?;
    id.map_or(Ok(None), |id| find(connection, UserId::from_uuid(id)))
}

/// The user of that id.
pub(super) fn find(connection: &Connection, id: UserId) -> Result<Option<User>, rusqlite::Error> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM users WHERE id = ?1"))?
        .query_row([id.as_uuid()], |row| read_at(row, 0))
        .optional()
}

/// The user of that address, made if there is none.
pub(in super::super) fn ensure(
    transaction: &Transaction<'_>,
    user: &User,
    entry: &AuditEntry,
) -> Result<User, rusqlite::Error> {
    if let Some(known) = by_address(transaction, &user.email)? {
        return Ok(known);
    }
    insert(transaction, user)?;
    note(transaction, entry)?;
    Ok(user.clone())
}

pub(super) fn insert(transaction: &Transaction<'_>, user: &User) -> Result<(), rusqlite::Error> {
    const INSERT: &str =
        "INSERT INTO users (id, email, name, role, created_at, disabled_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    transaction
        .prepare_cached(INSERT)?
        .execute(params![
            user.id.as_uuid(),
            user.email,
            user.name,
            user.role.as_str(),
            user.created_at.as_millis(),
            user.disabled_at.map(Timestamp::as_millis),
        ])
        .map(drop)
}

pub(super) fn update(transaction: &Transaction<'_>, user: &User) -> Result<(), rusqlite::Error> {
    const UPDATE: &str = "UPDATE users SET email = ?2, name = ?3, role = ?4, disabled_at = ?5 WHERE id = ?1";
    transaction
        .prepare_cached(UPDATE)?
        .execute(params![
            user.id.as_uuid(),
            user.email,
            user.name,
            user.role.as_str(),
            user.disabled_at.map(Timestamp::as_millis),
        ])
        .map(drop)
}

/// Changes someone.
pub(super) fn change(transaction: &Transaction<'_>, change: &ChangeUser) -> Result<UserChanged, rusqlite::Error> {
    const OTHER_OWNERS: &str =
        "SELECT EXISTS (SELECT 1 FROM users WHERE role = 'owner' AND disabled_at IS NULL AND id <> ?1)";
    let Some(before) = find(transaction, change.user)? else { return Ok(UserChanged::Absent) };
    let others: bool =
        transaction.prepare_cached(OTHER_OWNERS)?.query_row([change.user.as_uuid()], |row| row.get(0))?;
    match decide(&before, &change.change, change.by, others, change.entry.at) {
        Ok(Changed { user, details }) => {
            if let Some(details) = details {
                update(transaction, &user)?;
                if !user.is_active() {
                    // Nor do they come back when whoever it is does.
                    sessions::remove(transaction, user.id, Sessions::AllBut(None))?;
                }
                note(transaction, &change.entry.clone().with(details))?;
            }
            Ok(UserChanged::Changed(user))
        }
        Err(not) => Ok(UserChanged::Refused(not)),
    }
}

/// One user, or all, oldest first.
pub(in super::super) fn users(connection: &Connection, id: Option<UserId>) -> Result<Vec<User>, rusqlite::Error> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM users WHERE ?1 IS NULL OR id = ?1 ORDER BY id"))?
        .query_map([id.map(|id| id.as_uuid())], |row| read_at(row, 0))?
        .collect()
}

/// Everyone, oldest first.
pub(super) fn list(connection: &Connection, now: Timestamp) -> Result<Vec<UserRow>, rusqlite::Error> {
    let list = format!(
        "SELECT {COLUMNS}, EXISTS (SELECT 1 FROM passwords WHERE user_id = users.id),
            (SELECT max(last_seen_at) FROM sessions WHERE user_id = users.id),
            (SELECT count(*) FROM keys WHERE user_id = users.id AND revoked_at IS NULL AND coalesce(expires_at > ?1, 1))
        FROM users ORDER BY users.id"
    );
    let read = |row: &Row<'_>| {
        Ok(UserRow {
            user: read_at(row, 0)?,
            has_password: row.get(6)?,
            last_seen_at: row.get::<_, Option<i64>>(7)?.map(Timestamp::from_millis),
            keys: row.get::<_, i64>(8)?.unsigned_abs(),
        })
    };
    connection.prepare_cached(&list)?.query_map([now.as_millis()], read)?.collect()
}
