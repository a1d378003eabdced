//! `studio backup`: everything that a studio keeps, as it stood at one moment, in a folder of its own; also while it runs.
//!
//! First the database, then the blobs that this copy of it names. The other way round, a picture that is made between the two
//! would be named and not be there; this way, bytes that come later are only not named. Nothing removes blobs yet. What will
//! (pruning) must take away the rows first, and the bytes only a day or so after them, longer than any backup takes: then what a
//! snapshot names is still there when its blobs are taken. Should one be gone all the same, whoever made the backup is told, it
//! stands in the manifest, and the exit code is 1.
//!
//! All of it is made under a passing name beside its place, synced, and renamed at the end. So a folder of that name is a whole
//! backup, whatever happened while it was made.

pub(crate) mod manifest;

use crate::{
    arguments::Backup,
    config::Config,
    secrets::KEY_FILE,
    system::{SystemChance, SystemClock},
    terminal::{complain, say},
    wiring::{advised, make_folder, refuse_absent},
};
use anyhow::{Context, bail};
use manifest::{Manifest, MissingBlob};
use serde_json::json;
use std::{
    fs::{self, File},
    io::ErrorKind,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};
use studio_core::{
    job::ContentHash,
    ports::{Blob, Chance, Clock},
    time::Timestamp,
};
use studio_store::{BlobFolder, BlobState, DATABASE_FILE, Depth, Sealed, SqliteStore, Taken};

/// How many missing blobs are named on the terminal; the manifest has all of them.
const NAMED: usize = 10;

pub(crate) fn run(config: &Config, arguments: &Backup) -> anyhow::Result<ExitCode> {
    let (started, data) = (Instant::now(), config.data());
    refuse_absent(data)?;
    let unfinished = Unfinished::beside(&arguments.folder)?;
    let (mut manifest, blobs, sealed) = take_database(data, &unfinished.path, arguments.verify)?;
    let taken = take_blobs(data, &unfinished.path, &blobs, arguments, &mut manifest)?;
    manifest.write(&unfinished.path)?;
    unfinished.finish()?;
    note_backup(data, &manifest.made_at);
    let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    if arguments.json {
        let mut body = serde_json::to_value(&manifest)?;
        body["folder"] = json!(arguments.folder);
        body["linked"] = json!(taken.linked);
        body["copied"] = json!(taken.copied);
        body["ms"] = json!(ms);
        body["sealedKeys"] = json!(sealed);
        body["secretKeyIncluded"] = json!(false);
        say(&body.to_string());
    } else {
        say(&format!(
            "Backup of {} in {}: {} jobs, {} entries, {} blobs ({} linked, {} copied), {} bytes, {ms} ms.",
            data.display(),
            arguments.folder.display(),
            manifest.jobs,
            manifest.entries,
            manifest.blobs,
            taken.linked,
            taken.copied,
            manifest.bytes
        ));
        if taken.linked > 0 {
            say(
                "Linked blobs lie on the same disk as the studio: copy this folder to another one, or lose both with the disk.",
            );
        }
        if sealed > 0 || data.join(KEY_FILE).exists() {
            say(&format!(
                "NOT in it: {KEY_FILE}, the master key, for whoever has both can read the {sealed} keys that people have sealed here. Keep a copy \
                 of {} apart from your backups: without it those keys are lost after a restore.",
                data.join(KEY_FILE).display()
            ));
        }
        say(&format!("Bring it back with: studio restore {} --data <new folder>", arguments.folder.display()));
    }
    if manifest.missing.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    complain(&tell_missing(
        "the backup is made, but the studio itself has lost some of what it names. An older backup may have it",
        &manifest.missing,
    ));
    Ok(ExitCode::FAILURE)
}

/// What is wrong with blobs, in as many lines as someone reads.
pub(crate) fn tell_missing(what: &str, missing: &[MissingBlob]) -> String {
    let mut lines = vec![format!("studio: {what} ({} blobs):", missing.len())];
    lines.extend(missing.iter().take(NAMED).map(|blob| format!("  {} {}", blob.hash, blob.why)));
    if missing.len() > NAMED {
        lines.push(format!("  and {} more", missing.len() - NAMED));
    }
    lines.join("\n")
}

/// Where the time of the last backup is noted, for `studio doctor`.
const LAST_BACKUP_FILE: &str = "last-backup";

/// Notes that a backup was made. Where that can't be noted, the backup is as good.
fn note_backup(data: &Path, made_at: &str) {
    if let Err(error) = fs::write(data.join(LAST_BACKUP_FILE), format!("{made_at}\n")) {
        complain(&format!("studio: the time of this backup could not be noted: {error}"));
    }
}

/// When the last backup was made that is known of.
pub(crate) fn last_backup(data: &Path) -> Option<Timestamp> {
    Timestamp::parse(fs::read_to_string(data.join(LAST_BACKUP_FILE)).ok()?.trim())
}

/// Copies and checks the database; what the manifest says of it, the blobs that it names, and how many sealed keys are in it.
fn take_database(data: &Path, to: &Path, verify: bool) -> anyhow::Result<(Manifest, Vec<Blob>, u64)> {
    let made_at = SystemClock.now().to_string();
    let copy = SqliteStore::copy(data, &to.join(DATABASE_FILE)).map_err(|error| advised(error, data))?;
    // On the copy, where nobody waits for it. A damaged one would only take the place of a good one.
    let depth = if verify { Depth::Whole } else { Depth::Pages };
    copy.check(depth).map_err(|error| advised(error, data)).context("no backup was made")?;
    if verify && copy.is_current()? {
        let broken = copy.audit()?.violations.len();
        if broken > 0 {
            bail!("no backup was made: the ledger has {broken} violations; studio ledger verify names them");
        }
    }
    let (contents, blobs) = (copy.contents()?, copy.blobs()?);
    let sealed = if copy.is_current()? { copy.sealed_by()?.iter().map(|(_, count)| count).sum() } else { 0 };
    let Sealed { bytes, hash } = copy.seal()?;
    let manifest = Manifest {
        schema: contents.schema,
        jobs: contents.jobs,
        entries: contents.entries,
        bytes,
        database_bytes: bytes,
        verified: verify,
        ..Manifest::new(made_at, hash)
    };
    Ok((manifest, blobs, sealed))
}

/// How blobs were taken.
#[derive(Debug, Default)]
struct TakenBlobs {
    linked: u64,
    copied: u64,
}

fn take_blobs(
    data: &Path,
    to: &Path,
    blobs: &[Blob],
    arguments: &Backup,
    manifest: &mut Manifest,
) -> anyhow::Result<TakenBlobs> {
    let (from, mut into) = (BlobFolder::of(&data.join("blobs")), BlobFolder::of(&to.join("blobs")));
    let mut taken = TakenBlobs::default();
    for blob in blobs {
        let mut outcome = into.take(&from, *blob, !arguments.copy)?;
        if outcome == Taken::Linked && arguments.verify {
            match into.look(*blob, true)? {
                BlobState::Sound => {}
                other => {
                    into.forget(*blob)?;
                    outcome = Taken::Not(other);
                }
            }
        }
        match outcome {
            Taken::Linked => taken.linked += 1,
            Taken::Copied => taken.copied += 1,
            Taken::Not(state) => {
                let missing = MissingBlob { hash: blob.hash, bytes: blob.bytes, why: state.to_string() };
                manifest.missing.push(missing);
                continue;
            }
        }
        manifest.blobs += 1;
        manifest.bytes += blob.bytes;
    }
    into.sync()?;
    Ok(taken)
}

/// A folder of a passing name, which goes away unless it is finished.
struct Unfinished {
    path: PathBuf,
    place: PathBuf,
    finished: bool,
}

impl Unfinished {
    /// Begins one beside `place`, which must not be there, or be an empty folder.
    fn beside(place: &Path) -> anyhow::Result<Self> {
        match fs::read_dir(place).map(|mut entries| entries.next().is_none()) {
            Ok(true) => {}
            Ok(false) => bail!("{} is not empty; a backup is made in a new folder", place.display()),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                bail!("{} is a file; name a new folder", place.display())
            }
            Err(error) => return Err(error).with_context(|| format!("folder {}", place.display())),
        }
        let place = std::path::absolute(place)?;
        let (Some(parent), Some(name)) = (place.parent(), place.file_name()) else {
            bail!("{} can't be a backup; name a new folder", place.display());
        };
        make_folder(parent)?;
        let mut random = [0; 4];
        SystemChance.fill(&mut random);
        let random: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let path = parent.join(format!(".{}.unfinished-{random}", name.to_string_lossy()));
        make_folder(&path)?;
        Ok(Self { path, place, finished: false })
    }

    /// Syncs it and gives it its name.
    fn finish(mut self) -> anyhow::Result<()> {
        sync_folder(&self.path)?;
        let renamed = fs::rename(&self.path, &self.place);
        renamed.with_context(|| {
            format!(
                "{} could not be given its name; is the place still free, and no mount point?",
                self.place.display()
            )
        })?;
        self.finished = true;
        self.place.parent().map_or(Ok(()), sync_folder)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.finished
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            complain(&format!("studio: what is left in {} can be removed ({error})", self.path.display()));
        }
    }
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> anyhow::Result<()> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.with_context(|| format!("folder {}", folder.display()))
}

/// Whether a file is the one that was sealed.
pub(crate) fn is_same(sealed: Sealed, bytes: u64, hash: ContentHash) -> bool {
    sealed == Sealed { bytes, hash }
}
