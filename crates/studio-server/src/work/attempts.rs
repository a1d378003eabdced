//! Who is being worked on, in this process: whoever is not, and should be, is stuck.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use studio_core::id::{JobId, LeaseToken};

/// Most leases that are remembered as never begun: they come from a store that does not answer, and each is of use for a
/// minute.
const MOST_UNBEGUN: usize = 4096;

/// The jobs that have an attempt in this process, and how many: one that ends may overlap with the next.
#[derive(Default, Clone)]
pub struct Attempts {
    jobs: Arc<Mutex<HashMap<JobId, usize>>>,
    unbegun: Arc<Mutex<HashSet<LeaseToken>>>,
}

/// An attempt that lives.
pub(super) struct Living {
    attempts: Attempts,
    id: JobId,
}

impl Attempts {
    fn jobs(&self) -> MutexGuard<'_, HashMap<JobId, usize>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unbegun(&self) -> MutexGuard<'_, HashSet<LeaseToken>> {
        self.unbegun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Jobs may have been claimed by these, and nobody was told: nothing was or will be sent by them.
    pub(crate) fn not_begun(&self, leases: impl IntoIterator<Item = LeaseToken>) {
        let mut unbegun = self.unbegun();
        if unbegun.len() > MOST_UNBEGUN {
            unbegun.clear();
        }
        unbegun.extend(leases);
    }

    /// Whether it is known that nothing was sent by this lease.
    pub(super) fn never_begun(&self, lease: LeaseToken) -> bool {
        self.unbegun().contains(&lease)
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
