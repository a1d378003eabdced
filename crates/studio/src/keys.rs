//! `studio key create | list | revoke`: straight at the store, so they work whether or not the server runs.

use crate::{
    arguments::{CreateKey, RevokeKey},
    budgets::read_limits,
    config::Config,
    system::SystemClock,
    terminal::{complain, say},
    wiring::{desk, open_existing_store, open_store_beside},
};
use anyhow::{Context, anyhow, bail};
use serde_json::json;
use std::{collections::BTreeMap, process::ExitCode, time::Duration};
use studio_core::{
    caller::Scope,
    id::KeyId,
    ledger::Window,
    limits::{LimitClass, Rate},
    people::{Role, read_address, read_name},
    ports::{Clock, KeyRow, Store},
    time::Timestamp,
};
use studio_server::commands::people::{Doer, NewKey, NotMade, create_key, ensure_user, revoke_key};

pub(crate) async fn create(config: &Config, arguments: CreateKey) -> anyhow::Result<ExitCode> {
    let email = read_address(&arguments.user).map_err(|fault| anyhow!("--user {fault}"))?;
    let name = read_name(&arguments.name).map_err(|fault| anyhow!("--name {fault}"))?;
    let limits = read_limits([
        (Window::Lifetime, "--budget", &arguments.budget),
        (Window::Day, "--budget-day", &arguments.budget_day),
        (Window::Month, "--budget-month", &arguments.budget_month),
    ])?;
    let scopes = arguments.scopes.iter().map(|text| {
        Scope::parse(text)
            .with_context(|| format!("--scopes: {text:?} is not one of {}", Scope::ALL.map(Scope::as_str).join(", ")))
    });
    let new = NewKey {
        name,
        scopes: scopes.collect::<Result<_, _>>()?,
        limits,
        rates: read_rates(&arguments.limit)?,
        expires_at: arguments.expires.as_deref().map(read_expiry).transpose()?,
    };
    let store = open_store_beside(config.data())?;
    let desk = desk(&store);
    let owner = ensure_user(desk, &Doer::COMMAND_LINE, &email, Role::least_with(&new.scopes)).await?;
    let made = create_key(desk, &Doer::COMMAND_LINE, &owner, new).await;
    let (key, text) = made.map_err(|not| match &not {
        NotMade::LacksScope { email, scope, .. } => {
            let role = Role::least_with(&[*scope].into()).as_str();
            anyhow!("{not}; to raise them: studio user role {email} {role}")
        }
        NotMade::Disabled(email) => anyhow!("{not}; studio user enable {email}"),
        _ => anyhow!(not),
    })?;
    let id = key.id;
    if arguments.json {
        say(&json!({ "id": id.to_string(), "key": text.expose() }).to_string());
    } else {
        say(&format!("{}\n\nShown this once; only its hash is kept. Its id, to revoke it: {id}", text.expose()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Rate limits of the key's own: `generation=100/min`.
fn read_rates(texts: &[String]) -> anyhow::Result<BTreeMap<String, Rate>> {
    let classes = || LimitClass::ALL.map(LimitClass::as_str).join(", ");
    let read = |text: &String| {
        let pair = text.split_once('=').and_then(|(class, rate)| Some((LimitClass::parse(class.trim())?, rate)));
        let Some((class, rate)) = pair else {
            bail!(
                "--limit: {text:?} must be a class and a rate, such as generation=100/min; classes are {}",
                classes()
            );
        };
        let rate: Rate = rate.trim().parse().with_context(|| format!("--limit {}", class.as_str()))?;
        Ok((class.as_str().to_owned(), rate))
    };
    texts.iter().map(read).collect()
}

/// When the key ends: a time, or a number of days, hours, minutes or seconds from now, such as `30d`.
fn read_expiry(text: &str) -> anyhow::Result<Timestamp> {
    let now = SystemClock.now();
    let unit = |unit: char| match unit {
        'd' => Some(24 * 3600),
        'h' => Some(3600),
        'm' => Some(60),
        's' => Some(1),
        _ => None,
    };
    let span = text.char_indices().next_back().and_then(|(at, last)| {
        let seconds = text[..at].parse::<u64>().ok()?.checked_mul(unit(last)?)?;
        Some(now.plus(Duration::from_secs(seconds)))
    });
    match span.or_else(|| Timestamp::parse(text)) {
        Some(end) if end > now => Ok(end),
        Some(_) => bail!("--expires: {text} is over already"),
        None => bail!("--expires must be a span, such as 30d or 12h, or a time, such as 2027-01-31T00:00:00Z"),
    }
}

pub(crate) async fn list(config: &Config, as_json: bool) -> anyhow::Result<ExitCode> {
    let rows = open_existing_store(config.data())?.keys(None).await?;
    if as_json {
        let keys: Vec<_> = rows.iter().map(show_json).collect();
        say(&json!({ "keys": keys }).to_string());
        return Ok(ExitCode::SUCCESS);
    }
    if rows.is_empty() {
        say("There are no keys yet. Make one: studio key create --user me@example.com --name app");
    }
    for row in rows {
        let budgets: Vec<_> =
            row.limits.iter().map(|(window, limit)| format!("{limit} USD for the {}", window.as_str())).collect();
        let budget = if budgets.is_empty() { "no limit".to_owned() } else { budgets.join(", ") };
        let state = match (row.key.revoked_at, row.key.expires_at) {
            (Some(at), _) => format!("revoked {at}"),
            (None, Some(end)) if end <= SystemClock.now() => format!("expired {end}"),
            (None, Some(end)) => format!("active until {end}"),
            (None, None) => "active".to_owned(),
        };
        let scopes = row.key.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(",");
        say(&format!(
            "{}  …{}  {:<24}  {:<28}  {scopes}  spent or held {} USD; budget {budget}  {state}",
            row.key.id, row.key.last4, row.key.name, row.user.email, row.committed
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn show_json(row: &KeyRow) -> serde_json::Value {
    json!({
        "id": row.key.id.to_string(),
        "name": row.key.name,
        "user": row.user.email,
        "last4": row.key.last4,
        "scopes": row.key.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>(),
        "budget": row.limits.get(&Window::Lifetime).map(|budget| budget.to_string()),
        "budgets": row.limits.iter().map(|(window, limit)| (window.as_str(), limit.to_string())).collect::<BTreeMap<_, _>>(),
        "committed": row.committed.to_string(),
        "limits": row.key.limits,
        "createdAt": row.key.created_at.to_string(),
        "lastUsedAt": row.last_used_at.map(|at| at.to_string()),
        "expiresAt": row.key.expires_at.map(|at| at.to_string()),
        "revokedAt": row.key.revoked_at.map(|at| at.to_string()),
    })
}

pub(crate) async fn revoke(config: &Config, arguments: &RevokeKey) -> anyhow::Result<ExitCode> {
    let id = KeyId::parse(&arguments.id).context("the key's id (studio key list shows it)")?;
    let store = open_existing_store(config.data())?;
    let revoked = revoke_key(desk(&store), &Doer::COMMAND_LINE, None, id).await?;
    if !revoked {
        complain(&format!("studio: there is no key {id}; studio key list shows those that are"));
        return Ok(ExitCode::FAILURE);
    }
    if arguments.json {
        say(&json!({ "revoked": id.to_string() }).to_string());
    } else {
        say(&format!("Revoked {id}."));
    }
    Ok(ExitCode::SUCCESS)
}
