//! Accepts jobs: idempotency record, job, hold, the assets of its input and that it needs them, and for a job claimed at birth its
//! first intent, in one transaction.

use super::{assets, budgets, inputs, jobs, ledger, library, people, turns, vault};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use studio_core::{
    id::JobId,
    idempotency::IdempotencyRecord,
    job::{Actor, Event, step},
    ledger::{exceeded, hold},
    ports::{Admission, Admitted},
    time::Timestamp,
};
use uuid::Uuid;

/// Accepts a job, or says why not; then nothing is written.
pub(super) fn admit(transaction: &Transaction<'_>, admission: &Admission) -> Result<Admitted, rusqlite::Error> {
    let Admission { job, idempotency, assets, claim, per_owner, own_key, entry, quota } = admission;
    if let Some(record) = idempotency
        && let Some(known) = replay(transaction, record)?
    {
        return Ok(match known {
            // Our own first run, whose commit was not known of.
            Admitted::Replayed(stored) if stored.id == job.id => Admitted::Accepted(stored),
            known => known,
        });
    }
    if let Some(stored) = jobs::get(transaction, job.id)? {
        return Ok(Admitted::Accepted(stored));
    }
    if let Some(sealed) = own_key
        && vault::is_retired(transaction, sealed.key())?
    {
        return Ok(Admitted::SealRetired);
    }
    if let Some(gone) = inputs::missing(transaction, job, assets)? {
        return Ok(Admitted::InputGone(gone));
    }
    if !assets.is_empty() {
        let stored = library::stored(transaction, job.owner, job.created_at)?;
        if assets.iter().map(|asset| asset.bytes).sum::<u64>() > stored.room(*quota) {
            return Ok(Admitted::OverQuota(stored));
        }
    }
    // Read here and nowhere else: of many who ask at once each sees what the one before it holds.
    let standings = budgets::standings(transaction, job.payer, job.owner, job.created_at)?;
    if !standings.is_empty() && job.price_list.is_none() {
        return Ok(Admitted::Unpriced);
    }
    if let Some(over) = exceeded(&standings, job.hold) {
        return Ok(Admitted::OverCap(over));
    }
    let now = job.created_at;
    let born = match claim {
        Some(lease)
            if job.run_at <= now
                && !jobs::any_due(transaction, &job.provider, now)?
                && !turns::may_not_have_more(transaction, &job.provider, job.owner, *per_owner)? =>
        {
            let claimed = Event::Claimed(*lease);
            step(job, Actor::Studio, claimed, now).ok().map(|moved| moved.job)
        }
        _ => None,
    };
    let accepted = born.as_ref().unwrap_or(job);
    jobs::insert(transaction, accepted)?;
    if born.is_some() {
        jobs::begin_attempt(transaction, accepted, now)?;
    }
    // Of the job as it was asked for: a hold is made before the first attempt.
    ledger::record(transaction, &hold(job, now))?;
    assets::insert_inputs(transaction, job.id, assets)?;
    inputs::note(transaction, job)?;
    if let Some(sealed) = own_key {
        vault::keep_for_job(transaction, job.id, sealed)?;
    }
    if let Some(again) = job.retry_of {
        jobs::no_longer_dead(transaction, again)?;
    }
    if let Some(entry) = entry {
        people::note(transaction, entry)?;
    }
    if let Some(record) = idempotency {
        remember(transaction, record, job.id, now)?;
    }
    Ok(Admitted::Accepted(accepted.clone()))
}

/// What was accepted under a key before.
pub(super) fn replay(connection: &Connection, record: &IdempotencyRecord) -> Result<Option<Admitted>, rusqlite::Error> {
    const KNOWN: &str = "SELECT fingerprint, job_id FROM idempotency WHERE owner = ?1 AND route = ?2 AND key = ?3";
    let known = connection
        .prepare_cached(KNOWN)?
        .query_row(params![record.user.as_uuid(), record.route, record.key.as_str()], |row| {
            Ok((row.get::<_, [u8; 32]>(0)?, row.get::<_, Uuid>(1)?))
        })
        .optional()?;
    match known {
        None => Ok(None),
        Some((fingerprint, _)) if fingerprint != record.fingerprint.0 => Ok(Some(Admitted::KeyReused)),
        Some((_, id)) => Ok(jobs::get(connection, JobId::from_uuid(id))?.map(Admitted::Replayed)),
    }
}

fn remember(
    transaction: &Transaction<'_>,
    record: &IdempotencyRecord,
    job: JobId,
    now: Timestamp,
) -> Result<(), rusqlite::Error> {
    const REMEMBER: &str = "INSERT INTO idempotency (owner, route, key, fingerprint, job_id, created_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    transaction
        .prepare_cached(REMEMBER)?
        .execute(params![
            record.user.as_uuid(),
            record.route,
            record.key.as_str(),
            record.fingerprint.0,
            job.as_uuid(),
            now.as_millis()
        ])
        .map(drop)
}
