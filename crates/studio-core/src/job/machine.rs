//! How a job moves: `(Job, Event, now) -> (Job, effects) | Refused`. The only function that changes a job.
//!
//! The store calls it inside the transaction that writes its result, so a race is decided by the order of commits and a
//! state that this function can't make can't be stored. Late or repeated news is refused here and changes nothing.

use super::{Job, JobError, Output, Status, StopAnswer};
use crate::{
    bill::Bill,
    id::LeaseToken,
    money::Nanos,
    retry::{Again, Failure, FailureKind, LANDING, LONGEST_LIFE, MAX_FAULTS, MAX_INTERRUPTIONS, Verdict, verdict},
    time::Timestamp,
    words::Finish,
};

/// On whose word a job is to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// Whoever works on it, shown by the lease. A word with an old lease is refused.
    Holder(LeaseToken),
    /// The studio itself: the dispatcher, the clock, the sweep at start.
    Studio,
    /// Its owner, or an operator.
    Person,
}

/// What happened, or is wanted.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The dispatcher takes it from the queue. With the commit of this the intent of the attempt is durable.
    Claimed(LeaseToken),
    /// Someone new works on it, after the one before is known to be gone.
    TakenOver {
        /// By this lease.
        lease: LeaseToken,
        /// The version in which it was seen to be nobody's: refused if it has moved since, for then somebody works on it.
        seen: u64,
    },
    /// The provider has it, under this name.
    Submitted {
        /// The provider's name for it.
        handle: String,
    },
    /// News of the work.
    Progress {
        /// What the provider is doing.
        stage: Option<String>,
        /// How far along, in thousandths.
        progress: u16,
    },
    /// The provider is done; the outputs are still to be fetched.
    OutputsReady,
    /// The outputs are ours: files that were kept, or words that are in the log.
    Completed {
        /// What was kept. Never empty where nothing was said.
        outputs: Vec<Output>,
        /// Why the model stopped, where it said something.
        finish: Option<Finish>,
        /// What it costs.
        bill: Bill,
    },
    /// The attempt is over without a result.
    AttemptFailed {
        /// Why.
        failure: Failure,
        /// Whether sending it again can't be paid twice.
        harmless: bool,
        /// What the provider charges for it all the same.
        bill: Bill,
        /// When a further attempt may start, if there is one.
        retry_at: Timestamp,
    },
    /// An answer broke off in its middle. It had landed, nothing is at work any more, and what came is kept and charged: it
    /// is never asked for again.
    CutShort {
        /// Why.
        failure: Failure,
        /// What it costs.
        bill: Bill,
    },
    /// The provider stopped it because we asked.
    CanceledAtProvider {
        /// What it charges for what was done.
        bill: Bill,
    },
    /// The provider was asked to stop, and says whether it will.
    StopAnswered(StopAnswer),
    /// The owner wants it to stop.
    CancelRequested,
    /// Its deadline is over.
    DeadlinePassed,
    /// While unknown: the provider says that the submission never landed.
    NotLanded {
        /// When a further attempt may start.
        retry_at: Timestamp,
    },
    /// While unknown: a person has found out what was charged (nothing: it never landed).
    Resolved {
        /// What the provider charged.
        charge: Nanos,
        /// How they found out, for whoever reads the ledger.
        note: String,
    },
    /// After the end: it is known now that it costs another amount. The only thing about a job that is over which may change.
    Adjusted {
        /// What its payer is charged, all in all.
        cost: Nanos,
        /// What its provider takes beside that, which the studio bears; less than nothing if the provider takes less.
        absorbed: Nanos,
        /// Why.
        note: String,
    },
}

impl Event {
    /// A stable word for logs and refusals.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Claimed(_) => "claimed",
            Self::TakenOver { .. } => "taken_over",
            Self::Submitted { .. } => "submitted",
            Self::Progress { .. } => "progress",
            Self::OutputsReady => "outputs_ready",
            Self::Completed { .. } => "completed",
            Self::AttemptFailed { .. } => "attempt_failed",
            Self::CutShort { .. } => "cut_short",
            Self::CanceledAtProvider { .. } => "canceled_at_provider",
            Self::StopAnswered(_) => "stop_answered",
            Self::CancelRequested => "cancel_requested",
            Self::DeadlinePassed => "deadline_passed",
            Self::NotLanded { .. } => "not_landed",
            Self::Resolved { .. } => "resolved",
            Self::Adjusted { .. } => "adjusted",
        }
    }
}

impl Event {
    /// What it says of the current attempt, for the record of attempts. None: nothing. Otherwise, in one word, how the attempt
    /// went, if it says so.
    pub const fn of_attempt(&self) -> Option<Option<&'static str>> {
        Some(match self {
            Self::Submitted { .. } => None,
            Self::Completed { .. } => Some("completed"),
            Self::AttemptFailed { failure, .. } | Self::CutShort { failure, .. } => Some(failure.kind.code()),
            Self::CanceledAtProvider { .. } => Some("canceled"),
            Self::NotLanded { .. } => Some("not_landed"),
            Self::Resolved { .. } => Some("resolved"),
            Self::Claimed(_)
            | Self::TakenOver { .. }
            | Self::Progress { .. }
            | Self::OutputsReady
            | Self::StopAnswered(_)
            | Self::CancelRequested
            | Self::DeadlinePassed
            | Self::Adjusted { .. } => return None,
        })
    }
}

/// What must follow from a move, in the same transaction or right after its commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Resolve the hold: charge what the job costs, release the rest.
    Settle,
    /// Write down that it costs another amount than before.
    Adjust,
    /// Ask the provider to stop.
    AskProviderToStop,
    /// It waits in the queue again.
    Requeued,
}

/// A move that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    /// The job after it.
    pub job: Job,
    /// What must follow.
    pub effects: Vec<Effect>,
}

/// Why a move did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The job is over; the news is late.
    #[error("the job is over")]
    Over,
    /// The lease is another's: the speaker was declared gone.
    #[error("the lease is stale")]
    StaleLease,
    /// It was already so.
    #[error("nothing changed")]
    Nothing,
    /// No such move from this state.
    #[error("{event} is not possible while {}", .status.as_str())]
    Impossible {
        /// Where the job stands.
        status: Status,
        /// What was wanted.
        event: &'static str,
    },
}

/// Moves a job, or says why not.
pub fn step(job: &Job, actor: Actor, event: Event, now: Timestamp) -> Result<Moved, Refused> {
    use Status::{Collecting, Queued, Running, Submitting, Unknown};
    if job.status.is_terminal() {
        return adjusted(job, actor, event, now);
    }
    let impossible = Refused::Impossible { status: job.status, event: event.name() };
    check_actor(job, actor, &event, impossible)?;
    let mut next = Draft::of(job, now);
    match (job.status, event) {
        (Queued, Event::Claimed(lease)) => next.claim(lease),
        (Running | Collecting | Unknown, Event::TakenOver { seen, .. }) if job.version != seen => {
            return Err(Refused::StaleLease);
        }
        (Running | Collecting | Unknown, Event::TakenOver { lease, .. }) => next.job.lease = Some(lease),

        // From unknown too: the provider was asked, and knew it.
        (Submitting | Unknown, Event::Submitted { handle }) => next.submitted(handle),

        (Submitting | Running, Event::Progress { stage, progress }) => next.progress(stage, progress)?,

        // A provider may answer its submit with the result: then there never was a handle.
        (Submitting | Running | Unknown, Event::OutputsReady) => {
            // It answered, so it had it: under our own name, if it gave none. A start after a crash asks by that.
            let name = job.attempt_name();
            next.job.handle.get_or_insert(name);
            next.enter(Collecting);
        }

        (Collecting, Event::Completed { outputs, finish: None, bill }) if !outputs.is_empty() => {
            next.succeed(outputs, None, bill);
        }
        // Words are ours as they come: there is nothing to collect.
        (Submitting | Running | Collecting, Event::Completed { outputs, finish: Some(finish), bill }) => {
            next.succeed(outputs, Some(finish), bill);
        }

        (Submitting | Running | Collecting | Unknown, Event::AttemptFailed { failure, harmless, bill, retry_at }) => {
            next.attempt_failed(failure, harmless, bill, retry_at);
        }
        (Submitting | Running, Event::CutShort { failure, bill }) => {
            next.job.error = Some(error(&failure));
            next.over(bill);
        }
        (Submitting | Running | Collecting | Unknown, Event::CanceledAtProvider { bill }) => next.stopped(bill),

        (Submitting | Running | Collecting, Event::StopAnswered(answer)) => {
            if job.stop == Some(answer) {
                return Err(Refused::Nothing);
            }
            next.job.stop = Some(answer);
        }

        (Queued, Event::CancelRequested) => {
            next.job.cancel_requested_at = Some(now);
            next.end(Status::Canceled, Bill::nothing());
        }
        (_, Event::CancelRequested) if job.cancel_requested_at.is_some() => return Err(Refused::Nothing),
        (_, Event::CancelRequested) => {
            next.job.cancel_requested_at = Some(now);
            next.effects.push(Effect::AskProviderToStop);
        }

        (_, Event::DeadlinePassed) if job.deadline.is_none_or(|deadline| now < deadline) => return Err(impossible),
        (Queued, Event::DeadlinePassed) => {
            next.job.deadline_passed_at = Some(now);
            next.end(Status::Expired, Bill::nothing());
        }
        (_, Event::DeadlinePassed) if job.deadline_passed_at.is_some() => return Err(Refused::Nothing),
        (_, Event::DeadlinePassed) => {
            next.job.deadline_passed_at = Some(now);
            next.effects.push(Effect::AskProviderToStop);
        }

        // With a handle it did land, whatever the provider remembers; and a moment ago it may have been on its way.
        (Unknown, Event::NotLanded { .. }) if job.handle.is_some() || !next.has_had_time_to_land() => {
            return Err(impossible);
        }
        (Unknown, Event::NotLanded { retry_at }) => next.again_or_over(lost(), Again::Fault, Bill::nothing(), retry_at),
        (Unknown, Event::Resolved { charge, .. }) => {
            next.job.error = Some(error(&lost()));
            next.over(Bill::of(charge));
        }
        _ => return Err(impossible),
    }
    Ok(next.done())
}

/// Most that one job may turn out to have cost, a million dollars: a slip of the finger must not fill an account up.
pub const MOST_ADJUSTED: Nanos = Nanos::new(1_000_000 * 1_000_000_000);

/// What is over stays as it ended; only what it cost may turn out to have been something else.
fn adjusted(job: &Job, actor: Actor, event: Event, now: Timestamp) -> Result<Moved, Refused> {
    let Event::Adjusted { cost, absorbed, .. } = event else { return Err(Refused::Over) };
    let allowed = Nanos::ZERO..=MOST_ADJUSTED;
    let provided = cost.plus(absorbed).is_some_and(|provided| allowed.contains(&provided));
    if matches!(actor, Actor::Holder(_)) || !allowed.contains(&cost) || !provided {
        return Err(Refused::Impossible { status: job.status, event: "adjusted" });
    }
    if job.cost == Some(cost) && job.absorbed == absorbed {
        return Err(Refused::Nothing);
    }
    let mut next = Draft::of(job, now);
    next.job.cost = Some(cost);
    next.job.absorbed = absorbed;
    next.effects.push(Effect::Adjust);
    Ok(next.done())
}

/// Who may say what: work is reported by the lease's holder alone, wishes by anyone who was let in.
fn check_actor(job: &Job, actor: Actor, event: &Event, impossible: Refused) -> Result<(), Refused> {
    let holders = matches!(
        event,
        Event::Submitted { .. }
            | Event::Progress { .. }
            | Event::OutputsReady
            | Event::Completed { .. }
            | Event::AttemptFailed { .. }
            | Event::CutShort { .. }
            | Event::CanceledAtProvider { .. }
            | Event::StopAnswered(_)
            | Event::NotLanded { .. }
    );
    match actor {
        Actor::Holder(lease) if holders && job.lease == Some(lease) => Ok(()),
        Actor::Holder(_) if holders => Err(Refused::StaleLease),
        Actor::Holder(_) => Err(impossible),
        _ if holders => Err(Refused::StaleLease),
        Actor::Person if matches!(event, Event::CancelRequested | Event::Resolved { .. }) => Ok(()),
        Actor::Person => Err(impossible),
        Actor::Studio if matches!(event, Event::Resolved { .. }) => Err(impossible),
        Actor::Studio => Ok(()),
    }
}

fn lost() -> Failure {
    Failure::new(FailureKind::Lost, "the provider's answer was lost and nothing came of the submission")
}

fn error(failure: &Failure) -> JobError {
    JobError { kind: failure.kind, message: failure.message.clone() }
}

/// A job on its way to its next state.
struct Draft {
    job: Job,
    effects: Vec<Effect>,
    now: Timestamp,
}

impl Draft {
    fn of(job: &Job, now: Timestamp) -> Self {
        Self { job: job.clone(), effects: Vec::new(), now }
    }

    fn done(mut self) -> Moved {
        self.job.version += 1;
        Moved { job: self.job, effects: self.effects }
    }

    fn has_had_time_to_land(&self) -> bool {
        self.job.unknown_since.is_none_or(|since| self.now.since(since) >= LANDING)
    }

    fn enter(&mut self, status: Status) {
        self.job.status = status;
        self.job.unknown_since = None;
        self.job.stage = None;
    }

    fn claim(&mut self, lease: LeaseToken) {
        self.enter(Status::Submitting);
        self.job.lease = Some(lease);
        self.job.handle = None;
        self.job.attempt += 1;
        self.job.progress = 0;
        self.job.stop = None;
        self.job.started_at = self.job.started_at.or(Some(self.now));
        self.job.attempt_at = Some(self.now);
    }

    fn submitted(&mut self, handle: String) {
        self.enter(Status::Running);
        self.job.handle = Some(handle);
        // A wish to stop that came before there was anything to stop.
        if self.job.cancel_requested_at.is_some() || self.job.deadline_passed_at.is_some() {
            self.effects.push(Effect::AskProviderToStop);
        }
    }

    fn progress(&mut self, stage: Option<String>, progress: u16) -> Result<(), Refused> {
        let progress = progress.min(1000).max(self.job.progress);
        if progress == self.job.progress && stage == self.job.stage {
            return Err(Refused::Nothing);
        }
        self.job.progress = progress;
        self.job.stage = stage;
        Ok(())
    }

    fn succeed(&mut self, outputs: Vec<Output>, finish: Option<Finish>, bill: Bill) {
        self.job.outputs = outputs;
        self.job.finish = finish;
        self.job.progress = 1000;
        self.job.error = None;
        self.end(Status::Succeeded, bill);
    }

    fn attempt_failed(&mut self, failure: Failure, harmless: bool, bill: Bill, retry_at: Timestamp) {
        match verdict(failure.kind, harmless) {
            Verdict::Unknown => {
                self.enter(Status::Unknown);
                self.job.unknown_since = Some(self.now);
                self.job.lease = None;
                self.job.error = Some(error(&failure));
            }
            Verdict::Retry(again) => self.again_or_over(failure, again, bill, retry_at),
            Verdict::Fail => {
                self.job.error = Some(error(&failure));
                self.over(bill);
            }
        }
    }

    /// A further attempt, unless somebody wants it to stop, it has had its share, or part of it is already charged: the
    /// hold would have to grow first.
    fn again_or_over(&mut self, failure: Failure, again: Again, bill: Bill, retry_at: Timestamp) {
        self.job.error = Some(error(&failure));
        match again {
            Again::Fault => self.job.faults += 1,
            Again::Interruption => self.job.interruptions += 1,
            Again::Wait => {}
        }
        let unwanted = self.job.cancel_requested_at.is_some() || self.job.deadline_passed_at.is_some();
        let spent = self.job.faults >= MAX_FAULTS
            || self.job.interruptions >= MAX_INTERRUPTIONS
            || self.now.since(self.job.created_at) >= LONGEST_LIFE;
        if unwanted || spent || bill.amount > Nanos::ZERO {
            return self.over(bill);
        }
        // Where something was begun, something may have been said: the next attempt says it anew.
        if !matches!(failure.kind, FailureKind::Busy | FailureKind::Unavailable) {
            self.job.epoch += 1;
        }
        self.enter(Status::Queued);
        self.job.lease = None;
        self.job.handle = None;
        self.job.run_at = retry_at;
        self.effects.push(Effect::Requeued);
    }

    /// The provider stopped it. If nobody here wanted that, it is a failure like any other.
    fn stopped(&mut self, bill: Bill) {
        if self.job.cancel_requested_at.is_none() && self.job.deadline_passed_at.is_none() {
            let failure = Failure::new(FailureKind::ModelFailed, "the provider canceled it");
            self.job.error = Some(error(&failure));
        }
        self.over(bill);
    }

    /// Over without a result: as its owner wished, or by its deadline, or because it failed.
    fn over(&mut self, bill: Bill) {
        let status = match (self.job.cancel_requested_at, self.job.deadline_passed_at) {
            (Some(_), _) => Status::Canceled,
            (None, Some(_)) => Status::Expired,
            (None, None) => Status::Failed,
        };
        self.end(status, bill);
    }

    fn end(&mut self, status: Status, bill: Bill) {
        self.enter(status);
        self.job.lease = None;
        // A job that ended as wished, or in time, has no fault to show; earlier attempts stay in the attempts' record.
        self.job.error = self.job.error.take().filter(|_| status == Status::Failed);
        self.job.cost = Some(bill.amount);
        // What came to nothing at a provider that somebody pays themselves is between those two.
        self.job.absorbed = if self.job.key_source.is_studio() { bill.absorbed } else { Nanos::ZERO };
        self.job.basis = bill.basis;
        self.job.measured = bill.measured;
        self.job.tokens = bill.tokens;
        self.job.estimated = bill.estimated;
        self.job.reported = bill.reported;
        self.job.ended_at = Some(self.now);
        self.effects.push(Effect::Settle);
    }
}

#[cfg(test)]
mod tests;
