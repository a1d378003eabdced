//! Queues in memory: whose turn it is, and how long it takes until then.

use super::State;
use std::collections::{BTreeMap, BTreeSet};
use studio_core::{
    id::{JobId, UserId},
    job::{Actor, Event, Job, Status, step},
    ports::{AttemptRow, Claim, Waiting},
    retry::is_due,
    time::Timestamp,
};

impl State {
    /// Queued jobs of a provider, oldest first.
    pub(super) fn queue<'a>(&'a self, provider: &'a str) -> impl Iterator<Item = &'a Job> {
        self.jobs.values().filter(move |job| job.status == Status::Queued && job.provider == provider)
    }

    /// The one of a user's jobs that is to be taken next.
    fn due(&self, provider: &str, owner: UserId, now: Timestamp) -> Option<Job> {
        let due = self.queue(provider).filter(|job| job.owner == owner && is_due(job.run_at, now));
        due.max_by_key(|job| (job.priority, std::cmp::Reverse(job.id))).cloned()
    }

    /// Whether a user has as many jobs at work at a provider as they may.
    pub(super) fn may_not_have_more(&self, provider: &str, owner: UserId, most: Option<u32>) -> bool {
        let at_work = self.jobs.values().filter(|job| {
            matches!(job.status, Status::Submitting | Status::Running | Status::Collecting)
                && job.provider == provider
                && job.owner == owner
        });
        most.is_some_and(|most| at_work.count() >= most as usize)
    }

    pub(super) fn claim(&mut self, claim: &Claim) -> Vec<Job> {
        let mut claimed: Vec<Job> = Vec::new();
        for lease in &claim.leases {
            let waiting: BTreeSet<UserId> = self.queue(&claim.provider).map(|job| job.owner).collect();
            let last = self.turns.get(&claim.provider).copied();
            let after = |owner: &&UserId| last.is_some_and(|last| **owner > last);
            // Once around, beginning after whoever's turn it was last.
            let mut circle = waiting.iter().filter(after).chain(waiting.iter().filter(|owner| !after(owner)));
            let next = circle.find_map(|owner| {
                let full = self.may_not_have_more(&claim.provider, *owner, claim.per_owner);
                self.due(&claim.provider, *owner, claim.now).filter(|_| !full)
            });
            let Some(job) = next else { break };
            let Ok(moved) = step(&job, Actor::Studio, Event::Claimed(*lease), claim.now) else { break };
            self.turns.insert(claim.provider.clone(), moved.job.owner);
            self.jobs.insert(moved.job.id, moved.job.clone());
            self.begin_attempt(&moved.job, claim.now);
            claimed.push(moved.job);
        }
        claimed
    }

    /// Writes down the intent of an attempt.
    pub(super) fn begin_attempt(&mut self, job: &Job, now: Timestamp) {
        let row = AttemptRow {
            number: job.attempt,
            provider: job.provider.clone(),
            started_at: now,
            handle: None,
            ended_at: None,
            outcome: None,
        };
        self.attempts.entry(job.id).or_default().push(row);
    }

    /// Writes down what an event says of the current attempt of `job`, which it has moved.
    pub(super) fn follow_attempt(&mut self, job: &Job, event: &Event, now: Timestamp) {
        if matches!(event, Event::Claimed(_)) {
            return self.begin_attempt(job, now);
        }
        let Some(outcome) = event.of_attempt() else { return };
        let ended = job.status == Status::Queued || job.status.is_terminal();
        let rows = self.attempts.entry(job.id).or_default();
        for row in rows.iter_mut().filter(|row| row.number == job.attempt) {
            row.handle = job.handle.clone().or(row.handle.take());
            row.ended_at = ended.then_some(now);
            row.outcome = outcome.map(str::to_owned).or(row.outcome.take());
        }
    }

    pub(super) fn waiting(&self) -> Vec<Waiting> {
        let mut counts: BTreeMap<(&str, UserId), u64> = BTreeMap::new();
        for job in self.jobs.values().filter(|job| job.status == Status::Queued) {
            *counts.entry((&job.provider, job.owner)).or_default() += 1;
        }
        let rows = counts.into_iter();
        rows.map(|((provider, owner), count)| Waiting { provider: provider.to_owned(), owner, count }).collect()
    }

    pub(super) fn queue_position(&self, id: JobId) -> Option<u64> {
        let mine = self.jobs.get(&id).filter(|job| job.status == Status::Queued)?;
        let before =
            |job: &&Job| (job.priority, std::cmp::Reverse(job.id)) > (mine.priority, std::cmp::Reverse(mine.id));
        let own = self.queue(&mine.provider).filter(|job| job.owner == mine.owner).filter(before).count() as u64;
        let mut others: BTreeMap<UserId, u64> = BTreeMap::new();
        for job in self.queue(&mine.provider).filter(|job| job.owner != mine.owner) {
            *others.entry(job.owner).or_default() += 1;
        }
        Some(own + others.values().map(|waiting| (*waiting).min(own + 1)).sum::<u64>())
    }
}
