//! One server for each data folder, proven by a lock on a file in it.
//!
//! The operating system drops the lock with its process, however that ends, so whoever holds it knows that the server before
//! is gone: that is the proof by which a start takes over every lease at once. The command line works on the database
//! beside a running server and takes no lock.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
};

const LOCK_FILE: &str = "studio.lock";

/// Proof that this process is the only server of a data folder. Held as long as it lives.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

/// Why a folder is not ours.
#[derive(Debug, thiserror::Error)]
pub enum NotLocked {
    /// A server has it.
    #[error("another studio server uses the data folder {}", .0.display())]
    Taken(PathBuf),
    /// It can't be made or locked.
    #[error("the data folder {} can't be used: {source}", .folder.display())]
    Unusable {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl FolderLock {
    /// Takes a folder, making it if there is none.
    pub fn take(folder: &Path) -> Result<Self, NotLocked> {
        let unusable = |source| NotLocked::Unusable { folder: folder.to_owned(), source };
        std::fs::create_dir_all(folder).map_err(unusable)?;
        let mut options = File::options();
        // Never truncated: the file has nothing in it and is never removed, for a removed one could be locked twice.
        options.write(true).create(true).truncate(false);
        let file = options.open(folder.join(LOCK_FILE)).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(NotLocked::Taken(folder.to_owned())),
            Err(TryLockError::Error(source)) => Err(unusable(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_server() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let lock = FolderLock::take(&path).unwrap();
        assert!(matches!(FolderLock::take(&path), Err(NotLocked::Taken(_))));
        drop(lock);
        assert!(FolderLock::take(&path).is_ok(), "free again when its holder is gone");
    }

    #[test]
    fn a_folder_that_can_not_be_made_says_so() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(matches!(FolderLock::take(file.path()), Err(NotLocked::Unusable { .. })));
    }
}
