//! Budgets: what a payer may have spent and held at most, ever or within a day or a month. They are hard: whoever accepts a job
//! checks them in the transaction that holds its money. A job counts in the day and the month in which it was accepted,
//! whenever it is settled.

use crate::{job::Payer, money::Nanos, time::Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Over which time a budget counts. Days and months are those of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// From midnight to midnight.
    Day,
    /// From the first to the last day of a month.
    Month,
    /// All of it.
    Lifetime,
}

impl Window {
    /// All there are, the shortest first.
    pub const ALL: [Self; 3] = [Self::Day, Self::Month, Self::Lifetime];

    /// As in the API, the store and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Lifetime => "lifetime",
        }
    }

    /// Reads what [`Window::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|window| window.as_str() == text)
    }

    /// When the window began that `at` lies in; a lifetime begins with time.
    pub fn start(self, at: Timestamp) -> Timestamp {
        match self {
            Self::Day => at.midnight(),
            Self::Month => at.first_of_month(),
            Self::Lifetime => Timestamp::from_millis(0),
        }
    }

    /// When it ends, and counting begins anew.
    pub fn end(self, at: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Day => Some(at.midnight().plus(DAY)),
            // 31 days after its first day every month is over, and the next one is not.
            Self::Month => Some(at.first_of_month().plus(DAY * 31).first_of_month()),
            Self::Lifetime => None,
        }
    }
}

const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

/// The most for each window that has a budget.
pub type Limits = BTreeMap<Window, Nanos>;

/// The most that a payer may have spent and held within a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    /// Whose.
    pub payer: Payer,
    /// Over which time.
    pub window: Window,
    /// The most.
    pub limit: Nanos,
}

/// A cap, and what counts against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The cap.
    pub cap: Cap,
    /// What is spent and held.
    pub committed: Nanos,
}

impl Standing {
    /// Whether `hold` more stays within the cap. What is free always does.
    pub fn fits(&self, hold: Nanos) -> bool {
        hold == Nanos::ZERO || self.committed.plus(hold).is_some_and(|sum| sum <= self.cap.limit)
    }

    /// What is left; less than nothing, if the cap was lowered below what is spent and held.
    pub fn left(&self) -> Nanos {
        self.cap.limit.minus(self.committed).unwrap_or(Nanos::ZERO)
    }
}

/// The tightest of the caps that `hold` more would exceed.
pub fn exceeded(standings: &[Standing], hold: Nanos) -> Option<Standing> {
    standings.iter().copied().filter(|standing| !standing.fits(hold)).min_by_key(Standing::left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::UserId;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn standing(limit: i64, committed: i64) -> Standing {
        let payer = Payer::User(UserId::new(at("2026-11-30T00:00:00Z"), [1; 10]));
        let cap = Cap { payer, window: Window::Day, limit: Nanos::new(limit) };
        Standing { cap, committed: Nanos::new(committed) }
    }

    #[test]
    fn caps_are_exact() {
        assert!(standing(100, 40).fits(Nanos::new(60)));
        assert!(!standing(100, 41).fits(Nanos::new(60)));
        assert!(!standing(100, i64::MAX).fits(Nanos::new(60)), "no wrap");
        assert!(standing(100, 300).fits(Nanos::ZERO), "what is free is never refused");
        let both = [standing(1000, 0), standing(100, 60), standing(100, 41)];
        assert_eq!(exceeded(&both, Nanos::new(60)).map(|over| over.committed.get()), Some(60), "the tightest");
        assert_eq!(exceeded(&both, Nanos::new(40)), None);
    }

    #[test]
    fn windows_begin_and_end_with_days_and_months_of_utc() {
        for (time, day, month, next_month) in [
            ("2026-11-30T23:59:59.999Z", "2026-11-30", "2026-11-01", "2026-12-01"),
            ("2026-12-01T00:00:00Z", "2026-12-01", "2026-12-01", "2027-01-01"),
            ("2028-02-29T12:00:00+14:00", "2028-02-28", "2028-02-01", "2028-03-01"),
        ] {
            let midnight = |day: &str| at(&format!("{day}T00:00:00Z"));
            let time = at(time);
            assert_eq!(Window::Day.start(time), midnight(day));
            assert_eq!(Window::Month.start(time), midnight(month));
            assert_eq!(Window::Month.end(time), Some(midnight(next_month)));
            assert_eq!(Window::Day.end(time).unwrap().since(midnight(day)), DAY);
            assert!(Window::Lifetime.start(time) < midnight(month) && Window::Lifetime.end(time).is_none());
        }
        for window in Window::ALL {
            assert_eq!(Window::parse(window.as_str()), Some(window));
        }
    }
}
