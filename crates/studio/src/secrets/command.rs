//! `studio secret status | rotate`. Both work while the server runs.
//!
//! To rotate is, in steps that may each be the last one before a crash: a fresh key is put first in the file, and seals from then on;
//! all that older ones have sealed is sealed anew, in batches, each one commit that replaces only what is still as it was read.
//! To finish is: the older keys are marked as retired in the database, so that a server which is about to commit something sealed by
//! one is refused and seals it again; what came in before that is sealed anew; and when nothing is left that needs them, they leave
//! the file. Whatever step was the last, the next run goes on from there.

use super::{
    Masters, Source,
    file::{KEY_FILE, UNFINISHED},
};
use crate::{
    arguments::Rotate,
    config::Config,
    system::SystemChance,
    terminal::{complain, say},
    wiring::open_existing_store,
};
use anyhow::{Context, bail};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    path::Path,
    process::ExitCode,
};
use studio_core::{
    ports::{Chance, Keyrings, Resealed, Vault},
    seal::{Keyring, MasterKeyId, NONCE_BYTES, Place},
};
use studio_store::SqliteStore;

/// So much is sealed anew in one commit.
const BATCH: u32 = 64;
/// Held while keys are changed: two who do that at once would each undo the other's work.
const LOCK_FILE: &str = "secret.lock";

pub(crate) async fn status(config: &Config, as_json: bool) -> anyhow::Result<ExitCode> {
    let store = open_existing_store(config.data())?;
    let masters = Masters::of(config.data(), config.secret_key.as_ref())?;
    let (sealed, retired) = (store.sealed_by().await?, store.retired_master_keys().await?);
    let rows: BTreeMap<MasterKeyId, u64> = sealed.into_iter().collect();
    let keyring = masters.keyring();
    let known: Vec<MasterKeyId> =
        keyring.as_ref().map(|ring| ring.keys().map(|key| key.id()).collect()).unwrap_or_default();
    let lost: Vec<_> = rows.iter().filter(|(id, _)| !known.contains(id)).collect();
    let place = match masters.source() {
        Source::Environment(_) => "STUDIO_SECRET_KEY".to_owned(),
        Source::File(path) => path.display().to_string(),
    };
    let count = |id: &MasterKeyId| rows.get(id).copied().unwrap_or(0);
    if as_json {
        let keys: Vec<Value> = known
            .iter()
            .enumerate()
            .map(|(at, id)| {
                json!({ "id": id.to_string(), "seals": at == 0, "retired": retired.contains(id), "rows": count(id) })
            })
            .collect();
        let lost: Vec<_> = lost.iter().map(|(id, rows)| json!({ "id": id.to_string(), "rows": rows })).collect();
        let error = keyring.as_ref().err().map(ToString::to_string);
        let ok = lost.is_empty() && error.is_none();
        say(&json!({ "ok": ok, "source": place, "keys": keys, "lost": lost, "error": error }).to_string());
        return Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    say(&format!("Master keys in {place}:"));
    if let Err(error) = &keyring {
        complain(&format!("studio: {error}"));
    }
    for (at, id) in known.iter().enumerate() {
        let role = if at == 0 { "seals" } else { "opens" };
        say(&format!("  {id}  {role}  {} sealed by it", count(id)));
    }
    for (id, rows) in &lost {
        complain(&format!(
            "studio: {rows} sealed by {id}, which is not here: they can't be opened. Bring that key back, or their owners must set them \
             again"
        ));
    }
    if known.len() > 1 {
        say("A rotation is under way: studio secret rotate --finish takes the older keys out of use.");
    }
    Ok(if lost.is_empty() && keyring.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What was done.
#[derive(Debug, Default)]
struct Done {
    resealed: u64,
    /// What the keys that are here can't open.
    unopened: BTreeSet<Place>,
}

pub(crate) async fn rotate(config: &Config, arguments: &Rotate) -> anyhow::Result<ExitCode> {
    let data = config.data();
    let store = open_existing_store(data)?;
    let _lock = lock(data)?;
    clear_away(data)?;
    let masters = Masters::of(data, config.secret_key.as_ref())?;
    let mut keyring = masters.keyring()?.as_ref().clone();
    // One that is under way is gone on with: a fresh key for each try would only leave more of them behind.
    let begins = keyring.keys().count() == 1 && !arguments.finish;
    if let (Source::File(path), true) = (masters.source(), begins) {
        keyring = Masters::with_a_fresh_one(&keyring);
        Masters::replace(path, &keyring)?;
    }
    let mut done = reseal(&store, &keyring).await?;
    let mut dropped = Vec::new();
    if arguments.finish {
        dropped = finish(&store, &keyring, &masters, &mut done).await?;
    }
    tell(arguments, &keyring, &masters, &done, &dropped);
    Ok(if done.unopened.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Takes the older keys out of use; which.
async fn finish(
    store: &SqliteStore,
    keyring: &Keyring,
    masters: &Masters,
    done: &mut Done,
) -> anyhow::Result<Vec<MasterKeyId>> {
    let current = keyring.current().id();
    let older: Vec<_> = keyring.keys().map(|key| key.id()).filter(|id| *id != current).collect();
    let mut retired = store.retired_master_keys().await?;
    retired.extend(&older);
    retired.remove(&current);
    store.retire_master_keys(retired).await?;
    // From here on nothing more comes to be sealed by them.
    let last = reseal(store, keyring).await?;
    done.resealed += last.resealed;
    done.unopened = last.unopened;
    let left = store.sealed_by().await?.into_iter().find(|(id, _)| older.contains(id));
    if let Some((id, count)) = left {
        bail!(
            "{count} sealed by {id} can't be opened, so that key stays: they were changed since they were sealed. Their owners can remove \
             them (DELETE /api/v1/provider-keys/<provider>)"
        );
    }
    if let Source::File(path) = masters.source() {
        Masters::replace(path, &Keyring::new(keyring.current().clone(), []))?;
    }
    Ok(older)
}

/// Seals anew what others than the current key have sealed.
async fn reseal(store: &SqliteStore, keyring: &Keyring) -> anyhow::Result<Done> {
    let mut done = Done::default();
    loop {
        let rows = store.sealed_by_others(keyring.current().id(), done.unopened.clone(), BATCH).await?;
        if rows.is_empty() {
            return Ok(done);
        }
        let mut batch = Vec::new();
        for row in rows {
            let Ok(text) = keyring.open(&row.place, &row.sealed) else {
                done.unopened.insert(row.place);
                continue;
            };
            let mut nonce = [0; NONCE_BYTES];
            SystemChance.fill(&mut nonce);
            let after = keyring.seal(&row.place, nonce, &text)?;
            batch.push(Resealed { place: row.place, before: row.sealed, after });
        }
        // What is another one by now was sealed by whoever changed it.
        done.resealed += store.reseal(batch).await?;
    }
}

/// One who changes keys at a time.
fn lock(data: &Path) -> anyhow::Result<File> {
    let path = data.join(LOCK_FILE);
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| format!("lock {}", path.display()))?;
    file.try_lock().context("another studio secret rotate is at work")?;
    Ok(file)
}

/// Removes what a change that was broken off has left beside the file.
fn clear_away(data: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(data)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn tell(arguments: &Rotate, keyring: &Keyring, masters: &Masters, done: &Done, dropped: &[MasterKeyId]) {
    let current = keyring.current().id();
    if arguments.json {
        let older: Vec<_> =
            keyring.keys().map(|key| key.id()).filter(|id| *id != current && !dropped.contains(id)).collect();
        let body = json!({
            "current": current.to_string(),
            "resealed": done.resealed,
            "unopened": done.unopened.len(),
            "older": older.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "dropped": dropped.iter().map(ToString::to_string).collect::<Vec<_>>(),
        });
        return say(&body.to_string());
    }
    say(&format!("Sealed by {current} now, {} of them anew.", done.resealed));
    if !done.unopened.is_empty() {
        complain(&format!(
            "studio: {} can't be opened by the master keys that are here, and stay as they are: studio secret status",
            done.unopened.len()
        ));
    }
    match masters.source() {
        Source::Environment(_) if arguments.finish => {
            say("STUDIO_SECRET_KEY need not name the older keys any more.");
        }
        Source::Environment(_) => say(
            "The keys are those of STUDIO_SECRET_KEY. To change them, name a new one before the old one, there and for the server; then \
             run this, and at last with --finish.",
        ),
        Source::File(_) if arguments.finish => say(&format!(
            "{} older keys left {KEY_FILE}. Copy it to where you keep it; as long as you have backups of before, keep your old copy, too: what \
             is sealed in them needs it.",
            dropped.len()
        )),
        Source::File(_) => say(&format!(
            "Copy {KEY_FILE} to where you keep it. Then studio secret rotate --finish takes the older key out of use."
        )),
    }
}
