//! Points in time: milliseconds since 1970 in UTC inside, ISO 8601 text outside. Nothing here reads a clock.

use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

const DAY_MILLIS: i64 = 24 * 3600 * 1000;

/// A point in time, to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since 1970-01-01T00:00:00Z.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Reads ISO 8601 with an offset, such as `2026-11-24T21:04:51Z`.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|t| Self(t.as_millisecond()))
    }

    /// Later by `duration`; stops at the end of time instead of wrapping.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The moment that is this much earlier.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self::from_millis(self.as_millis().saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long since `earlier`; nothing if that is still to come.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The midnight, in UTC, at which its day began.
    pub const fn midnight(self) -> Self {
        Self(self.0 - self.0.rem_euclid(DAY_MILLIS))
    }

    /// The midnight at which its month began.
    pub fn first_of_month(self) -> Self {
        let date = jiff::Timestamp::from_millisecond(self.0).map(|time| jiff::tz::Offset::UTC.to_datetime(time).date());
        // Beyond year 9999 months are not told apart.
        let days_before = date.map_or(0, |date| i64::from(date.day()) - 1);
        Self(self.midnight().0.saturating_sub(days_before * DAY_MILLIS))
    }

    /// The day, such as `2026-11-24`: prices are dated by day.
    pub fn day(self) -> String {
        let mut text = self.to_string();
        text.truncate(10);
        text
    }
}

impl fmt::Display for Timestamp {
    /// ISO 8601 in UTC, always with milliseconds: equal lengths sort as text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time:.3}"),
            // Beyond year 9999: no clock says so; say what we hold rather than fail.
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f43_times_are_iso_8601_text() {
        let time = Timestamp::from_millis(1_790_000_000_120);
        assert_eq!(time.to_string(), "2026-09-21T14:13:20.120Z");
        assert_eq!(Timestamp::parse("2026-09-21T14:13:20.120Z"), Some(time));
        assert_eq!(Timestamp::parse("2026-09-21T16:13:20.12+02:00"), Some(time));
        assert_eq!(Timestamp::parse("yesterday"), None);
        assert_eq!(time.day(), "2026-09-21");
    }

    #[test]
    fn time_does_not_wrap() {
        assert_eq!(Timestamp::from_millis(i64::MAX).plus(Duration::from_secs(1)).as_millis(), i64::MAX);
        assert_eq!(Timestamp::from_millis(1).since(Timestamp::from_millis(5)), Duration::ZERO);
    }
}
