//! Blobs seen from outside of the server: looked at, and taken from one folder into another.
//!
//! Unlike [`super::FolderAssets`] this needs no lock and changes nothing of what is there. A blob never changes once it has its
//! name, so it may be taken at any moment, and a hard link is as good as a copy, as far as the server is concerned.

use super::folder::{blob_folder, blob_path, sync_folder, unavailable};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, ErrorKind, Read, Write},
    path::{Path, PathBuf},
};
use studio_core::{
    job::ContentHash,
    ports::{AssetError, Blob},
};

/// How much of a blob is in memory at once.
const CHUNK_BYTES: usize = 256 << 10;

/// The blobs of a data folder, or of a backup.
#[derive(Debug)]
pub struct BlobFolder {
    blobs: PathBuf,
    /// Folders that have names in them which are not synced yet.
    unsynced: BTreeSet<PathBuf>,
}

/// What became of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobState {
    /// It is there, as far as it was looked at.
    Sound,
    /// It is not there.
    Missing,
    /// It has another size.
    WrongSize {
        /// Which.
        found: u64,
    },
    /// Its bytes are others.
    WrongContent,
}

impl std::fmt::Display for BlobState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sound => f.write_str("is sound"),
            Self::Missing => f.write_str("is missing"),
            Self::WrongSize { found } => write!(f, "has {found} bytes, which is wrong"),
            Self::WrongContent => f.write_str("has other bytes than it was made with"),
        }
    }
}

/// How a blob was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// As another name of the same file.
    Linked,
    /// As a file of its own.
    Copied,
    /// Not at all, because of this.
    Not(BlobState),
}

impl BlobFolder {
    /// The blobs that [`super::FolderAssets::open`] keeps when it is given this folder.
    pub fn of(folder: &Path) -> Self {
        Self { blobs: blob_folder(folder), unsynced: BTreeSet::new() }
    }

    /// Looks at a blob: its size, and its bytes if they are to be hashed.
    pub fn look(&self, blob: Blob, hashed: bool) -> Result<BlobState, AssetError> {
        let path = blob_path(&self.blobs, blob.hash);
        let found = match fs::metadata(&path) {
            Ok(file) => file.len(),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BlobState::Missing),
            Err(error) => return Err(unavailable(error)),
        };
        if found != blob.bytes {
            return Ok(BlobState::WrongSize { found });
        }
        if !hashed {
            return Ok(BlobState::Sound);
        }
        let mut file = File::open(&path).map_err(unavailable)?;
        let (hash, _) = carry(&mut file, &mut io::sink())?;
        Ok(if hash == blob.hash { BlobState::Sound } else { BlobState::WrongContent })
    }

    /// Takes a blob from another folder: as a hard link where `link` allows and the file system can, else as a copy, which is
    /// hashed on its way. Durable after [`BlobFolder::sync`].
    pub fn take(&mut self, from: &Self, blob: Blob, link: bool) -> Result<Taken, AssetError> {
        match from.look(blob, false)? {
            BlobState::Sound => {}
            other => return Ok(Taken::Not(other)),
        }
        let (source, target) = (blob_path(&from.blobs, blob.hash), blob_path(&self.blobs, blob.hash));
        self.make_room(&target)?;
        // Another disk, a file system without links, too many links: whatever it is, a copy says whether it matters.
        if link && fs::hard_link(&source, &target).is_ok() {
            return Ok(Taken::Linked);
        }
        let mut file = match File::open(&source) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Taken::Not(BlobState::Missing)),
            Err(error) => return Err(unavailable(error)),
        };
        let mut copy = File::options().write(true).create_new(true).open(&target).map_err(unavailable)?;
        let (hash, bytes) = carry(&mut file, &mut copy)?;
        if hash != blob.hash {
            fs::remove_file(&target).map_err(unavailable)?;
            let wrong =
                if bytes == blob.bytes { BlobState::WrongContent } else { BlobState::WrongSize { found: bytes } };
            return Ok(Taken::Not(wrong));
        }
        copy.sync_all().map_err(unavailable)?;
        Ok(Taken::Copied)
    }

    /// Takes a blob's name away from here.
    pub fn forget(&mut self, blob: Blob) -> Result<(), AssetError> {
        fs::remove_file(blob_path(&self.blobs, blob.hash)).map_err(unavailable)
    }

    /// Makes the folder of a blob.
    fn make_room(&mut self, target: &Path) -> Result<(), AssetError> {
        let Some(folder) = target.parent() else { return Ok(()) };
        if self.unsynced.insert(folder.to_owned()) {
            fs::create_dir_all(folder).map_err(unavailable)?;
        }
        Ok(())
    }

    /// Makes what was taken durable.
    pub fn sync(&mut self) -> Result<(), AssetError> {
        for folder in std::mem::take(&mut self.unsynced) {
            sync_folder(&folder)?;
        }
        fs::create_dir_all(&self.blobs).map_err(unavailable)?;
        sync_folder(&self.blobs)?;
        self.blobs.parent().map_or(Ok(()), sync_folder)
    }
}

/// Carries bytes, and says what they are.
fn carry(from: &mut impl Read, to: &mut impl Write) -> Result<(ContentHash, u64), AssetError> {
    let (mut hasher, mut bytes, mut chunk) = (Sha256::new(), 0, vec![0; CHUNK_BYTES]);
    loop {
        let read = from.read(&mut chunk).map_err(unavailable)?;
        if read == 0 {
            return Ok((ContentHash(hasher.finalize().into()), bytes));
        }
        hasher.update(&chunk[..read]);
        to.write_all(&chunk[..read]).map_err(unavailable)?;
        bytes += read as u64;
    }
}
