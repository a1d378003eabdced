//! Worlds in which everything goes wrong, from a seed: the real commands, clockwork and store of the studio, between people,
//! providers and a disk that are simulated, in virtual time. After every commit, and when a world has come to rest, the rules
//! of the house must hold. One seed is one world: it is the same every time.
//!
//! In reading order: chance and faults, the world, what outlives a server (providers' books, blobs, stores, people), the
//! server's life, the rules, nothing but money, and the bugs that are planted to see that the rules find them.
#![forbid(unsafe_code)]

pub mod dice;
pub mod faults;
pub mod world;

pub mod books;
pub mod bytes;
pub mod provider;
pub mod record;
pub mod store;
pub mod words;

pub mod errand;
pub mod reader;
pub mod town;

mod panics;
pub mod server;

pub mod checks;
pub mod ledger;
pub mod planted;

use dice::Dice;
use faults::{Counts, Fault};
use planted::Plant;
use server::{Ended, Plan};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use studio_core::catalog::Catalog;
use town::Town;
use world::{Doom, World};

/// Most lives of the server in one world: more are a bug of the world.
const MOST_LIVES: u32 = 60;

/// What became of a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Its seed.
    pub seed: u64,
    /// What was wrong: nothing.
    pub violations: Vec<String>,
    /// How often each fault happened.
    pub counts: Counts,
    /// How jobs ended.
    pub ends: BTreeMap<&'static str, u64>,
    /// Everything that happened, as one number.
    pub hash: u64,
    /// The same as text, if it was wanted.
    pub trace: Vec<String>,
}

/// Runs worlds, one after another.
pub struct Simulator {
    catalog: Catalog,
}

impl Simulator {
    /// One that knows its models.
    pub fn new() -> anyhow::Result<Self> {
        panics::watch();
        Ok(Self { catalog: town::catalog()? })
    }

    /// Runs the world of a seed.
    pub fn run(&self, seed: u64, plant: Option<Plant>, keep_trace: bool) -> anyhow::Result<Outcome> {
        let town = Town::new(seed, plant, keep_trace, &self.catalog)?;
        let world = &town.world;
        let settled = tokio::runtime::Builder::new_current_thread().build()?;
        settled.block_on(town.settle_in())?;
        let mut dice = Dice::new(seed, 3);
        let mut crashes = dice.from_to(0, 5);
        loop {
            let ended = server::live(&town, plan(world, &mut dice, &mut crashes))?;
            if let Some(panic) = panics::take() {
                world.wrong("nothing panics", panic);
            }
            if ended == Ended::AtRest || !world.violations().is_empty() {
                break;
            }
            if world.life() > MOST_LIVES {
                world.wrong("a world comes to rest", "too many lives");
                break;
            }
        }
        if world.violations().is_empty() {
            settled.block_on(checks::at_rest(&town));
        }
        Ok(Outcome {
            seed,
            violations: world.violations(),
            counts: world.counts(),
            ends: checks::ends(&town),
            hash: world.trace_hash(),
            trace: world.take_trace(),
        })
    }
}

/// How the next life of the server is to end.
fn plan(world: &Arc<World>, dice: &mut Dice, crashes: &mut u64) -> Plan {
    if *crashes == 0 || world.calm_since().is_some() {
        return Plan::default();
    }
    *crashes -= 1;
    let last = if dice.per_mille(300) { 6 } else { 150 };
    let write = dice.from_to(1, last);
    let after = dice.millis(1, 15_000);
    let mut ways = Vec::new();
    if world.has(Fault::CrashBeforeCommit) {
        ways.push(Plan { doom: Some(Doom::Before(write)), ..Plan::default() });
    }
    if world.has(Fault::CrashAfterCommit) {
        ways.push(Plan { doom: Some(Doom::After(write)), ..Plan::default() });
    }
    if world.has(Fault::CrashAnywhere) {
        ways.push(Plan { ends_after: Some(after), ..Plan::default() });
    }
    if world.has(Fault::PoliteStop) {
        ways.push(Plan { ends_after: Some(after), politely: true, ..Plan::default() });
    }
    dice.one(&ways).unwrap_or_default()
}

/// How long the people of a world go about their errands.
pub const STORM: Duration = errand::STORM;
