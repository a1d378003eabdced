//! What is around the server in a world: its time, its chance, its weather, and the record of what happened.
//!
//! Time has two faces. *True* time is that of the runtime's paused clock, added up over the lives of the server: providers
//! and people live by it. The *wall clock* is what the server is told; it follows true time, and jumps.

use crate::{
    dice::Dice,
    faults::{Counts, Fault, Weather},
    planted::Plant,
};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use studio_core::{ports::Clock, time::Timestamp};
use tokio::{sync::Notify, time::Instant};
use tokio_util::task::TaskTracker;

/// The wall clock when a world begins: 2026-11-30T23:59:40Z. A day and a month end in the middle of it, and budgets begin anew.
const BEGINNING: Timestamp = Timestamp::from_millis(1_796_083_180_000);

/// One world.
pub struct World {
    /// From which all follows.
    pub seed: u64,
    /// What is broken on purpose.
    pub plant: Option<Plant>,
    /// Tasks that are not the server's.
    pub tasks: TaskTracker,
    state: Mutex<State>,
    death: Notify,
}

struct State {
    dice: Dice,
    weather: Weather,
    calm_since: Option<Duration>,
    counts: Counts,
    violations: Vec<String>,
    trace: Trace,
    /// True time when this life of the server began.
    lived: Duration,
    begun: Option<Instant>,
    /// How far the wall clock is ahead of true time, in milliseconds.
    ahead: i64,
    jumped: bool,
    alive: bool,
    starting: bool,
    life: u32,
    writes: u64,
    doom: Option<Doom>,
}

/// When the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doom {
    /// Before the commit of this write of its life.
    Before(u64),
    /// After the commit of this write, before its answer.
    After(u64),
}

/// Everything that happened, as one number and, if wanted, as text.
struct Trace {
    hash: u64,
    lines: Option<Vec<String>>,
}

impl World {
    /// A world that has not begun.
    pub fn new(seed: u64, plant: Option<Plant>, keep_trace: bool) -> Self {
        let mut dice = Dice::new(seed, 2);
        let weather = Weather::draw(&mut dice);
        let state = State {
            dice,
            weather,
            calm_since: None,
            counts: Counts::default(),
            violations: Vec::new(),
            trace: Trace { hash: 0xcbf2_9ce4_8422_2325, lines: keep_trace.then(Vec::new) },
            lived: Duration::ZERO,
            begun: None,
            ahead: 0,
            jumped: false,
            alive: false,
            starting: false,
            life: 0,
            writes: 0,
            doom: None,
        };
        Self { seed, plant, tasks: TaskTracker::new(), state: Mutex::new(state), death: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a life of the server, which may be doomed.
    pub fn begin_life(&self, doom: Option<Doom>) {
        let mut state = self.state();
        state.begun = Some(Instant::now());
        state.alive = true;
        state.starting = true;
        state.life += 1;
        state.writes = 0;
        state.doom = doom;
        drop(state);
        self.note(|| format!("a server starts, doomed: {doom:?}"));
    }

    /// The server is up.
    pub fn is_up(&self) {
        self.state().starting = false;
    }

    /// Whether the server is still putting back what the one before it left.
    pub fn is_starting(&self) -> bool {
        self.state().starting
    }

    /// Ends it: from here on true time stands still.
    pub fn end_life(&self) {
        let elapsed = self.elapsed();
        let mut state = self.state();
        state.lived = elapsed;
        state.begun = None;
        state.alive = false;
    }

    /// True time.
    pub fn elapsed(&self) -> Duration {
        let state = self.state();
        state.lived + state.begun.map_or(Duration::ZERO, |begun| begun.elapsed())
    }

    /// The moment of true time as the runtime counts it.
    pub fn instant(&self, at: Duration) -> Instant {
        let state = self.state();
        let begun = state.begun.unwrap_or_else(Instant::now);
        begun + at.saturating_sub(state.lived)
    }

    /// Which life of the server this is.
    pub fn life(&self) -> u32 {
        self.state().life
    }

    /// Moves the wall clock.
    pub fn jump(&self, millis: i64) {
        let mut state = self.state();
        state.ahead += millis;
        state.jumped = true;
        drop(state);
        self.note(|| format!("the wall clock jumps by {millis} ms"));
    }

    /// Whether the wall clock ever jumped.
    pub fn jumps(&self) -> bool {
        self.state().jumped
    }

    /// From here on nothing goes wrong any more.
    pub fn calm(&self) {
        let elapsed = self.elapsed();
        self.state().calm_since = Some(elapsed);
        self.note(|| "calm".to_owned());
    }

    /// Since when nothing goes wrong any more.
    pub fn calm_since(&self) -> Option<Duration> {
        self.state().calm_since
    }

    /// Draws from the world's own dice.
    pub fn draw<T>(&self, draw: impl FnOnce(&mut Dice) -> T) -> T {
        draw(&mut self.state().dice)
    }

    /// Whether a fault happens now. If so, it is counted.
    pub fn strikes(&self, fault: Fault) -> bool {
        let mut state = self.state();
        let rate = state.weather.rate(fault);
        let strikes = state.calm_since.is_none() && rate > 0 && state.dice.per_mille(rate);
        if strikes {
            state.counts.count(fault);
        }
        drop(state);
        if strikes {
            self.note(|| format!("fault: {}", fault.as_str()));
        }
        strikes
    }

    /// Whether this world has such faults at all, before it is calm.
    pub fn has(&self, fault: Fault) -> bool {
        let state = self.state();
        state.calm_since.is_none() && state.weather.rate(fault) > 0
    }

    /// Counts a fault that somebody else made.
    pub fn count(&self, fault: Fault) {
        self.state().counts.count(fault);
    }

    /// How often each fault happened.
    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    /// Counts a write; what is to happen to the process with it.
    pub fn write(&self) -> Option<Doom> {
        let mut state = self.state();
        state.writes += 1;
        let number = state.writes;
        state.doom.filter(|doom| *doom == Doom::Before(number) || *doom == Doom::After(number))
    }

    /// Ends the process: whoever asks anything of the outside from now on gets no answer.
    pub fn die(&self) {
        self.state().alive = false;
        self.death.notify_one();
    }

    /// Waits for the end of the process.
    pub async fn death(&self) {
        while self.state().alive {
            self.death.notified().await;
        }
    }

    /// Goes on only while the process lives: what is dead gets no answers.
    pub async fn lives(&self) {
        if !self.state().alive {
            std::future::pending::<()>().await;
        }
    }

    /// Whether the process lives.
    pub fn is_alive(&self) -> bool {
        self.state().alive
    }

    /// A rule is broken. The world ends with it.
    pub fn wrong(&self, rule: &str, detail: impl std::fmt::Display) {
        self.note(|| format!("VIOLATION: {rule}: {detail}"));
        self.state().violations.push(format!("{rule}: {detail}"));
        self.die();
    }

    /// What was wrong so far.
    pub fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }

    /// Writes down what happened.
    pub fn note(&self, what: impl FnOnce() -> String) {
        let at = self.elapsed().as_micros();
        let mut state = self.state();
        let line = format!("{:>10}.{:03} ms  life {}  {}", at / 1000, at % 1000, state.life, what());
        for byte in line.bytes().chain([b'\n']) {
            state.trace.hash = (state.trace.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if let Some(lines) = &mut state.trace.lines {
            lines.push(line);
        }
    }

    /// Everything that happened, as one number.
    pub fn trace_hash(&self) -> u64 {
        self.state().trace.hash
    }

    /// Everything that happened, as text, if it was kept.
    pub fn take_trace(&self) -> Vec<String> {
        self.state().trace.lines.take().unwrap_or_default()
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        let elapsed = i64::try_from(self.elapsed().as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(BEGINNING.as_millis() + elapsed + self.state().ahead)
    }
}
