//! Budgets, and what counts against them.

use super::{error::unknown, keys, people};
use rusqlite::{Connection, Row, Transaction, params};
use studio_core::{
    id::UserId,
    job::Payer,
    ledger::{Auditor, Cap, Entry, Limits, Standing, Window},
    money::Nanos,
    ports::BudgetRow,
    time::Timestamp,
};

/// The budgets of two payers, as they stand in the day and the month that begin then.
pub(super) const STANDINGS: &str = "SELECT budgets.payer, budgets.span, budgets.amount, coalesce(commitments.amount, 0)
    FROM budgets LEFT JOIN commitments ON commitments.payer = budgets.payer AND commitments.span = budgets.span
        AND commitments.start = CASE budgets.span WHEN 'day' THEN ?3 WHEN 'month' THEN ?4 ELSE 0 END
    WHERE budgets.payer IN (?1, ?2)";

/// The budgets that a job would have to keep.
pub(super) fn standings(
    connection: &Connection,
    payer: Payer,
    owner: UserId,
    at: Timestamp,
) -> Result<Vec<Standing>, rusqlite::Error> {
    // At most two are bound; nobody is by what an own key pays.
    let mut bound = payer.bound(owner);
    let Some(first) = bound.next() else { return Ok(Vec::new()) };
    let second = bound.next().unwrap_or(first);
    let (day, month) = (Window::Day.start(at).as_millis(), Window::Month.start(at).as_millis());
    let mut standings = connection
        .prepare_cached(STANDINGS)?
        .query_map(params![first.to_string(), second.to_string(), day, month], |row| {
            let cap = Cap { payer: read_payer(row, 0)?, window: read_window(row, 1)?, limit: Nanos::new(row.get(2)?) };
            Ok(Standing { cap, committed: Nanos::new(row.get(3)?) })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    standings.sort_by_key(|standing| (standing.cap.payer, standing.cap.window));
    Ok(standings)
}

/// Counts what an entry commits its payer and its owner to.
pub(super) fn count(transaction: &Transaction<'_>, entry: &Entry) -> Result<(), rusqlite::Error> {
    const COUNT: &str = "INSERT INTO commitments (payer, span, start, amount) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (payer, span, start) DO UPDATE SET amount = amount + excluded.amount";
    let mut statement = transaction.prepare_cached(COUNT)?;
    for (payer, window, start, amount) in entry.commits() {
        statement.execute(params![payer.to_string(), window.as_str(), start.as_millis(), amount.get()])?;
    }
    Ok(())
}

/// What counts against a payer in the window that `at` lies in.
pub(super) fn committed(
    connection: &Connection,
    payer: Payer,
    window: Window,
    at: Timestamp,
) -> Result<Nanos, rusqlite::Error> {
    const COMMITTED: &str =
        "SELECT coalesce(sum(amount), 0) FROM commitments WHERE payer = ?1 AND span = ?2 AND start = ?3";
    connection
        .prepare_cached(COMMITTED)?
        .query_row(params![payer.to_string(), window.as_str(), window.start(at).as_millis()], |row| {
            row.get(0).map(Nanos::new)
        })
}

/// A payer's budgets.
pub(super) fn limits(connection: &Connection, payer: Payer) -> Result<Limits, rusqlite::Error> {
    connection
        .prepare_cached("SELECT span, amount FROM budgets WHERE payer = ?1")?
        .query_map([payer.to_string()], |row| Ok((read_window(row, 0)?, Nanos::new(row.get(1)?))))?
        .collect()
}

/// Sets all budgets of a payer. False: there is no such payer.
pub(super) fn set(transaction: &Transaction<'_>, payer: Payer, limits: &Limits) -> Result<bool, rusqlite::Error> {
    let known = match payer {
        Payer::User(id) => transaction.prepare_cached("SELECT 1 FROM users WHERE id = ?1")?.exists([id.as_uuid()])?,
        Payer::Key(id) => transaction
            .prepare_cached("SELECT 1 FROM keys WHERE id = ?1 AND revoked_at IS NULL")?
            .exists([id.as_uuid()])?,
        Payer::OwnKey(_) => false,
    };
    if known {
        transaction.prepare_cached("DELETE FROM budgets WHERE payer = ?1")?.execute([payer.to_string()])?;
        for (window, limit) in limits {
            transaction
                .prepare_cached("INSERT INTO budgets (payer, span, amount) VALUES (?1, ?2, ?3)")?
                .execute(params![payer.to_string(), window.as_str(), limit.get()])?;
        }
    }
    Ok(known)
}

/// Users and their keys, with their budgets.
pub(super) fn list(
    connection: &Connection,
    user: Option<UserId>,
    at: Timestamp,
) -> Result<Vec<BudgetRow>, rusqlite::Error> {
    let windows = |payer| {
        let limits = limits(connection, payer)?;
        let each = Window::ALL
            .iter()
            .map(|window| Ok((*window, limits.get(window).copied(), committed(connection, payer, *window, at)?)));
        each.collect::<Result<Vec<_>, rusqlite::Error>>()
    };
    let keys = keys::list(connection, user)?;
    let mut rows = Vec::new();
    for user in people::users(connection, user)? {
        let payer = Payer::User(user.id);
        rows.push(BudgetRow { payer, user: user.clone(), key_name: None, windows: windows(payer)? });
        for row in keys.iter().filter(|row| row.key.user == user.id && row.key.revoked_at.is_none()) {
            let payer = Payer::Key(row.key.id);
            let key_name = Some(row.key.name.clone());
            rows.push(BudgetRow { payer, user: user.clone(), key_name, windows: windows(payer)? });
        }
    }
    Ok(rows)
}

/// Feeds all that counts against anyone.
pub(super) fn audit(connection: &Connection, auditor: &mut Auditor) -> Result<(), rusqlite::Error> {
    let mut all = connection.prepare_cached("SELECT payer, span, start, amount FROM commitments")?;
    let mut rows = all.query([])?;
    while let Some(row) = rows.next()? {
        let start = Timestamp::from_millis(row.get(2)?);
        auditor.commitment(read_payer(row, 0)?, read_window(row, 1)?, start, Nanos::new(row.get(3)?));
    }
    Ok(())
}

fn read_payer(row: &Row<'_>, index: usize) -> Result<Payer, rusqlite::Error> {
    Payer::parse(row.get_ref(index)?.as_str()?).ok_or_else(|| unknown(index, "a payer"))
}

fn read_window(row: &Row<'_>, index: usize) -> Result<Window, rusqlite::Error> {
    Window::parse(row.get_ref(index)?.as_str()?).ok_or_else(|| unknown(index, "a budget's window"))
}
