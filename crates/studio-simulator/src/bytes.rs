//! Where bytes are: our own blobs, which outlive every server, and the addresses at which providers put theirs.

use crate::{faults::Fault, planted::Plant, world::World};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs::File,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use studio_core::{
    job::ContentHash,
    ports::{AssetError, AssetStore, Blob, BlobReader, Body, Clock, Destination, FetchError, Fetcher, StagedBlob},
    time::Timestamp,
};

/// Our blobs.
#[derive(Clone)]
pub struct SimulatedAssets {
    world: Arc<World>,
    blobs: Arc<Mutex<BTreeMap<ContentHash, Bytes>>>,
}

impl SimulatedAssets {
    /// None yet.
    pub fn new(world: &Arc<World>) -> Self {
        Self { world: world.clone(), blobs: Arc::default() }
    }

    fn blobs(&self) -> MutexGuard<'_, BTreeMap<ContentHash, Bytes>> {
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a blob is there, whole.
    pub fn holds(&self, hash: ContentHash, bytes: u64) -> bool {
        self.blobs().get(&hash).is_some_and(|blob| blob.len() as u64 == bytes)
    }
}

/// Nobody in these worlds looks into files by a process of its own.
fn no_files() -> AssetError {
    AssetError::Unavailable("there are no files here".into())
}

struct Staged {
    assets: SimulatedAssets,
    bytes: Vec<u8>,
    cap: u64,
}

#[async_trait]
impl StagedBlob for Staged {
    async fn write(&mut self, bytes: Bytes) -> Result<(), AssetError> {
        self.assets.world.lives().await;
        if (self.bytes.len() + bytes.len()) as u64 > self.cap {
            return Err(AssetError::TooLarge { limit: self.cap });
        }
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    fn so_far(&self) -> Result<Blob, AssetError> {
        Ok(Blob { hash: ContentHash(Sha256::digest(&self.bytes).into()), bytes: self.bytes.len() as u64 })
    }

    async fn reader(&self) -> Result<File, AssetError> {
        Err(no_files())
    }

    async fn commit(self: Box<Self>) -> Result<Blob, AssetError> {
        let world = &self.assets.world;
        world.lives().await;
        if world.strikes(Fault::BlobsAway) {
            return Err(AssetError::NoSpace);
        }
        let hash = ContentHash(Sha256::digest(&self.bytes).into());
        let blob = Blob { hash, bytes: self.bytes.len() as u64 };
        if world.plant != Some(Plant::SettledWithoutAssets) {
            self.assets.blobs().insert(hash, self.bytes.into());
        }
        Ok(blob)
    }
}

#[async_trait]
impl AssetStore for SimulatedAssets {
    async fn stage(&self, cap: u64) -> Result<Box<dyn StagedBlob>, AssetError> {
        self.world.lives().await;
        if self.world.strikes(Fault::BlobsAway) {
            return Err(AssetError::Unavailable("not now".into()));
        }
        Ok(Box::new(Staged { assets: self.clone(), bytes: Vec::new(), cap }))
    }

    async fn open(&self, hash: ContentHash, range: Range<u64>) -> Result<BlobReader, AssetError> {
        self.world.lives().await;
        let blob = self.blobs().get(&hash).cloned().ok_or(AssetError::Absent)?;
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(blob.len());
        let part = blob.slice(place(range.start)..place(range.end));
        Ok(stream::iter([Ok(part)]).boxed())
    }

    async fn file(&self, _hash: ContentHash) -> Result<File, AssetError> {
        Err(no_files())
    }

    async fn blobs(&self, first: u8) -> Result<Vec<(ContentHash, Timestamp)>, AssetError> {
        // Nobody in these worlds lives long enough for a blob to be old.
        let blobs = self.blobs();
        Ok(blobs.keys().filter(|hash| hash.0[0] == first).map(|hash| (*hash, self.world.now())).collect())
    }

    async fn remove(&self, _hash: ContentHash, _unless_since: Timestamp) -> Result<bool, AssetError> {
        Ok(false)
    }

    async fn check(&self) -> Result<(), AssetError> {
        Ok(())
    }
}

/// What lies at providers' addresses.
pub struct SimulatedFetcher {
    world: Arc<World>,
    published: Mutex<BTreeMap<String, Bytes>>,
}

impl SimulatedFetcher {
    /// Nothing yet.
    pub fn new(world: &Arc<World>) -> Self {
        Self { world: world.clone(), published: Mutex::default() }
    }

    /// Puts bytes at an address.
    pub fn publish(&self, url: &str, bytes: Bytes) {
        self.published.lock().unwrap_or_else(PoisonError::into_inner).insert(url.to_owned(), bytes);
    }
}

#[async_trait]
impl Fetcher for SimulatedFetcher {
    fn check(&self, _destination: &Destination, _url: &str) -> Result<(), FetchError> {
        Ok(())
    }

    async fn open(&self, _destination: &Destination, url: &str, _cap: u64) -> Result<Body, FetchError> {
        self.world.lives().await;
        let away = || FetchError::Unavailable("nobody answers".into());
        let bytes = self.published.lock().unwrap_or_else(PoisonError::into_inner).get(url).cloned();
        let bytes = bytes.ok_or_else(away)?;
        if !self.world.strikes(Fault::FetchFails) {
            return Ok(stream::iter([Ok(bytes)]).boxed());
        }
        if self.world.draw(|dice| dice.per_mille(500)) {
            return Err(away());
        }
        // It breaks off in its middle.
        let half = bytes.slice(..bytes.len() / 2);
        Ok(stream::iter([Ok(half), Err(away())]).boxed())
    }
}
