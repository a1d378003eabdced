//! Errors: what one means, and what of its words may be passed on.

use crate::providers::words::{MAX_MESSAGE_CHARS, clean};
use serde_json::Value;

/// How the API's own identifiers begin: keys, accounts, requests. They are nobody's business but the operator's.
const IDENTIFIERS: [&str; 8] = ["sk-", "org-", "proj_", "req_", "user-", "acct_", "chatcmpl-", "gen-"];

/// Why the API refuses, as far as it says so.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Refusal {
    /// The account has nothing left to spend.
    NoCredit,
    /// What was asked for is against its rules.
    Policy,
    /// Anything else, in its own (cleaned) words; empty when it has none.
    Other(String),
}

/// Whether an error's body is the API's own: something before it, which may have passed the request on, says it otherwise.
pub(in super::super) fn is_own_refusal(reply: &[u8]) -> bool {
    serde_json::from_slice::<Value>(reply).is_ok_and(|body| body["error"].is_object())
}

/// Reads an answer that is an error.
pub(in super::super) fn refusal(reply: &[u8]) -> Refusal {
    let body: Value = serde_json::from_slice(reply).unwrap_or_default();
    of_error(&body["error"])
}

/// Reads an error: an object, or with some only a text.
pub(super) fn of_error(error: &Value) -> Refusal {
    let says = |word: &str| ["code", "type"].iter().any(|field| error[field] == word);
    if ["insufficient_quota", "billing_hard_limit_reached", "billing_not_active"].iter().any(|word| says(word)) {
        return Refusal::NoCredit;
    }
    if ["moderation_blocked", "content_policy_violation"].iter().any(|word| says(word)) {
        return Refusal::Policy;
    }
    Refusal::Other(error["message"].as_str().or(error.as_str()).map(anonymous).unwrap_or_default())
}

/// Cleaned, and without the API's own identifiers.
fn anonymous(message: &str) -> String {
    let cleaned = clean(message, MAX_MESSAGE_CHARS);
    let is_identifier = |word: &str| {
        let bare = word.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
        IDENTIFIERS.iter().any(|start| bare.starts_with(start))
    };
    let words = cleaned.split(' ').map(|word| if is_identifier(word) { "[…]" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn refusals_are_told_apart_short_and_clean() {
        let other = |text: &str| Refusal::Other(text.into());
        for (error, expected) in [
            (json!({"code": "insufficient_quota", "message": "x"}), Refusal::NoCredit),
            (json!({"type": "insufficient_quota", "code": null}), Refusal::NoCredit),
            (json!({"code": "billing_hard_limit_reached"}), Refusal::NoCredit),
            (json!({"code": "moderation_blocked", "message": "request id req_1"}), Refusal::Policy),
            (
                json!({"message": "Unknown parameter: 'seed'.", "code": "unknown_parameter"}),
                other("Unknown parameter: 'seed'."),
            ),
            (
                json!({"message": "key 'sk-abc***xyz' of\n(org-77) at https://internal/x, see req_9\u{1b}"}),
                other("key […] of […] at [address] see […]"),
            ),
            (json!({"message": 7, "code": []}), other("")),
            (json!("oh no"), other("oh no")),
            (json!(["oh no"]), other("")),
        ] {
            assert_eq!(refusal(json!({ "error": error }).to_string().as_bytes()), expected, "{error}");
        }
        for text in ["", "<html>", "[]", "7", "{\"error\":"] {
            assert_eq!(refusal(text.as_bytes()), other(""), "{text}");
        }
        let long = json!({"error": {"message": "é ".repeat(100_000)}}).to_string();
        assert!(matches!(refusal(long.as_bytes()), Refusal::Other(text) if text.chars().count() <= MAX_MESSAGE_CHARS));
    }
}
