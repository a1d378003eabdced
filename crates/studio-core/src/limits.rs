//! Rate limits by GCRA, the generic cell rate algorithm: one time per caller and class says it all.
//!
//! The stored time is the *theoretical arrival time*: when the next call would be due if calls came evenly. A call is
//! allowed while that time is not further ahead than the burst allows; each call moves it on by one interval.

use crate::{
    id::{KeyId, UserId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
    time::Duration,
};

/// What is limited together. Every route names one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitClass {
    /// Making pictures, film, music.
    Generation,
    /// Talking.
    Chat,
    /// Reading jobs, models and money.
    Status,
    /// Fetching what was made.
    Asset,
    /// Bringing files.
    Upload,
    /// Cancelling, settling, setting budgets: what must go through when all else is full.
    Control,
    /// What needs no key, and calls whose key is not good.
    Open,
    /// Signing in, and all else that tries a password or a link.
    Auth,
}

impl LimitClass {
    /// All there are.
    pub const ALL: [Self; 8] =
        [Self::Generation, Self::Chat, Self::Status, Self::Asset, Self::Upload, Self::Control, Self::Open, Self::Auth];

    /// As in configuration and headers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generation => "generation",
            Self::Chat => "chat",
            Self::Status => "status",
            Self::Asset => "asset",
            Self::Upload => "upload",
            Self::Control => "control",
            Self::Open => "open",
            Self::Auth => "auth",
        }
    }

    /// Reads what [`LimitClass::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == text)
    }

    /// What it is for, in words for people.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Generation => "making something that takes a while: pictures, and doing a job again",
            Self::Chat => "going on with a conversation, naming one",
            Self::Status => "reading jobs, models, usage and budgets, and requests that are only tried (`dryRun`)",
            Self::Asset => "fetching the bytes of what was made",
            Self::Upload => "bringing files",
            Self::Control => "cancelling, settling, setting budgets",
            Self::Auth => {
                "signing in, and all else that tries a password or a link; counted by account and by network address"
            }
            Self::Open => "what needs no key, and calls whose key is not good; counted by network address",
        }
    }

    /// The limit when nothing is configured (findings 4 and 8, origin.md 2.9; the last three are ours: far above what a
    /// person or a page full of pictures needs).
    pub const fn default_rate(self) -> Rate {
        let (count, minutes) = match self {
            Self::Generation => (10, 1),
            Self::Chat | Self::Status | Self::Upload => (60, 1),
            Self::Asset | Self::Control | Self::Open => (600, 1),
            // Five at once and one every three minutes are never more than ten in a quarter of an hour (promise 47), and five hundred a
            // day: nothing, against twelve characters.
            Self::Auth => (5, 15),
        };
        Rate { count, window: Duration::from_secs(minutes * 60) }
    }
}

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counted {
    /// A person, by whichever of their keys they come: more keys are no more calls.
    User(UserId),
    /// A key that has a limit of its own.
    Key(KeyId),
    /// Whoever comes from there without a good key.
    Network(IpAddr),
    /// Whoever tries to sign in to an account, by the hash of its address, whether or not there is one.
    Account(u64),
}

impl Counted {
    /// Whoever comes from `address`. One household or machine has a whole /64 of IPv6 and could be a new caller each time.
    pub fn network(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() & !u128::from(u64::MAX);
                Self::Network(IpAddr::V6(Ipv6Addr::from_bits(network)))
            }
            address @ IpAddr::V4(_) => Self::Network(address),
        }
    }
}

/// So many calls in a window; as many may come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate {
    /// Calls, at least 1.
    pub count: u32,
    /// The window, at least a second.
    pub window: Duration,
}

/// Why a text is not a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a limit must be a count and a window, such as 10/min, 5/h, 10/15min, 3/s or 1000/day")]
pub struct NotARate;

/// Longest window, in seconds: a year.
const LONGEST_WINDOW: u64 = 365 * 86_400;

impl FromStr for Rate {
    type Err = NotARate;

    fn from_str(text: &str) -> Result<Self, NotARate> {
        let (count, window) = text.split_once('/').ok_or(NotARate)?;
        let count: u32 = count.trim().parse().map_err(|_| NotARate)?;
        let window = window.trim();
        let digits = window.bytes().take_while(u8::is_ascii_digit).count();
        let (times, unit) = window.split_at(digits);
        let times: u64 = if times.is_empty() { 1 } else { times.parse().map_err(|_| NotARate)? };
        let unit = match unit.trim() {
            "s" | "sec" | "second" => 1,
            "min" | "minute" => 60,
            "h" | "hour" => 3600,
            "d" | "day" => 86_400,
            _ => return Err(NotARate),
        };
        let seconds =
            times.checked_mul(unit).filter(|seconds| (1..=LONGEST_WINDOW).contains(seconds)).ok_or(NotARate)?;
        // More than one call a millisecond could not be counted in milliseconds below.
        let countable = count >= 1 && u64::from(count) <= seconds * 1_000_000;
        if countable { Ok(Self { count, window: Duration::from_secs(seconds) }) } else { Err(NotARate) }
    }
}

impl TryFrom<String> for Rate {
    type Error = NotARate;

    fn try_from(text: String) -> Result<Self, NotARate> {
        text.parse()
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        rate.to_string()
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.window.as_secs();
        let units = [(86_400, "day"), (3600, "h"), (60, "min"), (1, "s")];
        let (length, unit) = units.into_iter().find(|(length, _)| seconds.is_multiple_of(*length)).unwrap_or((1, "s"));
        match seconds / length {
            1 => write!(f, "{}/{unit}", self.count),
            times => write!(f, "{}/{times}{unit}", self.count),
        }
    }
}

/// The theoretical arrival time, in nanoseconds since 1970: finer than a millisecond so that high rates stay exact.
pub type ArrivalNanos = i128;

/// The answer to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Whether the call may pass.
    pub allowed: bool,
    /// The limit that was applied.
    pub rate: Rate,
    /// Calls left before the limit is reached.
    pub remaining: u32,
    /// Until all calls are free again.
    pub reset_after: Duration,
    /// Until one more call is free; nothing when one is free now.
    pub retry_after: Duration,
}

/// Decides on a call at `now` where `arrival` was stored before (nothing: the first call). Gives what to store next.
pub fn decide(rate: Rate, arrival: Option<ArrivalNanos>, now: Timestamp) -> (Decision, ArrivalNanos) {
    let now = i128::from(now.as_millis()) * 1_000_000;
    let window = i128::try_from(rate.window.as_nanos()).unwrap_or(i128::MAX / 2);
    let interval = (window / i128::from(rate.count.max(1))).max(1);
    // Never further ahead than the window: a clock that was set back must not shut a caller out for as long.
    let arrival = arrival.unwrap_or(now).max(now).min(now + window);
    let next = arrival + interval;
    let allowed = next - now <= window;
    let arrival = if allowed { next } else { arrival };
    let ahead = arrival - now;
    let remaining = u32::try_from((window - ahead).max(0) / interval).unwrap_or(u32::MAX).min(rate.count);
    let retry = if remaining > 0 { 0 } else { (ahead + interval - window).max(0) };
    let decision = Decision { allowed, rate, remaining, reset_after: duration(ahead), retry_after: duration(retry) };
    (decision, arrival)
}

/// What to store of a call that is not to count after all, where `arrival` was stored with it.
pub fn give_back(rate: Rate, arrival: ArrivalNanos) -> ArrivalNanos {
    let window = i128::try_from(rate.window.as_nanos()).unwrap_or(i128::MAX / 2);
    arrival - (window / i128::from(rate.count.max(1))).max(1)
}

fn duration(nanos: i128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_790_000_000_000 + millis)
    }

    #[test]
    fn a_burst_passes_and_the_next_one_waits() {
        let rate: Rate = "10/min".parse().unwrap();
        let mut arrival = None;
        for left in (0..10).rev() {
            let (decision, next) = decide(rate, arrival, at(0));
            assert!(decision.allowed);
            assert_eq!(decision.remaining, left);
            arrival = Some(next);
        }
        let (refused, next) = decide(rate, arrival, at(0));
        assert!(!refused.allowed);
        assert_eq!((refused.remaining, refused.retry_after), (0, Duration::from_secs(6)));
        assert_eq!(refused.reset_after, Duration::from_secs(60));
        let (later, _) = decide(rate, Some(next), at(6_000));
        assert!(later.allowed, "one interval later one more is free");
        let (back, _) = decide(rate, Some(next), at(-3_600_000));
        assert!(back.reset_after <= Duration::from_secs(60), "a clock that was set back shuts nobody out");
    }

    #[test]
    fn a_network_is_an_address_or_the_half_of_one() {
        let of = |text: &str| Counted::network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        for class in LimitClass::ALL {
            assert_eq!(LimitClass::parse(class.as_str()), Some(class));
        }
    }

    #[test]
    fn rates_are_read_and_printed() {
        for text in ["10/min", "5/h", "1000/s", "1/day", "10/15min", "3/2h", "7/90s", "1/30day"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            "10",
            "0/min",
            "-1/min",
            "10/week",
            "x/min",
            "10/",
            "4294967295/s",
            "10/0min",
            "10/-1min",
            "10/15",
            "1/99999999999999999999s",
        ] {
            assert_eq!(bad.parse::<Rate>(), Err(NotARate), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_more_than_twice_the_count_in_any_window(
            count in 1u32..50, gaps in prop::collection::vec(0i64..5_000, 1..400)
        ) {
            // A full burst and a window's worth of refill: the known bound of the algorithm.
            let rate = Rate { count, window: Duration::from_secs(60) };
            let (mut now, mut arrival, mut passed) = (0, None, Vec::new());
            for gap in gaps {
                now += gap;
                let (decision, next) = decide(rate, arrival, at(now));
                arrival = Some(next);
                if decision.allowed { passed.push(now) }
                prop_assert_eq!(decision.retry_after.is_zero(), decision.remaining > 0);
            }
            for start in &passed {
                let in_window = passed.iter().filter(|t| (*start..start + 60_000).contains(*t)).count();
                prop_assert!(in_window <= 2 * count as usize);
            }
        }
    }
}
