//! A user's own keys for providers: set, removed. The text of one leaves here sealed, and never again as it was.

use super::people::Doer;
use crate::{
    app::App,
    secrets::{self, NotOpened},
};
use studio_core::{
    id::UserId,
    people::{Action, AuditEntry},
    ports::{Entrusted, ProviderKey, StoreError},
    seal::Place,
    secret::Secret,
};

/// Longest key of a provider, in characters.
pub const MAX_PROVIDER_KEY_CHARS: usize = 512;
/// Of shorter ones nothing is shown: four characters would be too much of them.
const SHORTEST_SHOWN: usize = 16;
/// How often a master key may be taken out of use between a seal and its commit.
pub(super) const MOST_SEALS: usize = 5;

/// Why a key is not kept.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// No such provider takes own keys.
    #[error("there is no such provider")]
    NoProvider,
    /// It is no key.
    #[error("must be 1 to {MAX_PROVIDER_KEY_CHARS} visible ASCII characters")]
    NotAKey,
    /// It can't be sealed.
    #[error(transparent)]
    NotSealed(#[from] NotOpened),
    /// The store can't take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether a text can be a key of a provider: what a header can carry.
pub fn is_provider_key(text: &str) -> bool {
    (1..=MAX_PROVIDER_KEY_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The providers for which people may bring their own key.
pub fn own_key_providers(app: &App) -> impl Iterator<Item = &str> {
    app.lanes.iter().filter(|(_, lane)| lane.takes_own_keys).map(|(name, _)| name.as_str())
}

/// Keeps a user's own key for a provider.
pub async fn set_provider_key(
    app: &App,
    doer: &Doer,
    user: UserId,
    provider: &str,
    text: &Secret,
) -> Result<ProviderKey, NotKept> {
    if !app.lanes.get(provider).is_some_and(|lane| lane.takes_own_keys) {
        return Err(NotKept::NoProvider);
    }
    if !is_provider_key(text.expose()) {
        return Err(NotKept::NotAKey);
    }
    let shown = text.expose().len().checked_sub(4).filter(|_| text.expose().len() >= SHORTEST_SHOWN);
    let last4 = shown.and_then(|from| text.expose().get(from..)).unwrap_or_default().to_owned();
    let place = Place::ProviderKey { user, provider: provider.to_owned() };
    for _ in 0..MOST_SEALS {
        let key = ProviderKey {
            user,
            provider: provider.to_owned(),
            sealed: secrets::seal(app, &place, text)?,
            last4: last4.clone(),
            created_at: app.now(),
        };
        let entry = entry(app, doer, Action::ProviderKeySet, provider);
        if app.store.keep_provider_key(key.clone(), entry).await? == Entrusted::Kept {
            tracing::info!(user = %user, provider, "own provider key set");
            return Ok(key);
        }
    }
    Err(StoreError::Unavailable("the master key in use is retired: studio secret status".into()).into())
}

/// What is told of it: whose it is, is who does it.
fn entry(app: &App, doer: &Doer, action: Action, provider: &str) -> AuditEntry {
    app.desk().entry(doer, action).of("provider", provider)
}

/// Removes one. False: there is none.
pub async fn remove_provider_key(app: &App, doer: &Doer, user: UserId, provider: &str) -> Result<bool, StoreError> {
    let entry = entry(app, doer, Action::ProviderKeyRemoved, provider);
    let removed = app.store.remove_provider_key(user, provider, entry).await?;
    if removed {
        tracing::info!(user = %user, provider, "own provider key removed");
    }
    Ok(removed)
}
