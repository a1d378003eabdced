//! What people keep: nobody in these worlds uploads, removes or shows anything to others; what jobs made is looked at.

use super::{StorePort, misplaced};
use async_trait::async_trait;
use studio_core::{
    id::{AssetId, ShareId, UserId},
    library::{Facts, Share},
    ports::{Asset, AssetFilter, Kept, Library, NewUpload, Removed, SentBefore, StoreError, Stored, Thumbnail},
    time::Timestamp,
};

#[async_trait]
impl Library for StorePort {
    async fn add_upload(&self, _upload: NewUpload) -> Result<Kept, StoreError> {
        Err(misplaced())
    }

    async fn upload_named(&self, owner: UserId, name: &str) -> Result<Option<SentBefore>, StoreError> {
        ask!(self, upload_named(owner, name))
    }

    async fn stored(&self, owner: UserId, now: Timestamp) -> Result<Stored, StoreError> {
        ask!(self, stored(owner, now))
    }

    async fn asset(&self, owner: UserId, id: AssetId) -> Result<Option<Asset>, StoreError> {
        ask!(self, asset(owner, id))
    }

    async fn assets(&self, owner: UserId, filter: AssetFilter) -> Result<Vec<Asset>, StoreError> {
        ask!(self, assets(owner, filter.clone()))
    }

    async fn remove_asset(&self, _owner: UserId, _id: AssetId, _now: Timestamp) -> Result<Removed, StoreError> {
        Err(misplaced())
    }

    async fn keep_thumbnail(&self, _id: AssetId, _thumbnail: Thumbnail, _facts: Facts) -> Result<bool, StoreError> {
        Err(misplaced())
    }

    async fn share(&self, _share: Share) -> Result<bool, StoreError> {
        Err(misplaced())
    }

    async fn unshare(&self, _owner: UserId, _slug: &str) -> Result<bool, StoreError> {
        Err(misplaced())
    }

    async fn shares(&self, owner: UserId, before: Option<ShareId>, limit: u32) -> Result<Vec<Share>, StoreError> {
        ask!(self, shares(owner, before, limit))
    }

    async fn shared(&self, slug: &str) -> Result<Option<(Share, Asset)>, StoreError> {
        ask!(self, shared(slug))
    }
}
