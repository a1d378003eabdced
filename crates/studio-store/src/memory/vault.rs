//! Sealed keys of providers, in memory.

use super::{MemoryStore, State};
use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet};
use studio_core::{
    id::{JobId, UserId},
    people::AuditEntry,
    ports::{Entrusted, ProviderKey, Resealed, SealedRow, StoreError, Vault},
    seal::{MasterKeyId, Place, Sealed},
};

/// What is kept.
#[derive(Debug, Default)]
pub(super) struct Sealeds {
    providers: BTreeMap<(UserId, String), ProviderKey>,
    pub(super) jobs: BTreeMap<JobId, Sealed>,
    retired: BTreeSet<MasterKeyId>,
}

impl Sealeds {
    pub(super) fn is_retired(&self, master: MasterKeyId) -> bool {
        self.retired.contains(&master)
    }

    fn rows(&self) -> impl Iterator<Item = SealedRow> {
        let of_providers =
            self.providers.values().map(|key| SealedRow { place: key.place(), sealed: key.sealed.clone() });
        let of_jobs =
            self.jobs.iter().map(|(job, sealed)| SealedRow { place: Place::JobKey(*job), sealed: sealed.clone() });
        of_providers.chain(of_jobs)
    }

    fn find(&mut self, place: &Place) -> Option<&mut Sealed> {
        match place {
            Place::ProviderKey { user, provider } => {
                self.providers.get_mut(&(*user, provider.clone())).map(|key| &mut key.sealed)
            }
            Place::JobKey(job) => self.jobs.get_mut(job),
        }
    }
}

#[async_trait]
impl Vault for MemoryStore {
    async fn keep_provider_key(&self, key: ProviderKey, entry: AuditEntry) -> Result<Entrusted, StoreError> {
        let mut state = self.state();
        if state.sealed.is_retired(key.sealed.key()) {
            return Ok(Entrusted::Retired);
        }
        if !state.users.contains_key(&key.user) {
            return Err(super::refused("a key without an owner"));
        }
        state.sealed.providers.insert((key.user, key.provider.clone()), key);
        state.people.note(entry);
        Ok(Entrusted::Kept)
    }

    async fn remove_provider_key(&self, user: UserId, provider: &str, entry: AuditEntry) -> Result<bool, StoreError> {
        let mut state = self.state();
        let removed = state.sealed.providers.remove(&(user, provider.to_owned())).is_some();
        if removed {
            state.people.note(entry);
        }
        Ok(removed)
    }

    async fn provider_key(&self, user: UserId, provider: &str) -> Result<Option<ProviderKey>, StoreError> {
        Ok(self.state().sealed.providers.get(&(user, provider.to_owned())).cloned())
    }

    async fn provider_keys(&self, user: UserId) -> Result<Vec<ProviderKey>, StoreError> {
        Ok(self.state().sealed.providers.values().filter(|key| key.user == user).cloned().collect())
    }

    async fn job_key(&self, job: JobId) -> Result<Option<Sealed>, StoreError> {
        Ok(self.state().sealed.jobs.get(&job).cloned())
    }

    async fn sealed_by(&self) -> Result<Vec<(MasterKeyId, u64)>, StoreError> {
        let mut counts = BTreeMap::new();
        for row in self.state().sealed.rows() {
            *counts.entry(row.sealed.key()).or_insert(0) += 1;
        }
        Ok(counts.into_iter().collect())
    }

    async fn sealed_by_others(
        &self,
        current: MasterKeyId,
        but: BTreeSet<Place>,
        limit: u32,
    ) -> Result<Vec<SealedRow>, StoreError> {
        let state = self.state();
        let others = state.sealed.rows().filter(|row| row.sealed.key() != current && !but.contains(&row.place));
        Ok(others.take(limit as usize).collect())
    }

    async fn reseal(&self, rows: Vec<Resealed>) -> Result<u64, StoreError> {
        let mut state = self.state();
        let mut count = 0;
        for Resealed { place, before, after } in rows {
            if let Some(sealed) = state.sealed.find(&place).filter(|sealed| **sealed == before) {
                *sealed = after;
                count += 1;
            }
        }
        Ok(count)
    }

    async fn retire_master_keys(&self, ids: BTreeSet<MasterKeyId>) -> Result<(), StoreError> {
        self.state().sealed.retired = ids;
        Ok(())
    }

    async fn retired_master_keys(&self) -> Result<BTreeSet<MasterKeyId>, StoreError> {
        Ok(self.state().sealed.retired.clone())
    }
}

impl State {
    /// Sees that no key of a request outlives its job.
    pub(super) fn audit_sealed(&self, auditor: &mut studio_core::ledger::Auditor) {
        for id in self.sealed.jobs.keys() {
            let over = self.jobs.get(id).is_some_and(|job| job.status.is_terminal());
            auditor.check("no key is kept of a job that is over", !over, || format!("job {id}"));
        }
    }
}
