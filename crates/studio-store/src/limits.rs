//! Counts calls in memory, by the rule in `studio_core::limits`.
//!
//! One time for each caller and class is all there is to keep, and a time that has passed says nothing any more. So the map is
//! swept whenever it has doubled since the last sweep: its size follows the callers of the last window, not of all time.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use studio_core::{
    limits::{self, ArrivalNanos, Counted, Decision, LimitClass, Rate},
    ports::Limiter,
    time::Timestamp,
};

/// Arrival times below which no sweep is worth its while.
const SWEEP_FROM: usize = 1024;

/// Counts calls in memory.
#[derive(Debug)]
pub struct MemoryLimiter {
    arrivals: Mutex<Arrivals>,
}

#[derive(Debug)]
struct Arrivals {
    times: HashMap<(Counted, LimitClass), ArrivalNanos>,
    sweep_at: usize,
}

impl MemoryLimiter {
    /// A limiter that has counted nothing.
    pub fn new() -> Self {
        Self { arrivals: Mutex::new(Arrivals { times: HashMap::new(), sweep_at: SWEEP_FROM }) }
    }

    fn arrivals(&self) -> MutexGuard<'_, Arrivals> {
        // A panic between two lines of this file leaves nothing half-written.
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryLimiter {
    fn default() -> Self {
        Self::new()
    }
}

impl Arrivals {
    fn sweep(&mut self, now: Timestamp) {
        let now = ArrivalNanos::from(now.as_millis()) * 1_000_000;
        self.times.retain(|_, arrival| *arrival > now);
        self.sweep_at = (self.times.len() * 2).max(SWEEP_FROM);
    }
}

impl Limiter for MemoryLimiter {
    fn check(&self, who: Counted, class: LimitClass, rate: Rate, now: Timestamp) -> Decision {
        let mut arrivals = self.arrivals();
        let before = arrivals.times.get(&(who, class)).copied();
        let (decision, arrival) = limits::decide(rate, before, now);
        arrivals.times.insert((who, class), arrival);
        if arrivals.times.len() >= arrivals.sweep_at {
            arrivals.sweep(now);
        }
        decision
    }

    fn give_back(&self, who: Counted, class: LimitClass, rate: Rate) {
        if let Some(arrival) = self.arrivals().times.get_mut(&(who, class)) {
            *arrival = limits::give_back(rate, *arrival);
        }
    }

    fn peek(&self, who: Counted, class: LimitClass, rate: Rate, now: Timestamp) -> Decision {
        limits::decide(rate, self.arrivals().times.get(&(who, class)).copied(), now).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use studio_core::id::KeyId;

    const T0: Timestamp = Timestamp::from_millis(1_790_000_000_000);
    const RATE: Rate = Rate { count: 2, window: Duration::from_secs(60) };

    fn key(n: u16) -> Counted {
        let mut random = [0; 10];
        random[..2].copy_from_slice(&n.to_be_bytes());
        Counted::Key(KeyId::new(T0, random))
    }

    #[test]
    fn calls_are_counted_by_caller_and_class() {
        let limiter = MemoryLimiter::new();
        let check = |n, class| limiter.check(key(n), class, RATE, T0).allowed;
        assert!(check(1, LimitClass::Generation));
        assert!(limiter.peek(key(1), LimitClass::Generation, RATE, T0).allowed, "looking does not count");
        assert!(check(1, LimitClass::Generation));
        assert!(!check(1, LimitClass::Generation));
        assert!(check(1, LimitClass::Status) && check(2, LimitClass::Generation), "others are not touched");
        assert!(!limiter.peek(key(1), LimitClass::Generation, RATE, T0).allowed);
    }

    #[test]
    fn what_is_given_back_was_never_counted() {
        let limiter = MemoryLimiter::new();
        let check = |n| limiter.check(key(n), LimitClass::Auth, RATE, T0).allowed;
        for _ in 0..10 {
            assert!(check(1));
            limiter.give_back(key(1), LimitClass::Auth, RATE);
        }
        assert!(check(1) && check(1) && !check(1), "and no more is given than was taken");
        limiter.give_back(key(2), LimitClass::Auth, RATE);
        assert!(check(2) && check(2) && !check(2), "of nothing there is nothing to give");
    }

    #[test]
    fn memory_follows_the_callers_of_one_window() {
        let limiter = MemoryLimiter::new();
        for n in 0..10_000 {
            // One call a second: at any time at most 30 arrival times lie ahead.
            let now = T0.plus(Duration::from_secs(n.into()));
            limiter.check(key(n), LimitClass::Generation, RATE, now);
        }
        assert!(limiter.arrivals().times.len() <= SWEEP_FROM);
    }
}
