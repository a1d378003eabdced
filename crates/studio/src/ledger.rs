//! `studio ledger verify | show`: the whole ledger in one snapshot, or one job's money; also of a running server.

use crate::{
    arguments::ShowJob,
    config::Config,
    terminal::{complain, say},
    wiring::open_existing_store,
};
use anyhow::Context;
use serde_json::{Value, json};
use std::process::ExitCode;
use studio_core::{
    id::JobId,
    ledger::Audit,
    ports::{EntryFilter, EntryRow, Store},
};

pub(crate) async fn verify(config: &Config, as_json: bool) -> anyhow::Result<ExitCode> {
    let audit = open_existing_store(config.data())?.audit().await?;
    if as_json {
        let body = json!({
            "sum": audit.sum.to_string(),
            "entries": audit.entries,
            "jobs": audit.jobs,
            "openHolds": audit.open_holds,
            "checked": audit.checked,
            "violations": audit.violations,
        });
        say(&body.to_string());
    } else {
        say(&report(&audit));
    }
    Ok(if audit.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Every rule, how often it was checked, and where it is broken.
fn report(audit: &Audit) -> String {
    let mut lines = vec![format!(
        "sum {}: {} entries of {} jobs, {} holds open, {} violations",
        audit.sum,
        audit.entries,
        audit.jobs,
        audit.open_holds,
        audit.violations.len()
    )];
    for (rule, checked) in &audit.checked {
        let broken: Vec<_> = audit.violations.iter().filter(|violation| violation.rule == *rule).collect();
        let verdict = if broken.is_empty() { "ok    " } else { "BROKEN" };
        lines.push(format!("  {verdict}  {checked:>9} checked  {rule}"));
        lines.extend(broken.iter().map(|violation| format!("            {}", violation.detail)));
    }
    lines.join("\n")
}

pub(crate) async fn show(config: &Config, arguments: ShowJob) -> anyhow::Result<ExitCode> {
    let id = JobId::parse(&arguments.id).context("the job's id")?;
    let store = open_existing_store(config.data())?;
    let Some(job) = store.job_for_work(id).await? else {
        complain(&format!("studio: there is no job {id}"));
        return Ok(ExitCode::FAILURE);
    };
    let mut rows = store.entries(EntryFilter { job: Some(id), limit: 1000, ..EntryFilter::default() }).await?;
    rows.reverse();
    let list = job.price_list.as_ref();
    if arguments.json {
        let body = json!({
            "id": id.to_string(),
            "status": job.status.as_str(),
            "modelId": job.model,
            "provider": job.provider,
            "hold": job.hold.to_string(),
            "cost": job.cost.map(|cost| cost.to_string()),
            "writtenOff": job.absorbed.to_string(),
            "estimated": job.estimated,
            "measured": job.measured,
            "priceList": list,
            "providerUsage": job.reported,
            "entries": rows.iter().map(show_json).collect::<Vec<_>>(),
        });
        say(&body.to_string());
        return Ok(ExitCode::SUCCESS);
    }
    let cost = job.cost.map_or_else(|| format!("holds {} USD", job.hold), |cost| format!("cost {cost} USD"));
    say(&format!("job {id}  {}  {} at {}  {cost}", job.status.as_str(), job.model, job.provider));
    if let (Some(list), Some(measured)) = (list, &job.measured) {
        let units = measured.iter().filter(|(_, quantity)| *quantity > 0);
        let counted: Vec<_> = units.map(|(unit, quantity)| format!("{quantity} {unit:?}")).collect();
        let guess = if job.estimated { ", estimated" } else { "" };
        say(&format!("by price list {}: {}{guess}", list.version, counted.join(", ")));
    }
    for EntryRow { number, entry, .. } in &rows {
        let reference = entry.provider_ref.as_deref().unwrap_or("-");
        let note = entry.note.as_ref().map(|note| format!("  {note}")).unwrap_or_default();
        let (at, kind, attempt) = (entry.at, entry.kind.as_str(), entry.attempt);
        say(&format!("{number:>9}  {at}  {kind:<10}  attempt {attempt}  {reference}{note}"));
        for line in &entry.lines {
            say(&format!("{:>9}  {:>20}  {}", "", line.amount.to_string(), line.account));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show_json(row: &EntryRow) -> Value {
    let entry = &row.entry;
    let line = |line: &studio_core::ledger::Line| json!({ "account": line.account.to_string(), "amount": line.amount.to_string() });
    json!({
        "number": row.number,
        "at": entry.at.to_string(),
        "kind": entry.kind.as_str(),
        "attempt": entry.attempt,
        "provider": entry.provider,
        "providerRef": entry.provider_ref,
        "priceList": entry.price_list,
        "note": entry.note,
        "lines": entry.lines.iter().map(line).collect::<Vec<_>>(),
    })
}
