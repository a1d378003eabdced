//! The database and the blobs: readable, whole, adding up, and what in them waits for a person.

use super::{Findings, folder::can_write};
use crate::wiring::refuse_absent;
use std::path::Path;
use studio_core::ports::StoreError;
use studio_store::{BlobFolder, BlobState, DATABASE_FILE, Depth, Snapshot, SqliteStore};

pub(super) fn look(data: &Path, deep: bool, findings: &mut Findings) {
    if refuse_absent(data).is_err() {
        return findings.ok("database", "none yet; the first studio serve makes it");
    }
    let snapshot = match SqliteStore::look(data) {
        Ok(snapshot) => snapshot,
        Err(error) => return broken(data, &error, findings),
    };
    // From a file of another version everything that follows may be different.
    match snapshot.is_current() {
        Ok(true) => findings.ok("schema", "the version that this program writes"),
        Ok(false) => {
            return findings.warn(
                "schema",
                "of an older studio; the rest of the database was not looked at",
                "studio serve brings it up to date; make a backup before: studio backup <folder>",
            );
        }
        Err(error) => return broken(data, &error, findings),
    }
    let depth = if deep { Depth::Whole } else { Depth::Pages };
    match snapshot.check(depth) {
        Ok(()) => {
            findings.ok("database", format!("{} can be read, every page of it", data.join(DATABASE_FILE).display()))
        }
        Err(error) => return broken(data, &error, findings),
    }
    if let Err(error) = ledger(&snapshot, findings).and_then(|()| jobs(&snapshot, findings)) {
        broken(data, &error, findings);
    }
    match snapshot.blobs() {
        Ok(named) => {
            // Hashing may take long, and a server's log can't begin anew while its database is looked at.
            drop(snapshot);
            blobs(data, &named, deep, findings);
        }
        Err(error) => broken(data, &error, findings),
    }
}

fn broken(data: &Path, error: &StoreError, findings: &mut Findings) {
    let file = data.join(DATABASE_FILE);
    let (says, next) = match error {
        StoreError::Damaged(what) => (
            format!("{} is damaged: {what}", file.display()),
            "stop the studio, don't delete the file, and bring the last backup back into a new folder: \
             studio restore <backup folder> --data <new folder>",
        ),
        other => (format!("{}: {other}", file.display()), "mend that, and ask again"),
    };
    findings.fail("database", says, next);
}

fn ledger(snapshot: &Snapshot, findings: &mut Findings) -> Result<(), StoreError> {
    let audit = snapshot.audit()?;
    let says = format!(
        "sum {}, {} entries of {} jobs, {} violations",
        audit.sum,
        audit.entries,
        audit.jobs,
        audit.violations.len()
    );
    if audit.violations.is_empty() && audit.sum == 0 {
        findings.ok("ledger", says);
    } else {
        findings.fail("ledger", says, "studio ledger verify names each; please report it");
    }
    Ok(())
}

fn jobs(snapshot: &Snapshot, findings: &mut Findings) -> Result<(), StoreError> {
    let counted = snapshot.contents()?;
    findings.ok("jobs", format!("{} queued, {} under way", counted.queued, counted.under_way));
    if counted.unknown > 0 {
        findings.warn(
            "jobs",
            format!("{} unknown: they may have been paid for, and their money is held", counted.unknown),
            "GET /api/v1/jobs?status=unknown; look each up at its provider, then studio job resolve <id>",
        );
    }
    if counted.dead_letters > 0 {
        findings.warn(
            "jobs",
            format!("{} dead letters: failed for no fault of their request", counted.dead_letters),
            "GET /api/v1/dead-letters (scope admin) lists them; POST /api/v1/jobs/{id}/retry does one again",
        );
    }
    Ok(())
}

/// The size of each, and with `deep` its bytes.
fn blobs(data: &Path, named: &[studio_core::ports::Blob], deep: bool, findings: &mut Findings) {
    let folder = data.join("blobs");
    if let Err(error) = can_write(&folder) {
        let next = "give it to the user that the studio runs as";
        findings.fail("blobs", format!("{} can't be written: {error}", folder.display()), next);
    }
    let there = BlobFolder::of(&folder);
    let next = "an older backup may have it; without it, whoever asks for that picture gets a 503";
    let mut wrong = 0_usize;
    for blob in named {
        let says = match there.look(*blob, deep) {
            Ok(BlobState::Sound) => continue,
            Ok(state) => format!("{} {state}", blob.hash),
            Err(error) => format!("{}: {error}", blob.hash),
        };
        wrong += 1;
        // The first few say what kind of trouble it is.
        if wrong <= 5 {
            findings.fail("blobs", says, next);
        }
    }
    let how = if deep { "hashed" } else { "there by size; --deep hashes them" };
    if wrong == 0 {
        findings.ok("blobs", format!("{} of {} {how}", named.len(), named.len()));
    } else {
        findings.fail("blobs", format!("{wrong} of {} are missing or damaged", named.len()), next);
    }
}
