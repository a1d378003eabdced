//! Where bytes lie.

mod backup;
mod folder;

pub use backup::{BlobFolder, BlobState, Taken};
pub use folder::FolderAssets;
