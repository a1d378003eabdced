//! Counts calls against rate limits: in memory, or where replicas share it.

use crate::{
    limits::{Counted, Decision, LimitClass, Rate},
    time::Timestamp,
};

/// Counts calls. Never fails: an implementation whose backing is lost goes on in memory.
pub trait Limiter: Send + Sync {
    /// Counts one call of `who` in `class` and says whether it may pass.
    fn check(&self, who: Counted, class: LimitClass, rate: Rate, now: Timestamp) -> Decision;

    /// Counts a call that was allowed no longer: what it was to bound did not come to pass.
    fn give_back(&self, who: Counted, class: LimitClass, rate: Rate);

    /// What [`Limiter::check`] would say, without counting.
    fn peek(&self, who: Counted, class: LimitClass, rate: Rate, now: Timestamp) -> Decision;
}
