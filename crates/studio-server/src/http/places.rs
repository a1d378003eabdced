//! Places for requests that may stay for long: those that make something and wait for it, and those that follow something.
//! There are fewer of them than connections, so that whoever asks, cancels or keeps the books always finds one; and no user
//! may have more than a few, so that one who waits for very much leaves some to the others.

use super::{codes, refusal::Refusal};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use studio_core::id::UserId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// All places, and who has how many.
pub struct Places {
    all: Arc<Semaphore>,
    of_users: Arc<Mutex<HashMap<UserId, usize>>>,
    most_of_one: usize,
    /// What one who has all of theirs is told.
    full: &'static str,
}

impl Places {
    /// So many places, and so many of them for one user.
    pub fn new(all: usize, most_of_one: usize) -> Self {
        let full = "requests of yours wait here already: as many as may. Try again when one of them is answered, or don't wait \
                    (Prefer: wait=0).";
        Self { all: Arc::new(Semaphore::new(all)), of_users: Arc::default(), most_of_one, full }
    }

    /// The same for uploads.
    pub fn of_uploads(all: usize, most_of_one: usize) -> Self {
        let full = "files of yours are on their way already: as many as may. Try again when one of them is kept.";
        Self { full, ..Self::new(all, most_of_one) }
    }

    /// A place for a request of `user`, if there is one for them.
    pub(super) fn take(&self, user: UserId) -> Result<Place, Refusal> {
        let place = self.all.clone().try_acquire_owned().map_err(|_| Refusal::overloaded())?;
        let mut of_users = held(&self.of_users);
        let has = of_users.entry(user).or_default();
        if *has >= self.most_of_one {
            let message = format!("{} {}", self.most_of_one, self.full);
            let limit = serde_json::json!({ "limit": self.most_of_one });
            return Err(Refusal::new(codes::TOO_MANY_AT_ONCE, message).with(limit).retry_in(Duration::from_secs(1)));
        }
        *has += 1;
        Ok(Place { user, of_users: self.of_users.clone(), _place: place })
    }
}

/// One place, until it is dropped.
pub(super) struct Place {
    user: UserId,
    of_users: Arc<Mutex<HashMap<UserId, usize>>>,
    _place: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut of_users = held(&self.of_users);
        if let Some(has) = of_users.get_mut(&self.user) {
            *has -= 1;
            if *has == 0 {
                // Whoever has gone is forgotten.
                of_users.remove(&self.user);
            }
        }
    }
}

fn held(of_users: &Mutex<HashMap<UserId, usize>>) -> MutexGuard<'_, HashMap<UserId, usize>> {
    // Nothing between two lines of this file can panic and leave a number half-written.
    of_users.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use studio_core::time::Timestamp;

    #[test]
    fn a_user_has_no_more_places_than_may_and_gets_them_back() {
        let user = |n| UserId::new(Timestamp::from_millis(1_790_000_000_000), [n; 10]);
        let places = Places::new(3, 2);
        let (first, second) = (places.take(user(1)).unwrap(), places.take(user(1)).unwrap());
        let refused = places.take(user(1)).err().unwrap();
        assert_eq!(refused.code, codes::TOO_MANY_AT_ONCE);
        let other = places.take(user(2)).unwrap();
        drop(first);
        let again = places.take(user(1)).unwrap();
        assert_eq!(places.take(user(2)).err().unwrap().code, codes::OVERLOADED, "all places are taken");
        drop((second, other, again));
        assert!(held(&places.of_users).is_empty());
    }
}
