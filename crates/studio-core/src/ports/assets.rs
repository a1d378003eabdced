//! Keeps bytes, addressed by their content: written once, never changed.

use crate::{job::ContentHash, time::Timestamp};
use async_trait::async_trait;
use bytes::Bytes;
use futures_core::stream::BoxStream;
use std::{fs::File, ops::Range};

/// Bytes that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blob {
    /// Their address.
    pub hash: ContentHash,
    /// How many.
    pub bytes: u64,
}

/// Why bytes can't be kept or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssetError {
    /// No such blob.
    #[error("there is no such blob")]
    Absent,
    /// More bytes than the writer allowed.
    #[error("more than {limit} bytes")]
    TooLarge {
        /// The cap, in bytes.
        limit: u64,
    },
    /// The place where bytes are kept is full.
    #[error("no space left for blobs")]
    NoSpace,
    /// It can't be read or written.
    #[error("blobs are not available: {0}")]
    Unavailable(String),
}

/// Bytes on their way in. Dropped before [`StagedBlob::commit`], they leave nothing behind.
#[async_trait]
pub trait StagedBlob: Send {
    /// Adds bytes; refuses those beyond the cap.
    async fn write(&mut self, bytes: Bytes) -> Result<(), AssetError>;

    /// What has come so far: its address and size, if nothing more comes.
    fn so_far(&self) -> Result<Blob, AssetError>;

    /// What has come so far as a file that can only be read, for a process that looks into it and must know no path.
    async fn reader(&self) -> Result<File, AssetError>;

    /// Makes them durable at their address. The same content twice is one blob.
    async fn commit(self: Box<Self>) -> Result<Blob, AssetError>;
}

/// Bytes on their way out.
pub type BlobReader = BoxStream<'static, Result<Bytes, AssetError>>;

/// Keeps bytes.
#[async_trait]
pub trait AssetStore: Send + Sync {
    /// Begins to take in at most `cap` bytes.
    async fn stage(&self, cap: u64) -> Result<Box<dyn StagedBlob>, AssetError>;

    /// Opens a range of a blob, given in bytes; it must lie within the blob.
    async fn open(&self, hash: ContentHash, range: Range<u64>) -> Result<BlobReader, AssetError>;

    /// A blob as a file that can only be read, for a process that looks into it and must know no path.
    async fn file(&self, hash: ContentHash) -> Result<File, AssetError>;

    /// All blobs whose hash begins with this byte, and when each was last given bytes or found to have them already.
    async fn blobs(&self, first: u8) -> Result<Vec<(ContentHash, Timestamp)>, AssetError>;

    /// Removes a blob, unless somebody has given it bytes since a moment. False: there is none, or somebody has.
    async fn remove(&self, hash: ContentHash, unless_since: Timestamp) -> Result<bool, AssetError>;

    /// Whether bytes can be written now.
    async fn check(&self) -> Result<(), AssetError>;
}
