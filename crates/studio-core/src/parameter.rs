//! A model's parameters: their kinds, bounds and defaults, declared as data in the catalog and checked here, once, for
//! every model of every modality.

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use std::collections::BTreeMap;

/// Checked parameter values, by name.
pub type Parameters = BTreeMap<String, Value>;

/// What one parameter may be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Parameter {
    /// A whole number.
    Integer {
        /// Smallest allowed.
        min: i64,
        /// Largest allowed.
        max: i64,
        /// Only every so many from `min` on is allowed.
        step: Option<i64>,
        /// Taken when the caller gives none.
        default: Option<i64>,
    },
    /// Any finite number.
    Number {
        /// Smallest allowed.
        min: f64,
        /// Largest allowed.
        max: f64,
        /// Taken when the caller gives none.
        default: Option<f64>,
    },
    /// Yes or no.
    Boolean {
        /// Taken when the caller gives none.
        default: Option<bool>,
    },
    /// One of a few words.
    Choice {
        /// The words.
        of: Vec<String>,
        /// Taken when the caller gives none.
        default: Option<String>,
    },
    /// Free text.
    Text {
        /// Most characters allowed.
        max_chars: usize,
    },
}

/// What becomes of a value that a caller gave.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// It is allowed, and this is its one form.
    Taken(Value),
    /// It is not, and this is the nearest that is.
    Moved(Value),
    /// It can't be meant.
    Refused,
}

impl Parameter {
    /// What is allowed, for an error or a catalog page: `a whole number from 64 to 2048`.
    pub fn allowed(&self) -> String {
        match self {
            Self::Integer { min, max, step: Some(step), .. } => {
                format!("a whole number from {min} to {max} in steps of {step}")
            }
            Self::Integer { min, max, .. } => format!("a whole number from {min} to {max}"),
            Self::Number { min, max, .. } => format!("a number from {min} to {max}"),
            Self::Boolean { .. } => "true or false".to_owned(),
            Self::Choice { of, .. } => format!("one of {}", of.join(", ")),
            Self::Text { max_chars } => format!("a text of at most {max_chars} characters"),
        }
    }

    /// The value in its one form when it is allowed. `1024.0` is a whole number: some clients know no other kind.
    pub fn check(&self, value: &Value) -> Option<Value> {
        match self {
            Self::Integer { min, max, step, .. } => {
                let number = value.as_i64().or_else(|| whole(value.as_f64()?))?;
                let on_step = || number.abs_diff(*min).is_multiple_of(step.unwrap_or(1).unsigned_abs());
                ((*min..=*max).contains(&number) && on_step()).then(|| Value::from(number))
            }
            Self::Number { min, max, .. } => {
                let number = value.as_f64()?;
                (*min..=*max).contains(&number).then(|| value.clone())
            }
            Self::Boolean { .. } => value.is_boolean().then(|| value.clone()),
            Self::Choice { of, .. } => {
                let word = value.as_str()?;
                of.iter().any(|allowed| allowed == word).then(|| value.clone())
            }
            Self::Text { max_chars } => {
                let text = value.as_str()?;
                (text.chars().count() <= *max_chars && !text.contains('\0')).then(|| value.clone())
            }
        }
    }

    /// Reads what a caller gave, as the system that this one replaces did (origin.md, 1.2): a number or a word written as a text
    /// is meant as what it says, what lies beyond a bound is moved to it, and only what can't be meant is refused.
    pub fn read(&self, value: &Value) -> Given {
        let meant = self.meant(value);
        if let Some(checked) = self.check(&meant) {
            return Given::Taken(checked);
        }
        let moved = match self {
            Self::Integer { min, max, step, .. } => meant.as_f64().map(|number| {
                let step = step.unwrap_or(1).max(1);
                // Rounded to the nearest step, and back by one if that lies beyond the last.
                let steps = ((number.clamp(*min as f64, *max as f64) - *min as f64) / step as f64).round();
                let last = max.abs_diff(*min) / step.unsigned_abs();
                let steps = (whole(steps).unwrap_or(0)).clamp(0, i64::try_from(last).unwrap_or(i64::MAX));
                Value::from(min + steps * step)
            }),
            Self::Number { min, max, .. } => {
                meant.as_f64().and_then(|number| Number::from_f64(number.clamp(*min, *max))).map(Value::Number)
            }
            Self::Boolean { .. } | Self::Choice { .. } | Self::Text { .. } => None,
        };
        moved.and_then(|value| self.check(&value)).map_or(Given::Refused, Given::Moved)
    }

    /// What a value says, where it was written as another kind of JSON.
    fn meant(&self, value: &Value) -> Value {
        let meant = match (self, value) {
            (Self::Integer { .. } | Self::Number { .. }, Value::String(text)) => {
                let text = text.trim();
                let number = text.parse::<i64>().map(Number::from).ok();
                number.or_else(|| text.parse().ok().and_then(Number::from_f64)).map(Value::Number)
            }
            (Self::Boolean { .. }, Value::String(text)) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => Some(Value::Bool(true)),
                "false" | "no" | "off" | "0" => Some(Value::Bool(false)),
                _ => None,
            },
            (Self::Boolean { .. }, Value::Number(number)) => match number.as_i64() {
                Some(1) => Some(Value::Bool(true)),
                Some(0) => Some(Value::Bool(false)),
                _ => None,
            },
            (Self::Choice { of, .. }, Value::String(text)) => {
                of.iter().find(|allowed| allowed.eq_ignore_ascii_case(text.trim())).cloned().map(Value::String)
            }
            (Self::Choice { .. }, Value::Number(number)) => Some(Value::String(number.to_string())),
            _ => None,
        };
        meant.unwrap_or_else(|| value.clone())
    }

    /// The value taken when the caller gives none.
    pub fn default_value(&self) -> Option<Value> {
        match self {
            Self::Integer { default, .. } => default.map(Value::from),
            Self::Number { default, .. } => default.and_then(Number::from_f64).map(Value::Number),
            Self::Boolean { default } => default.map(Value::from),
            Self::Choice { default, .. } => default.clone().map(Value::from),
            Self::Text { .. } => None,
        }
    }

    /// Whether bounds and default agree with each other: a catalog that contradicts itself must not load.
    pub fn is_sound(&self) -> bool {
        let bounds = match self {
            Self::Integer { min, max, step, .. } => min <= max && step.is_none_or(|step| step > 0),
            Self::Number { min, max, .. } => min.is_finite() && max.is_finite() && min <= max,
            Self::Choice { of, .. } => !of.is_empty(),
            Self::Boolean { .. } => true,
            Self::Text { max_chars } => *max_chars > 0,
        };
        bounds && self.default_value().is_none_or(|value| self.check(&value).is_some())
    }
}

/// `value` when it is a whole number that a double holds exactly (up to 2⁵³).
#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within 2^53 just before")]
fn whole(value: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (value.fract() == 0.0 && value.abs() <= EXACT).then_some(value as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn values_are_checked_by_kind_and_bounds() {
        let side = Parameter::Integer { min: 64, max: 2048, step: None, default: Some(1024) };
        assert_eq!(side.check(&json!(64)), Some(json!(64)));
        assert_eq!(side.check(&json!(2048.0)), Some(json!(2048)));
        for bad in [json!(63), json!(2049), json!(100.5), json!("100"), json!(null), json!(1e300), json!([64])] {
            assert_eq!(side.check(&bad), None, "{bad}");
        }
        let coarse = Parameter::Integer { min: 1000, max: 1536, step: Some(500), default: None };
        assert!(coarse.check(&json!(1000)).is_some() && coarse.check(&json!(1500)).is_some());
        assert!(coarse.check(&json!(1024)).is_none() && coarse.check(&json!(500)).is_none());
        assert_eq!(coarse.allowed(), "a whole number from 1000 to 1536 in steps of 500");
        let format = Parameter::Choice { of: vec!["png".into(), "webp".into()], default: None };
        assert!(format.check(&json!("png")).is_some() && format.check(&json!("PNG")).is_none());
        assert_eq!(format.allowed(), "one of png, webp");
        let scale = Parameter::Number { min: 1.0, max: 20.0, default: Some(7.5) };
        assert!(scale.check(&json!(7)).is_some() && scale.check(&json!(20.01)).is_none());
        let text = Parameter::Text { max_chars: 3 };
        assert!(text.check(&json!("äöü")).is_some() && text.check(&json!("a\0")).is_none());
    }

    #[test]
    fn what_a_caller_means_is_taken_and_what_lies_beyond_a_bound_is_moved_to_it() {
        let side = Parameter::Integer { min: 64, max: 2048, step: None, default: Some(1024) };
        let coarse = Parameter::Integer { min: 1024, max: 1536, step: Some(512), default: None };
        let scale = Parameter::Number { min: 0.0, max: 2.0, default: None };
        let yes = Parameter::Boolean { default: None };
        let format = Parameter::Choice { of: vec!["png".into(), "5".into()], default: None };
        let text = Parameter::Text { max_chars: 3 };
        let (taken, moved) = (|value: Value| Given::Taken(value), |value: Value| Given::Moved(value));
        for (parameter, given, expected) in [
            (&side, json!("512"), taken(json!(512))),
            (&side, json!(" 512.0 "), taken(json!(512))),
            (&side, json!(1), moved(json!(64))),
            (&side, json!(-1e300), moved(json!(64))),
            (&side, json!(1e300), moved(json!(2048))),
            (&side, json!("99999999999999999999"), moved(json!(2048))),
            (&side, json!(100.4), moved(json!(100))),
            (&side, json!("NaN"), Given::Refused),
            (&side, json!("inf"), Given::Refused),
            (&side, json!("many"), Given::Refused),
            (&side, json!(true), Given::Refused),
            (&side, json!([64]), Given::Refused),
            (&coarse, json!(1300), moved(json!(1536))),
            (&coarse, json!(1200), moved(json!(1024))),
            (&coarse, json!(9000), moved(json!(1536))),
            (&scale, json!("0.5"), taken(json!(0.5))),
            (&scale, json!(7), moved(json!(2.0))),
            (&scale, json!({}), Given::Refused),
            (&yes, json!("TRUE"), taken(json!(true))),
            (&yes, json!(0), taken(json!(false))),
            (&yes, json!("maybe"), Given::Refused),
            (&yes, json!(2), Given::Refused),
            (&format, json!("PNG"), taken(json!("png"))),
            (&format, json!(5), taken(json!("5"))),
            (&format, json!("gif"), Given::Refused),
            (&text, json!("abcd"), Given::Refused),
            (&text, json!(1), Given::Refused),
        ] {
            assert_eq!(parameter.read(&given), expected, "{parameter:?} {given}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_allowed(min in -1000i64..1000, span in 0i64..5000, step in 1i64..700, given in any::<f64>()) {
            let parameter = Parameter::Integer { min, max: min + span, step: Some(step), default: None };
            for value in [json!(given), json!(given.to_string()), json!(given as i64)] {
                match parameter.read(&value) {
                    Given::Taken(value) | Given::Moved(value) => prop_assert!(parameter.check(&value).is_some()),
                    Given::Refused => prop_assert!(!given.is_finite()),
                }
            }
        }
    }

    #[test]
    fn contradictions_are_seen() {
        assert!(!Parameter::Integer { min: 2, max: 1, step: None, default: None }.is_sound());
        assert!(!Parameter::Integer { min: 1, max: 2, step: None, default: Some(3) }.is_sound());
        assert!(!Parameter::Integer { min: 1, max: 2, step: Some(0), default: None }.is_sound());
        assert!(!Parameter::Integer { min: 1, max: 9, step: Some(5), default: Some(5) }.is_sound());
        assert!(!Parameter::Choice { of: vec![], default: None }.is_sound());
        assert!(Parameter::Boolean { default: Some(true) }.is_sound());
    }
}
