//! Money: whole nano-USD in an `i64`, never a float. The range is about nine billion dollars either way.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The only currency that the ledger keeps.
pub const CURRENCY: &str = "USD";

const NANOS_PER_USD: i64 = 1_000_000_000;

/// An amount in nano-USD (10⁻⁹ US dollars). A cached token can cost 12.5 of them, so prices are kept per 10⁶ units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nanos(i64);

/// Why a text is not an amount of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an amount in USD with at most nine decimals, such as 0.25")]
pub struct NotMoney;

impl Nanos {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many nano-USD.
    pub const fn new(nanos: i64) -> Self {
        Self(nanos)
    }

    /// So many nano-USD.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The sum, or nothing when it can't be held.
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, or nothing when it can't be held.
    pub fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The same amount taken the other way.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self(self.0.saturating_neg())
    }

    /// Reads a decimal amount of US dollars: `0.25`, `12`, `-3.000000001`.
    pub fn parse_usd(text: &str) -> Result<Self, NotMoney> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) || fraction.len() > 9 {
            return Err(NotMoney);
        }
        let whole: i64 = whole.parse().map_err(|_| NotMoney)?;
        let nanos: i64 = format!("{fraction:0<9}").parse().map_err(|_| NotMoney)?;
        whole.checked_mul(NANOS_PER_USD).and_then(|n| n.checked_add(nanos)).map(|n| Self(sign * n)).ok_or(NotMoney)
    }
}

impl fmt::Display for Nanos {
    /// Decimal US dollars without needless zeros: `0.002`, `12`, `-0.000000001`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let size = self.0.unsigned_abs();
        let unit = NANOS_PER_USD.unsigned_abs();
        let (whole, fraction) = (size / unit, size % unit);
        if fraction == 0 {
            return write!(f, "{sign}{whole}");
        }
        let decimals = format!("{fraction:09}");
        write!(f, "{sign}{whole}.{}", decimals.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_and_prints_dollars() {
        for (text, nanos, printed) in [
            ("0.25", 250_000_000, "0.25"),
            ("12", 12_000_000_000, "12"),
            ("0.000000001", 1, "0.000000001"),
            ("-1.50", -1_500_000_000, "-1.5"),
            ("0", 0, "0"),
        ] {
            assert_eq!(Nanos::parse_usd(text), Ok(Nanos::new(nanos)), "{text}");
            assert_eq!(Nanos::new(nanos).to_string(), printed);
        }
        for bad in ["", ".", "1.", ".5", "1e3", "0.0000000001", "1,5", "$1", "--1", "9999999999999999999", " 1"] {
            assert_eq!(Nanos::parse_usd(bad), Err(NotMoney), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(nanos in (i64::MIN + 1)..=i64::MAX) {
            prop_assert_eq!(Nanos::parse_usd(&Nanos::new(nanos).to_string()), Ok(Nanos::new(nanos)));
        }
    }
}
