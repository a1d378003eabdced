//! One user's many jobs, and another's first one: `fairness <studio binary> [jobs]`.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "this is a program for people")]

use anyhow::{Context, Result};
use std::{env, fs};
use studio_testkit::{fairness::begun_before_another, studio::Setup};

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let binary = arguments.first().context("usage: fairness <studio binary> [jobs]")?;
    let binary = fs::canonicalize(binary)?.to_string_lossy().into_owned();
    let jobs = arguments.get(1).map_or(Ok(10_000), |text| text.parse())?;
    let before = begun_before_another(Setup::of(&binary), jobs).await?;
    println!("{jobs} jobs of one user wait; another's first one is begun after {before} of them");
    Ok(())
}
