//! Keeps keys of providers that people entrust to us, sealed: see [`crate::seal`]. What they say is opened and closed
//! elsewhere; whoever keeps them sees envelopes only.

use crate::{
    id::{JobId, UserId},
    people::AuditEntry,
    ports::StoreError,
    seal::{Keyring, MasterKeyId, Place, Sealed},
    time::Timestamp,
};
use async_trait::async_trait;
use std::{collections::BTreeSet, sync::Arc};

/// A user's own key for a provider, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderKey {
    /// Whose.
    pub user: UserId,
    /// For which provider.
    pub provider: String,
    /// The key.
    pub sealed: Sealed,
    /// Its last characters, by which its owner tells it from others; nothing of a short one.
    pub last4: String,
    /// Since when it is kept.
    pub created_at: Timestamp,
}

impl ProviderKey {
    /// Where it lies.
    pub fn place(&self) -> Place {
        Place::ProviderKey { user: self.user, provider: self.provider.clone() }
    }
}

/// What became of something sealed that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entrusted {
    /// It is kept.
    Kept,
    /// Not: its master key is being taken out of use. Seal it again by the one that is in use now.
    Retired,
}

/// Something sealed, and where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRow {
    /// Where.
    pub place: Place,
    /// What.
    pub sealed: Sealed,
}

/// Something sealed that is to be sealed by another master key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resealed {
    /// Where it lies.
    pub place: Place,
    /// As it was read: if it is another one by now, it stays.
    pub before: Sealed,
    /// As it is to be.
    pub after: Sealed,
}

/// Keeps sealed keys.
#[async_trait]
pub trait Vault: Send + Sync {
    /// Keeps a user's own key for a provider, in place of the one before it; told of if it is kept.
    async fn keep_provider_key(&self, key: ProviderKey, entry: AuditEntry) -> Result<Entrusted, StoreError>;

    /// Removes one. False: there is none, and nothing is told.
    async fn remove_provider_key(&self, user: UserId, provider: &str, entry: AuditEntry) -> Result<bool, StoreError>;

    /// One of them.
    async fn provider_key(&self, user: UserId, provider: &str) -> Result<Option<ProviderKey>, StoreError>;

    /// All of a user's, by provider.
    async fn provider_keys(&self, user: UserId) -> Result<Vec<ProviderKey>, StoreError>;

    /// The key that came with a job's request, until the job is over.
    async fn job_key(&self, job: JobId) -> Result<Option<Sealed>, StoreError>;

    /// How much is sealed by which master key.
    async fn sealed_by(&self) -> Result<Vec<(MasterKeyId, u64)>, StoreError>;

    /// Some of what is sealed by another master key than `current`, but nothing that lies at `but`.
    async fn sealed_by_others(
        &self,
        current: MasterKeyId,
        but: BTreeSet<Place>,
        limit: u32,
    ) -> Result<Vec<SealedRow>, StoreError>;

    /// Puts what was sealed anew in place of what it was; how much was.
    async fn reseal(&self, rows: Vec<Resealed>) -> Result<u64, StoreError>;

    /// From now on nothing is kept that is sealed by one of these; by all others it is.
    async fn retire_master_keys(&self, ids: BTreeSet<MasterKeyId>) -> Result<(), StoreError>;

    /// Which these are.
    async fn retired_master_keys(&self) -> Result<BTreeSet<MasterKeyId>, StoreError>;
}

/// Why there is no master key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoKeyring(pub String);

/// Gives the master keys as they are now: they may be changed while the studio runs.
pub trait Keyrings: Send + Sync {
    /// The keys in use. Not to be held on to.
    fn keyring(&self) -> Result<Arc<Keyring>, NoKeyring>;
}
