//! Forgetting, in memory.

use super::State;
use studio_core::{
    id::JobId,
    job::{ContentHash, Job},
    ports::{Asset, Forget, Forgotten},
    time::Timestamp,
};

impl State {
    pub(super) fn forget(&mut self, forget: Forget) -> Forgotten {
        let bound = JobId::new(forget.over_before, [0xff; 10]);
        let candidates = self.jobs.range(..bound).map(|(_, job)| job).filter(|job| Some(job.id) > forget.after);
        let candidates = candidates.filter(|job| job.status.is_terminal() && job.forgotten_at.is_none());
        let old: Vec<Job> = candidates.take(forget.limit as usize).cloned().collect();
        let mut forgotten = Forgotten { jobs: 0, last: old.last().map(|job| job.id) };
        for job in old.into_iter().filter(|job| job.may_be_forgotten(forget.over_before)) {
            if self.is_needed(&job) {
                continue;
            }
            self.remove_assets(|asset| asset.job == Some(job.id), forget.now);
            self.words.retain(|(id, _), _| *id != job.id);
            self.idempotency.retain(|_, (_, id)| *id != job.id);
            self.dead.remove(&job.id);
            self.jobs.insert(job.id, job.forgotten(forget.now));
            forgotten.jobs += 1;
        }
        forgotten
    }

    /// Whether something that came with a job or was made by it is needed by one that is not over.
    fn is_needed(&self, job: &Job) -> bool {
        let theirs = self.assets.values().filter(|asset| asset.job == Some(job.id));
        let mut unfinished = self.jobs.values().filter(|other| other.owner == job.owner);
        let theirs: Vec<_> = theirs.map(|asset| asset.id).collect();
        unfinished.any(|other| theirs.iter().any(|asset| other.needs(*asset)))
    }

    pub(super) fn forget_blobs(&mut self, until: Timestamp, limit: u32) -> u64 {
        let old = self.forgotten_blobs.iter().filter(|(_, blob)| blob.at <= until);
        let mut old: Vec<_> = old.map(|(hash, blob)| (blob.at, *hash)).collect();
        old.sort_unstable();
        old.truncate(limit as usize);
        for (_, hash) in &old {
            self.forgotten_blobs.remove(hash);
        }
        old.len() as u64
    }

    pub(super) fn unnamed(&self, hashes: Vec<ContentHash>, since: Timestamp) -> Vec<ContentHash> {
        let shows = |asset: &Asset, hash| asset.thumbnail.is_some_and(|thumbnail| thumbnail.hash == hash);
        let named = |hash: &ContentHash| self.assets.values().any(|asset| asset.hash == *hash || shows(asset, *hash));
        let recently = |hash: &ContentHash| self.forgotten_blobs.get(hash).is_some_and(|blob| blob.at > since);
        hashes.into_iter().filter(|hash| !named(hash) && !recently(hash)).collect()
    }
}
