//! Tells those who wait for a job that it changed. A convenience: the truth is in the store, and whoever waits also looks
//! there from time to time. What is told is the whole job, so missing one telling loses nothing.
//!
//! Those who wait for one job are woken in the order in which they began to wait, always: a run that is replayed from a seed
//! has no other chance in it than the seed's. (`tokio::sync::watch` wakes its receivers in an order that it draws.)

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use studio_core::{id::JobId, job::Job};
use tokio::sync::Notify;

/// Who listens to which job.
#[derive(Default, Clone)]
pub struct News {
    jobs: Arc<Mutex<HashMap<JobId, Arc<Board>>>>,
}

/// Where the news of one job hangs, as long as anyone listens.
#[derive(Default)]
struct Board {
    told: Mutex<Option<Arc<Job>>>,
    bell: Notify,
}

/// An ear for one job.
pub struct Listener {
    id: JobId,
    news: News,
    /// None: it is being dropped.
    board: Option<Arc<Board>>,
    /// The version that was heard last.
    heard: u64,
}

impl News {
    fn boards(&self) -> MutexGuard<'_, HashMap<JobId, Arc<Board>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens to a job. Listen first and read the store after, and nothing is missed.
    pub fn listen(&self, id: JobId) -> Listener {
        let board = self.boards().entry(id).or_default().clone();
        let heard = board.told().as_ref().map_or(0, |job| job.version);
        Listener { id, news: self.clone(), board: Some(board), heard }
    }

    /// Tells of a job as it stands now. Older than what was told before is not told.
    pub fn tell(&self, job: &Job) {
        if let Some(board) = self.boards().get(&job.id) {
            let mut told = board.told();
            if told.as_ref().is_none_or(|old| old.version < job.version) {
                *told = Some(Arc::new(job.clone()));
                board.bell.notify_waiters();
            }
        }
    }
}

impl Board {
    fn told(&self) -> MutexGuard<'_, Option<Arc<Job>>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    /// The next snapshot that was not heard yet.
    pub async fn hear(&mut self) -> Arc<Job> {
        // There is no end to hear of.
        let Some(board) = &self.board else { return std::future::pending().await };
        loop {
            // Before the look: a bell that rings after this is heard.
            let bell = board.bell.notified();
            let newer = board.told().clone().filter(|job| job.version > self.heard);
            if let Some(job) = newer {
                self.heard = job.version;
                return job;
            }
            bell.await;
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut boards = self.news.boards();
        // Under the lock, so that of two that go together the second one sees that it is the last.
        self.board = None;
        if boards.get(&self.id).is_some_and(|board| Arc::strong_count(board) == 1) {
            boards.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use studio_core::time::Timestamp;

    #[test]
    fn nobody_listening_leaves_nothing_behind() {
        let (news, id) = (News::default(), JobId::new(Timestamp::from_millis(1), [1; 10]));
        let (a, b) = (news.listen(id), news.listen(id));
        drop(a);
        assert_eq!(news.boards().len(), 1);
        drop(b);
        assert_eq!(news.boards().len(), 0);
    }
}
