//! Seals secrets for the store: keys of providers that people entrust to us are kept in no other form.
//!
//! XChaCha20-Poly1305 under a *master key*, with a fresh nonce of 24 random bytes (so many that chance never gives one twice). Bound into each
//! envelope is the place that it was made for: copied into another row it does not open. An envelope names its master key by a
//! hash, so that several may be in use while one is taken out of use:
//!
//! ```text
//! version (1 byte) | id of the master key (8) | nonce (24) | ciphertext, as long as the text | tag (16)
//! ```
//!
//! Chance is handed in, as everywhere in the core.

use crate::{
    id::{JobId, UserId},
    secret::Secret,
};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// Bytes of a master key.
pub const MASTER_KEY_BYTES: usize = 32;
/// Random bytes for each envelope.
pub const NONCE_BYTES: usize = 24;

const VERSION: u8 = 1;
const ID_BYTES: usize = 8;
const HEAD_BYTES: usize = 1 + ID_BYTES + NONCE_BYTES;

/// Names a master key and tells nothing of it: the beginning of a hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MasterKeyId(pub [u8; ID_BYTES]);

impl fmt::Display for MasterKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for MasterKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKeyId({self})")
    }
}

/// A key that seals. Wiped when it is dropped, and never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey {
    id: MasterKeyId,
    bytes: Zeroizing<[u8; MASTER_KEY_BYTES]>,
}

impl MasterKey {
    /// The key of these bytes, which should be random.
    pub fn new(bytes: [u8; MASTER_KEY_BYTES]) -> Self {
        let hash = Sha256::new().chain_update(b"studio master key id\0").chain_update(bytes).finalize();
        let mut id = [0; ID_BYTES];
        id.copy_from_slice(&hash[..ID_BYTES]);
        Self { id: MasterKeyId(id), bytes: Zeroizing::new(bytes) }
    }

    /// What it is called.
    pub fn id(&self) -> MasterKeyId {
        self.id
    }

    /// The key itself, for the one place where it is kept.
    pub fn expose(&self) -> &[u8; MASTER_KEY_BYTES] {
        &self.bytes
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id)
    }
}

/// The master keys in use. The first one seals, all of them open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyring {
    first: MasterKey,
    others: Vec<MasterKey>,
}

impl Keyring {
    /// With `first` to seal. Those of `others` that are there twice are there once.
    pub fn new(first: MasterKey, others: impl IntoIterator<Item = MasterKey>) -> Self {
        let mut ring = Self { first, others: Vec::new() };
        for other in others {
            if ring.find(other.id).is_none() {
                ring.others.push(other);
            }
        }
        ring
    }

    /// The one that seals.
    pub fn current(&self) -> &MasterKey {
        &self.first
    }

    /// All of them, the one that seals first.
    pub fn keys(&self) -> impl Iterator<Item = &MasterKey> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The one of that name.
    pub fn find(&self, id: MasterKeyId) -> Option<&MasterKey> {
        self.keys().find(|key| key.id == id)
    }

    /// Seals `text` for a place. `nonce` must be fresh and random.
    pub fn seal(&self, place: &Place, nonce: [u8; NONCE_BYTES], text: &Secret) -> Result<Sealed, SealError> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + text.expose().len() + 16);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.first.id.0);
        let bound = place.bound_to(&bytes);
        bytes.extend_from_slice(&nonce);
        let payload = Payload { msg: text.expose().as_bytes(), aad: &bound };
        let cipher = XChaCha20Poly1305::new(self.first.expose().into());
        bytes.extend(cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::TooLong)?);
        Ok(Sealed { key: self.first.id, bytes })
    }

    /// Opens what was sealed for a place.
    pub fn open(&self, place: &Place, sealed: &Sealed) -> Result<Secret, SealError> {
        let key = self.find(sealed.key).ok_or(SealError::NoKey(sealed.key))?;
        let (head, ciphertext) = sealed.bytes.split_at_checked(HEAD_BYTES).ok_or(SealError::Damaged)?;
        let (bound, nonce) = head.split_at(1 + ID_BYTES);
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| SealError::Damaged)?;
        let payload = Payload { msg: ciphertext, aad: &place.bound_to(bound) };
        let cipher = XChaCha20Poly1305::new(key.expose().into());
        let text = Zeroizing::new(cipher.decrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::Damaged)?);
        std::str::from_utf8(&text).map(Secret::new).map_err(|_| SealError::Damaged)
    }
}

/// For which row, and so for what, something is sealed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A user's own key for a provider.
    ProviderKey {
        /// Whose.
        user: UserId,
        /// For which provider.
        provider: String,
    },
    /// The key that came with one request, for the time of its job.
    JobKey(JobId),
}

impl Place {
    /// What is bound into the envelope beside its text: its head, and this place.
    fn bound_to(&self, head: &[u8]) -> Vec<u8> {
        // The provider comes last: nothing that stands in it can be taken for another field.
        let place = match self {
            Self::ProviderKey { user, provider } => format!("provider key\0{user}\0{provider}"),
            Self::JobKey(job) => format!("job key\0{job}"),
        };
        [head, place.as_bytes()].concat()
    }
}

/// A sealed text, as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    key: MasterKeyId,
    bytes: Vec<u8>,
}

impl Sealed {
    /// Reads what [`Sealed::as_bytes`] gave.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, SealError> {
        match bytes.get(..HEAD_BYTES) {
            Some([VERSION, id @ ..]) => {
                let id = id.get(..ID_BYTES).and_then(|id| id.try_into().ok()).ok_or(SealError::Damaged)?;
                Ok(Self { key: MasterKeyId(id), bytes })
            }
            _ => Err(SealError::Damaged),
        }
    }

    /// All of it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// By which master key.
    pub fn key(&self) -> MasterKeyId {
        self.key
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes by {})", self.bytes.len(), self.key)
    }
}

/// Why something can't be sealed or opened. Nothing of the text is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The text is longer than can be sealed.
    #[error("it is too long to be sealed")]
    TooLong,
    /// The master key is not among those that are in use.
    #[error("it was sealed by the master key {0}, which is not here")]
    NoKey(MasterKeyId),
    /// Its bytes, or the place where they lie, are not those of the envelope that was made.
    #[error("it was changed since it was sealed")]
    Damaged,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;
    use proptest::prelude::*;

    fn id(n: u8) -> [u8; 10] {
        [n; 10]
    }

    fn user(n: u8) -> UserId {
        UserId::new(Timestamp::from_millis(1_790_000_000_000), id(n))
    }

    fn job(n: u8) -> Place {
        Place::JobKey(JobId::new(Timestamp::from_millis(1_790_000_000_000), id(n)))
    }

    fn of_provider(n: u8, provider: &str) -> Place {
        Place::ProviderKey { user: user(n), provider: provider.into() }
    }

    fn ring(first: u8, others: &[u8]) -> Keyring {
        let key = |n: &u8| MasterKey::new([*n; 32]);
        Keyring::new(key(&first), others.iter().map(key))
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_and_nowhere_else() {
        let sealed = ring(1, &[]).seal(&of_provider(1, "openai"), [7; 24], &Secret::new("sk-text")).unwrap();
        assert_eq!(ring(1, &[]).open(&of_provider(1, "openai"), &sealed).unwrap(), Secret::new("sk-text"));
        assert_eq!(ring(2, &[1]).open(&of_provider(1, "openai"), &sealed).unwrap(), Secret::new("sk-text"));
        for other in [of_provider(2, "openai"), of_provider(1, "xai"), of_provider(1, "openai\0"), job(1)] {
            assert_eq!(ring(1, &[]).open(&other, &sealed), Err(SealError::Damaged), "{other:?}");
        }
        let own = MasterKey::new([1; 32]).id();
        assert_eq!(ring(2, &[3]).open(&of_provider(1, "openai"), &sealed), Err(SealError::NoKey(own)));
        assert!(!sealed.as_bytes().windows(4).any(|bytes| bytes == b"text"));
    }

    #[test]
    fn every_changed_bit_is_seen() {
        let (keys, place) = (ring(1, &[]), job(1));
        let sealed = keys.seal(&place, [7; 24], &Secret::new("sk-text")).unwrap();
        for bit in 0..sealed.as_bytes().len() * 8 {
            let mut bytes = sealed.as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Sealed::from_bytes(bytes).and_then(|sealed| keys.open(&place, &sealed)).is_err(), "bit {bit}");
        }
        for length in 0..sealed.as_bytes().len() {
            let cut = Sealed::from_bytes(sealed.as_bytes()[..length].to_vec());
            assert!(cut.and_then(|sealed| keys.open(&place, &sealed)).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn the_first_key_seals_and_a_key_twice_is_one() {
        let keys = ring(1, &[2, 1, 2]);
        assert_eq!(keys.keys().count(), 2);
        let sealed = keys.seal(&job(1), [0; 24], &Secret::new("x")).unwrap();
        assert_eq!((sealed.key(), sealed.key()), (keys.current().id(), MasterKey::new([1; 32]).id()));
    }

    #[test]
    fn neither_a_master_key_nor_an_envelope_prints_what_is_in_it() {
        let keys = ring(0xab, &[]);
        let sealed = keys.seal(&job(1), [0xcd; 24], &Secret::new("sk-text")).unwrap();
        let printed = format!("{keys:?} {sealed:?}");
        assert!(!printed.contains("171") && !printed.contains("abab") && !printed.contains("205"), "{printed}");
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in "\\PC{0,600}", nonce: [u8; 24]) {
            let keys = ring(1, &[]);
            let sealed = keys.seal(&job(1), nonce, &Secret::new(text.clone())).unwrap();
            let read = Sealed::from_bytes(sealed.as_bytes().to_vec()).unwrap();
            let opened = keys.open(&job(1), &read).unwrap();
            prop_assert_eq!(opened.expose(), text);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
            if let Ok(sealed) = Sealed::from_bytes(bytes) {
                prop_assert!(ring(1, &[]).open(&job(1), &sealed).is_err());
            }
        }
    }
}
