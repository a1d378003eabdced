//! What a provider made, as it comes in an answer: bytes in base64, or an address. Hostile until checked.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use reqwest::Url;
use studio_core::{
    ports::Produced,
    retry::{Failure, FailureKind},
};

/// Most outputs of one answer.
pub(super) const MAX_OUTPUTS: usize = 16;
/// Most bytes of all inline outputs of an answer, decoded.
pub(super) const INLINE_LIMIT: usize = 48 << 20;
/// Longest URL of an output, in bytes.
const MAX_URL_BYTES: usize = 4096;

pub(super) fn bad_output(message: &str) -> Failure {
    Failure::new(FailureKind::BadOutput, message)
}

/// The bytes behind base64, at most `cap` of them.
pub(super) fn decode(encoded: &str, cap: usize) -> Result<Bytes, Failure> {
    // Four letters are three bytes: known before anything is decoded.
    if encoded.len() / 4 * 3 > cap {
        return Err(bad_output("the provider's output is too large"));
    }
    STANDARD.decode(encoded).map(Bytes::from).map_err(|_| bad_output("the provider's output is not in base64"))
}

/// What lies at an address. Whether that may be gone to is decided by who goes.
pub(super) fn at(text: &str) -> Result<Produced, Failure> {
    let is_url = text.len() <= MAX_URL_BYTES && Url::parse(text).is_ok_and(|u| matches!(u.scheme(), "http" | "https"));
    if is_url { Ok(Produced::At(text.to_owned())) } else { Err(bad_output("the provider's output is not a file")) }
}
