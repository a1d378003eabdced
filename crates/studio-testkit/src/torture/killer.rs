//! Kills: the server in the middle of anything, in the middle of its start, or after a word of warning; or one of its workers.
//! Then it starts again, and goes on.

use super::town::Town;
use crate::{
    studio::{Studio, children_of, kill_process},
    system::{Signal, signal},
};
use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use serde_json::json;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// Longest that it waits for answers before it strikes all the same: there may be none while providers keep them back.
const LONGEST_PEACE: Duration = Duration::from_secs(2);
/// Longest pause after these answers.
const LAST_PAUSE_US: u64 = 60_000;
/// How long a server that was asked to stop may take for it.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// What was done.
#[derive(Debug, Default)]
pub(super) struct Blows {
    /// How often something was killed by `kill -9`.
    pub(super) kills: u64,
    /// How often each thing was done.
    pub(super) count: BTreeMap<&'static str, u64>,
    pub(super) slowest_start_ms: u64,
}

/// Strikes until so many kills are done; gives the studio back, running.
pub(super) fn kill(
    town: &Town,
    mut studio: Studio,
    kills: u64,
    mut chance: Rng,
    tell: &dyn Fn(String),
) -> Result<(Studio, Blows)> {
    let mut killer = Killer { town, blows: Blows::default(), start: Duration::from_millis(50), raised: 0 };
    let mut told = 0;
    while killer.blows.kills < kills {
        killer.wait_for_traffic(&mut chance);
        killer.strike(&mut studio, &mut chance)?;
        if killer.blows.kills >= told + 25 {
            told = killer.blows.kills;
            tell(format!("{told} kills, {} answers", town.books.answers()));
        }
    }
    Ok((studio, killer.blows))
}

struct Killer<'a> {
    town: &'a Town,
    blows: Blows,
    /// How long the last start took.
    start: Duration,
    /// How often budgets were raised.
    raised: u64,
}

impl Killer<'_> {
    fn count(&mut self, what: &'static str) {
        *self.blows.count.entry(what).or_default() += 1;
    }

    /// Lets clients do something, so that there is something to lose.
    fn wait_for_traffic(&self, chance: &mut Rng) {
        let (begun, wanted) = (Instant::now(), self.town.books.answers() + 1 + chance.u64(..40));
        while self.town.books.answers() < wanted && begun.elapsed() < LONGEST_PEACE {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros(chance.u64(..LAST_PAUSE_US)));
    }

    fn strike(&mut self, studio: &mut Studio, chance: &mut Rng) -> Result<()> {
        match chance.u64(..100) {
            0..=54 => {
                self.count("server killed");
                self.blows.kills += 1;
                studio.kill()?;
            }
            55..=69 => return self.kill_worker(studio, chance),
            70..=74 => return self.freeze_worker(studio, chance),
            75..=89 => {
                self.count("server killed");
                self.blows.kills += 1;
                studio.kill()?;
                for _ in 0..1 + chance.u64(..3) {
                    let percent = chance.u32(..110);
                    studio.kill_in_start(self.start * percent / 100)?;
                    self.count("server killed in its start");
                    self.blows.kills += 1;
                }
            }
            _ => self.ask_to_stop(studio, chance)?,
        }
        self.look_at_the_ruins(studio, chance)?;
        self.start(studio)
    }

    fn start(&mut self, studio: &mut Studio) -> Result<()> {
        let begun = Instant::now();
        studio.launch().with_context(|| format!("a start after a kill; its log ends with\n{}", tail(studio)))?;
        self.start = begun.elapsed();
        let ms = u64::try_from(self.start.as_millis()).unwrap_or(u64::MAX);
        self.blows.slowest_start_ms = self.blows.slowest_start_ms.max(ms);
        self.town.address.send_replace(studio.address().to_owned());
        Ok(())
    }

    /// One of its children, if it has any.
    fn worker(studio: &Studio, chance: &mut Rng) -> Option<u32> {
        let children = children_of(studio.pid()?);
        chance.choice(&children).map(|(pid, _)| *pid)
    }

    fn kill_worker(&mut self, studio: &Studio, chance: &mut Rng) -> Result<()> {
        // It may have ended meanwhile.
        if Self::worker(studio, chance).is_some_and(|pid| kill_process(pid).is_ok()) {
            self.count("worker killed");
            self.blows.kills += 1;
        }
        Ok(())
    }

    /// A worker stands still for a moment, and goes on.
    fn freeze_worker(&mut self, studio: &Studio, chance: &mut Rng) -> Result<()> {
        if let Some(pid) = Self::worker(studio, chance)
            && signal(pid, Signal::STOP).is_ok()
        {
            self.count("worker frozen");
            std::thread::sleep(Duration::from_millis(chance.u64(..400)));
            drop(signal(pid, Signal::CONT));
        }
        Ok(())
    }

    /// Asks the server to stop; sometimes twice, and sometimes it is killed while it does so.
    fn ask_to_stop(&mut self, studio: &mut Studio, chance: &mut Rng) -> Result<()> {
        let pid = studio.pid().context("it is not running")?;
        signal(pid, Signal::TERM)?;
        let (end, begun) = (chance.u64(..3), Instant::now());
        let patience = Duration::from_millis(chance.u64(..400));
        while studio.has_ended()?.is_none() {
            ensure!(begun.elapsed() < STOP_LIMIT, "it was asked to stop and does not");
            if end > 0 && begun.elapsed() > patience {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        match end {
            _ if studio.has_ended()?.is_some() => self.count("server stopped"),
            1 => {
                self.count("server told to stop twice");
                signal(pid, Signal::TERM)?;
            }
            _ => {
                self.count("server killed while it stopped");
                self.blows.kills += 1;
                return studio.kill();
            }
        }
        let status = studio.ended()?;
        ensure!(status.success(), "it was asked to stop, and ended with {status}");
        Ok(())
    }

    /// Sometimes, before it starts again: what it left must be in order, and a person does something meanwhile.
    fn look_at_the_ruins(&mut self, studio: &Studio, chance: &mut Rng) -> Result<()> {
        if chance.u64(..100) < 12 {
            self.count("ledger verified in between");
            let verified = studio.verify()?;
            if verified["sum"] != "0" || verified["violations"] != json!([]) {
                self.town.books.violation(format!("the ledger after a kill: {verified}"));
            }
        }
        if chance.u64(..100) < 25 {
            self.raised += 1;
            self.town.raise_budgets(studio, self.raised)?;
        }
        Ok(())
    }
}

/// The end of its log.
fn tail(studio: &Studio) -> String {
    let log = studio.log();
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
