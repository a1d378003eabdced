//! Signs requests in: by `Authorization: Bearer mgs_...`, by `X-API-Key: mgs_...`, or by the cookie of a session.
//!
//! What was just checked is remembered for half a second, so that a thousand calls are not a thousand look-ups; revocation, in
//! this process or by the command line in another, is in force within a second all the same.

use super::{caller::Caller, cookie, csrf::Way, refusal::Refusal};
use crate::{app::App, settings::KEY_MEMORY};
use http::{HeaderMap, header};
use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};
use studio_core::{
    caller::{KeyHash, KeyHolder, Scope, read_key},
    people::{TokenHash, csrf_token, read_token},
    ports::{SessionHolder, StoreError},
    secret::Secret,
    time::Timestamp,
};

/// Most keys, and most sessions, remembered at once; beyond it all are looked up again.
const MOST_REMEMBERED: usize = 10_000;

/// Who was checked a moment ago.
#[derive(Default)]
pub struct CallerMemory {
    keys: Recent<KeyHash, KeyHolder>,
    sessions: Recent<TokenHash, SessionHolder>,
}

impl CallerMemory {
    /// Forgets all: something has changed of who may do what.
    pub fn forget(&self) {
        self.keys.forget();
        self.sessions.forget();
    }
}

struct Recent<K, V>(Mutex<HashMap<K, (Arc<V>, Timestamp)>>);

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V> Recent<K, V> {
    fn recall(&self, hash: &K, now: Timestamp) -> Option<Arc<V>> {
        let recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, at) = recent.get(hash)?;
        // A clock that was set back must not make a memory last.
        (*at <= now && now.since(*at) < KEY_MEMORY).then(|| known.clone())
    }

    fn remember(&self, hash: K, known: &Arc<V>, now: Timestamp) {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() >= MOST_REMEMBERED {
            recent.clear();
        }
        recent.insert(hash, (known.clone(), now));
    }

    fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The key of that hash and its owner as they are now, or within [`KEY_MEMORY`] of now.
async fn key(app: &App, hash: KeyHash) -> Result<Option<Arc<KeyHolder>>, StoreError> {
    let now = app.now();
    if let Some(known) = app.callers.keys.recall(&hash, now) {
        return Ok(Some(known));
    }
    let Some(found) = app.store.key(hash).await?.map(Arc::new) else { return Ok(None) };
    app.callers.keys.remember(hash, &found, now);
    Ok(Some(found))
}

/// The session of that hash and whose it is, in the same way.
async fn session(app: &App, hash: TokenHash) -> Result<Option<Arc<SessionHolder>>, StoreError> {
    let now = app.now();
    if let Some(known) = app.callers.sessions.recall(&hash, now) {
        return Ok(Some(known));
    }
    let Some(found) = app.store.session(hash).await?.map(Arc::new) else { return Ok(None) };
    app.callers.sessions.remember(hash, &found, now);
    Ok(Some(found))
}

/// A caller as they are now, if what they came by still opens anything.
async fn now(app: &App, caller: &Caller) -> Result<Option<Caller>, StoreError> {
    let found = match (caller.key(), caller.session().zip(caller.csrf())) {
        (Some(known), _) => key(app, known.hash).await?.map(Caller::by_key),
        (None, Some((known, csrf))) => {
            let found = session(app, known.hash).await?;
            found.map(|holder| Caller::by_session(holder, csrf.to_owned()))
        }
        (None, None) => None,
    };
    Ok(found.filter(|caller| caller.is_good(app.now())))
}

/// Whether what a caller came by still opens anything: asked again and again by what stays open.
pub(crate) async fn still_good(app: &App, caller: &Caller) -> bool {
    // A store that is busy says nothing against them; it is asked again in a moment.
    now(app, caller).await.map_or(true, |found| found.is_some())
}

/// Whether it still opens what needs this scope.
pub(crate) async fn still_may(app: &App, caller: &Caller, scope: Scope) -> bool {
    now(app, caller).await.map_or(true, |found| found.is_some_and(|caller| caller.has(scope)))
}

/// The caller as they are once all of their request is here: what they came by may have been revoked while it was on its way, and
/// what they may have become less.
pub(super) async fn again(app: &App, caller: &Caller, scope: Scope) -> Result<Caller, Refusal> {
    let not = || if caller.key().is_some() { no_such_key() } else { Refusal::unauthorized(SESSION_ENDED) };
    let caller = now(app, caller).await?.ok_or_else(not)?;
    caller.may(scope)?;
    Ok(caller)
}

/// Signs a request in, if its key is good, or, where it shows none, its session.
pub(super) async fn sign_in(app: &App, headers: &HeaderMap, way: &Way, now: Timestamp) -> Result<Caller, Refusal> {
    if let Some(text) = presented(headers)? {
        // One message for a key that never was, one that is revoked or expired, and a typo: a guess learns nothing.
        let hash = read_key(text).ok_or_else(no_such_key)?;
        let caller = key(app, hash).await?.map(Caller::by_key).filter(|caller| caller.is_good(now));
        let caller = caller.ok_or_else(no_such_key)?;
        if let Some(key) = caller.key() {
            app.last_seen.key(key.id, now);
        }
        return Ok(caller);
    }
    let Some(token) = cookie::session(headers, way) else {
        return Err(Refusal::unauthorized(
            "Send an API key: Authorization: Bearer mgs_... (make one: studio key create), or sign in.",
        ));
    };
    by_session(app, &token, now).await?.ok_or_else(|| no_such_session(way))
}

/// Who is signed in by a cookie, for routes that are for anyone and greet those who are.
pub(super) async fn greet(
    app: &App,
    headers: &HeaderMap,
    way: &Way,
    now: Timestamp,
) -> Result<Option<Caller>, Refusal> {
    match cookie::session(headers, way) {
        Some(token) => by_session(app, &token, now).await,
        None => Ok(None),
    }
}

async fn by_session(app: &App, token: &Secret, now: Timestamp) -> Result<Option<Caller>, Refusal> {
    let Some(hash) = read_token(token.expose()) else { return Ok(None) };
    let found = session(app, hash).await?.map(|holder| Caller::by_session(holder, csrf_token(token)));
    let caller = found.filter(|caller| caller.is_good(now));
    if let Some(session) = caller.as_ref().and_then(Caller::session) {
        app.last_seen.session(session.id, now);
    }
    Ok(caller)
}

fn no_such_key() -> Refusal {
    Refusal::unauthorized("This API key is not valid. It may be mistyped, expired or revoked.")
}

const SESSION_ENDED: &str = "This session has ended. Sign in again.";

fn no_such_session(way: &Way) -> Refusal {
    Refusal::unauthorized(SESSION_ENDED).with_header(header::SET_COOKIE, cookie::cleared(way))
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
