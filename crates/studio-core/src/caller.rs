//! Who calls: API keys, what they may do, and what a call by one is allowed to spend.
//!
//! A key reads `mgs_` + 30 random base62 characters (178 bits) + 6 that hold the CRC-32 of what stands before: a scanner or
//! a typo is told offline, without a look at the store. Only its SHA-256 is kept: the text is long and random, so a slow
//! password hash would add nothing.

use crate::{
    id::{KeyId, UserId},
    limits::Rate,
    secret::Secret,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// What a call may do. Every route names the one that it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Make things, and cancel what was made.
    Generate,
    /// See one's own jobs, assets and usage.
    Read,
    /// Run the studio: people, everyone's budgets, what failed for anyone, what a job cost after all.
    Admin,
    /// Manage one's own account: keys, sessions, password, provider keys.
    Account,
}

impl Scope {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Generate, Self::Read, Self::Admin, Self::Account];

    /// As in the API and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::Read => "read",
            Self::Admin => "admin",
            Self::Account => "account",
        }
    }

    /// Reads what [`Scope::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }
}

pub use crate::people::User;

/// The SHA-256 of a key's text: all that we keep of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash(pub [u8; 32]);

/// An API key as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: KeyId,
    /// Whose it is.
    pub user: UserId,
    /// What its owner calls it.
    pub name: String,
    /// All that we keep of its text.
    pub hash: KeyHash,
    /// Its last four characters, so that its owner can tell it from others.
    pub last4: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// Limits of its own, by class name, in place of the configured ones.
    pub limits: BTreeMap<String, Rate>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself; from then on it opens nothing. None: it lasts.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked; from then on it opens nothing.
    pub revoked_at: Option<Timestamp>,
}

/// A key with whose it is, as both stand at one moment: neither opens anything without the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHolder {
    /// The key.
    pub key: ApiKey,
    /// Its owner.
    pub user: User,
}

impl KeyHolder {
    /// Whether it opens anything at `now`.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.key.is_good(now) && self.user.is_active()
    }

    /// Whether it may do this: a key may never more than its owner may now.
    pub fn may(&self, scope: Scope) -> bool {
        self.key.scopes.contains(&scope) && self.user.role.has(scope)
    }
}

impl ApiKey {
    /// Whether it opens anything at `now`.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

const PREFIX: &str = "mgs_";
const RANDOM_CHARS: usize = 30;
const CHECK_CHARS: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A new key's text. `random` should be fresh from the system: more bytes than characters, for bytes that would make
/// some characters likelier than others are passed over. Nothing when too many were.
pub fn mint_key(random: &[u8; 64]) -> Option<Secret> {
    base62(random, RANDOM_CHARS).map(|chars| {
        let body = format!("{PREFIX}{chars}");
        let check = checksum(&body);
        Secret::new(body + &check)
    })
}

/// So many base62 characters, each equally likely, from random bytes: of these, the ones that would make some characters
/// likelier than others are passed over. Nothing when too few are left.
pub(crate) fn base62(random: &[u8], count: usize) -> Option<String> {
    // 248 = 4 × 62: below it every character is equally likely.
    let good = random.iter().filter(|byte| **byte < 248);
    let chars: String = good.map(|byte| char::from(BASE62[usize::from(byte % 62)])).take(count).collect();
    (chars.len() == count).then_some(chars)
}

/// The hash of a key's text when the text can be a key at all: prefix, length, alphabet and checksum are right.
pub fn read_key(text: &str) -> Option<KeyHash> {
    let chars = text.strip_prefix(PREFIX)?;
    let plausible = chars.len() == RANDOM_CHARS + CHECK_CHARS && chars.bytes().all(|b| b.is_ascii_alphanumeric());
    if !plausible {
        return None;
    }
    let (body, check) = text.split_at(text.len() - CHECK_CHARS);
    (checksum(body) == check).then(|| KeyHash(Sha256::digest(text).into()))
}

/// CRC-32 in base62, as in the token format that secret scanners know.
fn checksum(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut chars = [b'0'; CHECK_CHARS];
    for place in chars.iter_mut().rev() {
        *place = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    chars.iter().map(|b| char::from(*b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_minted_key_is_read_and_a_typo_is_not() {
        let random: [u8; 64] = std::array::from_fn(|i| (i * 37 % 256) as u8);
        let key = mint_key(&random).unwrap();
        let text = key.expose();
        assert_eq!(text.len(), 40);
        assert!(read_key(text).is_some());
        for place in 4..text.len() {
            let mut typo: Vec<u8> = text.into();
            typo[place] = if typo[place] == b'a' { b'b' } else { b'a' };
            assert_eq!(read_key(std::str::from_utf8(&typo).unwrap()), None);
        }
        assert_eq!(mint_key(&[250; 64]), None, "not enough good bytes");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC*") {
            prop_assert_eq!(read_key(&text), None);
        }
    }
}
