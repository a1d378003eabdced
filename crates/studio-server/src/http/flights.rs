//! Requests under way with the same idempotency key take turns: the second one then finds the job of the first, and two
//! hundred at once are one job and one call against the limit. The store decides in the end; this only keeps the limit fair.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use studio_core::id::UserId;
use tokio::sync::OwnedMutexGuard;

type Name = (UserId, &'static str, String);
type Turn = Arc<tokio::sync::Mutex<()>>;

/// Who is under way.
#[derive(Default, Clone)]
pub struct Flights {
    turns: Arc<Mutex<HashMap<Name, Turn>>>,
}

/// One's turn; the next one's begins when it is dropped.
pub(super) struct Flight {
    flights: Flights,
    name: Name,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Flights {
    /// Waits for one's turn.
    pub(super) async fn take(&self, user: UserId, route: &'static str, key: &str) -> Flight {
        let name = (user, route, key.to_owned());
        let turn = self.turns.lock().unwrap_or_else(PoisonError::into_inner).entry(name.clone()).or_default().clone();
        Flight { flights: self.clone(), name, guard: Some(turn.lock_owned().await) }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.guard.take();
        let mut turns = self.flights.turns.lock().unwrap_or_else(PoisonError::into_inner);
        // Only the table holds it: nobody waits.
        if turns.get(&self.name).is_some_and(|turn| Arc::strong_count(turn) == 1) {
            turns.remove(&self.name);
        }
    }
}
