//! The audit log.

use super::super::error::{read_json, unknown, write_json};
use rusqlite::{Connection, Row, Transaction, named_params, params};
use studio_core::{
    id::{AuditId, RequestId, UserId},
    people::{Action, Actor, AuditEntry, Via},
    ports::{AuditFilter, AuditRow},
    time::Timestamp,
};
use uuid::Uuid;

/// Writes an entry; the same again changes nothing.
pub(in super::super) fn note(transaction: &Transaction<'_>, entry: &AuditEntry) -> Result<(), rusqlite::Error> {
    const NOTE: &str = "INSERT INTO audit (id, at, actor, via, via_id, action, target, details, network, request_id)
        VALUES (:id, :at, :actor, :via, :via_id, :action, :target, :details, :network, :request)
        ON CONFLICT (id) DO NOTHING";
    transaction
        .prepare_cached(NOTE)?
        .execute(named_params! {
            ":id": entry.id.as_uuid(),
            ":at": entry.at.as_millis(),
            ":actor": entry.actor.user.map(|user| user.as_uuid()),
            ":via": entry.actor.via.as_str(),
            ":via_id": entry.actor.via.id(),
            ":action": entry.action.as_str(),
            ":target": entry.target,
            ":details": write_json(&entry.details, "details")?,
            ":network": entry.network,
            ":request": entry.request.map(|request| request.as_uuid()),
        })
        .map(drop)
}

/// Entries, newest first.
pub(super) fn list(connection: &Connection, filter: &AuditFilter) -> Result<Vec<AuditRow>, rusqlite::Error> {
    let of = if filter.user.is_some() { "actor = ?1" } else { "?1 IS NULL" };
    let list = format!(
        "SELECT number, audit.id, at, actor, via, via_id, action, target, details, network, request_id, users.email
        FROM audit LEFT JOIN users ON users.id = actor
        WHERE {of} AND number < ?2 ORDER BY number DESC LIMIT ?3"
    );
    let before = filter.before.and_then(|before| i64::try_from(before).ok()).unwrap_or(i64::MAX);
    connection
        .prepare_cached(&list)?
        .query_map(params![filter.user.map(|user| user.as_uuid()), before, filter.limit], read)?
        .collect()
}

fn read(row: &Row<'_>) -> Result<AuditRow, rusqlite::Error> {
    let via = row.get_ref(4)?.as_str().ok().and_then(|via| Some(Via::parse(via, row.get::<_, Option<Uuid>>(5).ok()?)));
    let via = via.flatten().ok_or_else(|| unknown(4, "how someone came"))?;
    let action = row.get_ref(6)?.as_str().ok().and_then(Action::parse).ok_or_else(|| unknown(6, "an action"))?;
    let entry = AuditEntry {
        id: AuditId::from_uuid(row.get(1)?),
        at: Timestamp::from_millis(row.get(2)?),
        actor: Actor { user: row.get::<_, Option<Uuid>>(3)?.map(UserId::from_uuid), via },
        action,
        target: row.get(7)?,
        details: read_json(row, 8, "details of an entry")?,
        network: row.get(9)?,
        request: row.get::<_, Option<Uuid>>(10)?.map(RequestId::from_uuid),
    };
    let number = row.get::<_, i64>(0)?;
    Ok(AuditRow { number: number.unsigned_abs(), entry, email: row.get(11)? })
}
