//! `backup.json`: what a backup says of itself. A folder without it is none.

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::Path,
};
use studio_core::job::ContentHash;

/// Its name in a backup's folder.
pub(crate) const MANIFEST_FILE: &str = "backup.json";
/// What this program writes; it reads no other.
const FORMAT: u32 = 1;

/// What a backup says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    /// How the rest is to be read.
    pub(super) format: u32,
    /// The moment of the snapshot.
    pub(crate) made_at: String,
    /// The program that made it.
    pub(crate) version: String,
    /// The version of the database's schema.
    pub(crate) schema: u32,
    /// How many jobs are in it.
    pub(crate) jobs: u64,
    /// How many entries of the ledger.
    pub(crate) entries: u64,
    /// How many blobs lie beside the database.
    pub(crate) blobs: u64,
    /// Bytes of all of it.
    pub(crate) bytes: u64,
    /// Bytes of the database.
    pub(crate) database_bytes: u64,
    /// Its SHA-256: SQLite notices broken pages, but not a changed letter within a text.
    pub(crate) database_sha256: ContentHash,
    /// Whether every blob was hashed and the ledger audited when it was made.
    pub(crate) verified: bool,
    /// Blobs that the database names and that could not be taken.
    pub(crate) missing: Vec<MissingBlob>,
}

/// A blob that the database names and that is not there as it was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MissingBlob {
    /// Its address.
    pub(crate) hash: ContentHash,
    /// The size that it should have.
    pub(crate) bytes: u64,
    /// What is wrong with it.
    pub(crate) why: String,
}

impl Manifest {
    /// A manifest of nothing yet, made at a moment.
    pub(crate) fn new(made_at: String, database_sha256: ContentHash) -> Self {
        Self {
            format: FORMAT,
            made_at,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            schema: 0,
            jobs: 0,
            entries: 0,
            blobs: 0,
            bytes: 0,
            database_bytes: 0,
            database_sha256,
            verified: false,
            missing: Vec::new(),
        }
    }

    /// Reads a backup's.
    pub(crate) fn read(backup: &Path) -> anyhow::Result<Self> {
        let path = backup.join(MANIFEST_FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => bail!(
                "{} is no backup: it has no {MANIFEST_FILE}; a backup that was broken off has none either",
                backup.display()
            ),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        let format = serde_json::from_str::<serde_json::Value>(&text).map(|value| value["format"].as_u64());
        match format.with_context(|| path.display().to_string())? {
            Some(format) if format == u64::from(FORMAT) => {}
            Some(newer) => bail!(
                "{} was made by a newer studio (its format is {newer}, this one knows {FORMAT}): use that",
                backup.display()
            ),
            None => bail!("{} says no format: it is no manifest of a backup", path.display()),
        }
        serde_json::from_str(&text).with_context(|| path.display().to_string())
    }

    /// Writes it, durably.
    pub(crate) fn write(&self, backup: &Path) -> anyhow::Result<()> {
        let path = backup.join(MANIFEST_FILE);
        let write = || {
            let mut file = File::create_new(&path)?;
            file.write_all(serde_json::to_string_pretty(self)?.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()
        };
        write().with_context(|| path.display().to_string())
    }
}
