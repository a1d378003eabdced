//! Who calls: `Authorization: Bearer mgs_...` or `X-API-Key: mgs_...`.
//!
//! A key that was just checked is remembered for half a second, so that a thousand calls are not a thousand look-ups;
//! revocation, in this process or by the command line in another, is in force within a second all the same.

use super::{call::Caller, refusal::Refusal};
use crate::{app::App, settings::KEY_MEMORY};
use http::{HeaderMap, header};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use studio_core::{
    caller::{ApiKey, KeyHash, read_key},
    ports::StoreError,
    time::Timestamp,
};

/// Most keys remembered at once; beyond it all are looked up again.
const MOST_REMEMBERED: usize = 10_000;

/// Keys that were checked a moment ago.
#[derive(Default)]
pub struct KeyMemory {
    recent: Mutex<HashMap<KeyHash, (Arc<ApiKey>, Timestamp)>>,
}

impl KeyMemory {
    fn recall(&self, hash: KeyHash, now: Timestamp) -> Option<Arc<ApiKey>> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, at) = recent.get(&hash)?;
        // A clock that was set back must not make a memory last.
        (*at <= now && now.since(*at) < KEY_MEMORY).then(|| key.clone())
    }

    fn remember(&self, key: &Arc<ApiKey>, now: Timestamp) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() >= MOST_REMEMBERED {
            recent.clear();
        }
        recent.insert(key.hash, (key.clone(), now));
    }
}

/// The key of that hash as it is now, or within [`KEY_MEMORY`] of now.
pub(super) async fn look_up(app: &App, hash: KeyHash) -> Result<Option<Arc<ApiKey>>, StoreError> {
    let now = app.now();
    if let Some(key) = app.keys.recall(hash, now) {
        return Ok(Some(key));
    }
    let Some(key) = app.store.key(hash).await?.map(Arc::new) else { return Ok(None) };
    app.keys.remember(&key, now);
    Ok(Some(key))
}

/// Whether a key still opens anything: asked again and again by what stays open.
pub(crate) async fn still_good(app: &App, key: &ApiKey) -> bool {
    match look_up(app, key.hash).await {
        Ok(found) => found.is_some_and(|key| key.is_good(app.now())),
        // A store that is busy says nothing against the key; it is asked again in a moment.
        Err(_) => true,
    }
}

/// Signs a request in, if its key is good.
pub(super) async fn sign_in(app: &App, headers: &HeaderMap, now: Timestamp) -> Result<Caller, Refusal> {
    let Some(text) = presented(headers)? else {
        return Err(Refusal::unauthorized(
            "Send an API key: Authorization: Bearer mgs_... (make one: studio key create).",
        ));
    };
    // One message for a key that never was, one that is revoked or expired, and a typo: a guess learns nothing.
    let hash = read_key(text).ok_or_else(no_such_key)?;
    let key = look_up(app, hash).await?.filter(|key| key.is_good(now)).ok_or_else(no_such_key)?;
    Ok(Caller { key })
}

fn no_such_key() -> Refusal {
    Refusal::unauthorized("This API key is not valid. It may be mistyped, expired or revoked.")
}

/// The key as it is written in the headers, if any is. Two of them can't both be meant: whoever stands between may have read
/// the other one.
fn presented(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let mut presented = headers.get_all(header::AUTHORIZATION).iter().map(|value| {
        let (scheme, text) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| text.trim())
    });
    let mut bare = headers.get_all("x-api-key").iter().map(|value| value.to_str().ok());
    let found = presented.next().or_else(|| bare.next());
    let another = presented.next().or_else(|| bare.next());
    match (found, another) {
        (None, _) => Ok(None),
        (Some(text), another) if another.is_none_or(|other| other == text) => text.map(Some).ok_or_else(no_such_key),
        _ => Err(Refusal::unauthorized("There are two API keys in the headers, and they differ. Send one.")),
    }
}
