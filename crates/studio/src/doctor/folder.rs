//! The data folder: there, ours to write, nobody else's to read, on a disk that is a disk and has room.

use super::Findings;
use crate::{
    system::SystemChance,
    wiring::{RESTORING, refuse_absent},
};
use rustix::fs::{statfs, statvfs};
use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};
use studio_core::ports::Chance;

/// Below this the studio may run out of room today.
const LITTLE_SPACE: u64 = 1 << 30;
/// Below this it is about to stop accepting anything.
const NO_SPACE: u64 = 64 << 20;

/// File systems by the number that Linux knows them by: name, whether SQLite's log can't be shared there.
const FILE_SYSTEMS: [(u64, &str, bool); 9] = [
    (0x6969, "NFS", true),
    (0x517b, "SMB", true),
    (0xff53_4d42, "CIFS", true),
    (0xfe53_4d42, "SMB", true),
    (0x00c3_6400, "Ceph", true),
    (0x5346_414f, "AFS", true),
    (0x0102_1997, "9p", true),
    (0x6573_5546, "FUSE", false),
    (0x0102_1994, "tmpfs", false),
];

pub(super) fn look(data: &Path, findings: &mut Findings) {
    let shown = data.display();
    let metadata = match fs::metadata(data) {
        Ok(metadata) if metadata.is_dir() => metadata,
        Ok(_) => return findings.fail("data folder", format!("{shown} is a file"), "name a folder with --data"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let next = "studio serve makes it; or name another with --data";
            return findings.warn("data folder", format!("{shown} is not there yet"), next);
        }
        Err(error) => {
            let next = "run this as the user that the studio runs as";
            return findings.fail("data folder", format!("{shown} can't be looked at: {error}"), next);
        }
    };
    match can_write(data) {
        Ok(()) => findings.ok("data folder", format!("{shown} can be written")),
        Err(error) => findings.fail(
            "data folder",
            format!("{shown} can't be written: {error}"),
            "give it to the user that the studio runs as (chown), or mount it writable",
        ),
    }
    if data.join(RESTORING).exists() && refuse_absent(data).is_err() {
        findings.fail("data folder", "a restore into it was broken off", "run studio restore again");
    }
    mode(data, metadata.permissions().mode(), findings);
    disk(data, findings);
}

/// Whether something can be written there, learned by doing it.
pub(super) fn can_write(folder: &Path) -> io::Result<()> {
    let mut random = [0; 4];
    SystemChance.fill(&mut random);
    let random: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let path = folder.join(format!(".doctor-{random}"));
    let written = File::create_new(&path)?.write_all(b"can this be written?");
    fs::remove_file(&path)?;
    written
}

fn mode(data: &Path, mode: u32, findings: &mut Findings) {
    let next = format!("chmod 700 {}", data.display());
    let mode = mode & 0o777;
    if mode & 0o002 != 0 {
        findings.fail("rights", format!("{mode:03o}: everyone may change the data folder"), next);
        findings.coded("data_folder_open");
    } else if mode & 0o077 != 0 {
        findings.warn(
            "rights",
            format!("{mode:03o}: others may look into the data folder, which has prompts in it"),
            next,
        );
        findings.coded("data_folder_open");
    } else {
        findings.ok("rights", format!("{mode:03o}: only its owner may look into the data folder"));
    }
    let key = data.join("first-key");
    if let Ok(file) = fs::metadata(&key) {
        let mode = file.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let says = format!("{} has mode {mode:03o}, and opens everything", key.display());
            findings.fail(
                "first key",
                says,
                "take the key out of it and remove it; revoke the key if others may have read it",
            );
            findings.coded("first_key_open");
        } else {
            findings.ok("first key", format!("still in {}; remove it once you have taken the key", key.display()));
        }
    }
}

fn disk(data: &Path, findings: &mut Findings) {
    match statvfs(data) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let says = format!("{} MiB free", free >> 20);
            if free < NO_SPACE {
                findings.fail("space", says, "make room: what can't be stored is refused (507)");
            } else if free < LITTLE_SPACE {
                findings.warn("space", says, "make room before it is gone: nothing is accepted then (507)");
            } else {
                findings.ok("space", says);
            }
        }
        Err(error) => findings.warn("space", format!("can't be told: {error}"), "look with df"),
    }
    let kind = statfs(data).ok().and_then(|disk| u64::try_from(disk.f_type).ok());
    match FILE_SYSTEMS.iter().find(|(number, ..)| Some(*number) == kind) {
        Some((_, name, true)) => findings.fail(
            "disk",
            format!("the data folder lies on {name}, where a database with a log can't be kept"),
            "move it to a local disk",
        ),
        Some((_, "tmpfs", _)) => {
            let says = "the data folder lies in memory (tmpfs) and is gone after a restart of the machine";
            findings.warn("disk", says, "move it to a disk");
        }
        Some((_, name, false)) => findings.warn(
            "disk",
            format!("the data folder lies on {name}; whether a sync reaches a disk there is up to that"),
            "a local disk is safer",
        ),
        None => findings.ok("disk", "a local file system"),
    }
}
