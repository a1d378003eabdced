//! `make torture KILLS=300`: kills the real program as often as wanted, under load, and checks that nothing was lost.
//!
//! `torture <studio binary> [kills] [seed] [clients]`. How it goes is told on standard error; the last and only line on standard
//! output is JSON. The exit code is 1 if anything is not as it should be.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for people and scripts")]
#![expect(clippy::disallowed_methods, reason = "it reads the clock for a seed when none is given")]

use anyhow::{Context, Result};
use std::{
    env, fs,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};
use studio_testkit::{
    studio::Setup,
    torture::{Plan, disks, run},
};

const USUAL_KILLS: u64 = 300;
const USUAL_CLIENTS: usize = 12;

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let binary = arguments.first().context("usage: torture <studio binary> [kills] [seed] [clients]")?;
    // A studio is started in a folder of its own.
    let binary = fs::canonicalize(binary).with_context(|| binary.clone())?.to_string_lossy().into_owned();
    let number = |place: usize| arguments.get(place).filter(|text| !text.is_empty()).map(|text| text.parse::<u64>());
    let kills = number(1).transpose()?.unwrap_or(USUAL_KILLS);
    let fresh = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs());
    let seed = number(2).transpose()?.unwrap_or_else(fresh);
    let clients = number(3).transpose()?.map_or(Ok(USUAL_CLIENTS), usize::try_from)?;
    eprintln!("seed {seed}: {kills} kills, {clients} clients");
    let setup = Setup::of(&binary);
    let mut report = run(Plan { setup: setup.clone(), kills, clients, seed }, |line| eprintln!("{line}")).await?;
    for (name, done) in disks::all(&setup).await {
        match done {
            Ok(()) => eprintln!("{name}: as it should be"),
            Err(error) => report.violations.push(format!("{name}: {error:#}")),
        }
    }
    eprintln!("blows {:?}", report.blows);
    eprintln!("told {:?}", report.told);
    eprintln!("ends {:?}", report.ends);
    eprintln!(
        "{} jobs by a person's word; slowest start {} ms; blobs without owner {}, and {} when a day is over",
        report.resolved, report.slowest_start_ms, report.orphans, report.orphans_after_a_day
    );
    report.violations.iter().for_each(|violation| eprintln!("WRONG: {violation}"));
    println!("{}", report.line());
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
