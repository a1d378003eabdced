//! Makes and revokes keys. The text of a key leaves here once and is kept nowhere.

use super::{Desk, Doer};
use crate::settings::OWN_KEYS_LIMIT;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use studio_core::{
    caller::{ApiKey, Scope, User, mint_key, read_key},
    id::{KeyId, UserId},
    job::Payer,
    ledger::Limits,
    limits::Rate,
    people::{Action, Role},
    ports::{BudgetRow, StoreError},
    secret::Secret,
    time::Timestamp,
};

/// What a new key is to be.
#[derive(Debug, Clone, Default)]
pub struct NewKey {
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

/// Why no key is made.
#[derive(Debug, thiserror::Error)]
pub enum NotMade {
    /// Its owner's role lacks a scope that it is to have.
    #[error("{email} is a {}, who does not have the scope {}", .role.as_str(), .scope.as_str())]
    LacksScope {
        /// Its owner.
        email: String,
        /// What they are.
        role: Role,
        /// What it was to have.
        scope: Scope,
    },
    /// Nothing of its owner's opens anything.
    #[error("{0} is disabled")]
    Disabled(String),
    /// They came by a key that may not.
    #[error(transparent)]
    NotByKey(#[from] NotByKey),
    /// It is to have rate limits of its own, which only whoever runs the studio gives: they stand in place of the configured ones.
    #[error("only whoever runs the studio gives a key rate limits of its own")]
    Rates,
    /// They have as many as one person may.
    #[error(
        "{OWN_KEYS_LIMIT} keys are good already or were made within a day, which is the most that one person makes"
    )]
    TooMany,
    /// The store can't.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The person of that address, made if there is none.
pub async fn ensure_user(desk: Desk<'_>, doer: &Doer, email: &str, role: Role) -> Result<User, StoreError> {
    let now = desk.clock.now();
    let user = User::new(UserId::new(now, desk.chance.id_bytes()), email, role, now);
    let entry = desk.entry(doer, Action::UserCreated).of("user", user.id);
    let entry = entry.with(json!({ "email": email, "role": role.as_str() }));
    desk.store.ensure_user(user, entry).await
}

/// Makes a key for someone: it, and its text for its owner's eyes.
pub async fn create_key(desk: Desk<'_>, doer: &Doer, owner: &User, new: NewKey) -> Result<(ApiKey, Secret), NotMade> {
    if !owner.is_active() {
        return Err(NotMade::Disabled(owner.email.clone()));
    }
    if let Some(scope) = new.scopes.iter().find(|scope| !owner.role.has(**scope)) {
        return Err(NotMade::LacksScope { email: owner.email.clone(), role: owner.role, scope: *scope });
    }
    let (text, hash) = loop {
        let mut random = [0; 64];
        desk.chance.fill(&mut random);
        // Now and then too many of the bytes must be passed over: draw again.
        if let Some(text) = mint_key(&random)
            && let Some(hash) = read_key(text.expose())
        {
            break (text, hash);
        }
    };
    let now = desk.clock.now();
    let last4 = text.expose().chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
    let key = ApiKey {
        id: KeyId::new(now, desk.chance.id_bytes()),
        user: owner.id,
        name: new.name,
        hash,
        last4,
        scopes: new.scopes,
        limits: new.rates,
        created_at: now,
        expires_at: new.expires_at,
        revoked_at: None,
    };
    let entry = desk.entry(doer, Action::KeyCreated).of("key", key.id).with(json!({
        "userId": owner.id.to_string(),
        "name": key.name,
        "scopes": key.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>(),
        "expiresAt": key.expires_at.map(|at| at.to_string()),
        "limits": key.limits,
        "budgets": new.limits.iter().map(|(window, limit)| (window.as_str(), limit.to_string())).collect::<BTreeMap<_, _>>(),
    }));
    match desk.store.create_key(key.clone(), new.limits, entry).await? {
        true => Ok((key, text)),
        false => Err(NotMade::TooMany),
    }
}

/// The bound that a key has of its own, in words: whatever it makes must not be free of it.
async fn bound_of(desk: Desk<'_>, key: &ApiKey) -> Result<Option<&'static str>, StoreError> {
    if !key.limits.is_empty() {
        return Ok(Some("rate limits"));
    }
    if key.expires_at.is_some() {
        return Ok(Some("an end"));
    }
    Ok(has_budget(desk, key).await?.then_some(A_BUDGET))
}

const A_BUDGET: &str = "a budget";

async fn has_budget(desk: Desk<'_>, key: &ApiKey) -> Result<bool, StoreError> {
    let rows = desk.store.budgets(Some(key.user), desk.clock.now()).await?;
    let has =
        |row: &BudgetRow| row.payer == Payer::Key(key.id) && row.windows.iter().any(|(_, limit, _)| limit.is_some());
    Ok(rows.iter().any(has))
}

/// Why a key may not do what whoever signs in may.
#[derive(Debug, thiserror::Error)]
pub enum NotByKey {
    /// It lacks a scope that it would give.
    #[error("the key that asks for it lacks the scope {}", .0.as_str())]
    Beyond(Scope),
    /// It has a bound of its own.
    #[error("the key that asks for it has {0} of its own")]
    Bounded(&'static str),
    /// The store can't.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Refuses a key that may less than its owner, or has a bound of its own, where it would give rights: whoever has them then is free
/// of both.
pub(super) async fn may_give_rights(desk: Desk<'_>, doer: &Doer) -> Result<(), NotByKey> {
    let Some(key) = &doer.key else { return Ok(()) };
    let all = doer.role.map_or(&[][..], Role::scopes);
    if let Some(scope) = all.iter().find(|scope| !key.scopes.contains(scope)) {
        return Err(NotByKey::Beyond(*scope));
    }
    bound_of(desk, key).await?.map_or(Ok(()), |bound| Err(NotByKey::Bounded(bound)))
}

/// Refuses a key that has a budget of its own where it would say what money is for: that budget, too.
pub async fn may_say_of_money(desk: Desk<'_>, doer: &Doer) -> Result<(), NotByKey> {
    let Some(key) = &doer.key else { return Ok(()) };
    if has_budget(desk, key).await? { Err(NotByKey::Bounded(A_BUDGET)) } else { Ok(()) }
}

/// Makes a key for whoever asks. One who comes by a key gets none that may more than that one, or that is free of its bounds.
pub async fn create_own_key(
    desk: Desk<'_>,
    doer: &Doer,
    owner: &User,
    new: NewKey,
) -> Result<(ApiKey, Secret), NotMade> {
    if let Some(key) = &doer.key {
        if let Some(scope) = new.scopes.iter().find(|scope| !key.scopes.contains(scope)) {
            return Err(NotByKey::Beyond(*scope).into());
        }
        if let Some(bound) = bound_of(desk, key).await? {
            return Err(NotByKey::Bounded(bound).into());
        }
    }
    let runs_it =
        owner.role.has(Scope::Admin) && doer.key.as_ref().is_none_or(|key| key.scopes.contains(&Scope::Admin));
    if !new.rates.is_empty() && !runs_it {
        return Err(NotMade::Rates);
    }
    create_key(desk, doer, owner, new).await
}

/// Revokes a key, of one person or of anyone. False: there is none of that id, or it is another's.
pub async fn revoke_key(desk: Desk<'_>, doer: &Doer, of: Option<UserId>, id: KeyId) -> Result<bool, StoreError> {
    let entry = desk.entry(doer, Action::KeyRevoked).of("key", id);
    desk.store.revoke_key(id, of, entry).await
}
