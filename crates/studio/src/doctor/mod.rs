//! `studio doctor`: what is configured, reachable, missing and unsafe, each in one line with what to do next.
//!
//! It looks and changes nothing, whether or not a server runs; what it writes to learn whether it can is gone at once. No key is
//! ever printed. A FAIL is what keeps the studio, or a provider that was configured, from working; a warning is what works and
//! should be looked at.

mod database;
mod folder;
mod providers;
mod safety;
mod surroundings;

use crate::{arguments::Doctor, config::Config, terminal::say};
use serde::Serialize;
use serde_json::json;
use std::process::ExitCode;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Check {
    check: String,
    verdict: Verdict,
    /// A stable word for what is unsafe: docs/operations.md lists them.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    says: String,
    /// What to do; nothing where all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// What was found, in the order in which it was looked at.
#[derive(Debug, Default)]
struct Findings(Vec<Check>);

impl Findings {
    fn ok(&mut self, check: &str, says: impl Into<String>) {
        self.0.push(Check { check: check.to_owned(), verdict: Verdict::Ok, code: None, says: says.into(), next: None });
    }

    fn warn(&mut self, check: &str, says: impl Into<String>, next: impl Into<String>) {
        let (says, next) = (says.into(), Some(next.into()));
        self.0.push(Check { check: check.to_owned(), verdict: Verdict::Warn, code: None, says, next });
    }

    fn fail(&mut self, check: &str, says: impl Into<String>, next: impl Into<String>) {
        let (says, next) = (says.into(), Some(next.into()));
        self.0.push(Check { check: check.to_owned(), verdict: Verdict::Fail, code: None, says, next });
    }

    /// Gives what was said last the word by which scripts know it.
    fn coded(&mut self, code: &'static str) {
        if let Some(last) = self.0.last_mut() {
            last.code = Some(code);
        }
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.0.iter().filter(|check| check.verdict == verdict).count()
    }
}

pub(crate) fn run(config: anyhow::Result<Config>, arguments: &Doctor) -> anyhow::Result<ExitCode> {
    let mut findings = Findings::default();
    match config {
        Err(error) => {
            findings.fail("configuration", format!("{error:#}"), "mend it; nothing else was looked at");
        }
        Ok(config) => {
            surroundings::look(&config, arguments.serve.listen, &mut findings);
            folder::look(config.data(), &mut findings);
            database::look(config.data(), arguments.deep, &mut findings);
            safety::look(&config, &mut findings);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(providers::look(&config, &mut findings));
        }
    }
    let (warnings, failures) = (findings.count(Verdict::Warn), findings.count(Verdict::Fail));
    if arguments.json {
        let ok = failures == 0;
        say(&json!({ "ok": ok, "warnings": warnings, "failures": failures, "checks": findings.0 }).to_string());
    } else {
        findings.0.iter().for_each(tell);
        say(&format!("{} checks, {warnings} warnings, {failures} failures", findings.0.len()));
    }
    Ok(if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tell(check: &Check) {
    let verdict = match check.verdict {
        Verdict::Ok => "ok  ",
        Verdict::Warn => "warn",
        Verdict::Fail => "FAIL",
    };
    say(&format!("{verdict}  {:<14}  {}", check.check, check.says));
    if let Some(next) = &check.next {
        say(&format!("{:<22}-> {next}", ""));
    }
}
