//! Who is being worked on, in this process: whoever is not, and should be, is stuck.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use studio_core::id::JobId;

/// The jobs that have an attempt in this process, and how many: one that ends may overlap with the next.
#[derive(Default, Clone)]
pub struct Attempts(Arc<Mutex<HashMap<JobId, usize>>>);

/// An attempt that lives.
pub(super) struct Living {
    attempts: Attempts,
    id: JobId,
}

impl Attempts {
    fn jobs(&self) -> MutexGuard<'_, HashMap<JobId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An attempt of a job begins; it lives until this is dropped.
    pub(super) fn begin(&self, id: JobId) -> Living {
        *self.jobs().entry(id).or_default() += 1;
        Living { attempts: self.clone(), id }
    }

    /// Whether a job has one.
    pub fn contains(&self, id: JobId) -> bool {
        self.jobs().contains_key(&id)
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        let mut jobs = self.attempts.jobs();
        match jobs.get_mut(&self.id) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(jobs.remove(&self.id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use studio_core::time::Timestamp;

    #[test]
    fn the_last_attempt_takes_the_job_with_it() {
        let (attempts, id) = (Attempts::default(), JobId::new(Timestamp::from_millis(1), [1; 10]));
        let (first, second) = (attempts.begin(id), attempts.begin(id));
        drop(first);
        assert!(attempts.contains(id));
        drop(second);
        assert!(!attempts.contains(id));
    }
}
