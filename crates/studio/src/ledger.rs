//! `studio ledger verify`: the whole ledger in one snapshot, also of a running server.

use crate::{config::Config, terminal::say, wiring::open_existing_store};
use serde_json::json;
use std::process::ExitCode;
use studio_core::ports::Store;

pub(crate) async fn verify(config: &Config, as_json: bool) -> anyhow::Result<ExitCode> {
    let audit = open_existing_store(config.data())?.audit().await?;
    if as_json {
        let body = json!({
            "sum": audit.sum.to_string(),
            "entries": audit.entries,
            "jobs": audit.jobs,
            "openHolds": audit.open_holds,
            "violations": audit.violations,
        });
        say(&body.to_string());
    } else {
        say(&format!(
            "sum {}: {} entries of {} jobs, {} holds open, {} violations",
            audit.sum,
            audit.entries,
            audit.jobs,
            audit.open_holds,
            audit.violations.len()
        ));
        for violation in &audit.violations {
            say(&format!("  {}: {}", violation.rule, violation.detail));
        }
    }
    Ok(if audit.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
