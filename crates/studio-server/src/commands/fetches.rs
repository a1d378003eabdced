//! Fetches what a user names: a picture at an address of others. At most a few at once for each user, a few more for all, so that
//! nobody makes of the studio a crowd before somebody else's door; and never longer than a deadline.
//!
//! What is told of a failure says nothing about the network in which the studio stands: an address that is not public, a name
//! that isn't there, a port at which nobody listens and an answer that never came are all told in the same words.

use crate::{
    app::App,
    settings::{FETCHES_AT_ONCE, FETCHES_OF_ONE},
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use studio_core::{
    id::UserId,
    ports::{Destination, FetchError},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

const NOT_THERE: &str =
    "could not be fetched: it must be the address of a picture at a public place that answers in time";

/// Whose fetches are under way.
pub struct Fetches {
    all: Arc<Semaphore>,
    of_users: Mutex<HashMap<UserId, Arc<Semaphore>>>,
}

impl Default for Fetches {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(FETCHES_AT_ONCE)), of_users: Mutex::default() }
    }
}

/// A turn; while one has it, what one fetched may be in memory.
pub(super) struct Turn<'a> {
    fetches: &'a Fetches,
    user: UserId,
    own: Option<(Arc<Semaphore>, OwnedSemaphorePermit)>,
    _of_all: OwnedSemaphorePermit,
}

/// Why nothing was fetched.
#[derive(Debug)]
pub(super) enum NotFetched {
    /// What is wrong with the address, or with what lies there.
    Fault(String),
    /// Others of the same user, or of all, had all turns until it was too late: nothing is wrong with the address.
    NoTurn,
}

impl Fetches {
    async fn turn_until(&self, user: UserId, deadline: Instant) -> Result<Turn<'_>, NotFetched> {
        timeout_at(deadline, self.turn(user)).await.ok().flatten().ok_or(NotFetched::NoTurn)
    }

    async fn turn(&self, user: UserId) -> Option<Turn<'_>> {
        let own = self.held().entry(user).or_insert_with(|| Arc::new(Semaphore::new(FETCHES_OF_ONE))).clone();
        // First one's own, so that whoever waits for that takes nothing from the others.
        let permit = own.clone().acquire_owned().await.ok()?;
        let of_all = self.all.clone().acquire_owned().await.ok()?;
        Some(Turn { fetches: self, user, own: Some((own, permit)), _of_all: of_all })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<UserId, Arc<Semaphore>>> {
        self.of_users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        drop(self.own.take());
        let mut of_users = self.fetches.held();
        // Only the table holds it: nobody of theirs is under way or waits.
        if of_users.get(&self.user).is_some_and(|own| Arc::strong_count(own) == 1) {
            of_users.remove(&self.user);
        }
    }
}

/// What can be told of an address without asking anybody.
pub(super) fn check(app: &App, url: &str) -> Result<(), String> {
    app.fetcher.check(&Destination::UserGiven, url).map_err(|error| told(error, 0))
}

/// The bytes at an address, at most `cap` of them, and the turn in which they were fetched.
pub(super) async fn fetch<'a>(
    app: &'a App,
    user: UserId,
    url: &str,
    cap: u64,
    deadline: Instant,
) -> Result<(Bytes, Turn<'a>), NotFetched> {
    check(app, url).map_err(NotFetched::Fault)?;
    let turn = app.fetches.turn_until(user, deadline).await?;
    let fetched = timeout_at(deadline, async {
        let mut body = app.fetcher.open(&Destination::UserGiven, url, cap).await?;
        let mut all = BytesMut::new();
        while let Some(bytes) = body.next().await {
            all.extend_from_slice(&bytes?);
        }
        Ok(all.freeze())
    });
    match fetched.await.unwrap_or_else(|_| Err(FetchError::Unavailable("it took too long".into()))) {
        Ok(bytes) => Ok((bytes, turn)),
        Err(error) => {
            // Not where: an address can be as secret as a key.
            tracing::info!(%error, "a picture that a user named could not be fetched");
            Err(NotFetched::Fault(told(error, cap)))
        }
    }
}

/// What went wrong, for whoever named the address.
fn told(error: FetchError, cap: u64) -> String {
    match error {
        FetchError::Malformed(why) => {
            format!("must be a data: URI, or the http or https address of a picture at a public place: {why}")
        }
        FetchError::TooLarge { .. } => too_large(cap),
        FetchError::Answered(status) => format!("could not be fetched: the place answered {status}"),
        FetchError::Forbidden(_) | FetchError::Unavailable(_) => NOT_THERE.to_owned(),
    }
}

pub(super) fn too_large(cap: u64) -> String {
    format!("must have at most {} MiB", cap >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use studio_core::time::Timestamp;

    #[tokio::test]
    async fn who_gets_no_turn_in_time_is_told_so_and_others_get_theirs() {
        let user = |n| UserId::new(Timestamp::from_millis(1_790_000_000_000), [n; 10]);
        let (fetches, now) = (Fetches::default(), Instant::now());
        let mut turns = Vec::new();
        for _ in 0..FETCHES_OF_ONE {
            turns.push(fetches.turn_until(user(1), now).await.unwrap());
        }
        assert!(matches!(fetches.turn_until(user(1), now).await, Err(NotFetched::NoTurn)));
        drop(fetches.turn_until(user(2), now).await.unwrap());
        drop(turns.pop());
        drop(fetches.turn_until(user(1), now).await.unwrap());
        drop(turns);
        assert!(fetches.held().is_empty(), "nobody is remembered");
    }
}
