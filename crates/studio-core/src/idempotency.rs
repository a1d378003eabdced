//! Idempotency keys: the caller's own name for one request, so that a repeat finds the first one's job.
//!
//! A key is known within one user and one route. What was asked under it is kept as a fingerprint: the same body finds the
//! job, another body is refused.

use crate::id::UserId;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Longest key, in bytes (promises.md 2.1).
pub const MAX_KEY_BYTES: usize = 255;

/// A caller's key for one request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

/// Why a text is no idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 255 visible ASCII characters")]
pub struct NotAKey;

impl IdempotencyKey {
    /// Reads the value of an `Idempotency-Key` header.
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        let good = !text.is_empty() && text.len() <= MAX_KEY_BYTES && text.bytes().all(|b| b.is_ascii_graphic());
        if good { Ok(Self(text.to_owned())) } else { Err(NotAKey) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What was asked under a key: SHA-256 of the body's canonical form, before defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Of a JSON body. Order of fields and white space don't matter; every value does.
    pub fn of_json(body: &Value) -> Self {
        // `Value` keeps its objects sorted by name (serde_json without `preserve_order`), so its text is canonical.
        Self(Sha256::digest(body.to_string()).into())
    }
}

/// What an admission remembers so that a repeat finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Whose key.
    pub user: UserId,
    /// On which route.
    pub route: &'static str,
    /// The key.
    pub key: IdempotencyKey,
    /// What was asked.
    pub fingerprint: Fingerprint,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_white_space_do_not_matter_but_values_do() {
        let print = |text: &str| Fingerprint::of_json(&serde_json::from_str(text).unwrap());
        assert_eq!(print(r#"{"a":1,"b":{"c":2,"d":3}}"#), print(r#"{ "b": {"d":3, "c":2}, "a":1 }"#));
        assert_ne!(print(r#"{"a":1}"#), print(r#"{"a":"1"}"#));
        assert_ne!(print(r#"{"a":1}"#), print(r#"{"a":1,"b":null}"#));
    }

    #[test]
    fn keys_are_visible_ascii() {
        assert!(IdempotencyKey::parse("order-42").is_ok());
        for bad in ["", "a b", "ü", "a\n", &"x".repeat(256)] {
            assert_eq!(IdempotencyKey::parse(bad), Err(NotAKey));
        }
    }
}
