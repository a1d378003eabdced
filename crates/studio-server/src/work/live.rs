//! What is being said right now: one log for each answer on its way, written by its attempt and read by whoever follows it,
//! at their own pace. Nobody waits for a slow reader: it finds more at once when it comes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use studio_core::{
    id::JobId,
    job::Job,
    ports::PART_BYTES,
    words::{Log, Segment, Voice},
};
use tokio::sync::watch;

/// All answers on their way, by job.
#[derive(Default, Clone)]
pub struct Lives {
    lives: Arc<Mutex<HashMap<JobId, Arc<Live>>>>,
}

/// One answer on its way.
pub struct Live {
    /// The epoch of its job: offsets of another one mean nothing here.
    pub epoch: u32,
    log: Mutex<Log>,
    state: watch::Sender<State>,
}

/// How far an answer is.
#[derive(Clone)]
pub enum State {
    /// It is being said; so many bytes so far.
    Saying(u64),
    /// Its job is over, and that is durable: this is the job.
    Settled(Arc<Job>),
    /// Nobody says it any more, and how its job stands is for the store to tell.
    Left,
}

impl Lives {
    fn lives(&self) -> MutexGuard<'_, HashMap<JobId, Arc<Live>>> {
        self.lives.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins an answer. It can be found until what is returned is dropped.
    pub(super) fn begin(&self, job: &Job) -> Speaker {
        let live =
            Arc::new(Live { epoch: job.epoch, log: Mutex::default(), state: watch::channel(State::Saying(0)).0 });
        self.lives().insert(job.id, live.clone());
        Speaker { job: job.id, live, lives: self.clone() }
    }

    /// The answer of a job, if it is on its way.
    pub fn find(&self, job: JobId) -> Option<Arc<Live>> {
        self.lives().get(&job).cloned()
    }
}

impl Live {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells of every change.
    pub fn follow(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Where what follows `offset` begins.
    pub fn beginning(&self, offset: u64) -> u64 {
        self.log().beginning(offset)
    }

    /// What was said after `offset`.
    pub fn after(&self, offset: u64) -> Vec<Segment> {
        self.log().after(offset)
    }

    /// The next of it: as much as a reader is to hold at once.
    pub fn part(&self, offset: u64) -> Vec<Segment> {
        self.log().part(offset, PART_BYTES)
    }

    /// In how many segments it was said.
    pub(super) fn segments(&self) -> usize {
        self.log().segments().len()
    }

    /// How much was said.
    pub fn end(&self) -> u64 {
        self.log().end()
    }
}

/// Whoever says an answer. Dropped before it is settled, the answer is left.
pub(super) struct Speaker {
    job: JobId,
    live: Arc<Live>,
    lives: Lives,
}

impl Speaker {
    pub(super) fn live(&self) -> &Live {
        &self.live
    }

    /// Says more; nobody is told yet.
    pub(super) fn say(&self, voice: &Voice, text: &str) {
        self.live.log().append(voice, text);
    }

    /// Tells those who follow that there is more.
    pub(super) fn tell(&self) {
        self.live.state.send_replace(State::Saying(self.live.end()));
    }

    /// Tells those who follow that the job is over.
    pub(super) fn settled(&self, job: &Job) {
        self.live.state.send_replace(State::Settled(Arc::new(job.clone())));
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        let mut lives = self.lives.lives();
        // A further attempt may have begun already.
        if lives.get(&self.job).is_some_and(|live| Arc::ptr_eq(live, &self.live)) {
            lives.remove(&self.job);
        }
        drop(lives);
        self.live.state.send_if_modified(|state| {
            let unsettled = matches!(state, State::Saying(_));
            if unsettled {
                *state = State::Left;
            }
            unsettled
        });
    }
}
