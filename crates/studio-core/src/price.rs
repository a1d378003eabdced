//! Prices: what a model costs, in nano-USD per 10⁶ units, dated and named, so that every charge can say which list it used.

use crate::{money::Nanos, parameter::Parameters};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is counted. Everything that any model bills is one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Tokens sent.
    InputTokens,
    /// Tokens sent that the provider had in its cache.
    CachedInputTokens,
    /// Tokens received, reasoning included.
    OutputTokens,
    /// Characters of speech.
    Characters,
    /// Pictures.
    Image,
    /// Pictures that are shown to a model, for each one that it makes of them.
    InputImage,
    /// Seconds of sound or film.
    Second,
    /// Steps of training or diffusion.
    Step,
    /// Whole calls.
    Call,
}

impl Unit {
    /// Whether people quote this unit per million (`true`) or each (`false`); design.md, "Custom models".
    pub const fn quoted_per_million(self) -> bool {
        matches!(self, Self::InputTokens | Self::CachedInputTokens | Self::OutputTokens | Self::Characters)
    }
}

/// How much of each unit was, or at most will be, used.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Usage(BTreeMap<Unit, u64>);

impl Usage {
    /// So many of one unit.
    pub fn of(unit: Unit, quantity: u64) -> Self {
        Self(BTreeMap::from([(unit, quantity)]))
    }

    /// How much of a unit.
    pub fn quantity(&self, unit: Unit) -> u64 {
        self.0.get(&unit).copied().unwrap_or(0)
    }

    /// The units and their quantities.
    pub fn iter(&self) -> impl Iterator<Item = (Unit, u64)> + '_ {
        self.0.iter().map(|(unit, quantity)| (*unit, *quantity))
    }
}

impl FromIterator<(Unit, u64)> for Usage {
    fn from_iter<I: IntoIterator<Item = (Unit, u64)>>(quantities: I) -> Self {
        Self(quantities.into_iter().collect())
    }
}

/// A price list of one model, in force from a day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceList {
    /// Names the list in every charge made by it.
    pub version: String,
    /// First day in force, `YYYY-MM-DD`; compared as text.
    pub from: String,
    /// Nano-USD per 10⁶ units.
    pub rates: BTreeMap<Unit, i64>,
    /// Where a unit costs something else by a request's parameters. The first one that fits is taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<PriceRow>,
}

/// Prices that hold for some values of a model's parameters, instead of the list's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceRow {
    /// The values, all of which a request must have.
    pub when: Parameters,
    /// Nano-USD per 10⁶ units.
    pub rates: BTreeMap<Unit, i64>,
}

/// Why a cost can't be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// The list doesn't price a unit that was used.
    #[error("the price list {version} has no price for {unit:?}")]
    Unpriced {
        /// The list.
        version: String,
        /// The unit that it lacks.
        unit: Unit,
    },
    /// More money than the ledger can count.
    #[error("the amount is too large")]
    TooLarge,
}

impl PriceList {
    /// This list as it is for a request: what differs by parameters is settled, so its rates alone say what it costs.
    #[must_use]
    pub fn settled_for(&self, parameters: &Parameters) -> Self {
        let fits = |row: &&PriceRow| row.when.iter().all(|(name, value)| parameters.get(name) == Some(value));
        let mut rates = self.rates.clone();
        rates.extend(self.by.iter().find(fits).iter().flat_map(|row| &row.rates));
        Self { version: self.version.clone(), from: self.from.clone(), rates, by: Vec::new() }
    }

    /// What a unit costs. A cached token without a price of its own is a token like any other.
    pub fn rate(&self, unit: Unit) -> Option<i64> {
        let own = self.rates.get(&unit).copied();
        match unit {
            Unit::CachedInputTokens => own.or_else(|| self.rates.get(&Unit::InputTokens).copied()),
            _ => own,
        }
    }

    /// The most of `unit` that `money` pays for; nothing when it has no price. As much as anyone wants, where it is free.
    pub fn affordable(&self, unit: Unit, money: Nanos) -> Option<u64> {
        let rate = self.rate(unit)?;
        if rate == 0 {
            return Some(u64::MAX);
        }
        // A cost is rounded up to whole nano-USD, so what just fits after rounding down here fits.
        let most = i128::from(money.get().max(0)) * 1_000_000 / i128::from(rate);
        Some(u64::try_from(most).unwrap_or(u64::MAX))
    }

    /// What `usage` costs. Summed exactly, rounded up once.
    pub fn cost(&self, usage: &Usage) -> Result<Nanos, PriceError> {
        let mut micro_nanos: i128 = 0;
        for (unit, quantity) in usage.iter().filter(|(_, quantity)| *quantity > 0) {
            let rate = self.rate(unit).ok_or_else(|| PriceError::Unpriced { version: self.version.clone(), unit })?;
            micro_nanos += i128::from(rate) * i128::from(quantity);
        }
        let nanos = micro_nanos.div_euclid(1_000_000) + i128::from(micro_nanos.rem_euclid(1_000_000) > 0);
        i64::try_from(nanos).map(Nanos::new).map_err(|_| PriceError::TooLarge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn list(unit: Unit, rate: i64) -> PriceList {
        let rates = BTreeMap::from([(unit, rate)]);
        PriceList { version: "t".into(), from: "2026-01-01".into(), rates, by: Vec::new() }
    }

    #[test]
    fn the_first_row_that_fits_decides() {
        let row = |when: serde_json::Value, rate| PriceRow {
            when: serde_json::from_value(when).unwrap(),
            rates: BTreeMap::from([(Unit::Image, rate)]),
        };
        let mut images = list(Unit::Image, 9);
        images.rates.insert(Unit::Call, 7);
        images.by = vec![
            row(json!({"quality": "low", "width": 1024}), 1),
            row(json!({"quality": "low"}), 2),
            row(json!({"quality": "medium"}), 3),
        ];
        for (parameters, rate) in [
            (json!({"quality": "low", "width": 1024, "seed": 1}), 1),
            (json!({"quality": "low", "width": 1536}), 2),
            (json!({"quality": "low"}), 2),
            (json!({"quality": "medium", "width": 1024}), 3),
            (json!({"quality": "high", "width": 1024}), 9),
            (json!({"quality": true}), 9),
            (json!({}), 9),
        ] {
            let settled = images.settled_for(&serde_json::from_value(parameters.clone()).unwrap());
            let rates = BTreeMap::from([(Unit::Image, rate), (Unit::Call, 7)]);
            assert_eq!((settled.rates, settled.by, settled.version), (rates, vec![], "t".to_owned()), "{parameters}");
        }
    }

    #[test]
    fn a_list_of_an_older_job_is_still_read() {
        let kept = r#"{"version":"t","from":"2026-01-01","rates":{"image":1}}"#;
        assert_eq!(serde_json::from_str::<PriceList>(kept).unwrap(), list(Unit::Image, 1));
        assert_eq!(serde_json::to_string(&list(Unit::Image, 1)).unwrap(), kept);
    }

    #[test]
    fn costs_are_exact_and_rounded_up_once() {
        let cached = list(Unit::CachedInputTokens, 12_500_000); // 12.5 nano-USD each
        assert_eq!(cached.cost(&Usage::of(Unit::CachedInputTokens, 1)), Ok(Nanos::new(13)));
        assert_eq!(cached.cost(&Usage::of(Unit::CachedInputTokens, 2)), Ok(Nanos::new(25)));
        assert_eq!(cached.cost(&Usage::default()), Ok(Nanos::ZERO));
    }

    #[test]
    fn a_cached_token_without_a_price_is_a_token() {
        let tokens = list(Unit::InputTokens, 2_000_000);
        assert_eq!(tokens.cost(&Usage::of(Unit::CachedInputTokens, 3)), Ok(Nanos::new(6)));
    }

    #[test]
    fn what_is_affordable_never_costs_more_than_there_is() {
        for rate in [1, 999_999, 1_000_000, 12_500_000, 30_000_000_000] {
            let tokens = list(Unit::OutputTokens, rate);
            for money in [0, 1, 17, 12_345_678] {
                let most = tokens.affordable(Unit::OutputTokens, Nanos::new(money)).unwrap();
                assert!(tokens.cost(&Usage::of(Unit::OutputTokens, most)).unwrap() <= Nanos::new(money));
                assert!(tokens.cost(&Usage::of(Unit::OutputTokens, most + 1)).unwrap() > Nanos::new(money));
            }
        }
        assert_eq!(list(Unit::OutputTokens, 0).affordable(Unit::OutputTokens, Nanos::ZERO), Some(u64::MAX));
        assert_eq!(list(Unit::Image, 1).affordable(Unit::OutputTokens, Nanos::ZERO), None);
    }

    #[test]
    fn an_unpriced_unit_is_an_error_not_free() {
        let images = list(Unit::Image, 1);
        assert!(matches!(images.cost(&Usage::of(Unit::Second, 1)), Err(PriceError::Unpriced { .. })));
        assert_eq!(images.cost(&Usage::of(Unit::Second, 0)), Ok(Nanos::ZERO));
    }

    #[test]
    fn too_much_money_is_an_error_not_a_wrap() {
        let dear = list(Unit::Image, i64::MAX);
        assert_eq!(dear.cost(&Usage::of(Unit::Image, u64::MAX)), Err(PriceError::TooLarge));
    }
}
