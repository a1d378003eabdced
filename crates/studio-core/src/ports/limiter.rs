//! Counts calls against rate limits: in memory, or where replicas share it.

use crate::{
    id::KeyId,
    limits::{Decision, LimitClass, Rate},
    time::Timestamp,
};

/// Counts calls. Never fails: an implementation whose backing is lost goes on in memory.
pub trait Limiter: Send + Sync {
    /// Counts one call of `key` in `class` and says whether it may pass.
    fn check(&self, key: KeyId, class: LimitClass, rate: Rate, now: Timestamp) -> Decision;

    /// What [`Limiter::check`] would say, without counting.
    fn peek(&self, key: KeyId, class: LimitClass, rate: Rate, now: Timestamp) -> Decision;
}
