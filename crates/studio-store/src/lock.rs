//! One server for each data folder, proven by a lock on a file in it.
//!
//! The operating system drops the lock with its process, however that ends, so whoever holds it knows that the server before
//! is gone: that is the proof by which a start takes over every lease at once. The command line works on the database
//! beside a running server and takes no lock.
//!
//! A child has a copy of every open file between its fork and its exec, the lock's too. A server that was killed in such a moment
//! leaves the lock to its child for a millisecond or so, and one that starts at once would meet it: a start asks for a while.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

const LOCK_FILE: &str = "studio.lock";

/// How long a start asks for the lock: long for what only has to close it, short for a person who started a second server.
const PATIENCE: Duration = Duration::from_secs(2);
const BETWEEN_TRIES: Duration = Duration::from_millis(5);

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
    /// Takes a folder as [`FolderLock::take`] does, and waits for two seconds if somebody has it: after a kill it may be one who is
    /// just going. Blocks its thread.
    pub fn take_from_dying(folder: &Path) -> Result<Self, NotLocked> {
        let begun = Instant::now();
        loop {
            match Self::take(folder) {
                Err(NotLocked::Taken(_)) if begun.elapsed() < PATIENCE => std::thread::sleep(BETWEEN_TRIES),
                taken => return taken,
            }
        }
    }

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
    fn a_start_waits_for_one_who_is_going() {
        let folder = tempfile::tempdir().unwrap();
        let lock = FolderLock::take(folder.path()).unwrap();
        let path = folder.path().to_owned();
        let waiting = std::thread::spawn(move || FolderLock::take_from_dying(&path));
        drop(lock);
        assert!(waiting.join().unwrap().is_ok());
    }

    #[test]
    fn a_folder_that_can_not_be_made_says_so() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(matches!(FolderLock::take(file.path()), Err(NotLocked::Unusable { .. })));
    }
}
