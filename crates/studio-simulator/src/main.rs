//! `studio-simulator --seeds 5000`: runs worlds, prints what was wrong with any, and ends with one line of JSON.

use anyhow::{Result, bail};
use clap::Parser;
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    io::{self, Write},
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use studio_simulator::{Outcome, Simulator, faults::Counts, planted::Plant};

/// How often a long run says how far it is.
const PROGRESS: Duration = Duration::from_secs(5);

/// Throws crashes, lost replies, duplicates and clock jumps at the whole life of jobs and money.
#[derive(Debug, Parser)]
struct Options {
    /// How many worlds.
    #[arg(long, default_value_t = 500)]
    seeds: u64,
    /// The first one's seed.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// How many at the same time.
    #[arg(long, default_value_t = 1)]
    jobs: u64,
    /// Only the world of this seed.
    #[arg(long)]
    seed: Option<u64>,
    /// Prints everything that happens in it.
    #[arg(long)]
    trace: bool,
    /// Plants bugs, each in turn, and says by which seed it was found. With a name: only that one.
    #[arg(long, num_args = 0..=1, default_missing_value = "all")]
    planted: Option<String>,
    /// Instead of worlds: so many random operations on the ledger, its sum looked at after each.
    #[arg(long, value_name = "OPERATIONS")]
    ledger: Option<u64>,
}

#[derive(Default)]
struct Sum {
    counts: Counts,
    ends: BTreeMap<&'static str, u64>,
    violations: u64,
    hash: u64,
}

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    if let Some(operations) = options.ledger {
        let report = studio_simulator::ledger::report(options.seed.unwrap_or(options.first), operations)?;
        writeln!(io::stdout().lock(), "{report}")?;
        return Ok(ExitCode::SUCCESS);
    }
    match (&options.planted, options.seed) {
        (Some(name), None) if name == "all" => hunt(&options),
        (Some(name), seed) => {
            let Some(plant) = Plant::ALL.iter().copied().find(|plant| plant.as_str() == name) else {
                let names: Vec<_> = Plant::ALL.iter().map(|plant| plant.as_str()).collect();
                bail!("no bug of that name; there are {}", names.join(", "));
            };
            one(&options, seed.unwrap_or(options.first), Some(plant))
        }
        (None, Some(seed)) => one(&options, seed, None),
        (None, None) => many(&options),
    }
}

/// One world, and what happened in it.
fn one(options: &Options, seed: u64, plant: Option<Plant>) -> Result<ExitCode> {
    let outcome = Simulator::new()?.run(seed, plant, options.trace)?;
    let mut out = io::stdout().lock();
    for line in &outcome.trace {
        writeln!(out, "{line}")?;
    }
    let mut sum = Sum::default();
    sum.add(&outcome);
    tell(&outcome, plant, &mut out)?;
    finish(&sum, 1, &mut out)
}

/// Many worlds.
fn many(options: &Options) -> Result<ExitCode> {
    let (next, sum) = (AtomicU64::new(0), Mutex::new(Sum::default()));
    let (begun, told) = (Instant::now(), Mutex::new(Instant::now()));
    let work = || -> Result<()> {
        let simulator = Simulator::new()?;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= options.seeds {
                return Ok(());
            }
            let outcome = simulator.run(options.first + number, None, false)?;
            sum.lock().unwrap_or_else(PoisonError::into_inner).add(&outcome);
            tell(&outcome, None, &mut io::stdout().lock())?;
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.elapsed() > PROGRESS {
                *told = Instant::now();
                let rate = number as f64 / begun.elapsed().as_secs_f64();
                writeln!(io::stderr().lock(), "{number} of {} worlds, {rate:.0} a second", options.seeds)?;
            }
        }
    };
    std::thread::scope(|scope| -> Result<()> {
        let threads: Vec<_> = (0..options.jobs.max(1)).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            match thread.join() {
                Ok(done) => done?,
                Err(_) => bail!("a world panicked"),
            }
        }
        Ok(())
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    writeln!(
        io::stderr().lock(),
        "{} worlds in {seconds:.1} s, {:.0} a second",
        options.seeds,
        options.seeds as f64 / seconds
    )?;
    finish(&sum.into_inner().unwrap_or_else(PoisonError::into_inner), options.seeds, &mut io::stdout().lock())
}

/// Plants every bug, and looks for the first seed that finds it.
fn hunt(options: &Options) -> Result<ExitCode> {
    let simulator = Simulator::new()?;
    let mut out = io::stdout().lock();
    let mut found = Map::new();
    let mut missed = 0;
    for plant in Plant::ALL {
        let mut caught = None;
        for seed in options.first..options.first + options.seeds {
            let outcome = simulator.run(seed, Some(*plant), false)?;
            if let Some(violation) = outcome.violations.first() {
                let short: String = violation.chars().take(150).collect();
                writeln!(out, "{}: caught by seed {seed}: {short}", plant.as_str())?;
                caught = Some(seed);
                break;
            }
        }
        if caught.is_none() {
            writeln!(out, "{}: NOT caught by {} seeds", plant.as_str(), options.seeds)?;
            missed += 1;
        }
        found.insert(plant.as_str().into(), caught.map_or(Value::Null, Value::from));
    }
    writeln!(out, "{}", json!({ "planted": found, "missed": missed }))?;
    Ok(if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Says what was wrong, and how to see it again.
fn tell(outcome: &Outcome, plant: Option<Plant>, out: &mut impl Write) -> Result<()> {
    for violation in &outcome.violations {
        writeln!(out, "seed {}: {violation}", outcome.seed)?;
    }
    if !outcome.violations.is_empty() {
        let planted = plant.map(|plant| format!(" --planted {}", plant.as_str())).unwrap_or_default();
        let seed = outcome.seed;
        writeln!(out, "replay: cargo run --release -p studio-simulator -- --seed {seed}{planted} --trace")?;
    }
    Ok(())
}

fn finish(sum: &Sum, seeds: u64, out: &mut impl Write) -> Result<ExitCode> {
    let faults: Map<String, Value> = sum.counts.named().map(|(name, count)| (name.into(), count.into())).collect();
    let hash = format!("{:016x}", sum.hash);
    let report = json!({
        "seeds": seeds, "violations": sum.violations, "faults": faults, "jobs": sum.ends, "trace": hash,
    });
    writeln!(out, "{report}")?;
    Ok(if sum.violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Sum {
    fn add(&mut self, outcome: &Outcome) {
        self.counts.add(&outcome.counts);
        self.violations += outcome.violations.len() as u64;
        // In any order: worlds that run beside each other end as they like.
        self.hash ^= outcome.hash;
        for (end, count) in &outcome.ends {
            *self.ends.entry(end).or_default() += count;
        }
    }
}
