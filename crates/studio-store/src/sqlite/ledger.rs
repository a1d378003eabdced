//! The ledger as rows: entries and their lines, which are only ever added (triggers see to it), and the balances that they
//! lead to, written in the same transaction. What an entry must say is decided in `studio_core::ledger`.

use super::{
    error::{read_json, unknown},
    jobs::integer,
    words,
};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use studio_core::{
    id::{JobId, UserId},
    job::Job,
    ledger::{Account, Audit, Auditor, Entry, EntryKind, Line, Violation},
    money::Nanos,
    ports::{ModelUsage, UsageReport},
    time::Timestamp,
};
use uuid::Uuid;

/// Writes an entry, and moves its accounts.
pub(super) fn record(transaction: &Transaction<'_>, entry: &Entry) -> Result<(), rusqlite::Error> {
    const MOVE: &str = "INSERT INTO accounts (name, balance) VALUES (?1, ?2)
        ON CONFLICT (name) DO UPDATE SET balance = balance + excluded.balance";
    const ENTRY: &str = "INSERT INTO entries (job_id, kind, attempt, provider, provider_ref, price_list, at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    const LINE: &str = "INSERT INTO lines (entry, number, account, amount) VALUES (?1, ?2, ?3, ?4)";
    transaction.prepare_cached(ENTRY)?.execute(params![
        entry.job.as_uuid(),
        entry.kind.as_str(),
        entry.attempt,
        entry.provider,
        entry.provider_ref,
        entry.price_list,
        entry.at.as_millis()
    ])?;
    let seq = transaction.last_insert_rowid();
    for (number, line) in entry.lines.iter().enumerate() {
        let account = line.account.to_string();
        transaction.prepare_cached(MOVE)?.execute(params![account, line.amount.get()])?;
        transaction.prepare_cached(LINE)?.execute(params![seq, integer(number as u64)?, account, line.amount.get()])?;
    }
    Ok(())
}

/// Where an account stands.
pub(super) fn balance(connection: &Connection, account: &Account) -> Result<Nanos, rusqlite::Error> {
    let balance = connection
        .prepare_cached("SELECT balance FROM accounts WHERE name = ?1")?
        .query_row([account.to_string()], |row| row.get(0).map(Nanos::new))
        .optional()?;
    Ok(balance.unwrap_or(Nanos::ZERO))
}

/// What someone used, by model.
pub(super) fn usage(connection: &Connection, owner: UserId) -> Result<UsageReport, rusqlite::Error> {
    const USAGE: &str = "SELECT model, count(*), sum(status = 'succeeded'), sum(cost IS NULL),
            sum(coalesce(cost, 0)), sum(CASE WHEN cost IS NULL THEN hold ELSE 0 END)
        FROM jobs WHERE owner = ?1 GROUP BY model ORDER BY model";
    let count = |row: &Row<'_>, index| {
        row.get::<_, i64>(index).and_then(|count| u64::try_from(count).map_err(|_| unknown(index, "a count")))
    };
    let models = connection
        .prepare_cached(USAGE)?
        .query_map([owner.as_uuid()], |row| {
            Ok(ModelUsage {
                model: row.get(0)?,
                jobs: count(row, 1)?,
                succeeded: count(row, 2)?,
                unfinished: count(row, 3)?,
                charged: Nanos::new(row.get(4)?),
                held: Nanos::new(row.get(5)?),
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(UsageReport { models })
}

/// Audits everything that `connection` sees. In a transaction, that is one snapshot.
pub(super) fn audit(connection: &Connection) -> Result<Audit, rusqlite::Error> {
    let mut auditor = Auditor::default();
    let mut violations = Vec::new();
    audit_entries(connection, &mut auditor, &mut violations)?;
    let mut accounts = connection.prepare_cached("SELECT name, balance FROM accounts")?;
    let mut rows = accounts.query([])?;
    while let Some(row) = rows.next()? {
        auditor.account(row.get_ref(0)?.as_str()?, Nanos::new(row.get(1)?));
    }
    audit_jobs(connection, &mut auditor, &mut violations)?;
    words::audit(connection, &mut violations)?;
    let mut audit = auditor.finish();
    audit.violations.append(&mut violations);
    Ok(audit)
}

/// Feeds every entry, one at a time: a ledger need not fit in memory.
fn audit_entries(
    connection: &Connection,
    auditor: &mut Auditor,
    violations: &mut Vec<Violation>,
) -> Result<(), rusqlite::Error> {
    const ALL: &str =
        "SELECT entries.seq, job_id, kind, attempt, provider, provider_ref, price_list, at, account, amount
        FROM entries LEFT JOIN lines ON lines.entry = entries.seq ORDER BY entries.seq, lines.number";
    let mut statement = connection.prepare_cached(ALL)?;
    let mut rows = statement.query([])?;
    let mut open: Option<(i64, Entry)> = None;
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(0)?;
        if open.as_ref().is_none_or(|(current, _)| *current != seq)
            && let Some((_, whole)) = open.replace((seq, read_entry(row)?))
        {
            auditor.entry(&whole);
        }
        // None: an entry without lines.
        let (Some(name), Some((_, entry))) = (row.get::<_, Option<String>>(8)?, &mut open) else { continue };
        match Account::parse(&name) {
            Some(account) => entry.lines.push(Line { account, amount: Nanos::new(row.get(9)?) }),
            None => {
                violations.push(Violation { rule: "a line names an account", detail: format!("entry {seq}: {name}") })
            }
        }
    }
    if let Some((_, last)) = open {
        auditor.entry(&last);
    }
    Ok(())
}

/// An entry, its lines still to come.
fn read_entry(row: &Row<'_>) -> Result<Entry, rusqlite::Error> {
    Ok(Entry {
        job: JobId::from_uuid(row.get(1)?),
        kind: EntryKind::parse(row.get_ref(2)?.as_str()?).ok_or_else(|| unknown(2, "a kind of entry"))?,
        attempt: row.get(3)?,
        provider: row.get(4)?,
        provider_ref: row.get(5)?,
        price_list: row.get(6)?,
        at: Timestamp::from_millis(row.get(7)?),
        lines: Vec::new(),
    })
}

/// Feeds every job as its document tells it, and sees that the columns beside the document say the same.
fn audit_jobs(
    connection: &Connection,
    auditor: &mut Auditor,
    violations: &mut Vec<Violation>,
) -> Result<(), rusqlite::Error> {
    let mut jobs = connection.prepare_cached("SELECT doc, id, status, hold, cost, lease FROM jobs")?;
    let mut rows = jobs.query([])?;
    while let Some(row) = rows.next()? {
        let job: Job = read_json(row, 0, "a job")?;
        let same = JobId::from_uuid(row.get(1)?) == job.id
            && row.get_ref(2)?.as_str()? == job.status.as_str()
            && row.get::<_, i64>(3)? == job.hold.get()
            && row.get::<_, Option<i64>>(4)? == job.cost.map(Nanos::get)
            && row.get::<_, Option<Uuid>>(5)? == job.lease.map(|lease| lease.as_uuid());
        if !same {
            violations
                .push(Violation { rule: "a job's row says what its document says", detail: format!("job {}", job.id) });
        }
        auditor.job(job.id, job.status, job.hold, job.cost);
    }
    Ok(())
}
