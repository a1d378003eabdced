//! `studio budget list | set`: straight at the store, so they work whether or not the server runs.

use crate::{
    arguments::SetBudget,
    config::Config,
    system::SystemClock,
    terminal::{complain, say},
    wiring::{desk, open_existing_store},
};
use anyhow::{Context, bail};
use serde_json::{Value, json};
use std::process::ExitCode;
use studio_core::{
    id::UserId,
    job::Payer,
    ledger::{Limits, Window},
    money::Nanos,
    ports::{BudgetRow, Clock, Store},
};
use studio_server::commands::{people::Doer, set_budgets};

/// An amount in USD that is not negative, from a flag.
pub(crate) fn read_amount(flag: &str, text: &str) -> anyhow::Result<Nanos> {
    match Nanos::parse_usd(text).with_context(|| flag.to_owned())? {
        amount if amount >= Nanos::ZERO => Ok(amount),
        _ => bail!("{flag} must not be negative"),
    }
}

/// The budgets that flags say.
pub(crate) fn read_limits<'a>(
    flags: impl IntoIterator<Item = (Window, &'a str, &'a Option<String>)>,
) -> anyhow::Result<Limits> {
    let given = flags.into_iter().filter_map(|(window, flag, text)| Some((window, flag, text.as_ref()?)));
    given.map(|(window, flag, text)| Ok((window, read_amount(flag, text)?))).collect()
}

pub(crate) async fn list(config: &Config, as_json: bool) -> anyhow::Result<ExitCode> {
    let rows = open_existing_store(config.data())?.budgets(None, SystemClock.now()).await?;
    if as_json {
        say(&json!({ "budgets": rows.iter().map(show_json).collect::<Vec<_>>() }).to_string());
        return Ok(ExitCode::SUCCESS);
    }
    for row in rows {
        say(&show(&row));
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn set(config: &Config, arguments: SetBudget) -> anyhow::Result<ExitCode> {
    let store = open_existing_store(config.data())?;
    let now = SystemClock.now();
    let rows = store.budgets(None, now).await?;
    let named = rows.into_iter().find(|row| row.user.email == arguments.who || id_of(row) == arguments.who);
    let Some(named) = named else {
        complain(&format!(
            "studio: there is no user or key {} (or it is revoked); studio budget list shows those that are",
            arguments.who
        ));
        return Ok(ExitCode::FAILURE);
    };
    let mut limits: Limits =
        named.windows.iter().filter_map(|(window, limit, _)| limit.map(|limit| (*window, limit))).collect();
    let flags = [
        (Window::Day, "--day", &arguments.day),
        (Window::Month, "--month", &arguments.month),
        (Window::Lifetime, "--lifetime", &arguments.lifetime),
    ];
    for (window, flag, text) in flags {
        match text.as_deref() {
            None => {}
            Some("none") => drop(limits.remove(&window)),
            Some(text) => drop(limits.insert(window, read_amount(flag, text)?)),
        }
    }
    let id = match named.payer {
        Payer::User(id) | Payer::OwnKey(id) => id,
        Payer::Key(id) => UserId::from_uuid(id.as_uuid()),
    };
    match set_budgets(desk(&store), &Doer::COMMAND_LINE, id, limits).await? {
        Some(row) if arguments.json => say(&show_json(&row).to_string()),
        Some(row) => say(&show(&row)),
        None => {
            complain(&format!("studio: {} is gone", arguments.who));
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn id_of(row: &BudgetRow) -> String {
    match row.payer {
        Payer::User(id) | Payer::OwnKey(id) => id.to_string(),
        Payer::Key(id) => id.to_string(),
    }
}

fn show(row: &BudgetRow) -> String {
    let name = row.key_name.as_ref().map_or_else(|| row.user.email.clone(), |name| format!("  key {name}"));
    let windows = row.windows.iter().map(|(window, limit, committed)| {
        let limit = limit.map_or_else(|| "no limit".to_owned(), |limit| format!("{limit}"));
        format!("{} {committed} of {limit}", window.as_str())
    });
    format!("{}  {name:<32}  {}", id_of(row), windows.collect::<Vec<_>>().join("  "))
}

fn show_json(row: &BudgetRow) -> Value {
    let windows = row.windows.iter().map(|(window, limit, committed)| {
        let shown = json!({ "limit": limit.map(|limit| limit.to_string()), "committed": committed.to_string() });
        (window.as_str().to_owned(), shown)
    });
    json!({
        "id": id_of(row),
        "user": row.user.email,
        "key": row.key_name,
        "windows": windows.collect::<serde_json::Map<_, _>>(),
    })
}
