//! What people keep, in memory.

use super::{ForgottenBlob, MemoryStore, State, refused};
use async_trait::async_trait;
use studio_core::{
    id::{AssetId, ShareId, UserId},
    job::Job,
    library::{Facts, Origin, Share},
    ports::{Asset, AssetFilter, Kept, Library, NewUpload, Removed, STAYS, SentBefore, StoreError, Stored, Thumbnail},
    time::Timestamp,
};

impl State {
    fn owned(&self, owner: UserId, id: AssetId) -> Option<&Asset> {
        self.assets.get(&id).filter(|asset| asset.owner == owner)
    }

    /// The first picture that the input of a job names and its owner has not, nor brings with it.
    pub(super) fn missing(&self, job: &Job, brought: &[Asset]) -> Option<AssetId> {
        let comes = |id| brought.iter().any(|asset| asset.id == id && asset.owner == job.owner);
        let mut named = job.input.pictures().into_iter().map(|picture| picture.asset);
        named.find(|id| !comes(*id) && self.owned(job.owner, *id).is_none())
    }

    pub(super) fn stored(&self, owner: UserId, now: Timestamp) -> Stored {
        let brought = self.assets.values().filter(|asset| asset.owner == owner && asset.origin != Origin::Made);
        let since = now.minus(STAYS);
        let leaving = self.forgotten_blobs.values().filter(|blob| blob.owner == Some(owner) && blob.at > since);
        Stored { used: brought.map(|asset| asset.bytes).sum(), leaving: leaving.map(|blob| blob.bytes).sum() }
    }

    fn sent_before(&self, owner: UserId, name: &str) -> Option<SentBefore> {
        let (sent, id) = self.sent.get(&(owner, name.to_owned()))?;
        Some(SentBefore { asset: self.assets.get(id)?.clone(), sent: *sent })
    }

    fn add_upload(&mut self, upload: NewUpload) -> Result<Kept, StoreError> {
        let NewUpload { asset, named, quota } = upload;
        if self.owned(asset.owner, asset.id).is_some() {
            return Ok(Kept::Added);
        }
        if let Some((name, sent)) = &named
            && let Some(known) = self.sent_before(asset.owner, name)
        {
            return Ok(known.again(*sent));
        }
        let stored = self.stored(asset.owner, asset.created_at);
        if asset.bytes > stored.room(quota) {
            return Ok(Kept::OverQuota(stored));
        }
        if !self.users.contains_key(&asset.owner) {
            return Err(refused("an asset without an owner"));
        }
        self.refuse_known(std::iter::once(asset.id))?;
        if let Some((name, sent)) = named {
            self.sent.insert((asset.owner, name), (sent, asset.id));
        }
        self.assets.insert(asset.id, asset);
        Ok(Kept::Added)
    }

    /// Takes assets away, with all that leads to them.
    pub(super) fn remove_assets(&mut self, goes: impl Fn(&Asset) -> bool, now: Timestamp) {
        let gone: Vec<Asset> = self.assets.values().filter(|asset| goes(asset)).cloned().collect();
        for asset in gone {
            let owner = Some(asset.owner).filter(|_| asset.origin != Origin::Made);
            let thumbnail = asset.thumbnail.map(|thumbnail| (thumbnail.hash, None, thumbnail.bytes));
            for (hash, owner, bytes) in std::iter::once((asset.hash, owner, asset.bytes)).chain(thumbnail) {
                let known = self.forgotten_blobs.get(&hash).and_then(|blob| blob.owner);
                self.forgotten_blobs.insert(hash, ForgottenBlob { at: now, owner: owner.or(known), bytes });
            }
            self.assets.remove(&asset.id);
            self.shares.retain(|_, share| share.asset != asset.id);
            self.sent.retain(|_, (_, id)| *id != asset.id);
        }
    }

    fn remove_asset(&mut self, owner: UserId, id: AssetId, now: Timestamp) -> Removed {
        let Some(asset) = self.owned(owner, id).cloned() else { return Removed::Absent };
        let mut theirs = self.jobs.values().filter(|job| job.owner == owner);
        if let Some(job) = theirs.find(|job| job.needs(id)) {
            return Removed::InUse(job.id);
        }
        self.remove_assets(|asset| asset.id == id, now);
        if let (Origin::Made, Some(job)) = (asset.origin, asset.job)
            && let Some(told) = self.jobs.get(&job).and_then(|job| job.without_output(id))
        {
            self.jobs.insert(job, told);
        }
        Removed::Gone
    }

    fn share(&mut self, share: Share) -> Result<bool, StoreError> {
        if self.owned(share.owner, share.asset).is_none() {
            return Ok(false);
        }
        if self.shares.get(&share.slug) == Some(&share) {
            return Ok(true);
        }
        if self.shares.values().any(|known| known.slug == share.slug || known.id == share.id) {
            return Err(refused("two pages of one address"));
        }
        self.shares.insert(share.slug.clone(), share);
        Ok(true)
    }
}

#[async_trait]
impl Library for MemoryStore {
    async fn add_upload(&self, upload: NewUpload) -> Result<Kept, StoreError> {
        self.state().add_upload(upload)
    }

    async fn upload_named(&self, owner: UserId, name: &str) -> Result<Option<SentBefore>, StoreError> {
        Ok(self.state().sent_before(owner, name))
    }

    async fn stored(&self, owner: UserId, now: Timestamp) -> Result<Stored, StoreError> {
        Ok(self.state().stored(owner, now))
    }

    async fn asset(&self, owner: UserId, id: AssetId) -> Result<Option<Asset>, StoreError> {
        Ok(self.state().owned(owner, id).cloned())
    }

    async fn assets(&self, owner: UserId, filter: AssetFilter) -> Result<Vec<Asset>, StoreError> {
        let state = self.state();
        let wanted = state.assets.values().rev().filter(|asset| {
            asset.owner == owner
                && filter.before.is_none_or(|before| asset.id < before)
                && filter.kind.is_none_or(|kind| asset.media_type.kind() == kind)
                && filter.origin.is_none_or(|origin| asset.origin == origin)
        });
        Ok(wanted.take(usize::try_from(filter.limit).unwrap_or(usize::MAX)).cloned().collect())
    }

    async fn remove_asset(&self, owner: UserId, id: AssetId, now: Timestamp) -> Result<Removed, StoreError> {
        Ok(self.state().remove_asset(owner, id, now))
    }

    async fn keep_thumbnail(&self, id: AssetId, thumbnail: Thumbnail, facts: Facts) -> Result<bool, StoreError> {
        let mut state = self.state();
        let Some(asset) = state.assets.get_mut(&id) else { return Ok(false) };
        if asset.thumbnail.is_none() {
            (asset.thumbnail, asset.facts) = (Some(thumbnail), facts);
        }
        Ok(true)
    }

    async fn share(&self, share: Share) -> Result<bool, StoreError> {
        self.state().share(share)
    }

    async fn unshare(&self, owner: UserId, slug: &str) -> Result<bool, StoreError> {
        let mut state = self.state();
        let theirs = state.shares.get(slug).is_some_and(|share| share.owner == owner);
        if theirs {
            state.shares.remove(slug);
        }
        Ok(theirs)
    }

    async fn shares(&self, owner: UserId, before: Option<ShareId>, limit: u32) -> Result<Vec<Share>, StoreError> {
        let state = self.state();
        let theirs = state.shares.values().filter(|share| share.owner == owner);
        let mut shares: Vec<_> =
            theirs.filter(|share| before.is_none_or(|before| share.id < before)).cloned().collect();
        shares.sort_by_key(|share| std::cmp::Reverse(share.id));
        shares.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(shares)
    }

    async fn shared(&self, slug: &str) -> Result<Option<(Share, Asset)>, StoreError> {
        let state = self.state();
        let Some(share) = state.shares.get(slug) else { return Ok(None) };
        if state.users.get(&share.owner).is_none_or(|user| user.disabled_at.is_some()) {
            return Ok(None);
        }
        Ok(state.owned(share.owner, share.asset).map(|asset| (share.clone(), asset.clone())))
    }
}
