//! Sealed keys in these worlds: those of requests come and go with their jobs; nobody stores one, and no master key is changed.

use super::{StorePort, misplaced};
use async_trait::async_trait;
use std::collections::BTreeSet;
use studio_core::{
    id::{JobId, UserId},
    people::AuditEntry,
    ports::{Entrusted, ProviderKey, Resealed, SealedRow, StoreError, Vault},
    seal::{MasterKeyId, Place, Sealed},
};

#[async_trait]
impl Vault for StorePort {
    async fn keep_provider_key(&self, _key: ProviderKey, _entry: AuditEntry) -> Result<Entrusted, StoreError> {
        Err(misplaced())
    }

    async fn remove_provider_key(
        &self,
        _user: UserId,
        _provider: &str,
        _entry: AuditEntry,
    ) -> Result<bool, StoreError> {
        Err(misplaced())
    }

    async fn provider_key(&self, user: UserId, provider: &str) -> Result<Option<ProviderKey>, StoreError> {
        ask!(self, provider_key(user, provider))
    }

    async fn provider_keys(&self, user: UserId) -> Result<Vec<ProviderKey>, StoreError> {
        ask!(self, provider_keys(user))
    }

    async fn job_key(&self, job: JobId) -> Result<Option<Sealed>, StoreError> {
        ask!(self, job_key(job))
    }

    async fn sealed_by(&self) -> Result<Vec<(MasterKeyId, u64)>, StoreError> {
        ask!(self, sealed_by())
    }

    async fn sealed_by_others(
        &self,
        current: MasterKeyId,
        but: BTreeSet<Place>,
        limit: u32,
    ) -> Result<Vec<SealedRow>, StoreError> {
        ask!(self, sealed_by_others(current, but.clone(), limit))
    }

    async fn reseal(&self, _rows: Vec<Resealed>) -> Result<u64, StoreError> {
        Err(misplaced())
    }

    async fn retire_master_keys(&self, _ids: BTreeSet<MasterKeyId>) -> Result<(), StoreError> {
        Err(misplaced())
    }

    async fn retired_master_keys(&self) -> Result<BTreeSet<MasterKeyId>, StoreError> {
        ask!(self, retired_master_keys())
    }
}
