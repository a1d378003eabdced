//! Hashes passwords: argon2id, which takes memory and time on purpose. So it is done beside the runtime, few at once, and who
//! comes when too many wait is turned away.

use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc};
use std::sync::atomic::{AtomicU64, Ordering};
use studio_core::{
    ports::{Chance, PasswordHash},
    secret::Secret,
};
use tokio::sync::Semaphore;

/// So many at once: each takes 19 MiB and a core.
const AT_ONCE: usize = 2;
/// So many may wait for their turn: about three seconds on a slow core.
const MOST_WAITING: usize = 64;
/// Bytes of a salt.
const SALT: usize = 16;

/// What a password is checked against where there is no account, or none with a password: the same work, so that nobody learns by
/// the time whether there is one. It is the hash of nothing that anyone knows.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$c3R1ZGlvLW5vYm9keSEhIQ$\
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why nothing was hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotHashed {
    /// Too many wait.
    #[error("too many passwords are being hashed")]
    Busy,
    /// It can't be done: a bug, or a hash that is damaged.
    #[error("the password can't be hashed")]
    Broken,
}

/// Hashes passwords, few at once.
pub struct Hashing {
    turns: Semaphore,
    places: Semaphore,
    done: AtomicU64,
}

impl Default for Hashing {
    fn default() -> Self {
        Self { turns: Semaphore::new(AT_ONCE), places: Semaphore::new(MOST_WAITING + AT_ONCE), done: AtomicU64::new(0) }
    }
}

impl Hashing {
    /// Hashes a new password.
    pub async fn hash(&self, chance: &dyn Chance, password: Secret) -> Result<PasswordHash, NotHashed> {
        let mut salt = [0; SALT];
        chance.fill(&mut salt);
        self.in_turn(move || {
            let hash: phc::PasswordHash = Argon2::default()
                .hash_password_with_salt(password.expose().as_bytes(), &salt)
                .map_err(|_| NotHashed::Broken)?;
            Ok(PasswordHash(hash.to_string()))
        })
        .await
    }

    /// Whether a password is the one that was hashed. Where there is no hash it is not, and takes as long.
    pub async fn verify(&self, password: Secret, hash: Option<PasswordHash>) -> Result<bool, NotHashed> {
        self.in_turn(move || {
            let known = hash.is_some();
            let text = hash.map_or_else(|| NOBODYS.to_owned(), |hash| hash.0);
            let parsed = phc::PasswordHash::new(&text).map_err(|_| NotHashed::Broken)?;
            let right = Argon2::default().verify_password(password.expose().as_bytes(), &parsed).is_ok();
            Ok(right && known)
        })
        .await
    }

    /// How often it was done: each time costs the same, whatever came of it.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, NotHashed> + Send + 'static,
    ) -> Result<T, NotHashed> {
        let _place = self.places.try_acquire().map_err(|_| NotHashed::Busy)?;
        let _turn = self.turns.acquire().await.map_err(|_| NotHashed::Busy)?;
        self.done.fetch_add(1, Ordering::Relaxed);
        tokio::task::spawn_blocking(work).await.unwrap_or(Err(NotHashed::Broken))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sevens;

    impl Chance for Sevens {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    #[tokio::test]
    async fn a_password_is_found_right_and_nobodys_never() {
        let hashing = Hashing::default();
        let password = || Secret::new("correct mule battery staple");
        let hash = hashing.hash(&Sevens, password()).await.unwrap();
        assert!(hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.0);
        assert_eq!(hashing.verify(password(), Some(hash.clone())).await, Ok(true));
        assert_eq!(hashing.verify(Secret::new("another"), Some(hash.clone())).await, Ok(false));
        assert_eq!(hashing.verify(password(), None).await, Ok(false), "and it can be read");
        assert_eq!(hashing.verify(password(), Some(PasswordHash("nonsense".into()))).await, Err(NotHashed::Broken));
        assert!(NOBODYS.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "as much work as any other");
    }

    #[tokio::test]
    async fn who_comes_when_too_many_wait_is_turned_away() {
        let hashing = Hashing::default();
        let _all = hashing.places.acquire_many((MOST_WAITING + AT_ONCE) as u32).await.unwrap();
        assert_eq!(hashing.verify(Secret::new("x"), None).await, Err(NotHashed::Busy));
    }
}
