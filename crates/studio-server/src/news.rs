//! Tells those who wait for a job that it changed. A convenience: the truth is in the store, and whoever waits also looks
//! there from time to time. What is told is the whole job, so missing one telling loses nothing.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use studio_core::{id::JobId, job::Job};
use tokio::sync::watch;

type Senders = HashMap<JobId, watch::Sender<Option<Arc<Job>>>>;

/// Who listens to which job.
#[derive(Default, Clone)]
pub struct News {
    jobs: Arc<Mutex<Senders>>,
}

/// An ear for one job.
pub struct Listener {
    id: JobId,
    news: News,
    /// None: it is being dropped.
    receiver: Option<watch::Receiver<Option<Arc<Job>>>>,
}

impl News {
    fn senders(&self) -> MutexGuard<'_, Senders> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens to a job. Listen first and read the store after, and nothing is missed.
    pub fn listen(&self, id: JobId) -> Listener {
        let receiver = self.senders().entry(id).or_insert_with(|| watch::channel(None).0).subscribe();
        Listener { id, news: self.clone(), receiver: Some(receiver) }
    }

    /// Tells of a job as it stands now. Older than what was told before is not told.
    pub fn tell(&self, job: &Job) {
        if let Some(sender) = self.senders().get(&job.id) {
            sender.send_if_modified(|told| {
                let newer = told.as_ref().is_none_or(|old| old.version < job.version);
                if newer {
                    *told = Some(Arc::new(job.clone()));
                }
                newer
            });
        }
    }
}

impl Listener {
    /// The next snapshot that was not heard yet.
    pub async fn hear(&mut self) -> Arc<Job> {
        // The sender lives as long as any listener does, so there is no end to hear of.
        while let Some(receiver) = &mut self.receiver
            && receiver.changed().await.is_ok()
        {
            if let Some(job) = receiver.borrow_and_update().clone() {
                return job;
            }
        }
        std::future::pending().await
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut senders = self.news.senders();
        // Under the lock, so that of two that go together the second one sees that it is the last.
        self.receiver = None;
        if senders.get(&self.id).is_some_and(|sender| sender.receiver_count() == 0) {
            senders.remove(&self.id);
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
        assert_eq!(news.senders().len(), 1);
        drop(b);
        assert_eq!(news.senders().len(), 0);
    }
}
