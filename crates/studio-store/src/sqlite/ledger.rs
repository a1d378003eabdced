//! The ledger as rows: entries and their lines, which are only ever added (triggers see to it), and the balances that they
//! lead to, written in the same transaction. What an entry must say is decided in `studio_core::ledger`.

use super::{
    budgets,
    error::{read_json, unknown},
    jobs::integer,
    retention, vault, words,
};
use rusqlite::{Connection, Row, Transaction, params};
use studio_core::{
    id::{JobId, UserId},
    job::Job,
    ledger::{Account, Audit, Auditor, Entry, EntryKind, Line},
    money::Nanos,
    ports::{EntryFilter, EntryRow, ModelUsage, Period, UsageReport},
    time::Timestamp,
};
use uuid::Uuid;

/// Writes an entry, and moves its accounts.
pub(super) fn record(transaction: &Transaction<'_>, entry: &Entry) -> Result<(), rusqlite::Error> {
    const MOVE: &str = "INSERT INTO accounts (name, balance) VALUES (?1, ?2)
        ON CONFLICT (name) DO UPDATE SET balance = balance + excluded.balance";
    const ENTRY: &str =
        "INSERT INTO entries (job_id, kind, attempt, provider, provider_ref, price_list, at, owner, admitted, note)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    const LINE: &str = "INSERT INTO lines (entry, number, account, amount) VALUES (?1, ?2, ?3, ?4)";
    transaction.prepare_cached(ENTRY)?.execute(params![
        entry.job.as_uuid(),
        entry.kind.as_str(),
        entry.attempt,
        entry.provider,
        entry.provider_ref,
        entry.price_list,
        entry.at.as_millis(),
        entry.owner.as_uuid(),
        entry.admitted.as_millis(),
        entry.note,
    ])?;
    let seq = transaction.last_insert_rowid();
    for (number, line) in entry.lines.iter().enumerate() {
        let account = line.account.to_string();
        transaction.prepare_cached(MOVE)?.execute(params![account, line.amount.get()])?;
        transaction.prepare_cached(LINE)?.execute(params![seq, integer(number as u64)?, account, line.amount.get()])?;
    }
    budgets::count(transaction, entry)
}

/// What someone used, by model.
pub(super) fn usage(connection: &Connection, owner: UserId, period: Period) -> Result<UsageReport, rusqlite::Error> {
    const USAGE: &str = "SELECT model, count(*), sum(status = 'succeeded'), sum(cost IS NULL),
            sum(CASE WHEN own_key = 0 THEN coalesce(cost, 0) ELSE 0 END),
            sum(CASE WHEN cost IS NULL AND own_key = 0 THEN hold ELSE 0 END), sum(absorbed),
            sum(CASE WHEN own_key = 1 THEN coalesce(cost, 0) ELSE 0 END)
        FROM jobs WHERE owner = ?1 AND created_at >= ?2 AND created_at < ?3 GROUP BY model ORDER BY model";
    let count = |row: &Row<'_>, index| {
        row.get::<_, i64>(index).and_then(|count| u64::try_from(count).map_err(|_| unknown(index, "a count")))
    };
    let models = connection
        .prepare_cached(USAGE)?
        .query_map(params![owner.as_uuid(), from(period.from), until(period.until)], |row| {
            Ok(ModelUsage {
                model: row.get(0)?,
                jobs: count(row, 1)?,
                succeeded: count(row, 2)?,
                unfinished: count(row, 3)?,
                charged: Nanos::new(row.get(4)?),
                held: Nanos::new(row.get(5)?),
                absorbed: Nanos::new(row.get(6)?),
                own_key: Nanos::new(row.get(7)?),
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(UsageReport { models })
}

fn from(at: Option<Timestamp>) -> i64 {
    at.map_or(i64::MIN, Timestamp::as_millis)
}

fn until(at: Option<Timestamp>) -> i64 {
    at.map_or(i64::MAX, Timestamp::as_millis)
}

/// Entries, newest first, of one owner, of one job, or of both.
pub(super) fn list_of(owner: bool, job: bool) -> String {
    let owner = if owner { "entries.owner = ?4 AND " } else { "" };
    let job = if job { "job_id = ?5 AND " } else { "" };
    format!(
        "SELECT {COLUMNS}, jobs.model FROM entries JOIN jobs ON jobs.id = job_id
        WHERE {owner}{job}seq < ?1 AND at >= ?2 AND at < ?3 ORDER BY seq DESC LIMIT ?6"
    )
}

const COLUMNS: &str =
    "seq, job_id, kind, attempt, entries.provider, provider_ref, price_list, at, entries.owner, admitted, note";
const COLUMN_COUNT: usize = 11;

/// Entries, newest first.
pub(super) fn list(connection: &Connection, filter: &EntryFilter) -> Result<Vec<EntryRow>, rusqlite::Error> {
    let (owner, job) = (filter.owner.map(|id| id.as_uuid()), filter.job.map(|id| id.as_uuid()));
    let before = filter.before.map_or(Ok(i64::MAX), integer)?;
    let mut rows = connection
        .prepare_cached(&list_of(owner.is_some(), job.is_some()))?
        .query_map(params![before, from(filter.from), until(filter.until), owner, job, filter.limit], |row| {
            let number = u64::try_from(row.get::<_, i64>(0)?).map_err(|_| unknown(0, "a number of an entry"))?;
            Ok(EntryRow { number, entry: read_entry(row)?, model: row.get(COLUMN_COUNT)? })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let mut lines = connection.prepare_cached("SELECT account, amount FROM lines WHERE entry = ?1 ORDER BY number")?;
    for row in &mut rows {
        row.entry.lines = lines
            .query_map([integer(row.number)?], |row| {
                let account = Account::parse(row.get_ref(0)?.as_str()?).ok_or_else(|| unknown(0, "an account"))?;
                Ok(Line { account, amount: Nanos::new(row.get(1)?) })
            })?
            .collect::<Result<_, _>>()?;
    }
    Ok(rows)
}

/// Audits everything that `connection` sees. In a transaction, that is one snapshot.
pub(super) fn audit(connection: &Connection) -> Result<Audit, rusqlite::Error> {
    let mut auditor = Auditor::default();
    audit_entries(connection, &mut auditor)?;
    let mut accounts = connection.prepare_cached("SELECT name, balance FROM accounts")?;
    let mut rows = accounts.query([])?;
    while let Some(row) = rows.next()? {
        auditor.account(row.get_ref(0)?.as_str()?, Nanos::new(row.get(1)?));
    }
    budgets::audit(connection, &mut auditor)?;
    audit_jobs(connection, &mut auditor)?;
    audit_attempts(connection, &mut auditor)?;
    words::audit(connection, &mut auditor)?;
    retention::audit(connection, &mut auditor)?;
    vault::audit(connection, &mut auditor)?;
    Ok(auditor.finish())
}

/// Feeds every entry, one at a time: a ledger need not fit in memory.
fn audit_entries(connection: &Connection, auditor: &mut Auditor) -> Result<(), rusqlite::Error> {
    let all = format!(
        "SELECT {COLUMNS}, account, amount
        FROM entries LEFT JOIN lines ON lines.entry = entries.seq ORDER BY entries.seq, lines.number"
    );
    let mut statement = connection.prepare_cached(&all)?;
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
        let (Some(name), Some((_, entry))) = (row.get::<_, Option<String>>(COLUMN_COUNT)?, &mut open) else { continue };
        let account = Account::parse(&name);
        auditor.check("a line names an account", account.is_some(), || format!("entry {seq}: {name}"));
        if let Some(account) = account {
            entry.lines.push(Line { account, amount: Nanos::new(row.get(COLUMN_COUNT + 1)?) });
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
        owner: UserId::from_uuid(row.get(8)?),
        admitted: Timestamp::from_millis(row.get(9)?),
        note: row.get(10)?,
        lines: Vec::new(),
    })
}

/// Feeds every job as its document tells it, and sees that the columns beside the document say the same.
fn audit_jobs(connection: &Connection, auditor: &mut Auditor) -> Result<(), rusqlite::Error> {
    let mut jobs =
        connection.prepare_cached("SELECT doc, id, status, hold, cost, lease, absorbed, own_key FROM jobs")?;
    let mut rows = jobs.query([])?;
    while let Some(row) = rows.next()? {
        let job: Job = read_json(row, 0, "a job")?;
        let same = JobId::from_uuid(row.get(1)?) == job.id
            && row.get_ref(2)?.as_str()? == job.status.as_str()
            && row.get::<_, i64>(3)? == job.hold.get()
            && row.get::<_, Option<i64>>(4)? == job.cost.map(Nanos::get)
            && row.get::<_, Option<Uuid>>(5)? == job.lease.map(|lease| lease.as_uuid())
            && row.get::<_, i64>(6)? == job.absorbed.get()
            && row.get::<_, bool>(7)? != job.key_source.is_studio();
        auditor.check("a job's row says what its document says", same, || format!("job {}", job.id));
        auditor.job(&job);
    }
    Ok(())
}

/// Sees that every entry is for an attempt that was made, at the provider that it names.
fn audit_attempts(connection: &Connection, auditor: &mut Auditor) -> Result<(), rusqlite::Error> {
    const TRACED: &str = "SELECT seq, coalesce(attempts.provider = entries.provider, 0)
        FROM entries LEFT JOIN attempts ON attempts.job_id = entries.job_id AND number = attempt WHERE attempt > 0";
    let mut traced = connection.prepare_cached(TRACED)?;
    let mut rows = traced.query([])?;
    while let Some(row) = rows.next()? {
        let (seq, kept): (i64, bool) = (row.get(0)?, row.get(1)?);
        auditor.check("an entry is for an attempt that was made", kept, || format!("entry {seq}"));
    }
    Ok(())
}
