//! What a failed attempt means: try again, give up, or admit that we don't know.
//!
//! One rule stands above the others: a submit that may have landed is never repeated unless repeating is harmless.

use crate::{ports::Capabilities, time::Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Attempts of one job that may end by a fault. A job that kills its worker stops here instead of in a loop.
pub const MAX_FAULTS: u32 = 3;

/// How often a job may find its server stopped in the middle of it. A job that brings the server down does not do so for ever.
pub const MAX_INTERRUPTIONS: u32 = 20;

/// Age at which a job that still needs another attempt fails: nobody waits any more for what found its provider busy for so
/// long.
pub const LONGEST_LIFE: Duration = Duration::from_secs(24 * 3600);

/// How long after a submission whose answer was lost a provider's "I don't know it" is taken as proof that it never landed:
/// until then it may still be on its way. Longer than any connection or proxy that we know holds a request back.
pub const LANDING: Duration = Duration::from_secs(60);

/// Longest pause before a further attempt, whatever a provider asks for: no provider parks a job for ever.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(600);

const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// Why an attempt did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The provider refuses what was asked; it will refuse it again.
    Rejected,
    /// The provider has no room now; nothing was started.
    Busy,
    /// The provider can't be reached or broke before it took the work; nothing was started.
    Unavailable,
    /// It was sent and the answer was lost: it may have been started.
    Lost,
    /// The worker's process died with the work in it.
    WorkerDied,
    /// The model tried and failed.
    ModelFailed,
    /// The provider's answer is not what it should be: wrong type, too large, nonsense.
    BadOutput,
    /// The provider's answer broke off in its middle.
    CutOff,
    /// It took longer than the model may.
    Timeout,
    /// The server that worked on it stopped.
    Interrupted,
    /// Its provider is not configured any more.
    NotConfigured,
    /// Its owner's own key is refused by the provider, or is not there any more, or can't be opened.
    OwnKey,
}

impl FailureKind {
    /// A stable word for the API and the logs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Rejected => "rejected_by_provider",
            Self::Busy => "provider_busy",
            Self::Unavailable => "provider_unavailable",
            Self::Lost => "reply_lost",
            Self::WorkerDied => "worker_died",
            Self::ModelFailed => "model_failed",
            Self::BadOutput => "bad_output",
            Self::CutOff => "cut_off",
            Self::Timeout => "timeout",
            Self::Interrupted => "interrupted",
            Self::NotConfigured => "provider_not_configured",
            Self::OwnKey => "own_key_unusable",
        }
    }
}

impl FailureKind {
    /// All there are.
    pub const ALL: [Self; 12] = [
        Self::Rejected,
        Self::Busy,
        Self::Unavailable,
        Self::Lost,
        Self::WorkerDied,
        Self::ModelFailed,
        Self::BadOutput,
        Self::CutOff,
        Self::Timeout,
        Self::Interrupted,
        Self::NotConfigured,
        Self::OwnKey,
    ];

    /// What happened, for people.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Rejected => "The provider refuses what was asked; it will refuse it again.",
            Self::Busy => "The provider has no room now; nothing was started.",
            Self::Unavailable => {
                "The provider can't be reached, or broke before it took the work; nothing was started."
            }
            Self::Lost => "It was sent and the answer was lost: it may have been started.",
            Self::WorkerDied => "The worker's process died with the work in it.",
            Self::ModelFailed => "The model tried and failed.",
            Self::BadOutput => "The provider's answer is not what it should be: wrong type, too large, nonsense.",
            Self::CutOff => "The provider's answer broke off in its middle.",
            Self::Timeout => "It took longer than the model may.",
            Self::Interrupted => "The server that worked on it stopped.",
            Self::NotConfigured => "Its provider is not configured any more.",
            Self::OwnKey => {
                "Your own key is refused by the provider, or was removed, or can't be opened any more. Set it again."
            }
        }
    }

    /// Whether the same request may well succeed another time: it was not the request that failed, nor the model's work on it.
    pub const fn may_pass(self) -> bool {
        !matches!(self, Self::Rejected | Self::ModelFailed | Self::BadOutput | Self::OwnKey)
    }
}

/// A failed attempt as an adapter tells it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", .kind.code())]
pub struct Failure {
    /// Why.
    pub kind: FailureKind,
    /// In words for the job's owner: nothing of the provider's internals, no keys, no addresses.
    pub message: String,
    /// How long the provider asked us to wait.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure without a wait.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }
}

/// Why another attempt; each reason has its own bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// Something broke: at most [`MAX_FAULTS`].
    Fault,
    /// The server stopped: at most [`MAX_INTERRUPTIONS`].
    Interruption,
    /// The provider had no room: as long as [`LONGEST_LIFE`].
    Wait,
}

/// What comes after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Another attempt.
    Retry(Again),
    /// The job fails.
    Fail,
    /// It may have landed: the money stays held until someone knows.
    Unknown,
}

/// The rule. `harmless` says that a repeat can't cost twice: see [`repeat_is_harmless`].
pub fn verdict(kind: FailureKind, harmless: bool) -> Verdict {
    match kind {
        FailureKind::Rejected
        | FailureKind::ModelFailed
        | FailureKind::BadOutput
        | FailureKind::NotConfigured
        | FailureKind::OwnKey => Verdict::Fail,
        FailureKind::Busy => Verdict::Retry(Again::Wait),
        FailureKind::Unavailable | FailureKind::WorkerDied => Verdict::Retry(Again::Fault),
        // What may still be at work, or may have been done, and is charged for: nobody knows yet.
        FailureKind::Lost | FailureKind::Interrupted | FailureKind::Timeout if !harmless => Verdict::Unknown,
        FailureKind::Timeout => Verdict::Fail,
        // From another's provider this is told as an answer that was cut short, and never gets here.
        FailureKind::CutOff if !harmless => Verdict::Fail,
        FailureKind::Lost | FailureKind::CutOff => Verdict::Retry(Again::Fault),
        // A server that was stopped is no fault of the job.
        FailureKind::Interrupted => Verdict::Retry(Again::Interruption),
    }
}

/// Whether sending a submission again can't be paid twice: the worker is our own child and dies with its work, or nothing
/// is charged at all.
pub fn repeat_is_harmless(provider: Capabilities, free: bool) -> bool {
    provider.supervised || free
}

/// How long to wait before attempt `next` (the first retry is 2): doubling, with half of it left to chance so that many
/// don't come back at once. `chance` is any number; `asked` is the provider's own wish, which wins when it is longer.
pub fn delay(next: u32, chance: u64, asked: Option<Duration>) -> Duration {
    let doubled = FIRST_DELAY.saturating_mul(1_u32.checked_shl(next.saturating_sub(2)).unwrap_or(u32::MAX));
    let most = u64::try_from(doubled.min(LONGEST_DELAY).as_millis()).unwrap_or(u64::MAX);
    let jittered = Duration::from_millis(most / 2 + chance % (most / 2 + 1));
    jittered.max(asked.unwrap_or_default().min(LONGEST_PAUSE))
}

/// Whether a job that may run from `run_at` on may run now. No pause is longer than [`LONGEST_PAUSE`]: what is to wait for longer
/// was told so by a clock that was set back since, and need not wait until that time comes again.
pub fn is_due(run_at: Timestamp, now: Timestamp) -> bool {
    run_at <= now || run_at > now.plus(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_landed_is_not_repeated() {
        let paid = repeat_is_harmless(Capabilities::default(), false);
        assert_eq!(verdict(FailureKind::Lost, paid), Verdict::Unknown);
        assert_eq!(verdict(FailureKind::Interrupted, paid), Verdict::Unknown);
        assert_eq!(verdict(FailureKind::Timeout, paid), Verdict::Unknown, "it may still be at work");
        let own = repeat_is_harmless(Capabilities { supervised: true, ..Capabilities::default() }, false);
        assert_eq!(verdict(FailureKind::Lost, own), Verdict::Retry(Again::Fault));
        assert_eq!(verdict(FailureKind::Timeout, own), Verdict::Fail);
        assert_eq!(verdict(FailureKind::Interrupted, own), Verdict::Retry(Again::Interruption));
        assert_eq!(verdict(FailureKind::Busy, paid), Verdict::Retry(Again::Wait));
        assert_eq!(verdict(FailureKind::BadOutput, own), Verdict::Fail);
    }

    #[test]
    fn delays_double_and_end() {
        for (next, low, high) in
            [(2, 100, 200), (3, 200, 400), (4, 400, 800), (40, 15_000, 30_000), (99, 15_000, 30_000)]
        {
            for chance in [0, 1, 77_777, u64::MAX] {
                let millis = delay(next, chance, None).as_millis();
                assert!((low..=high).contains(&millis), "{next}: {millis}");
            }
        }
        assert_eq!(delay(2, 0, Some(Duration::from_secs(9))), Duration::from_secs(9));
        assert_eq!(
            delay(2, 0, Some(Duration::from_secs(99_999))),
            Duration::from_secs(600),
            "no provider parks a job for ever"
        );
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_no_job_waiting() {
        let now = Timestamp::from_millis(1_790_000_000_000);
        let in_seconds = |seconds| now.plus(Duration::from_secs(seconds));
        assert!(is_due(now, now) && is_due(Timestamp::from_millis(0), now));
        assert!(!is_due(in_seconds(1), now) && !is_due(in_seconds(600), now), "as long as any pause may be");
        assert!(is_due(in_seconds(601), now) && is_due(in_seconds(5 * 3600), now));
    }
}
