//! Passwords: their hashes, apart from whom they belong to.

use super::{links, note, sessions, users};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use studio_core::{
    id::UserId,
    people::User,
    ports::{Account, ChangePassword, PasswordHash, Sessions},
    time::Timestamp,
};

/// The hash of someone's password.
pub(super) fn password(connection: &Connection, user: UserId) -> Result<Option<PasswordHash>, rusqlite::Error> {
    connection
        .prepare_cached("SELECT hash FROM passwords WHERE user_id = ?1")?
        .query_row([user.as_uuid()], |row| row.get(0).map(PasswordHash))
        .optional()
}

/// Someone by address, with the hash of their password.
pub(super) fn account(connection: &Connection, email: &str) -> Result<Option<Account>, rusqlite::Error> {
    let Some(user) = users::by_address(connection, email)? else { return Ok(None) };
    let password = password(connection, user.id)?;
    Ok(Some(Account { user, password }))
}

/// Sets someone's password. Links that were for them are withdrawn: each would be a way around the new one.
pub(super) fn set_password(
    transaction: &Transaction<'_>,
    user: &User,
    password: &PasswordHash,
    now: Timestamp,
) -> Result<(), rusqlite::Error> {
    const SET: &str = "INSERT INTO passwords (user_id, hash, changed_at) VALUES (?1, ?2, ?3)
        ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, changed_at = excluded.changed_at";
    transaction.prepare_cached(SET)?.execute(params![user.id.as_uuid(), password.0, now.as_millis()])?;
    links::withdraw_of(transaction, user, now)
}

/// Changes a password, and ends the sessions that began with another.
pub(super) fn change(transaction: &Transaction<'_>, change: &ChangePassword) -> Result<bool, rusqlite::Error> {
    let Some(user) = users::find(transaction, change.user)?.filter(User::is_active) else { return Ok(false) };
    let now = password(transaction, change.user)?;
    // Told again, it is done already.
    if now.as_ref() == Some(&change.after) {
        return Ok(true);
    }
    if now.as_ref() != Some(&change.before) {
        return Ok(false);
    }
    set_password(transaction, &user, &change.after, change.entry.at)?;
    sessions::remove(transaction, change.user, Sessions::AllBut(change.keep))?;
    note(transaction, &change.entry)?;
    Ok(true)
}
