//! When keys and sessions were used last: told to the store now and then, all at once, so that no request waits for it and none
//! makes a write. What a crash loses of it is at most a few seconds of news that nobody counts on.

use crate::app::App;
use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use studio_core::{
    id::{KeyId, SessionId},
    ports::{Seen, StoreError},
    time::Timestamp,
};

/// How exact it is: what was used again within this time is not told again.
const GRAIN: Duration = Duration::from_secs(60);
/// Most that is remembered at once; beyond it all are told again.
const MOST_REMEMBERED: usize = 20_000;

/// What was used, and what of it is still to be told.
#[derive(Default)]
pub struct LastSeen {
    keys: Mutex<Times<KeyId>>,
    sessions: Mutex<Times<SessionId>>,
}

struct Times<T> {
    told: HashMap<T, Timestamp>,
    untold: Vec<(T, Timestamp)>,
}

impl<T> Default for Times<T> {
    fn default() -> Self {
        Self { told: HashMap::new(), untold: Vec::new() }
    }
}

impl<T: Copy + Eq + Hash> Times<T> {
    fn see(&mut self, what: T, now: Timestamp) {
        // A clock that was set back is news, too: what was told of the future says nothing.
        if self.told.get(&what).is_some_and(|told| *told <= now && now.since(*told) < GRAIN) {
            return;
        }
        if self.told.len() >= MOST_REMEMBERED {
            self.told.clear();
        }
        self.told.insert(what, now);
        self.untold.push((what, now));
    }
}

impl LastSeen {
    /// A key was used.
    pub(crate) fn key(&self, id: KeyId, now: Timestamp) {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).see(id, now);
    }

    /// A session was used.
    pub(crate) fn session(&self, id: SessionId, now: Timestamp) {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).see(id, now);
    }

    /// Tells the store what it has not been told.
    pub(crate) async fn tell(&self, app: &App) -> Result<(), StoreError> {
        let keys = std::mem::take(&mut self.keys.lock().unwrap_or_else(PoisonError::into_inner).untold);
        let sessions = std::mem::take(&mut self.sessions.lock().unwrap_or_else(PoisonError::into_inner).untold);
        if keys.is_empty() && sessions.is_empty() {
            return Ok(());
        }
        app.store.note_seen(Seen { keys, sessions }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_all_the_time_is_told_once_a_minute() {
        let at = |seconds: i64| Timestamp::from_millis(1_790_000_000_000 + seconds * 1000);
        let mut times = Times::default();
        for second in 0..600 {
            times.see(1, at(second));
        }
        assert_eq!(times.untold.len(), 10);
        times.see(2, at(599));
        times.see(1, at(100));
        assert_eq!(times.untold.len(), 12, "another one, and a clock that was set back");
    }
}
