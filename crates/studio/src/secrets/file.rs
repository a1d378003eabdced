//! Where the master keys are: `secret.key` in the data folder, or `STUDIO_SECRET_KEY`.
//!
//! The file has one key a line in hexadecimal digits; the first one seals, all of them open. It is only ever replaced as a whole: written
//! beside its place, synced, renamed. So whoever reads it sees one state or the next, and a server sees the next at once: it looks
//! at the file's name before each use, and reads it again when another file has it.

use crate::{backup::sync_folder, system::SystemChance};
use anyhow::{Context, bail};
use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use studio_core::{
    ports::{Chance, Keyrings, NoKeyring},
    seal::{Keyring, MASTER_KEY_BYTES, MasterKey},
    secret::Secret,
};

/// The file's name in the data folder.
pub(crate) const KEY_FILE: &str = "secret.key";
/// What the name of one begins with that is not finished yet.
pub(super) const UNFINISHED: &str = ".secret.key-";
const HEAD: &str = "# The studio's master keys, which seal people's own keys for providers. The first one seals, all of them open.\n\
                    # Keep a copy where backups of the studio are not. To change the key: studio secret rotate.\n";

/// Where the keys come from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// From the environment, as they were at start.
    Environment(Arc<Keyring>),
    /// From a file.
    File(PathBuf),
}

/// One state of the file: another one has another of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    file: u64,
    changed: (i64, i64),
}

/// The master keys of a studio.
pub(crate) struct Masters {
    source: Source,
    read: Mutex<Option<(Stamp, Arc<Keyring>)>>,
}

impl Masters {
    /// Those of a data folder, unless the environment has some.
    pub(crate) fn of(data: &Path, from_environment: Option<&Secret>) -> anyhow::Result<Self> {
        let source = match from_environment {
            Some(text) => Source::Environment(Arc::new(read_keys(text.expose(), ',').context("STUDIO_SECRET_KEY")?)),
            None => Source::File(data.join(KEY_FILE)),
        };
        Ok(Self { source, read: Mutex::new(None) })
    }

    /// Where they come from.
    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// Makes the file with a fresh key, if it is to be a file and there is none.
    pub(crate) fn make(&self) -> anyhow::Result<()> {
        match &self.source {
            Source::File(path) if !path.exists() => write(path, &Keyring::new(fresh(), []), false),
            _ => Ok(()),
        }
    }

    /// Replaces the keys of the file.
    pub(crate) fn replace(path: &Path, keyring: &Keyring) -> anyhow::Result<()> {
        write(path, keyring, true)
    }

    /// Those of the file with a fresh one that seals.
    pub(crate) fn with_a_fresh_one(keyring: &Keyring) -> Keyring {
        Keyring::new(fresh(), keyring.keys().cloned())
    }

    fn read_file(&self, path: &Path) -> anyhow::Result<Arc<Keyring>> {
        let metadata = fs::metadata(path).with_context(|| {
            format!(
                "the master key {} is not there. Bring it back from your copy; without it a new one can be made by a restart, and people \
                 must set their own keys again",
                path.display()
            )
        })?;
        let mode = metadata.mode() & 0o777;
        if mode & 0o077 != 0 {
            bail!(
                "the master key {} has mode {mode:03o}, so others can read it, and it is not used: chmod 600 {}. If others may have \
                 read it, studio secret rotate afterwards",
                path.display(),
                path.display()
            );
        }
        let stamp =
            Stamp { device: metadata.dev(), file: metadata.ino(), changed: (metadata.ctime(), metadata.ctime_nsec()) };
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, keyring)) = read.as_ref().filter(|(known, _)| *known == stamp) {
            return Ok(keyring.clone());
        }
        let text = fs::read_to_string(path).map(Secret::new);
        let text = text.with_context(|| format!("the master key {} can't be read", path.display()))?;
        let keyring = read_keys(text.expose(), '\n').with_context(|| format!("the master key {}", path.display()))?;
        let keyring = Arc::new(keyring);
        *read = Some((stamp, keyring.clone()));
        Ok(keyring)
    }
}

impl Keyrings for Masters {
    fn keyring(&self) -> Result<Arc<Keyring>, NoKeyring> {
        match &self.source {
            Source::Environment(keyring) => Ok(keyring.clone()),
            Source::File(path) => self.read_file(path).map_err(|error| NoKeyring(format!("{error:#}"))),
        }
    }
}

fn fresh() -> MasterKey {
    let mut bytes = [0; MASTER_KEY_BYTES];
    SystemChance.fill(&mut bytes);
    MasterKey::new(bytes)
}

/// Reads keys that stand between separators; what follows a `#` says nothing. What is no key is not repeated.
pub(crate) fn read_keys(text: &str, between: char) -> anyhow::Result<Keyring> {
    let words = text.split(between).map(|word| word.split('#').next().unwrap_or_default().trim());
    let mut keys = Vec::new();
    for word in words.filter(|word| !word.is_empty()) {
        let Some(bytes) = read_key(word) else {
            bail!(
                "has a key that is not {MASTER_KEY_BYTES} bytes in hexadecimal digits or base64; openssl rand -hex 32 makes one"
            );
        };
        keys.push(MasterKey::new(bytes));
    }
    let mut keys = keys.into_iter();
    let Some(first) = keys.next() else { bail!("has no key in it") };
    Ok(Keyring::new(first, keys))
}

fn read_key(word: &str) -> Option<[u8; MASTER_KEY_BYTES]> {
    let hex = (word.len() == 2 * MASTER_KEY_BYTES && word.is_ascii()).then(|| {
        let mut bytes = [0; MASTER_KEY_BYTES];
        for (byte, digits) in bytes.iter_mut().zip(word.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(bytes)
    });
    if let Some(bytes) = hex {
        return bytes;
    }
    let either = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let read = |alphabet| GeneralPurpose::new(alphabet, either).decode(word).ok();
    read(&STANDARD).or_else(|| read(&URL_SAFE))?.try_into().ok()
}

/// Writes the file, durably, so that nobody else can ever read it. One that is there is replaced, or, if it must not be, an error.
fn write(path: &Path, keyring: &Keyring, replaces: bool) -> anyhow::Result<()> {
    let about = || format!("master key {}", path.display());
    let mut random = [0; 4];
    SystemChance.fill(&mut random);
    let random: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let beside = path.with_file_name(format!("{UNFINISHED}{random}"));
    let lines: String = keyring
        .keys()
        .map(|key| key.expose().iter().map(|b| format!("{b:02x}")).chain(["\n".into()]).collect::<String>())
        .collect();
    let text = Secret::new(format!("{HEAD}{lines}"));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(text.expose().as_bytes())?;
        file.sync_all()?;
        if replaces {
            return fs::rename(&beside, path);
        }
        // Unlike a rename this fails where there is one already: no key is ever lost under another.
        match fs::hard_link(&beside, path) {
            // Another start was quicker; its key is as good.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        }
    })();
    if !replaces || written.is_err() {
        // It can't be left behind where anyone would look for it.
        drop(fs::remove_file(&beside));
    }
    written.with_context(about)?;
    path.parent().map_or(Ok(()), sync_folder).with_context(about)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_in_hexadecimal_and_in_base64() {
        let hex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff";
        let base64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHv8=";
        let bytes: [u8; 32] = std::array::from_fn(|at| if at == 31 { 255 } else { at as u8 });
        for word in [hex, &hex.to_uppercase(), base64, base64.trim_end_matches('='), &base64.replace('/', "_")] {
            assert_eq!(read_keys(word, ',').unwrap().current(), &MasterKey::new(bytes), "{word}");
        }
        let other = "ff".repeat(32);
        let both = read_keys(&format!(" {hex} , {other},"), ',').unwrap();
        assert_eq!((both.keys().count(), both.current().id()), (2, MasterKey::new(bytes).id()));
        let file = read_keys(&format!("# about\n{other} # the new one\n\n{hex}\n"), '\n').unwrap();
        assert_eq!(file.current().id(), MasterKey::new([255; 32]).id());
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        for bad in ["", "#", "hunter2", &"f".repeat(63), &"g".repeat(64), &"f".repeat(66), "AAEC"] {
            let error = format!("{:#}", read_keys(bad, ',').unwrap_err());
            assert!(bad.len() < 2 || !error.contains(bad), "{error}");
        }
    }
}
