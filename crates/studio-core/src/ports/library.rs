//! Remembers what people keep: uploads, what jobs made, and the pages by which they show it to others.

use super::StoreError;
use crate::{
    id::{AssetId, JobId, ShareId, UserId},
    inspection::FileKind,
    job::{ContentHash, Job, Output},
    library::{Facts, Origin, Share},
    media::MediaType,
    time::Timestamp,
};
use async_trait::async_trait;
use std::time::Duration;

/// Bytes in someone's library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Its name.
    pub id: AssetId,
    /// Whose it is.
    pub owner: UserId,
    /// The job that made it, or in whose request it came. None: it was uploaded.
    pub job: Option<JobId>,
    /// Where it comes from.
    pub origin: Origin,
    /// Its content.
    pub hash: ContentHash,
    /// Its type.
    pub media_type: MediaType,
    /// Its size.
    pub bytes: u64,
    /// What its owner calls it, cleaned ([`crate::library::file_name`]).
    pub name: Option<String>,
    /// What is known of it.
    pub facts: Facts,
    /// A small picture of it.
    pub thumbnail: Option<Thumbnail>,
    /// Since when.
    pub created_at: Timestamp,
}

/// A small picture of an asset: a blob of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thumbnail {
    /// Its content.
    pub hash: ContentHash,
    /// Its type.
    pub media_type: MediaType,
    /// Its size.
    pub bytes: u64,
}

impl Asset {
    /// What a job made, for its owner's library.
    pub fn of_output(job: &Job, output: &Output, now: Timestamp) -> Self {
        Self {
            id: output.asset,
            owner: job.owner,
            job: Some(job.id),
            origin: Origin::Made,
            hash: output.hash,
            media_type: output.media_type,
            bytes: output.bytes,
            name: None,
            facts: Facts::default(),
            thumbnail: None,
            created_at: now,
        }
    }
}

/// A file to be someone's. Its bytes are kept already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUpload {
    /// What it will be: of origin [`Origin::Uploaded`], without a job.
    pub asset: Asset,
    /// What its sender called the request, and the hash of what they sent, which may be other bytes than those that are kept.
    pub named: Option<(String, ContentHash)>,
    /// Most bytes that what its owner brought may have together, with this one.
    pub quota: u64,
}

/// What became of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// It is its owner's.
    Added,
    /// The same was sent before under the same name: this is what became of it.
    Replayed(Box<Asset>),
    /// Something else was sent before under the same name.
    NameReused,
    /// It would be too much beside these.
    OverQuota(Stored),
}

/// An upload that is there, by what its sender called the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentBefore {
    /// What became of it.
    pub asset: Asset,
    /// The hash of what they sent, which may be other bytes than those that are kept.
    pub sent: ContentHash,
}

impl SentBefore {
    /// What becomes of bytes that come under the same name.
    pub fn again(self, sent: ContentHash) -> Kept {
        if self.sent == sent { Kept::Replayed(Box::new(self.asset)) } else { Kept::NameReused }
    }
}

/// What someone brought takes on the disk: their uploads, and what came inside their requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stored {
    /// Bytes of what they have.
    pub used: u64,
    /// Bytes of what they removed less than [`STAYS`] ago: it is on the disk still.
    pub leaving: u64,
}

/// How long bytes stay that nobody names any more: a backup that began before may still have to copy them.
pub const STAYS: Duration = Duration::from_secs(24 * 3600);

impl Stored {
    /// How much more they may have. What leaves may be as much again as the quota: who removes and brings without end would
    /// fill the disk without ever being over it.
    pub fn room(&self, quota: u64) -> u64 {
        let on_disk = self.used.saturating_add(self.leaving);
        quota.saturating_sub(self.used).min(quota.saturating_mul(2).saturating_sub(on_disk))
    }
}

/// What became of a wish to remove an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// It is gone, with all pages that showed it. The job that made it says so.
    Gone,
    /// There is none, or it is another's.
    Absent,
    /// A job that is not over needs it.
    InUse(JobId),
}

/// Which of their assets someone wants to see, newest first.
#[derive(Debug, Clone, Default)]
pub struct AssetFilter {
    /// Only of this kind.
    pub kind: Option<FileKind>,
    /// Only of this origin.
    pub origin: Option<Origin>,
    /// Only older than this one.
    pub before: Option<AssetId>,
    /// At most so many.
    pub limit: u32,
}

/// Remembers what people keep.
#[async_trait]
pub trait Library: Send + Sync {
    /// Takes an upload into its owner's library: quota and name are checked in the same commit. Power durable: whoever was told
    /// that a file is kept may throw away their own.
    async fn add_upload(&self, upload: NewUpload) -> Result<Kept, StoreError>;

    /// The upload that its sender called by this name, while it is there.
    async fn upload_named(&self, owner: UserId, name: &str) -> Result<Option<SentBefore>, StoreError>;

    /// How many bytes take now what someone brought.
    async fn stored(&self, owner: UserId, now: Timestamp) -> Result<Stored, StoreError>;

    /// An asset, if it is `owner`'s.
    async fn asset(&self, owner: UserId, id: AssetId) -> Result<Option<Asset>, StoreError>;

    /// Someone's assets.
    async fn assets(&self, owner: UserId, filter: AssetFilter) -> Result<Vec<Asset>, StoreError>;

    /// Removes an asset of `owner`'s.
    async fn remove_asset(&self, owner: UserId, id: AssetId, now: Timestamp) -> Result<Removed, StoreError>;

    /// Notes a small picture of an asset, and what was learnt with it, unless it has one. False: there is no such asset.
    async fn keep_thumbnail(&self, id: AssetId, thumbnail: Thumbnail, facts: Facts) -> Result<bool, StoreError>;

    /// Shows an asset to whoever knows the slug. False: the asset is absent, or another's.
    async fn share(&self, share: Share) -> Result<bool, StoreError>;

    /// Ends a page of `owner`'s. False: there is none.
    async fn unshare(&self, owner: UserId, slug: &str) -> Result<bool, StoreError>;

    /// Someone's pages, newest first, at most so many, older than `before`.
    async fn shares(&self, owner: UserId, before: Option<ShareId>, limit: u32) -> Result<Vec<Share>, StoreError>;

    /// What a page shows.
    async fn shared(&self, slug: &str) -> Result<Option<(Share, Asset)>, StoreError>;
}
