//! What an exchange used, as a provider tells it: hostile like all that it says, and read by whoever makes a bill.

use serde_json::Value;
use studio_core::{
    bill::{Reported, Tokens},
    money::Nanos,
};

/// Most bytes of a usage object that is looked at.
const USAGE_LIMIT: usize = 64 << 10;
/// Most bytes of one that is kept as it came.
const RAW_LIMIT: usize = 4 << 10;
/// More tokens than any exchange has.
const MAX_TOKENS: u64 = 1_000_000_000_000;
/// From here on, an amount is no price of an exchange, in US dollars.
const MAX_USD: f64 = 1e6;
const NANOS_PER_USD: i64 = 1_000_000_000;
/// xAI counts in ticks, 10¹⁰ of which are a US dollar.
const TICKS_PER_NANO: u64 = 10;

/// Reads a usage object; nothing when it is none.
pub(super) fn reported(text: &str) -> Option<Reported> {
    if text.len() > USAGE_LIMIT {
        return None;
    }
    let usage: Value = serde_json::from_str(text).ok()?;
    if !usage.is_object() {
        return None;
    }
    let (tokens, cost) = (tokens(&usage), cost(&usage));
    Some(Reported { tokens, cost, raw: (text.len() <= RAW_LIMIT).then_some(usage) })
}

/// The usage object within what Groq puts beside its chunks.
pub(super) fn reported_by_groq(text: &str) -> Option<Reported> {
    if text.len() > USAGE_LIMIT {
        return None;
    }
    let groq: Value = serde_json::from_str(text).ok()?;
    reported(&groq.get("usage")?.to_string())
}

fn tokens(usage: &Value) -> Option<Tokens> {
    let (input, output) = (count(&usage["prompt_tokens"])?, count(&usage["completion_tokens"])?);
    let cached = count(&usage["prompt_tokens_details"]["cached_tokens"]);
    // DeepSeek's word for it.
    let cached = cached.or_else(|| count(&usage["prompt_cache_hit_tokens"])).unwrap_or(0);
    let reasoning = count(&usage["completion_tokens_details"]["reasoning_tokens"]).unwrap_or(0);
    // Some count reasoning beside the answer, not as a part of it; their total tells.
    let is_beside = reasoning > output || count(&usage["total_tokens"]) == Some(input + output + reasoning);
    let output = if is_beside { output + reasoning } else { output };
    Some(Tokens { input, cached: cached.min(input), output, reasoning })
}

/// A whole number, however it is written.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and within the bounds, just before")]
fn count(value: &Value) -> Option<u64> {
    let whole = |number: f64| (number.fract() == 0.0 && (0.0..=1e12).contains(&number)).then_some(number as u64);
    value.as_u64().or_else(|| value.as_f64().and_then(whole)).filter(|count| *count <= MAX_TOKENS)
}

/// What it charges by its own word: OpenRouter in dollars, xAI in ticks.
fn cost(usage: &Value) -> Option<Nanos> {
    let charged = dollars(&usage["cost"]);
    if usage["is_byok"] == true {
        // Then `cost` is OpenRouter's fee, and the one who answers charges for the answer.
        return charged?.plus(dollars(&usage["cost_details"]["upstream_inference_cost"])?);
    }
    charged.or_else(|| ticks(&usage["cost_in_usd_ticks"]))
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn ticks(value: &Value) -> Option<Nanos> {
    let ticks = count_of_ticks(number(value)?)?;
    i64::try_from(ticks.div_ceil(TICKS_PER_NANO)).ok().map(Nanos::new)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the bounds, just before")]
fn count_of_ticks(ticks: f64) -> Option<u64> {
    (0.0..MAX_USD * 1e10).contains(&ticks).then_some(ticks.ceil() as u64)
}

/// Rounded up to the next nano-dollar, by the decimal digits that were written: in binary, 0.00014 is a little more.
fn dollars(value: &Value) -> Option<Nanos> {
    let usd = number(value)?;
    if !(0.0..MAX_USD).contains(&usd) {
        return None;
    }
    // The shortest decimal number that is read as this one, without an exponent.
    let text = format!("{}", usd.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let (nanos, beyond) = fraction.split_at(fraction.len().min(9));
    let nanos: i64 = format!("{nanos:0<9}").parse().ok()?;
    let up = i64::from(beyond.bytes().any(|digit| digit != b'0'));
    Some(Nanos::new(whole.parse::<i64>().ok()? * NANOS_PER_USD + nanos + up))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tokens_of(usage: &Value) -> Option<(u64, u64, u64, u64)> {
        let tokens = reported(&usage.to_string())?.tokens?;
        Some((tokens.input, tokens.cached, tokens.output, tokens.reasoning))
    }

    fn cost_of(usage: Value) -> Option<i64> {
        reported(&usage.to_string())?.cost.map(Nanos::get)
    }

    #[test]
    fn golden_usages() {
        for (usage, expected) in [
            (
                json!({"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29,
                    "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
                    "completion_tokens_details": {"reasoning_tokens": 6, "audio_tokens": 0}}),
                Some((19, 4, 10, 6)),
            ),
            (json!({"prompt_tokens": 19, "completion_tokens": 10}), Some((19, 0, 10, 0))),
            (
                json!({"prompt_tokens": 19.0, "completion_tokens": 1e1, "prompt_tokens_details": null,
                    "completion_tokens_details": "none"}),
                Some((19, 0, 10, 0)),
            ),
            (
                json!({"prompt_tokens": 9, "completion_tokens": 0, "prompt_cache_hit_tokens": 8,
                    "prompt_cache_miss_tokens": 1}),
                Some((9, 8, 0, 0)),
            ),
            // More cached than sent.
            (
                json!({"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 99}}),
                Some((9, 9, 1, 0)),
            ),
            // Reasoning beside the answer.
            (
                json!({"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 48,
                    "completion_tokens_details": {"reasoning_tokens": 7}}),
                Some((32, 0, 16, 7)),
            ),
            (
                json!({"prompt_tokens": 32, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 94}}),
                Some((32, 0, 103, 94)),
            ),
            (json!({"prompt_tokens": -1, "completion_tokens": 10}), None),
            (json!({"prompt_tokens": 1.5, "completion_tokens": 10}), None),
            (json!({"prompt_tokens": "19", "completion_tokens": 10}), None),
            (json!({"prompt_tokens": 19, "completion_tokens": null}), None),
            (json!({"prompt_tokens": 19}), None),
            (json!({"prompt_tokens": u64::MAX, "completion_tokens": 1}), None),
            (json!({"prompt_tokens": 1e300, "completion_tokens": 1}), None),
            (json!({}), None),
        ] {
            assert_eq!(tokens_of(&usage), expected, "{usage}");
            assert_eq!(reported(&usage.to_string()).unwrap().raw, Some(usage), "kept as it came");
        }
        for none in ["null", "7", "[]", "\"x\"", "{", ""] {
            assert_eq!(reported(none), None, "{none}");
        }
        let nested = format!("{}{}", "{\"a\":".repeat(5000), "1");
        assert_eq!(reported(&nested), None);
    }

    #[test]
    fn a_cost_is_rounded_up_and_bounded() {
        for (cost, nanos) in [
            (json!(0), Some(0)),
            (json!(0.00014), Some(140_000)),
            (json!(0.1), Some(100_000_000)),
            (json!(1.23), Some(1_230_000_000)),
            (json!("0.00014"), Some(140_000)),
            (json!(" 2 "), Some(2_000_000_000)),
            (json!(1e-9), Some(1)),
            (json!(1e-10), Some(1)),
            (json!(0.000_000_001_000_1), Some(2)),
            (json!(1e-300), Some(1)),
            (json!(-0.0), Some(0)),
            (json!(999_999.999), Some(999_999_999_000_000)),
            (json!(1e6), None),
            (json!(1e300), None),
            (json!(-0.001), None),
            (json!("NaN"), None),
            (json!("inf"), None),
            (json!("free"), None),
            (json!(null), None),
            (json!({"usd": 1}), None),
        ] {
            assert_eq!(cost_of(json!({ "cost": cost })), nanos, "{cost}");
        }
        for (ticks, nanos) in [
            (json!(12_345), Some(1235)),
            (json!(0), Some(0)),
            (json!(1), Some(1)),
            (json!(10_000_000_000_u64), Some(1_000_000_000)),
            (json!(10_u64.pow(16)), None),
            (json!(-1), None),
            (json!("10"), Some(1)),
        ] {
            assert_eq!(cost_of(json!({ "cost_in_usd_ticks": ticks })), nanos, "{ticks}");
        }
        let own_key =
            |upstream| json!({"cost": 0.01, "is_byok": true, "cost_details": {"upstream_inference_cost": upstream}});
        assert_eq!(cost_of(own_key(json!(0.2))), Some(210_000_000), "a fee, and what it is a fee for");
        assert_eq!(cost_of(own_key(json!(null))), None, "the fee alone is not what it costs");
    }

    #[test]
    fn only_a_small_one_is_kept_as_it_came() {
        let usage =
            |filler: usize| json!({"prompt_tokens": 1, "completion_tokens": 2, "x": "y".repeat(filler)}).to_string();
        let large = reported(&usage(RAW_LIMIT)).unwrap();
        assert!(large.raw.is_none() && large.tokens.is_some());
        assert!(reported(&usage(RAW_LIMIT - 100)).unwrap().raw.is_some());
        assert_eq!(reported(&usage(USAGE_LIMIT)), None);
        let groq = json!({"id": "req_1", "usage": {"prompt_tokens": 3, "completion_tokens": 4, "queue_time": 0.1}});
        assert_eq!(reported_by_groq(&groq.to_string()).unwrap().tokens.unwrap().output, 4);
        assert_eq!(reported_by_groq("{\"id\": \"req_1\"}"), None);
    }
}
