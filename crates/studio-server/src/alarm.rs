//! A timer for those who wake up often for other reasons. To set a timer anew for each word of a thousand streams costs more
//! than the words; so this one may ring too early, never too late, and whoever hears it looks what it is time for.

use std::pin::Pin;
use tokio::time::{Instant, Sleep, sleep_until};

/// A timer that may ring too early.
pub(crate) struct Alarm(Pin<Box<Sleep>>);

impl Alarm {
    /// Rings at `at`.
    pub(crate) fn at(at: Instant) -> Self {
        Self(Box::pin(sleep_until(at)))
    }

    /// Sees to it that it rings at `at` at the latest.
    pub(crate) fn no_later_than(&mut self, at: Instant) {
        if self.0.is_elapsed() || self.0.deadline() > at {
            self.0.as_mut().reset(at);
        }
    }

    /// Waits until it rings.
    pub(crate) async fn ring(&mut self) {
        self.0.as_mut().await;
    }
}
