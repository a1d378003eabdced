//! `kill -9` as often as you like: the real program under mixed load, killed again and again at random moments, and then
//! everything that was accepted held against the books of those who asked and of those who were asked.
//!
//! The simulator (`studio-simulator`) proves the rules; this proves the program that they are in, with its real HTTP, real disk,
//! real child processes and real clock. A seed decides what is done and in which order; when it happens is the machine's.
//!
//! In reading order: the town (providers and people), the books of what was asked, what a client does, what the killer does,
//! how all comes to rest, and what must be true then. `disks` has two faults more, which need a disk of their own.

mod books;
mod chats;
mod checks;
mod client;
pub mod disks;
mod killer;
mod rest;
mod town;

use crate::studio::Setup;
use anyhow::{Context, Result};
use fastrand::Rng;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc, time::Instant};
use tokio::task::JoinSet;
use town::Town;

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How the studio is started. The town adds its models and providers.
    pub setup: Setup,
    /// How often something is killed.
    pub kills: u64,
    /// How many clients ask at the same time.
    pub clients: usize,
    /// What decides.
    pub seed: u64,
}

/// What became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How often the server or one of its workers was killed by `kill -9`.
    pub kills: u64,
    /// How often each thing was done to it.
    pub blows: BTreeMap<&'static str, u64>,
    /// What clients were told, by kind.
    pub told: BTreeMap<String, u64>,
    /// How many jobs ended in each way.
    pub ends: BTreeMap<String, u64>,
    /// How many requests were accepted by an answer that was read.
    pub accepted: u64,
    /// How many of these are not there.
    pub lost: u64,
    /// How many jobs do not come to an end.
    pub stuck: u64,
    /// How many jobs are one too many: for one key, or sent to a provider that charges once too often.
    pub doubled: u64,
    /// Blobs that no asset names.
    pub orphans: u64,
    /// How many of those are there still when a day is over.
    pub orphans_after_a_day: u64,
    /// How many jobs a person had to say something about.
    pub resolved: u64,
    /// The longest time from a start to its end, in milliseconds.
    pub slowest_start_ms: u64,
    /// How long all of it took.
    pub seconds: u64,
    /// What decided.
    pub seed: u64,
    /// What is not as it should be, in words.
    pub violations: Vec<String>,
}

impl Report {
    /// Whether all is as it should be.
    pub fn is_good(&self) -> bool {
        (self.lost, self.stuck, self.doubled, self.orphans_after_a_day) == (0, 0, 0, 0) && self.violations.is_empty()
    }

    /// The one line for scripts.
    pub fn line(&self) -> Value {
        json!({
            "kills": self.kills, "accepted": self.accepted, "lost": self.lost, "stuck": self.stuck,
            "doubled": self.doubled, "orphans": self.orphans, "orphansAfterADay": self.orphans_after_a_day,
            "seconds": self.seconds, "seed": self.seed, "violations": self.violations.len(),
        })
    }
}

/// Does it. `tell` is told how it goes. The error says why it could not be done to its end.
pub async fn run(plan: Plan, tell: impl Fn(String) + Send + Sync + 'static) -> Result<Report> {
    let begun = Instant::now();
    let mut chance = Rng::with_seed(plan.seed);
    let (town, studio) = Town::open(plan.setup)?;
    let town = Arc::new(town);
    let mut clients = JoinSet::new();
    for _ in 0..plan.clients {
        clients.spawn(client::live(town.clone(), chance.fork()));
    }
    let mut weather = JoinSet::new();
    weather.spawn(town::weather(town.clone(), chance.fork()));
    let tell = Arc::new(tell);
    let (here, say, dice) = (town.clone(), tell.clone(), chance.fork());
    let killing = move || killer::kill(&here, studio, plan.kills, dice, &*say);
    let killed = tokio::task::spawn_blocking(killing).await?;
    // Whatever became of it: nobody asks for more, and nothing is held back any more.
    town.close();
    weather.shutdown().await;
    town.calm();
    let (mut studio, blows) = killed?;
    while let Some(client) = clients.join_next().await {
        client?.context("a client")?;
    }
    tell(format!("{} blows; coming to rest", blows.count.values().sum::<u64>()));
    let rest = rest::come_to_rest(&town, &studio).await?;
    tell(format!("{} jobs at rest, {} of them by a person's word; checking", rest.jobs.len(), rest.resolved.len()));
    let (mut report, named) = checks::check(&town, &studio, &rest).await?;
    checks::a_day_later(&mut studio, &named, &mut report)?;
    report.kills = blows.kills;
    report.blows = blows.count;
    report.slowest_start_ms = blows.slowest_start_ms;
    report.seconds = begun.elapsed().as_secs();
    report.seed = plan.seed;
    Ok(report)
}
