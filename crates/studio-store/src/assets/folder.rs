//! Blobs in a folder: `blobs/<first two digits>/<SHA-256>`, whole and synced before they have that name.
//!
//! Bytes come in under a passing name in `blobs/tmp/`, hashed on the way and counted before they are written. A commit syncs
//! the file, gives it its address by a rename and syncs the folder, so an address that can be found after a crash has all of
//! its bytes. What was still under way then is removed at the next start, or when it is dropped.
//!
//! The names are hashes, so the same content twice is one file. All file work is done on threads that may block.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read, Seek, SeekFrom, Write},
    ops::Range,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};
use studio_core::{
    job::ContentHash,
    ports::{AssetError, AssetStore, Blob, BlobReader, StagedBlob},
    time::Timestamp,
};

/// How much of a blob is in memory at once while it is read.
const CHUNK_BYTES: u64 = 64 * 1024;

/// Keeps blobs in a folder. Only for whoever holds the folder's lock: opening removes what another left under way.
#[derive(Debug, Clone)]
pub struct FolderAssets {
    place: Arc<Place>,
}

#[derive(Debug)]
struct Place {
    blobs: PathBuf,
    passing: PathBuf,
    /// Names what is under way. One process has the folder, so counting is enough.
    next: AtomicU64,
    /// Held by whoever gives a blob its name, and by whoever takes one away: nobody finds bytes that are just going.
    naming: Mutex<()>,
}

impl FolderAssets {
    /// Opens the blobs of a data folder, making the place if there is none.
    pub fn open(folder: &Path) -> Result<Self, AssetError> {
        let blobs = blob_folder(folder);
        let passing = blobs.join("tmp");
        fs::create_dir_all(&passing).map_err(unavailable)?;
        for leftover in fs::read_dir(&passing).map_err(unavailable)? {
            fs::remove_file(leftover.map_err(unavailable)?.path()).map_err(unavailable)?;
        }
        sync_folder(folder)?;
        sync_folder(&blobs)?;
        Ok(Self { place: Arc::new(Place { blobs, passing, next: AtomicU64::new(0), naming: Mutex::new(()) }) })
    }
}

/// Where blobs lie in the folder that [`FolderAssets::open`] is given.
pub(super) fn blob_folder(folder: &Path) -> PathBuf {
    folder.join("blobs")
}

/// Where a blob lies among them.
pub(super) fn blob_path(blobs: &Path, hash: ContentHash) -> PathBuf {
    let name = hash.to_string();
    blobs.join(&name[..2]).join(name)
}

impl Place {
    /// A new file of a passing name.
    fn passing_file(&self) -> Result<PassingFile, AssetError> {
        let path = self.passing.join(self.next.fetch_add(1, Ordering::Relaxed).to_string());
        let file = File::options().write(true).create_new(true).open(&path).map_err(unavailable)?;
        Ok(PassingFile { file, path, named: false })
    }
}

/// A file that goes away with its owner, unless it was given a lasting name.
#[derive(Debug)]
struct PassingFile {
    file: File,
    path: PathBuf,
    named: bool,
}

impl Drop for PassingFile {
    fn drop(&mut self) {
        if !self.named
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "what is left of a blob can't be removed");
        }
    }
}

pub(super) fn unavailable(error: io::Error) -> AssetError {
    match error.kind() {
        // The last one: a limit on the length of files. Whoever raises it makes room.
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => AssetError::NoSpace,
        _ => AssetError::Unavailable(error.to_string()),
    }
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> Result<(), AssetError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(unavailable)
}

/// Does file work on a thread that may block. It is finished even if nobody waits for it any more.
async fn on_disk<T, W>(work: W) -> Result<T, AssetError>
where
    T: Send + 'static,
    W: FnOnce() -> Result<T, AssetError> + Send + 'static,
{
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(AssetError::Unavailable("the work on a blob broke off".into())))
}

#[async_trait]
impl AssetStore for FolderAssets {
    async fn stage(&self, cap: u64) -> Result<Box<dyn StagedBlob>, AssetError> {
        let place = self.place.clone();
        let incoming = on_disk(move || {
            let file = place.passing_file()?;
            Ok(Incoming { place, file, hasher: Sha256::new(), bytes: 0 })
        })
        .await?;
        Ok(Box::new(Staged { incoming: Some(incoming), bytes: 0, cap }))
    }

    async fn open(&self, hash: ContentHash, range: Range<u64>) -> Result<BlobReader, AssetError> {
        let path = blob_path(&self.place.blobs, hash);
        let Range { start, end } = range;
        let file = on_disk(move || {
            let mut file = open_blob(&path)?;
            let length = file.metadata().map_err(unavailable)?.len();
            if start > end || end > length {
                return Err(AssetError::Unavailable(format!("bytes {start} to {end} of a blob of {length}")));
            }
            file.seek(SeekFrom::Start(start)).map_err(unavailable)?;
            Ok(file)
        })
        .await?;
        Ok(Box::pin(stream::try_unfold((file, end - start), |(file, left)| async move {
            if left == 0 {
                return Ok(None);
            }
            on_disk(move || read_chunk(file, left).map(Some)).await
        })))
    }

    async fn file(&self, hash: ContentHash) -> Result<File, AssetError> {
        let path = blob_path(&self.place.blobs, hash);
        on_disk(move || open_blob(&path)).await
    }

    async fn blobs(&self, first: u8) -> Result<Vec<(ContentHash, Timestamp)>, AssetError> {
        let folder = self.place.blobs.join(format!("{first:02x}"));
        on_disk(move || {
            let entries = match fs::read_dir(&folder) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
                entries => entries.map_err(unavailable)?,
            };
            let mut blobs = Vec::new();
            for entry in entries {
                let entry = entry.map_err(unavailable)?;
                // What has no such name is not ours.
                if let Some(hash) = entry.file_name().to_str().and_then(ContentHash::parse) {
                    blobs.push((hash, modified(&entry.metadata().map_err(unavailable)?)));
                }
            }
            Ok(blobs)
        })
        .await
    }

    async fn remove(&self, hash: ContentHash, unless_since: Timestamp) -> Result<bool, AssetError> {
        let place = self.place.clone();
        on_disk(move || {
            let path = blob_path(&place.blobs, hash);
            let _naming = place.naming.lock().unwrap_or_else(PoisonError::into_inner);
            match fs::metadata(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
                Err(error) => Err(unavailable(error)),
                Ok(metadata) if modified(&metadata) >= unless_since => Ok(false),
                Ok(_) => fs::remove_file(&path).map(|()| true).map_err(unavailable),
            }
        })
        .await
    }

    async fn check(&self) -> Result<(), AssetError> {
        let place = self.place.clone();
        on_disk(move || place.passing_file()?.file.write_all(b"can this be written?").map_err(unavailable)).await
    }
}

fn open_blob(path: &Path) -> Result<File, AssetError> {
    File::open(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => AssetError::Absent,
        _ => unavailable(error),
    })
}

/// When a file was written last; what can't be told was now.
fn modified(metadata: &fs::Metadata) -> Timestamp {
    let since = metadata.modified().ok().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.map_or(Timestamp::from_millis(i64::MAX), |since| Timestamp::from_millis(0).plus(since))
}

/// The next chunk, and what is left after it.
fn read_chunk(mut file: File, left: u64) -> Result<(Bytes, (File, u64)), AssetError> {
    let size = left.min(CHUNK_BYTES);
    let mut chunk = Vec::with_capacity(CHUNK_BYTES as usize);
    let read = (&mut file).take(size).read_to_end(&mut chunk).map_err(unavailable)?;
    if read as u64 != size {
        return Err(AssetError::Unavailable("a blob is shorter than it was".into()));
    }
    Ok((Bytes::from(chunk), (file, left - size)))
}

/// Bytes on their way in, as the caller holds them.
struct Staged {
    /// None: a write failed, or is under way and nobody waits for it.
    incoming: Option<Incoming>,
    bytes: u64,
    cap: u64,
}

/// Bytes on their way in, as the disk has them.
#[derive(Debug)]
struct Incoming {
    place: Arc<Place>,
    file: PassingFile,
    hasher: Sha256,
    bytes: u64,
}

fn given_up() -> AssetError {
    AssetError::Unavailable("a blob was given up after a failed write".into())
}

#[async_trait]
impl StagedBlob for Staged {
    async fn write(&mut self, bytes: Bytes) -> Result<(), AssetError> {
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        if self.bytes > self.cap {
            // What came before is no use without the rest.
            self.incoming = None;
            return Err(AssetError::TooLarge { limit: self.cap });
        }
        let mut incoming = self.incoming.take().ok_or_else(given_up)?;
        let incoming = on_disk(move || {
            incoming.file.file.write_all(&bytes).map_err(unavailable)?;
            incoming.hasher.update(&bytes);
            incoming.bytes += bytes.len() as u64;
            Ok(incoming)
        });
        self.incoming = Some(incoming.await?);
        Ok(())
    }

    fn so_far(&self) -> Result<Blob, AssetError> {
        let incoming = self.incoming.as_ref().ok_or_else(given_up)?;
        Ok(Blob { hash: ContentHash(incoming.hasher.clone().finalize().into()), bytes: incoming.bytes })
    }

    async fn reader(&self) -> Result<File, AssetError> {
        let path = self.incoming.as_ref().ok_or_else(given_up)?.file.path.clone();
        on_disk(move || File::open(path).map_err(unavailable)).await
    }

    async fn commit(mut self: Box<Self>) -> Result<Blob, AssetError> {
        let incoming = self.incoming.take().ok_or_else(given_up)?;
        on_disk(move || incoming.commit()).await
    }
}

impl Incoming {
    fn commit(mut self) -> Result<Blob, AssetError> {
        self.file.file.sync_all().map_err(unavailable)?;
        let blob = Blob { hash: ContentHash(self.hasher.finalize().into()), bytes: self.bytes };
        let address = blob_path(&self.place.blobs, blob.hash);
        let folder = address.parent().unwrap_or(&self.place.blobs).to_owned();
        if !folder.is_dir() {
            fs::create_dir_all(&folder).map_err(unavailable)?;
            sync_folder(&self.place.blobs)?;
        }
        let naming = self.place.naming.lock().unwrap_or_else(PoisonError::into_inner);
        // One that was cut by a damaged disk is replaced: here are its bytes again.
        let known = fs::metadata(&address).is_ok_and(|known| known.len() == blob.bytes);
        if known {
            // As if they had come now: what nobody has wanted for long is removed.
            let written = self.file.file.metadata().and_then(|metadata| metadata.modified()).map_err(unavailable)?;
            let known = File::options().write(true).open(&address);
            known.and_then(|file| file.set_modified(written)).map_err(unavailable)?;
        } else {
            fs::rename(&self.file.path, &address).map_err(unavailable)?;
            self.file.named = true;
        }
        drop(naming);
        // Also for a known one: whoever named it may not have come to this line.
        sync_folder(&folder)?;
        Ok(blob)
    }
}
