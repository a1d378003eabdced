//! Status polling at a fixed rate beside a generation load: `polling <studio binary> [rate] [seconds]`.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "this is a program for people")]

use anyhow::{Context, Result, ensure};
use std::{env, fs, time::Duration};
use studio_testkit::{polling::poll, studio::Setup};

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let binary = arguments.first().context("usage: polling <studio binary> [rate] [seconds]")?;
    let binary = fs::canonicalize(binary)?.to_string_lossy().into_owned();
    let rate = arguments.get(1).map_or(Ok(1000), |text| text.parse())?;
    let seconds = arguments.get(2).map_or(Ok(60), |text| text.parse())?;
    let polled = poll(Setup::of(&binary), rate, Duration::from_secs(seconds)).await?;
    let ms = |of_hundred| polled.percentile(of_hundred).as_secs_f64() * 1000.0;
    println!(
        "{} questions after jobs in {:.1} s ({rate} a second wanted), {} pictures made meanwhile\n\
         errors {:?}; from due to answered p50 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms, at most {:.1} ms",
        polled.took.len(),
        polled.lasted.as_secs_f64(),
        polled.made,
        polled.errors,
        ms(50.0),
        ms(99.0),
        ms(99.9),
        ms(100.0)
    );
    ensure!(polled.errors.is_empty(), "some were not answered");
    Ok(())
}
