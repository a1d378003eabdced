//! Secrets must not leave (promise 42). Every key that a test hands to a studio is a canary: it is looked for in every answer,
//! in everything that a command prints, and in every log, in all tests. Keys of our own are told by their checksum, wherever
//! they come from; those of providers are remembered when a studio is set up with them.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};
use studio_core::caller::read_key;

/// Of what is longer only the beginning is looked at: pictures have no words in them.
const LOOKED_AT: usize = 4 << 20;
/// Shorter ones would be found by chance.
const SHORTEST: usize = 8;
/// Bytes of one of our keys.
const KEY_BYTES: usize = 40;

static PLANTED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// From now on nobody may see this.
pub fn plant(secret: &str) {
    if secret.len() >= SHORTEST {
        PLANTED.lock().unwrap_or_else(PoisonError::into_inner).insert(secret.to_owned());
    }
}

/// Plants what stands in a configuration file as keys of providers.
pub(crate) fn plant_those_of(config: &str) {
    for line in config.lines() {
        if let Some((name, value)) = line.split_once('=')
            && name.trim() == "api_key"
        {
            plant(value.trim().trim_matches('"'));
        }
    }
}

/// What of the secrets is in there; nothing, as it should be. Only the first characters, for this is printed.
pub fn found_in(bytes: &[u8]) -> Option<String> {
    let looked_at = &bytes[..bytes.len().min(LOOKED_AT)];
    let shortened = |secret: &str| secret.chars().take(8).chain(['…']).collect::<String>();
    let ours = find_all(looked_at, b"mgs_").find_map(|at| {
        let text = std::str::from_utf8(looked_at.get(at..at + KEY_BYTES)?).ok()?;
        read_key(text).map(|_| shortened(text))
    });
    ours.or_else(|| {
        let planted = PLANTED.lock().unwrap_or_else(PoisonError::into_inner);
        let found = planted.iter().find(|secret| find_all(looked_at, secret.as_bytes()).next().is_some());
        found.map(|secret| shortened(secret))
    })
}

/// Fails a test whose studio shows a secret.
pub(crate) fn forbid(bytes: &[u8], place: &str) {
    let found = found_in(bytes);
    assert!(found.is_none(), "a secret is to be seen in {place}: {found:?}");
}

fn find_all<'a>(bytes: &'a [u8], wanted: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let first = wanted.first().copied().unwrap_or_default();
    let starts = bytes.iter().enumerate().filter(move |(_, byte)| **byte == first).map(|(at, _)| at);
    starts.filter(|at| bytes[*at..].starts_with(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use studio_core::caller::mint_key;

    #[test]
    fn a_secret_is_found_wherever_it_stands() {
        let key = mint_key(&std::array::from_fn(|at| (at * 37 % 248) as u8)).unwrap();
        plant_those_of("[providers.x]\napi_key = \"sk-planted-here\"\n");
        plant("short");
        for (text, is_found) in [
            (format!("a log line with {} in it", key.expose()), true),
            (format!("mgs_mgs_{}", &key.expose()[4..]), true),
            ("Authorization: Bearer sk-planted-here\r\n".to_owned(), true),
            ("Authorization: Bearer mgs_... short sk-planted-her".to_owned(), false),
            ("mgs_000000000000000000000000000000000000".to_owned(), false),
        ] {
            assert_eq!(found_in(text.as_bytes()).is_some(), is_found, "{text}");
        }
    }
}
