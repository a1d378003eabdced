//! Where bytes lie.

mod folder;

pub use folder::FolderAssets;
