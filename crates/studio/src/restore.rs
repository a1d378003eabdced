//! `studio restore`: a backup becomes a studio, in a data folder that has none.
//!
//! Everything is copied into `restoring/` in the data folder and checked there; then blobs and database move to their places, the
//! database last. Until it is there, the folder has no studio, and neither a server nor anything else of ours makes a new one in
//! it: a start that finds `restoring/` alone says that a restore was broken off. The next restore begins anew.
//!
//! What the restored studio does not know is what happened after the snapshot. Jobs that were under way are put back on their road
//! by the next start, as after a crash: who can be asked is asked, and what may have been sent to a provider that charges is
//! `unknown`. Jobs that were still queued run. If the studio went on after the snapshot, it may have run them already, and their
//! provider would be paid a second time: that is said here, and `--cancel-queued` ends them instead.

use crate::{
    arguments::Restore,
    backup::{
        is_same,
        manifest::{MANIFEST_FILE, Manifest, MissingBlob},
        sync_folder, tell_missing,
    },
    config::Config,
    secrets::KEY_FILE,
    system::SystemClock,
    terminal::{complain, say},
    wiring::{RESTORING, make_folder},
};
use anyhow::{Context, bail};
use serde_json::json;
use std::{fs, io::ErrorKind, path::Path, process::ExitCode};
use studio_core::{
    job::{Actor, Durability, Event},
    ports::{Advance, Blob, Clock, Store},
    seal::MasterKeyId,
};
use studio_store::{
    BlobFolder, Contents, DATABASE_FILE, Depth, FolderLock, Options, Snapshot, SqliteStore, Taken, sealed,
};

pub(crate) async fn run(config: &Config, arguments: &Restore) -> anyhow::Result<ExitCode> {
    let (backup, data) = (arguments.folder.as_path(), config.data());
    let manifest = Manifest::read(backup)?;
    make_folder(data)?;
    let _lock = FolderLock::take(data).with_context(|| format!("data folder {}", data.display()))?;
    let staged = begin(data)?;
    let restored = stage(backup, &staged, &manifest, arguments).await;
    let restored = match restored {
        Ok(restored) if restored.missing.is_empty() || arguments.allow_missing => restored,
        Ok(restored) => {
            fs::remove_dir_all(&staged)?;
            let what = "nothing was restored: the backup does not have everything that it names. Use another one, or go on \
                        without these by --allow-missing";
            complain(&tell_missing(what, &restored.missing));
            if arguments.json {
                say(&json!({ "restored": false, "missing": restored.missing }).to_string());
            }
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => {
            // The reason is worth more than what can't be cleared away; the next restore clears it.
            drop(fs::remove_dir_all(&staged));
            return Err(error.context("nothing was restored"));
        }
    };
    finish(data, &staged)?;
    tell(data, &manifest, &restored, arguments);
    Ok(ExitCode::SUCCESS)
}

/// What was brought back.
struct Restored {
    contents: Contents,
    blobs: u64,
    canceled: u64,
    missing: Vec<MissingBlob>,
    /// How many keys are sealed by which master key.
    sealed: Vec<(MasterKeyId, u64)>,
}

/// Refuses a folder with a studio in it, and makes an empty place to work in.
fn begin(data: &Path) -> anyhow::Result<std::path::PathBuf> {
    let staged = data.join(RESTORING);
    for name in [DATABASE_FILE, MANIFEST_FILE] {
        if data.join(name).exists() {
            bail!("{} has a {name} in it; name a new folder with --data", data.display());
        }
    }
    // A restore that was broken off: its database is the last to leave, and was put there only after this folder was seen to have
    // neither database nor blobs. So what blobs there are, are its own.
    if staged.join(DATABASE_FILE).exists() {
        remove(&data.join("blobs"))?;
    }
    remove(&staged)?;
    if fs::read_dir(data.join("blobs")).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("{} has blobs in it, but no database: whose are they? Name a new folder with --data", data.display());
    }
    make_folder(&staged)?;
    sync_folder(data)?;
    Ok(staged)
}

fn remove(folder: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("folder {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// Copies everything and checks it.
async fn stage(backup: &Path, staged: &Path, manifest: &Manifest, arguments: &Restore) -> anyhow::Result<Restored> {
    let file = staged.join(DATABASE_FILE);
    let source = backup.join(DATABASE_FILE);
    fs::copy(&source, &file).with_context(|| format!("database {}", source.display()))?;
    if !is_same(sealed(&file)?, manifest.database_bytes, manifest.database_sha256) {
        bail!(
            "the database {} is not the one that was backed up: its bytes have changed. Use another backup",
            source.display()
        );
    }
    let mut database = Snapshot::of_copy(&file)?;
    database.check(Depth::Whole).context("the backup's database")?;
    database.migrate()?;
    let audit = database.audit()?;
    if !audit.violations.is_empty() {
        let first = audit.violations.first().map(|it| format!("{}: {}", it.rule, it.detail)).unwrap_or_default();
        bail!("the backup's ledger has {} violations, the first of them: {first}", audit.violations.len());
    }
    let (mut contents, blobs, queued) = (database.contents()?, database.blobs()?, database.queued()?);
    let sealed = database.sealed_by()?;
    if (contents.jobs, contents.entries) != (manifest.jobs, manifest.entries) {
        bail!(
            "the backup's database has {} jobs and {} entries, its manifest says {} and {}",
            contents.jobs,
            contents.entries,
            manifest.jobs,
            manifest.entries
        );
    }
    database.seal()?;
    let missing = take_blobs(backup, staged, &blobs)?;
    let canceled = if arguments.cancel_queued { cancel(staged, &queued).await? } else { 0 };
    contents.queued -= canceled.min(contents.queued);
    Ok(Restored { contents, blobs: blobs.len() as u64 - missing.len() as u64, canceled, missing, sealed })
}

/// Copies blobs, each hashed on its way. No links: a studio and its backup should not share one fate.
fn take_blobs(backup: &Path, staged: &Path, blobs: &[Blob]) -> anyhow::Result<Vec<MissingBlob>> {
    let (from, mut into) = (BlobFolder::of(&backup.join("blobs")), BlobFolder::of(&staged.join("blobs")));
    let mut missing = Vec::new();
    for blob in blobs {
        if let Taken::Not(state) = into.take(&from, *blob, false)? {
            missing.push(MissingBlob { hash: blob.hash, bytes: blob.bytes, why: state.to_string() });
        }
    }
    into.sync()?;
    Ok(missing)
}

/// Ends jobs that were not begun, as their owners could.
async fn cancel(staged: &Path, queued: &[studio_core::id::JobId]) -> anyhow::Result<u64> {
    let store = SqliteStore::open(staged, Options::default())?;
    for job in queued {
        let advance = Advance {
            job: *job,
            actor: Actor::Person,
            event: Event::CancelRequested,
            said: None,
            entry: None,
            durability: Durability::Process,
            now: SystemClock.now(),
        };
        store.advance(advance).await?;
    }
    drop(store);
    // One file again, and synced: without this, the last of it would lie in the log beside it.
    Snapshot::of_copy(&staged.join(DATABASE_FILE))?.seal()?;
    Ok(queued.len() as u64)
}

/// Moves everything to its place, the database last: its presence means that there is a studio.
fn finish(data: &Path, staged: &Path) -> anyhow::Result<()> {
    sync_folder(staged)?;
    remove(&data.join("blobs"))?;
    fs::rename(staged.join("blobs"), data.join("blobs")).context("blobs")?;
    sync_folder(data)?;
    fs::rename(staged.join(DATABASE_FILE), data.join(DATABASE_FILE)).context("database")?;
    sync_folder(data)?;
    remove(staged)?;
    sync_folder(data)
}

fn tell(data: &Path, manifest: &Manifest, restored: &Restored, arguments: &Restore) {
    let Restored { contents, blobs, canceled, missing, sealed } = restored;
    let masters: Vec<_> = sealed.iter().map(|(id, count)| json!({ "id": id.to_string(), "rows": count })).collect();
    if arguments.json {
        let body = json!({
            "restored": true,
            "data": data,
            "madeAt": manifest.made_at,
            "jobs": contents.jobs,
            "entries": contents.entries,
            "blobs": blobs,
            "queued": contents.queued,
            "underWay": contents.under_way,
            "unknown": contents.unknown,
            "canceled": canceled,
            "missing": missing,
            "masterKeys": masters,
        });
        return say(&body.to_string());
    }
    say(&format!(
        "Restored the backup of {} into {}: {} jobs, {} entries, {blobs} blobs; database, ledger and every blob checked.",
        manifest.made_at,
        data.display(),
        contents.jobs,
        contents.entries
    ));
    if !missing.is_empty() {
        complain(&tell_missing(
            "restored without some blobs; whoever asks for one is told that it can't be read",
            missing,
        ));
    }
    if *canceled > 0 {
        say(&format!("{canceled} jobs that were queued are canceled, and nothing is held for them."));
    }
    if contents.queued > 0 {
        say(&format!(
            "{} jobs are queued and run at the next start. If the old studio went on after {}, it may have run them, and a provider \
             that charges would be paid twice: restore again with --cancel-queued then.",
            contents.queued, manifest.made_at
        ));
    }
    if contents.under_way > 0 {
        say(&format!(
            "{} jobs were under way. The next start goes on as after a crash: providers that can be asked are asked, and what may \
             have been sent to one that charges is unknown, its money held, until you look it up (studio job resolve).",
            contents.under_way
        ));
    }
    if !sealed.is_empty() {
        let ids: Vec<_> = sealed.iter().map(|(id, _)| id.to_string()).collect();
        say(&format!(
            "People's own keys in it are sealed by the master key {}, which no backup has. Put your copy of it at {} (mode 600) before \
             the first start; without it they must set their keys again, and jobs that need one fail.",
            ids.join(", "),
            data.join(KEY_FILE).display()
        ));
    }
    say(
        "Keys that were revoked, and budgets that were changed, after the backup are as they were in it: studio key list.",
    );
    say(&format!("Next: studio serve --data {}", data.display()));
}
