//! WHAT IS REMEMBERED: jobs, money, keys and bytes, behind the ports of the core.
//!
//! Two stores of one meaning: [`SqliteStore`] keeps everything in one file, durably and through one group-committing writer;
//! [`MemoryStore`] keeps it in plain maps and is the oracle by which the other is judged: `tests/conformance` runs every
//! story on both. Neither has rules of its own: what may happen is decided by `studio_core`, in the transaction that writes
//! it down. Bytes lie in a folder, addressed by their content.
//!
//! In reading order: the lock that makes a data folder one server's, the two stores, the bytes, the limits.
#![forbid(unsafe_code)]

mod lock;

mod memory;
mod sqlite;

mod assets;

mod limits;

pub use assets::{BlobFolder, BlobState, FolderAssets, Taken};
pub use limits::MemoryLimiter;
pub use lock::{FolderLock, NotLocked};
pub use memory::MemoryStore;
pub use sqlite::{
    Contents, DATABASE_FILE, Depth, Options, Sealed, SimulatedStore, Snapshot, SqliteStore, is_older, sealed,
};
