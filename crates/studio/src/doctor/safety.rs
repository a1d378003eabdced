//! What is unsafe although it works: who can read what, what travels unencrypted, keys that nobody needs, backups that nobody made.
//! Each has a stable code, which docs/operations.md lists.

use super::{
    Findings,
    providers::{is_near, without_secrets},
};
use crate::{
    backup::last_backup,
    config::{Config, Mode},
    secrets::{KEY_FILE, Masters},
    system::SystemClock,
    wiring::refuse_absent,
};
use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};
use studio_core::{
    caller::Scope,
    ports::{Clock, Keyrings, StoreError},
    seal::MasterKeyId,
};
use studio_engines::inspect::Probe;
use studio_store::{Snapshot, SqliteStore};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// A backup that is older is no longer what anyone would want to go back to.
const OLD_BACKUP_DAYS: u32 = 7;
/// A key that may do everything, ends never, and is older than this.
const OLD_KEY_DAYS: u32 = 90;
/// Networks that are larger than this are no proxies of ours, by the bits that all of their addresses share.
const LEAST_PREFIX: u8 = 8;

pub(super) fn look(config: &Config, findings: &mut Findings) {
    let data = config.data();
    front(config, findings);
    providers(config, findings);
    config_file(config, findings);
    if rustix::process::geteuid().is_root() {
        findings.warn(
            "user",
            "root: a fault in the studio would be a fault in the machine",
            "run it as a user of its own",
        );
        findings.coded("runs_as_root");
    }
    inspector(findings);
    setup_link(data, findings);
    let snapshot = refuse_absent(data).ok().and_then(|()| SqliteStore::look(data).ok());
    // Of another version it is told by who looked at the database.
    let snapshot = snapshot.filter(|snapshot| snapshot.is_current().unwrap_or(false));
    let sealed = snapshot.as_ref().map_or(Ok(Vec::new()), Snapshot::sealed_by).unwrap_or_default();
    master_key(config, &sealed, findings);
    if let Some(snapshot) = &snapshot {
        if let Err(error) = keys(snapshot, findings) {
            findings.warn("keys", format!("can't be looked at: {error}"), "look at what was said of the database");
        }
        backups(data, findings);
    }
}

/// What the child that looks into files could do if a file took it over: it is asked to try.
fn inspector(findings: &mut Findings) {
    match try_confinement() {
        Ok(Probe { confined: true, landlock, .. }) => {
            let walls = if landlock { "seccomp and Landlock" } else { "seccomp; this kernel has no Landlock" };
            findings.ok("inspector", format!("who looks into files can open nothing and start nothing ({walls})"));
            return;
        }
        Ok(Probe { could, .. }) => findings.warn(
            "inspector",
            format!("who looks into files could still {}: a file that takes it over has your rights", could.join(", ")),
            "run it on a Linux kernel with seccomp, and in a container that allows it; docs/security.md",
        ),
        Err(error) => findings.warn(
            "inspector",
            format!("what who looks into files could do can't be told: {error}"),
            "look whether `studio inspect --confined` runs",
        ),
    }
    findings.coded("inspector_unconfined");
}

fn try_confinement() -> io::Result<Probe> {
    let mut child = Command::new(std::env::current_exe()?);
    child.args(["inspect", "--confined"]).env_clear().stdin(Stdio::null()).stderr(Stdio::null());
    let said = child.output()?;
    let probe = serde_json::from_slice(&said.stdout)?;
    if said.status.success() { Ok(probe) } else { Err(io::Error::other("it failed")) }
}

/// How the outside comes.
fn front(config: &Config, findings: &mut Findings) {
    match config.public_url.as_deref() {
        Some(url) if url.starts_with("http://") => {
            findings.warn(
                "public url",
                format!("{}: keys, prompts and sessions travel unencrypted", without_secrets(url)),
                "put a proxy that speaks https before it, and say https:// in public_url",
            );
            findings.coded("public_url_unencrypted");
        }
        Some(url) => findings.ok("public url", without_secrets(url)),
        None => {}
    }
    let mode = config.mode();
    if mode == Mode::Development && config.public_url.is_some() {
        findings.warn(
            "mode",
            "development, although the studio has a public address",
            "STUDIO_MODE=production, or leave it out: with an https public_url it is production",
        );
        findings.coded("development_in_public");
    } else {
        findings.ok("mode", mode.as_str());
    }
    // A front that can't be read is told by the start itself.
    let Ok(front) = config.front() else { return };
    let proxied = config.public_url.as_deref().is_some_and(|url| url.starts_with("https://"));
    if proxied && front.trusted_proxies.is_empty() {
        findings.warn(
            "trusted proxies",
            "none, although a proxy speaks https for the studio: everyone seems to come from it, and shares one limit on tries to sign in",
            "STUDIO_TRUSTED_PROXIES=<its address>, such as 127.0.0.1",
        );
        findings.coded("trusted_proxies_none");
    }
    for network in front.trusted_proxies.iter().filter(|network| network.prefix_len() < LEAST_PREFIX) {
        findings.warn(
            "trusted proxies",
            format!("{network}: nearly everyone may say where a request comes from, and so escape limits"),
            "name the addresses of your proxies, such as 10.0.0.5",
        );
        findings.coded("trusted_proxies_wide");
    }
    for origin in front.origins.iter().filter(|origin| origin.starts_with("http://") && !is_near(origin)) {
        findings.warn(
            "origins",
            format!("{origin}: whoever is on the way can change that page, and read with it what its user may"),
            "serve that page by https",
        );
        findings.coded("origin_unencrypted");
    }
}

fn providers(config: &Config, findings: &mut Findings) {
    for (name, settings) in &config.providers {
        let place = settings.base_url.as_deref().map(without_secrets);
        if let Some(place) = place.filter(|place| place.starts_with("http://") && !is_near(place)) {
            findings.warn(
                &format!("provider {name}"),
                format!("keys and prompts travel to {place} unencrypted"),
                "use https:// in its base_url",
            );
            findings.coded("provider_unencrypted");
        }
    }
}

/// Whether others can read keys in the file of settings.
fn config_file(config: &Config, findings: &mut Findings) {
    let Some(path) = &config.file_of_keys else { return };
    if let Some(mode) = mode(path).filter(|mode| mode & 0o077 != 0) {
        let says = format!("{} has mode {mode:03o}, and keys of providers are in it", path.display());
        findings.fail("settings", says, format!("chmod 600 {}", path.display()));
        findings.coded("config_open");
    }
}

/// Mode of a file, if it is there.
fn mode(path: &Path) -> Option<u32> {
    fs::metadata(path).ok().map(|file| file.permissions().mode() & 0o777)
}

fn setup_link(data: &Path, findings: &mut Findings) {
    let path = data.join("setup-link");
    if let Some(mode) = mode(&path).filter(|mode| mode & 0o077 != 0) {
        let says = format!("{} has mode {mode:03o}, and makes whoever reads it the owner", path.display());
        findings.fail("setup link", says, format!("use it now, and remove {}", path.display()));
        findings.coded("setup_link_open");
    }
}

/// The master key, and whether it opens what is sealed.
fn master_key(config: &Config, sealed: &[(MasterKeyId, u64)], findings: &mut Findings) {
    const CHECK: &str = "master key";
    let path = config.data().join(KEY_FILE);
    let total: u64 = sealed.iter().map(|(_, count)| count).sum();
    if config.secret_key.is_none() && !path.exists() {
        if total == 0 {
            return findings.ok(CHECK, "none yet; the next start makes one");
        }
        findings.fail(
            CHECK,
            format!("{} is not there, and {total} keys are sealed by it", path.display()),
            "bring it back from your copy (mode 600); without it their owners must set them again",
        );
        return findings.coded("secret_key_missing");
    }
    let keyring = Masters::of(config.data(), config.secret_key.as_ref())
        .map_err(|error| format!("{error:#}"))
        .and_then(|masters| masters.keyring().map_err(|error| error.to_string()));
    let keyring = match keyring {
        Ok(keyring) => keyring,
        Err(error) => {
            let open = config.secret_key.is_none() && mode(&path).is_some_and(|mode| mode & 0o077 != 0);
            findings.fail(CHECK, error, "mend that; until then people's own keys for providers can't be used");
            return findings.coded(if open { "secret_key_open" } else { "secret_key_unreadable" });
        }
    };
    let lost: u64 = sealed.iter().filter(|(id, _)| keyring.find(*id).is_none()).map(|(_, count)| count).sum();
    if lost > 0 {
        findings.fail(
            CHECK,
            format!("{lost} of {total} sealed keys were sealed by another one, and can't be opened"),
            "studio secret status names it; bring it back, or their owners must set them again",
        );
        return findings.coded("secret_key_wrong");
    }
    if keyring.keys().count() > 1 {
        findings.warn(
            CHECK,
            "an older one is still in use",
            "studio secret rotate --finish takes it out of use, once all is sealed anew",
        );
        return findings.coded("secret_key_rotation_open");
    }
    findings.ok(CHECK, format!("{}, {total} keys sealed by it", keyring.current().id()));
}

/// Keys that may do everything, and go on doing so for ever.
fn keys(snapshot: &Snapshot, findings: &mut Findings) -> Result<(), StoreError> {
    let now = SystemClock.now();
    let rows = snapshot.keys()?.into_iter().filter(|row| row.user.is_active() && row.user.role.has(Scope::Admin));
    let old = rows.map(|row| row.key).filter(|key| {
        key.is_good(now)
            && key.scopes.contains(&Scope::Admin)
            && key.expires_at.is_none()
            && now.since(key.created_at) > DAY * OLD_KEY_DAYS
    });
    for key in old {
        findings.warn(
            "keys",
            format!(
                "{} (…{}) may run the studio, never ends, and is older than {OLD_KEY_DAYS} days",
                key.id, key.last4
            ),
            format!("if nobody uses it: studio key revoke {}; else make one that ends: --expires 90d", key.id),
        );
        findings.coded("admin_key_lasts");
    }
    Ok(())
}

fn backups(data: &Path, findings: &mut Findings) {
    let next =
        "studio backup <folder>, every day, and copy it to another disk; and keep a copy of secret.key apart from it";
    match last_backup(data) {
        Some(at) if SystemClock.now().since(at) > DAY * OLD_BACKUP_DAYS => {
            findings.warn("backup", format!("the last one is of {at}, more than {OLD_BACKUP_DAYS} days ago"), next);
            findings.coded("backup_old");
        }
        Some(at) => findings.ok("backup", format!("the last one is of {at}")),
        None => {
            findings.warn("backup", "none was made by this program yet", next);
            findings.coded("backup_none");
        }
    }
}
