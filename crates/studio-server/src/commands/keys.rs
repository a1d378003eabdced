//! Makes people and their keys. The text of a key leaves here once and is kept nowhere.

use std::collections::{BTreeMap, BTreeSet};
use studio_core::{
    caller::{ApiKey, Scope, User, mint_key, read_key},
    id::{KeyId, UserId},
    ledger::Limits,
    limits::Rate,
    ports::{Chance, Clock, Store, StoreError},
    secret::Secret,
    time::Timestamp,
};

/// What a new key is to be.
#[derive(Debug, Clone, Default)]
pub struct NewKey {
    /// Whose; made if there is no such person.
    pub email: String,
    /// What its owner calls it.
    pub name: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// The most that it may spend, by window.
    pub limits: Limits,
    /// Rate limits of its own, by class name.
    pub rates: BTreeMap<String, Rate>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// The person of that address, made if there is none.
pub async fn ensure_owner(
    store: &dyn Store,
    clock: &dyn Clock,
    chance: &dyn Chance,
    email: &str,
) -> Result<User, StoreError> {
    let now = clock.now();
    let user = User { id: UserId::new(now, chance.id_bytes()), email: email.to_owned(), created_at: now };
    store.ensure_user(user).await
}

/// Makes a key: its id, and its text for its owner's eyes.
pub async fn create_key(
    store: &dyn Store,
    clock: &dyn Clock,
    chance: &dyn Chance,
    new: NewKey,
) -> Result<(KeyId, Secret), StoreError> {
    let user = ensure_owner(store, clock, chance, &new.email).await?;
    let (text, hash) = loop {
        let mut random = [0; 64];
        chance.fill(&mut random);
        // Now and then too many of the bytes must be passed over: draw again.
        if let Some(text) = mint_key(&random)
            && let Some(hash) = read_key(text.expose())
        {
            break (text, hash);
        }
    };
    let now = clock.now();
    let id = KeyId::new(now, chance.id_bytes());
    let last4 = text.expose().chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
    let key = ApiKey {
        id,
        user: user.id,
        name: new.name,
        hash,
        last4,
        scopes: new.scopes,
        limits: new.rates,
        created_at: now,
        expires_at: new.expires_at,
        revoked_at: None,
    };
    store.create_key(key, new.limits).await?;
    Ok((id, text))
}
