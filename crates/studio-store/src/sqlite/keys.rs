//! Keys.

use super::{
    budgets,
    error::{read_json, write_json},
    people::{self, USER_COLUMNS, read_user_at},
};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params, params};
use studio_core::{
    caller::{ApiKey, KeyHash, KeyHolder},
    id::{KeyId, UserId},
    job::Payer,
    ledger::{Limits, Window},
    people::AuditEntry,
    ports::{KeyRow, MOST_OWN_KEYS, OWN_KEYS_WINDOW},
    time::Timestamp,
};

/// Keeps a key with its budgets. That same key again changes nothing; another one of its id or hash is an error. False: whoever makes
/// it for themselves has made too many.
pub(super) fn create(
    transaction: &Transaction<'_>,
    key: &ApiKey,
    limits: &Limits,
    entry: &AuditEntry,
) -> Result<bool, rusqlite::Error> {
    const CREATE: &str = "INSERT INTO keys (id, user_id, name, hash, last4, scopes, limits, created_at, revoked_at,
            expires_at)
        VALUES (:id, :user_id, :name, :hash, :last4, :scopes, :limits, :created_at, :revoked_at, :expires_at)";
    if find(transaction, key.hash)?.is_some_and(|known| known.key.id == key.id) {
        return Ok(true);
    }
    if entry.actor.user == Some(key.user) && made(transaction, key.user, key.created_at)? >= MOST_OWN_KEYS as u64 {
        return Ok(false);
    }
    transaction.prepare_cached(CREATE)?.execute(named_params! {
        ":id": key.id.as_uuid(),
        ":user_id": key.user.as_uuid(),
        ":name": key.name,
        ":hash": key.hash.0,
        ":last4": key.last4,
        ":scopes": write_json(&key.scopes, "scopes")?,
        ":limits": write_json(&key.limits, "limits")?,
        ":created_at": key.created_at.as_millis(),
        ":revoked_at": key.revoked_at.map(Timestamp::as_millis),
        ":expires_at": key.expires_at.map(Timestamp::as_millis),
    })?;
    budgets::set(transaction, Payer::Key(key.id), limits)?;
    people::note(transaction, entry)?;
    Ok(true)
}

/// How many keys count against what one person may make.
fn made(connection: &Connection, user: UserId, now: Timestamp) -> Result<u64, rusqlite::Error> {
    const MADE: &str = "SELECT count(*) FROM keys WHERE user_id = ?1
        AND (revoked_at IS NULL AND coalesce(expires_at > ?2, 1) OR created_at > ?3)";
    let since = now.minus(OWN_KEYS_WINDOW);
    connection
        .prepare_cached(MADE)?
        .query_row(params![user.as_uuid(), now.as_millis(), since.as_millis()], |row| row.get::<_, i64>(0))
        .map(i64::unsigned_abs)
}

/// Revokes a key, of one user or of anyone; the first time counts. False: there is none of that id, or it is another's.
pub(super) fn revoke(
    transaction: &Transaction<'_>,
    id: KeyId,
    of: Option<UserId>,
    entry: &AuditEntry,
) -> Result<bool, rusqlite::Error> {
    let (id, of) = (id.as_uuid(), of.map(|user| user.as_uuid()));
    let revoked = transaction
        .prepare_cached(
            "UPDATE keys SET revoked_at = ?3 WHERE id = ?1 AND (?2 IS NULL OR user_id = ?2) AND revoked_at IS NULL",
        )?
        .execute(params![id, of, entry.at.as_millis()])?;
    if revoked == 1 {
        people::note(transaction, entry)?;
        return Ok(true);
    }
    transaction
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM keys WHERE id = ?1 AND (?2 IS NULL OR user_id = ?2))")?
        .query_row(params![id, of], |row| row.get(0))
}

const COLUMNS: &str = "keys.id, keys.user_id, keys.name, keys.hash, keys.last4, keys.scopes, keys.limits,
    keys.created_at, keys.revoked_at, keys.expires_at";
const COLUMN_COUNT: usize = 10;

/// The key of that hash, revoked or not, with its owner.
pub(super) fn find(connection: &Connection, hash: KeyHash) -> Result<Option<KeyHolder>, rusqlite::Error> {
    let find = format!(
        "SELECT {COLUMNS}, {USER_COLUMNS} FROM keys JOIN users ON users.id = keys.user_id WHERE keys.hash = ?1"
    );
    connection
        .prepare_cached(&find)?
        .query_row([hash.0], |row| Ok(KeyHolder { key: read_key(row)?, user: read_user_at(row, COLUMN_COUNT)? }))
        .optional()
}

/// Whether there is a key at all.
pub(super) fn are_there(connection: &Connection) -> Result<bool, rusqlite::Error> {
    connection.prepare_cached("SELECT 1 FROM keys LIMIT 1")?.exists([])
}

/// All keys, or those of one user, with their owners, oldest first.
pub(super) fn list(connection: &Connection, of: Option<UserId>) -> Result<Vec<KeyRow>, rusqlite::Error> {
    let list = format!(
        "SELECT {COLUMNS}, {USER_COLUMNS}, keys.last_used_at
        FROM keys JOIN users ON users.id = keys.user_id WHERE ?1 IS NULL OR keys.user_id = ?1 ORDER BY keys.id"
    );
    let mut rows = Vec::new();
    for row in connection.prepare_cached(&list)?.query_map([of.map(|id| id.as_uuid())], |row| {
        let used = row.get::<_, Option<i64>>(COLUMN_COUNT + 6)?.map(Timestamp::from_millis);
        Ok((read_key(row)?, read_user_at(row, COLUMN_COUNT)?, used))
    })? {
        let (key, user, last_used_at) = row?;
        let payer = Payer::Key(key.id);
        let committed = budgets::committed(connection, payer, Window::Lifetime, key.created_at)?;
        rows.push(KeyRow { key, user, limits: budgets::limits(connection, payer)?, committed, last_used_at });
    }
    Ok(rows)
}

fn read_key(row: &Row<'_>) -> Result<ApiKey, rusqlite::Error> {
    Ok(ApiKey {
        id: KeyId::from_uuid(row.get(0)?),
        user: UserId::from_uuid(row.get(1)?),
        name: row.get(2)?,
        hash: KeyHash(row.get(3)?),
        last4: row.get(4)?,
        scopes: read_json(row, 5, "a key's scopes")?,
        limits: read_json(row, 6, "a key's limits")?,
        created_at: Timestamp::from_millis(row.get(7)?),
        revoked_at: row.get::<_, Option<i64>>(8)?.map(Timestamp::from_millis),
        expires_at: row.get::<_, Option<i64>>(9)?.map(Timestamp::from_millis),
    })
}
