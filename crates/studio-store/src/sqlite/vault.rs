//! Sealed keys of providers. Only envelopes come here: what they say is not known to this crate.
//!
//! What is removed is overwritten first, in its place and at its length, so that no later copy of the file has it; the
//! connection wipes what is freed, too (`secure_delete`). Whoever copied the log before that has an envelope, which is worth
//! nothing without its master key.

use super::{
    apply::{Answer, Command},
    error::unknown,
    people::note,
    store::{Engine, Sqlite},
};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use std::collections::BTreeSet;
use studio_core::{
    id::{JobId, UserId},
    ledger::Auditor,
    people::AuditEntry,
    ports::{Entrusted, ProviderKey, Resealed, SealedRow, StoreError, Vault},
    seal::{MasterKeyId, Place, Sealed},
    time::Timestamp,
};
use uuid::Uuid;

/// A sealed key in a column.
fn read_sealed(row: &Row<'_>, index: usize) -> Result<Sealed, rusqlite::Error> {
    Sealed::from_bytes(row.get(index)?).map_err(|_| unknown(index, "a sealed key"))
}

fn read_key(row: &Row<'_>) -> Result<ProviderKey, rusqlite::Error> {
    Ok(ProviderKey {
        user: UserId::from_uuid(row.get(0)?),
        provider: row.get(1)?,
        sealed: read_sealed(row, 2)?,
        last4: row.get(3)?,
        created_at: Timestamp::from_millis(row.get(4)?),
    })
}

/// Whether nothing is to be sealed by that master key any more.
pub(super) fn is_retired(connection: &Connection, master: MasterKeyId) -> Result<bool, rusqlite::Error> {
    connection.prepare_cached("SELECT 1 FROM retired_master_keys WHERE id = ?1")?.exists([master.0])
}

/// Keeps a user's key for a provider.
pub(super) fn keep(
    transaction: &Transaction<'_>,
    key: &ProviderKey,
    entry: &AuditEntry,
) -> Result<Entrusted, rusqlite::Error> {
    const KEEP: &str = "INSERT INTO provider_keys (user_id, provider, sealed, master, last4, created_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    if is_retired(transaction, key.sealed.key())? {
        return Ok(Entrusted::Retired);
    }
    erase(transaction, key.user, &key.provider)?;
    transaction.prepare_cached(KEEP)?.execute(params![
        key.user.as_uuid(),
        key.provider,
        key.sealed.as_bytes(),
        key.sealed.key().0,
        key.last4,
        key.created_at.as_millis()
    ])?;
    note(transaction, entry)?;
    Ok(Entrusted::Kept)
}

/// Removes one. False: there is none.
pub(super) fn remove(
    transaction: &Transaction<'_>,
    user: UserId,
    provider: &str,
    entry: &AuditEntry,
) -> Result<bool, rusqlite::Error> {
    let removed = erase(transaction, user, provider)?;
    if removed {
        note(transaction, entry)?;
    }
    Ok(removed)
}

fn erase(transaction: &Transaction<'_>, user: UserId, provider: &str) -> Result<bool, rusqlite::Error> {
    const OVERWRITE: &str =
        "UPDATE provider_keys SET sealed = zeroblob(length(sealed)) WHERE user_id = ?1 AND provider = ?2";
    let one = params![user.as_uuid(), provider];
    transaction.prepare_cached(OVERWRITE)?.execute(one)?;
    let rows =
        transaction.prepare_cached("DELETE FROM provider_keys WHERE user_id = ?1 AND provider = ?2")?.execute(one)?;
    Ok(rows == 1)
}

const COLUMNS: &str = "user_id, provider, sealed, last4, created_at";

/// One of a user's keys.
pub(super) fn find(
    connection: &Connection,
    user: UserId,
    provider: &str,
) -> Result<Option<ProviderKey>, rusqlite::Error> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM provider_keys WHERE user_id = ?1 AND provider = ?2"))?
        .query_row(params![user.as_uuid(), provider], read_key)
        .optional()
}

/// All of them.
pub(super) fn list(connection: &Connection, user: UserId) -> Result<Vec<ProviderKey>, rusqlite::Error> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM provider_keys WHERE user_id = ?1 ORDER BY provider"))?
        .query_map([user.as_uuid()], read_key)?
        .collect()
}

/// Keeps the key that came with a job's request.
pub(super) fn keep_for_job(transaction: &Transaction<'_>, job: JobId, sealed: &Sealed) -> Result<(), rusqlite::Error> {
    transaction
        .prepare_cached("INSERT INTO job_keys (job_id, sealed, master) VALUES (?1, ?2, ?3)")?
        .execute(params![job.as_uuid(), sealed.as_bytes(), sealed.key().0])
        .map(drop)
}

/// Erases it.
pub(super) fn erase_of_job(transaction: &Transaction<'_>, job: JobId) -> Result<(), rusqlite::Error> {
    for step in [
        "UPDATE job_keys SET sealed = zeroblob(length(sealed)) WHERE job_id = ?1",
        "DELETE FROM job_keys WHERE job_id = ?1",
    ] {
        transaction.prepare_cached(step)?.execute([job.as_uuid()])?;
    }
    Ok(())
}

/// The key that came with a job's request, while it is kept.
pub(super) fn of_job(connection: &Connection, job: JobId) -> Result<Option<Sealed>, rusqlite::Error> {
    connection
        .prepare_cached("SELECT sealed FROM job_keys WHERE job_id = ?1")?
        .query_row([job.as_uuid()], |row| read_sealed(row, 0))
        .optional()
}

/// How much is sealed by which master key.
pub(super) fn sealed_by(connection: &Connection) -> Result<Vec<(MasterKeyId, u64)>, rusqlite::Error> {
    const SEALED_BY: &str = "SELECT master, count(*)
        FROM (SELECT master FROM provider_keys UNION ALL SELECT master FROM job_keys) GROUP BY master ORDER BY master";
    connection
        .prepare_cached(SEALED_BY)?
        .query_map([], |row| {
            let count: i64 = row.get(1)?;
            Ok((MasterKeyId(row.get(0)?), u64::try_from(count).map_err(|_| unknown(1, "a count"))?))
        })?
        .collect()
}

/// Some of what is sealed by another master key.
pub(super) fn sealed_by_others(
    connection: &Connection,
    current: MasterKeyId,
    but: &BTreeSet<Place>,
    limit: u32,
) -> Result<Vec<SealedRow>, rusqlite::Error> {
    const OTHERS: &str = "SELECT user_id, provider, sealed FROM provider_keys WHERE master <> ?1
        UNION ALL SELECT job_id, NULL, sealed FROM job_keys WHERE master <> ?1";
    let mut statement = connection.prepare_cached(OTHERS)?;
    let mut rows = statement.query([current.0])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, provider): (Uuid, Option<String>) = (row.get(0)?, row.get(1)?);
        let place = match provider {
            Some(provider) => Place::ProviderKey { user: UserId::from_uuid(id), provider },
            None => Place::JobKey(JobId::from_uuid(id)),
        };
        // What is no envelope stays as it is, and so does its master key.
        let Ok(sealed) = read_sealed(row, 2) else { continue };
        if !but.contains(&place) {
            found.push(SealedRow { place, sealed });
        }
        if found.len() >= limit as usize {
            break;
        }
    }
    Ok(found)
}

/// Puts what was sealed anew in its place, if what it was made from is still there.
pub(super) fn reseal(transaction: &Transaction<'_>, rows: &[Resealed]) -> Result<u64, rusqlite::Error> {
    const OF_PROVIDER: &str = "UPDATE provider_keys SET sealed = ?3, master = ?4
        WHERE user_id = ?1 AND provider = ?2 AND sealed = ?5";
    const OF_JOB: &str = "UPDATE job_keys SET sealed = ?2, master = ?3 WHERE job_id = ?1 AND sealed = ?4";
    let mut count = 0;
    for Resealed { place, before, after } in rows {
        let (bytes, master, old) = (after.as_bytes(), after.key().0, before.as_bytes());
        count += match place {
            Place::ProviderKey { user, provider } => transaction.prepare_cached(OF_PROVIDER)?.execute(params![
                user.as_uuid(),
                provider,
                bytes,
                master,
                old
            ])?,
            Place::JobKey(job) => {
                transaction.prepare_cached(OF_JOB)?.execute(params![job.as_uuid(), bytes, master, old])?
            }
        };
    }
    Ok(count as u64)
}

/// Says by which master keys nothing is to be sealed.
pub(super) fn retire(transaction: &Transaction<'_>, ids: &BTreeSet<MasterKeyId>) -> Result<(), rusqlite::Error> {
    transaction.prepare_cached("DELETE FROM retired_master_keys")?.execute([])?;
    for id in ids {
        transaction.prepare_cached("INSERT INTO retired_master_keys (id) VALUES (?1)")?.execute([id.0])?;
    }
    Ok(())
}

/// Which these are.
pub(super) fn retired(connection: &Connection) -> Result<BTreeSet<MasterKeyId>, rusqlite::Error> {
    connection
        .prepare_cached("SELECT id FROM retired_master_keys")?
        .query_map([], |row| row.get(0).map(MasterKeyId))?
        .collect()
}

/// Sees that no key of a request outlives its job, and that each that is kept says by which master key.
pub(super) fn audit(connection: &Connection, auditor: &mut Auditor) -> Result<(), rusqlite::Error> {
    const OF_JOBS: &str = "SELECT job_id, sealed, master, status IN ('succeeded', 'failed', 'canceled', 'expired')
        FROM job_keys JOIN jobs ON jobs.id = job_id";
    let mut statement = connection.prepare_cached(OF_JOBS)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, over): (Uuid, bool) = (row.get(0)?, row.get(3)?);
        let master: [u8; 8] = row.get(2)?;
        let named = read_sealed(row, 1).is_ok_and(|sealed| sealed.key().0 == master);
        auditor.check("no key is kept of a job that is over", !over, || format!("job {id}"));
        auditor.check("a sealed key names its master key", named, || format!("job {id}"));
    }
    Ok(())
}

#[async_trait]
impl<E: Engine> Vault for Sqlite<E> {
    async fn keep_provider_key(&self, key: ProviderKey, entry: AuditEntry) -> Result<Entrusted, StoreError> {
        match self.0.run(Command::KeepProviderKey(Box::new(key), Box::new(entry))).await? {
            Answer::Kept(kept) => Ok(kept),
            other => Err(other.misplaced()),
        }
    }

    async fn remove_provider_key(&self, user: UserId, provider: &str, entry: AuditEntry) -> Result<bool, StoreError> {
        match self.0.run(Command::RemoveProviderKey(user, provider.to_owned(), Box::new(entry))).await? {
            Answer::Found(found) => Ok(found),
            other => Err(other.misplaced()),
        }
    }

    async fn provider_key(&self, user: UserId, provider: &str) -> Result<Option<ProviderKey>, StoreError> {
        let provider = provider.to_owned();
        self.0.ask(move |connection| find(connection, user, &provider)).await
    }

    async fn provider_keys(&self, user: UserId) -> Result<Vec<ProviderKey>, StoreError> {
        self.0.ask(move |connection| list(connection, user)).await
    }

    async fn job_key(&self, job: JobId) -> Result<Option<Sealed>, StoreError> {
        self.0.ask(move |connection| of_job(connection, job)).await
    }

    async fn sealed_by(&self) -> Result<Vec<(MasterKeyId, u64)>, StoreError> {
        self.0.ask_at_length(sealed_by).await
    }

    async fn sealed_by_others(
        &self,
        current: MasterKeyId,
        but: BTreeSet<Place>,
        limit: u32,
    ) -> Result<Vec<SealedRow>, StoreError> {
        self.0.ask_at_length(move |connection| sealed_by_others(connection, current, &but, limit)).await
    }

    async fn reseal(&self, rows: Vec<Resealed>) -> Result<u64, StoreError> {
        match self.0.run(Command::Reseal(rows)).await? {
            Answer::Counted(count) => Ok(count),
            other => Err(other.misplaced()),
        }
    }

    async fn retire_master_keys(&self, ids: BTreeSet<MasterKeyId>) -> Result<(), StoreError> {
        match self.0.run(Command::RetireMasterKeys(ids)).await? {
            Answer::Written => Ok(()),
            other => Err(other.misplaced()),
        }
    }

    async fn retired_master_keys(&self) -> Result<BTreeSet<MasterKeyId>, StoreError> {
        self.0.ask(retired).await
    }
}
