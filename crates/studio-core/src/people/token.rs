//! Tokens that open something for whoever shows them: sessions and one-time links. 43 random base62 characters, 256 bits; only
//! the SHA-256 is kept. The text is long and random, so a slow password hash would add nothing.

use crate::{caller::base62, secret::Secret};
use sha2::{Digest, Sha256};

/// Characters of a token: 43 × log2(62) is 256 bits.
const CHARS: usize = 43;

/// The SHA-256 of a token: all that we keep of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash(pub [u8; 32]);

/// A new token, from bytes that are fresh from the system. Nothing when too many of them had to be passed over.
pub fn mint_token(random: &[u8; 96]) -> Option<Secret> {
    base62(random, CHARS).map(Secret::new)
}

/// The hash of a text when it can be a token at all.
pub fn read_token(text: &str) -> Option<TokenHash> {
    let plausible = text.len() == CHARS && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plausible.then(|| TokenHash(Sha256::digest(text).into()))
}
