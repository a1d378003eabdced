//! What was committed, job by job and version by version, and the rules that every commit keeps.

use crate::{
    bytes::SimulatedAssets,
    store::{Answer, Command},
    world::World,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use studio_core::{
    id::{JobId, LeaseToken},
    job::{Actor, Event, Job, Payer, Status},
    ledger::Window,
    money::Nanos,
    ports::{Admitted, Advanced, Checkpointed},
    retry::FailureKind,
    time::Timestamp,
};

/// What was committed.
pub struct Record {
    assets: SimulatedAssets,
    facts: Mutex<Facts>,
}

#[derive(Default)]
struct Facts {
    /// Every version of every job.
    jobs: BTreeMap<JobId, Vec<Arc<Job>>>,
    leases: Vec<(JobId, LeaseToken)>,
    /// Which job was made under a person's key for a request.
    keys: BTreeMap<(String, &'static str, String), BTreeSet<JobId>>,
    resolved: BTreeMap<JobId, Nanos>,
    billed: BTreeMap<JobId, Nanos>,
    adjusted: BTreeSet<JobId>,
    useless: BTreeSet<JobId>,
}

impl Record {
    /// Of nothing yet.
    pub fn new(assets: &SimulatedAssets) -> Self {
        Self { assets: assets.clone(), facts: Mutex::default() }
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every job as it stands.
    pub fn jobs(&self) -> Vec<Arc<Job>> {
        self.facts().jobs.values().filter_map(|versions| versions.last().cloned()).collect()
    }

    /// A job as it stands.
    pub fn job(&self, id: JobId) -> Option<Arc<Job>> {
        self.facts().jobs.get(&id)?.last().cloned()
    }

    /// A job as it stood.
    pub fn version(&self, id: JobId, version: u64) -> Option<Arc<Job>> {
        self.facts().jobs.get(&id)?.iter().find(|job| job.version == version).cloned()
    }

    /// Leases that were given out, those of the past among them.
    pub fn leases(&self) -> Vec<(JobId, LeaseToken)> {
        self.facts().leases.clone()
    }

    /// Jobs that were made under one key for one request: one.
    pub fn doubled(&self) -> Option<String> {
        let facts = self.facts();
        let doubled = facts.keys.iter().find(|(_, jobs)| jobs.len() > 1);
        doubled.map(|((_, _, key), jobs)| format!("{key}: {jobs:?}"))
    }

    /// What a payer, or all who pay for a user, have spent and hold in the window that `at` lies in, as its jobs say.
    pub fn committed_in(&self, payer: Payer, window: Window, at: Timestamp) -> Nanos {
        let mine = |job: &&Arc<Job>| {
            !matches!(job.payer, Payer::OwnKey(_))
                && (job.payer == payer || Payer::User(job.owner) == payer)
                && window.start(job.created_at) == window.start(at)
        };
        Nanos::new(self.jobs().iter().filter(mine).map(|job| job.cost.unwrap_or(job.hold).get()).sum())
    }

    /// Whether what a job's provider made was of no use.
    pub fn was_useless(&self, id: JobId) -> bool {
        self.facts().useless.contains(&id)
    }

    /// What a job cost after all, by its provider's bill.
    pub fn bill(&self, id: JobId, cost: Nanos) {
        self.facts().billed.insert(id, cost);
    }

    /// The same, where one came and was written down.
    pub fn billed(&self, id: JobId) -> Option<Nanos> {
        let facts = self.facts();
        facts.billed.get(&id).copied().filter(|_| facts.adjusted.contains(&id))
    }

    /// A person found out what was charged.
    pub fn resolve(&self, id: JobId, charge: Nanos) {
        self.facts().resolved.insert(id, charge);
    }

    /// What a person found out.
    pub fn resolved(&self, id: JobId) -> Option<Nanos> {
        self.facts().resolved.get(&id).copied()
    }

    /// Takes note of a commit, and sees that it keeps the rules.
    pub fn committed(&self, world: &World, command: &Command, answer: &Answer) {
        match (command, answer) {
            (Command::Admit(admission), Answer::Admitted(Admitted::Accepted(job))) => {
                if let Some(record) = &admission.idempotency {
                    let key = (record.user.to_string(), record.route, record.key.as_str().to_owned());
                    self.facts().keys.entry(key).or_default().insert(job.id);
                }
                self.is_now(world, job, 1..=2, false);
            }
            (Command::Advance(advance), Answer::Advanced(Advanced::Moved { job, .. })) => {
                let before = self.job(job.id);
                if let (Actor::Holder(lease), Some(before)) = (advance.actor, &before)
                    && before.lease != Some(lease)
                {
                    world.wrong("a stale lease is refused", format!("{}: {}", job.id, advance.event.name()));
                }
                let next = before.map_or(0, |before| before.version + 1);
                let adjusted = matches!(advance.event, Event::Adjusted { .. });
                if adjusted {
                    self.facts().adjusted.insert(job.id);
                }
                if let Event::AttemptFailed { failure, .. } = &advance.event
                    && failure.kind == FailureKind::BadOutput
                {
                    self.facts().useless.insert(job.id);
                }
                self.is_now(world, job, next..=next, adjusted);
            }
            (Command::Claim(_), Answer::Claimed(jobs)) => {
                for job in jobs {
                    let next = self.job(job.id).map_or(0, |before| before.version + 1);
                    self.is_now(world, job, next..=next, false);
                }
            }
            (Command::Checkpoint(checkpoint), Answer::Checkpointed(Checkpointed::Kept)) => {
                let holder = self.job(checkpoint.job).and_then(|job| job.lease);
                if holder != Some(checkpoint.lease) {
                    world.wrong("a stale lease is refused", format!("{}: a checkpoint", checkpoint.job));
                }
            }
            _ => {}
        }
    }

    fn is_now(&self, world: &World, job: &Job, versions: std::ops::RangeInclusive<u64>, adjusted: bool) {
        let wrong = |rule: &str, detail: String| world.wrong(rule, format!("{}: {detail}", job.id));
        if let Some(before) = self.job(job.id) {
            if before.status.is_terminal() && (!adjusted || before.status != job.status) {
                wrong("an end is an end", format!("{:?} after {:?}", job.status, before.status));
            }
            if before.hold != job.hold || before.payer != job.payer || before.owner != job.owner {
                wrong("what was agreed stays", format!("hold {} was {}", job.hold, before.hold));
            }
        }
        if !versions.contains(&job.version) {
            wrong("versions grow by one", format!("{} where {versions:?} is due", job.version));
        }
        if job.cost.is_some() != job.status.is_terminal() {
            wrong("what is over has a cost", format!("{:?} in {:?}", job.cost, job.status));
        }
        // More only where a provider says that it took more, which it says in tokens.
        let told = !job.estimated && job.tokens.is_some_and(|tokens| tokens.output > 0);
        let most = if told || adjusted { None } else { Some(job.hold) };
        if job.cost.is_some_and(|cost| most.is_some_and(|most| cost > most) || cost < Nanos::ZERO) {
            wrong("a charge is within its hold", format!("{:?} of {}", job.cost, job.hold));
        }
        if job.status == Status::Succeeded && job.outputs.is_empty() && job.finish.is_none() {
            wrong("what succeeded has something to show", String::new());
        }
        for output in &job.outputs {
            if !self.assets.holds(output.hash, output.bytes) {
                wrong("outputs are ours before a job is succeeded", output.hash.to_string());
            }
        }
        let mut facts = self.facts();
        if let Some(lease) = job.lease
            && facts.leases.last() != Some(&(job.id, lease))
        {
            facts.leases.push((job.id, lease));
        }
        facts.jobs.entry(job.id).or_default().push(Arc::new(job.clone()));
    }
}
