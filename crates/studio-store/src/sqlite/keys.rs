//! People and their keys.

use super::{
    budgets,
    error::{read_json, write_json},
};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params, params};
use studio_core::{
    caller::{ApiKey, KeyHash, User},
    id::{KeyId, UserId},
    job::Payer,
    ledger::{Limits, Window},
    ports::KeyRow,
    time::Timestamp,
};

/// The user of that address, made if there is none.
pub(super) fn ensure_user(transaction: &Transaction<'_>, user: &User) -> Result<User, rusqlite::Error> {
    transaction
        .prepare_cached("INSERT INTO users (id, email, created_at) VALUES (?1, ?2, ?3) ON CONFLICT (email) DO NOTHING")?
        .execute(params![user.id.as_uuid(), user.email, user.created_at.as_millis()])?;
    transaction
        .prepare_cached("SELECT id, email, created_at FROM users WHERE email = ?1")?
        .query_row([&user.email], |row| read_user(row, 0))
}

/// Keeps a key with its budgets. That same key again changes nothing; another one of its id or hash is an error.
pub(super) fn create(transaction: &Transaction<'_>, key: &ApiKey, limits: &Limits) -> Result<(), rusqlite::Error> {
    const CREATE: &str = "INSERT INTO keys (id, user_id, name, hash, last4, scopes, limits, created_at, revoked_at,
            expires_at)
        VALUES (:id, :user_id, :name, :hash, :last4, :scopes, :limits, :created_at, :revoked_at, :expires_at)";
    if find(transaction, key.hash)?.is_some_and(|known| known.id == key.id) {
        return Ok(());
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
    budgets::set(transaction, Payer::Key(key.id), limits).map(drop)
}

/// Revokes a key; the first time counts. False: there is none of that id.
pub(super) fn revoke(transaction: &Transaction<'_>, id: KeyId, now: Timestamp) -> Result<bool, rusqlite::Error> {
    transaction
        .prepare_cached("UPDATE keys SET revoked_at = coalesce(revoked_at, ?2) WHERE id = ?1")?
        .execute(params![id.as_uuid(), now.as_millis()])
        .map(|rows| rows == 1)
}

const COLUMNS: &str = "keys.id, keys.user_id, keys.name, keys.hash, keys.last4, keys.scopes, keys.limits,
    keys.created_at, keys.revoked_at, keys.expires_at";
const COLUMN_COUNT: usize = 10;

/// The key of that hash, revoked or not.
pub(super) fn find(connection: &Connection, hash: KeyHash) -> Result<Option<ApiKey>, rusqlite::Error> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM keys WHERE hash = ?1"))?
        .query_row([hash.0], read_key)
        .optional()
}

/// All keys, or those of one user, with their owners, oldest first.
pub(super) fn list(connection: &Connection, of: Option<UserId>) -> Result<Vec<KeyRow>, rusqlite::Error> {
    let list = format!(
        "SELECT {COLUMNS}, users.id, users.email, users.created_at
        FROM keys JOIN users ON users.id = keys.user_id WHERE ?1 IS NULL OR keys.user_id = ?1 ORDER BY keys.id"
    );
    let mut rows = Vec::new();
    for row in connection
        .prepare_cached(&list)?
        .query_map([of.map(|id| id.as_uuid())], |row| Ok((read_key(row)?, read_user(row, COLUMN_COUNT)?)))?
    {
        let (key, user) = row?;
        let payer = Payer::Key(key.id);
        let committed = budgets::committed(connection, payer, Window::Lifetime, key.created_at)?;
        rows.push(KeyRow { key, user, limits: budgets::limits(connection, payer)?, committed });
    }
    Ok(rows)
}

/// One user, or all, oldest first.
pub(super) fn users(connection: &Connection, id: Option<UserId>) -> Result<Vec<User>, rusqlite::Error> {
    connection
        .prepare_cached("SELECT id, email, created_at FROM users WHERE ?1 IS NULL OR id = ?1 ORDER BY id")?
        .query_map([id.map(|id| id.as_uuid())], |row| read_user(row, 0))?
        .collect()
}

fn read_user(row: &Row<'_>, first: usize) -> Result<User, rusqlite::Error> {
    Ok(User {
        id: UserId::from_uuid(row.get(first)?),
        email: row.get(first + 1)?,
        created_at: Timestamp::from_millis(row.get(first + 2)?),
    })
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
