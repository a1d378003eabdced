//! Whose file is looked into next: a few at once, of all users in turn.
//!
//! A look takes four permits, in this order: its owner's turn for a dataset, the turn of all datasets, one of its owner's turns, a place.
//! The first two are for datasets alone. Whoever waits for one has only earlier ones, and whoever has a place waits for none: so
//! nobody waits in a circle. Of each owner no more looks stand before the places than there are places, so whoever brings a hundred
//! files delays others by as many as fit there, and not by a hundred.

use super::NotInspected;
use crate::settings::{INSPECTIONS_AT_ONCE, INSPECTIONS_OF_DATASETS, INSPECTIONS_OF_ONE, INSPECTIONS_WAITING};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use studio_core::{id::UserId, inspection::FileKind};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// Where looks wait, and where they are done.
pub(super) struct Places {
    queue: Semaphore,
    datasets: Semaphore,
    places: Semaphore,
    owners: Mutex<HashMap<UserId, Arc<Own>>>,
}

/// What one owner has.
struct Own {
    looks: Arc<Semaphore>,
    datasets: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

impl Own {
    fn new() -> Self {
        let permits = |count| Arc::new(Semaphore::new(count));
        Self {
            looks: permits(INSPECTIONS_OF_ONE),
            datasets: permits(INSPECTIONS_OF_DATASETS),
            turns: permits(INSPECTIONS_AT_ONCE),
        }
    }
}

/// A look that was let in: it waits for its place, or has it.
pub(super) struct Waiting<'a> {
    places: &'a Places,
    owner: UserId,
    /// Always there until it is dropped.
    own: Option<(Arc<Own>, OwnedSemaphorePermit)>,
    _queued: SemaphorePermit<'a>,
}

/// A place, until it is dropped.
pub(super) struct Place<'a> {
    _dataset: Option<(OwnedSemaphorePermit, SemaphorePermit<'a>)>,
    _turn: OwnedSemaphorePermit,
    _place: SemaphorePermit<'a>,
}

impl Places {
    pub(super) fn new() -> Self {
        Self {
            queue: Semaphore::new(INSPECTIONS_AT_ONCE + INSPECTIONS_WAITING),
            datasets: Semaphore::new(INSPECTIONS_OF_DATASETS),
            places: Semaphore::new(INSPECTIONS_AT_ONCE),
            owners: Mutex::default(),
        }
    }

    /// Lets one more look in, if not too many of its owner's, or of all, are there already.
    pub(super) fn enter(&self, owner: UserId) -> Result<Waiting<'_>, NotInspected> {
        let mut owners = self.held();
        let own = owners.entry(owner).or_insert_with(|| Arc::new(Own::new())).clone();
        let look = own.looks.clone().try_acquire_owned().map_err(|_| NotInspected::Busy)?;
        match self.queue.try_acquire() {
            Ok(queued) => Ok(Waiting { places: self, owner, own: Some((own, look)), _queued: queued }),
            Err(_) => {
                drop((own, look));
                forget(&mut owners, owner);
                Err(NotInspected::Busy)
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<UserId, Arc<Own>>> {
        // An owner is in it or is not.
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets an owner of whom nothing is there.
fn forget(owners: &mut HashMap<UserId, Arc<Own>>, owner: UserId) {
    if owners.get(&owner).is_some_and(|own| Arc::strong_count(own) == 1) {
        owners.remove(&owner);
    }
}

impl Waiting<'_> {
    /// Waits for its place.
    pub(super) async fn place(&self, kind: FileKind) -> Result<Place<'_>, NotInspected> {
        // None of them is ever closed.
        let closed = |_| NotInspected::Busy;
        let (own, _) = self.own.as_ref().ok_or(NotInspected::Busy)?;
        let dataset = match kind {
            FileKind::Dataset => {
                let own = own.datasets.clone().acquire_owned().await.map_err(closed)?;
                Some((own, self.places.datasets.acquire().await.map_err(closed)?))
            }
            FileKind::Image | FileKind::Audio | FileKind::Video => None,
        };
        let turn = own.turns.clone().acquire_owned().await.map_err(closed)?;
        let place = self.places.places.acquire().await.map_err(closed)?;
        Ok(Place { _dataset: dataset, _turn: turn, _place: place })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut owners = self.places.held();
        drop(self.own.take());
        forget(&mut owners, self.owner);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use studio_core::time::Timestamp;

    fn user(n: u8) -> UserId {
        UserId::new(Timestamp::from_millis(1_790_000_000_000), [n; 10])
    }

    #[test]
    fn archives_leave_a_place_to_pictures() {
        let places = Places::new();
        let archives = [(); 4].map(|()| places.enter(user(1)).unwrap());
        let first = archives[0].place(FileKind::Dataset).now_or_never().unwrap().unwrap();
        assert!(archives[1].place(FileKind::Dataset).now_or_never().is_none());
        let others = places.enter(user(2)).unwrap();
        assert!(others.place(FileKind::Dataset).now_or_never().is_none());
        // Nobody's pictures wait for them, their owner's neither.
        for owner in [1, 2] {
            drop(places.enter(user(owner)).unwrap().place(FileKind::Image).now_or_never().unwrap().unwrap());
        }
        drop(first);
        drop(others.place(FileKind::Dataset).now_or_never().unwrap().unwrap());
    }

    #[test]
    fn one_owner_has_a_bounded_part_of_the_queue_and_stands_in_it_only_with_a_few() {
        let places = Places::new();
        let many: Vec<_> = (0..INSPECTIONS_OF_ONE).map(|_| places.enter(user(1)).unwrap()).collect();
        assert!(matches!(places.enter(user(1)), Err(NotInspected::Busy)));
        let mut waiting: Vec<_> = many.iter().map(|look| Box::pin(look.place(FileKind::Image))).collect();
        let mut had: Vec<_> =
            waiting.iter_mut().filter_map(|look| look.as_mut().now_or_never()).map(Result::unwrap).collect();
        assert_eq!(had.len(), INSPECTIONS_AT_ONCE);
        let other = places.enter(user(2)).unwrap();
        let mut other = Box::pin(other.place(FileKind::Image));
        assert!(other.as_mut().now_or_never().is_none());
        // The next place is the other's, though many of the first came before.
        had.pop();
        assert!(other.as_mut().now_or_never().is_some(), "they are next");
    }

    #[test]
    fn the_queue_is_bounded_and_nobody_is_remembered() {
        let places = Places::new();
        let all = INSPECTIONS_AT_ONCE + INSPECTIONS_WAITING;
        let full: Vec<_> = (0..all).map(|n| places.enter(user((n / INSPECTIONS_OF_ONE) as u8)).unwrap()).collect();
        assert!(matches!(places.enter(user(200)), Err(NotInspected::Busy)));
        assert!(!places.held().contains_key(&user(200)));
        drop(full);
        assert!(places.held().is_empty());
    }
}
