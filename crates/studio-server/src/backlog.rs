//! How much waits at each provider, and when that is enough: a queue that only grows is a promise that nobody keeps, so what
//! would be too far back is told at once, and not accepted.
//!
//! It is counted by the store once a second, and up in between, so what it says is nearly right and costs a request nothing.
//! Nothing depends on it but when to say no.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};
use studio_core::{id::UserId, ports::Waiting};

/// Most jobs that may wait at a provider, unless said otherwise.
pub const USUAL_MOST: u64 = 100_000;
/// Most of these of one user.
pub const USUAL_MOST_OF_USER: u64 = 20_000;

/// Counts what waits.
#[derive(Debug)]
pub struct Backlog {
    most: u64,
    most_of_user: u64,
    waiting: Mutex<HashMap<String, HashMap<UserId, u64>>>,
}

/// More waits than may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full {
    /// As many as may.
    pub most: u64,
    /// Of one user; otherwise of all.
    pub of_user: bool,
}

impl Backlog {
    /// Nothing waits, as far as is known.
    pub fn new(most: Option<u64>, most_of_user: Option<u64>) -> Self {
        Self {
            most: most.unwrap_or(USUAL_MOST),
            most_of_user: most_of_user.unwrap_or(USUAL_MOST_OF_USER),
            waiting: Mutex::default(),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<String, HashMap<UserId, u64>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one more may wait.
    pub(crate) fn room(&self, provider: &str, owner: UserId) -> Result<(), Full> {
        let waiting = self.waiting();
        let Some(users) = waiting.get(provider) else { return Ok(()) };
        if users.get(&owner).is_some_and(|count| *count >= self.most_of_user) {
            return Err(Full { most: self.most_of_user, of_user: true });
        }
        if users.values().sum::<u64>() >= self.most {
            return Err(Full { most: self.most, of_user: false });
        }
        Ok(())
    }

    /// How many wait for each provider, where any do.
    pub fn by_provider(&self) -> BTreeMap<String, u64> {
        let waiting = self.waiting();
        waiting.iter().map(|(provider, users)| (provider.clone(), users.values().sum())).collect()
    }

    /// One more waits.
    pub(crate) fn queued(&self, provider: &str, owner: UserId) {
        let mut waiting = self.waiting();
        *waiting.entry(provider.to_owned()).or_default().entry(owner).or_default() += 1;
    }

    /// So it is.
    pub(crate) fn counted(&self, counts: Vec<Waiting>) {
        let mut waiting: HashMap<String, HashMap<UserId, u64>> = HashMap::new();
        for Waiting { provider, owner, count } in counts {
            waiting.entry(provider).or_default().insert(owner, count);
        }
        *self.waiting() = waiting;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use studio_core::time::Timestamp;

    #[test]
    fn what_is_too_much_for_one_is_not_too_much_for_another() {
        let user = |n| UserId::new(Timestamp::from_millis(1), [n; 10]);
        let backlog = Backlog::new(Some(3), Some(2));
        for _ in 0..2 {
            assert_eq!(backlog.room("p", user(1)), Ok(()));
            backlog.queued("p", user(1));
        }
        assert_eq!(backlog.room("p", user(1)), Err(Full { most: 2, of_user: true }));
        assert_eq!((backlog.room("p", user(2)), backlog.room("q", user(1))), (Ok(()), Ok(())));
        backlog.queued("p", user(2));
        assert_eq!(backlog.room("p", user(3)), Err(Full { most: 3, of_user: false }));
        backlog.counted(vec![Waiting { provider: "p".into(), owner: user(1), count: 1 }]);
        assert_eq!((backlog.room("p", user(1)), backlog.room("p", user(3))), (Ok(()), Ok(())));
    }
}
