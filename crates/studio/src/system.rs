//! The clock and the chance that the core is handed: the system's; and what of it must not end us.

use rustix::process::{Resource, Rlimit, Signal, setrlimit};
use std::{
    io,
    time::{SystemTime, UNIX_EPOCH},
};
use studio_core::{
    ports::{Chance, Clock},
    time::Timestamp,
};
use tokio::signal::unix::{SignalKind, signal};

/// Has a file that may not grow any more (`ulimit -f`, a service manager's limit) be an error of its write, as a full disk is.
/// Unless somebody listens to the signal that comes with it, it ends the process. Once listened to is enough, for good.
pub(crate) fn outlive_file_limits() -> io::Result<()> {
    signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map(drop)
}

/// Has a crash leave no copy of our memory on a disk, with the keys and prompts that are in it.
pub(crate) fn leave_no_core() -> io::Result<()> {
    Ok(setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?)
}

/// The system's clock.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The system's random numbers.
pub(crate) struct SystemChance;

impl Chance for SystemChance {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks for chance")]
    #[expect(clippy::panic, reason = "without chance there are no keys and no ids; nothing can go on")]
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            panic!("the system gives no random numbers: {error}");
        }
    }
}
