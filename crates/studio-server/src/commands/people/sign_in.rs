//! Signs someone in: one answer, of one shape and after the same work, whatever was wrong.

use super::{Doer, hashing::NotHashed};
use crate::app::App;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use studio_core::{
    id::{RequestId, SessionId, UserId},
    limits::{Counted, Decision, LimitClass},
    people::{Action, Actor, SESSION_LIFE, Session, TokenHash, User, Via},
    ports::{OpenSession, StoreError},
    secret::Secret,
    time::Timestamp,
};

/// From where someone comes, for their list of sessions and the audit log.
#[derive(Debug, Clone)]
pub struct Visit {
    /// Their address.
    pub network: Option<String>,
    /// What their browser calls itself, fit to be shown.
    pub agent: Option<String>,
    /// The session that their browser has until now, by what is kept of its token: it ends when another begins.
    pub replaces: Option<TokenHash>,
    /// The request.
    pub request: RequestId,
}

impl Visit {
    pub(super) fn doer(&self, user: Option<UserId>, via: Via) -> Doer {
        let actor = Actor { user, via };
        Doer { actor, role: None, key: None, network: self.network.clone(), request: Some(self.request) }
    }

    /// A session that begins now.
    pub(super) fn session(&self, app: &App, user: UserId, hash: TokenHash, now: Timestamp) -> Session {
        Session {
            id: SessionId::new(now, app.chance.id_bytes()),
            user,
            hash,
            created_at: now,
            last_seen_at: now,
            expires_at: now.plus(SESSION_LIFE),
            network: self.network.clone(),
            agent: self.agent.clone(),
        }
    }
}

/// Someone who is in.
#[derive(Debug)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// By which session.
    pub session: Session,
    /// Its token, for their browser alone.
    pub token: Secret,
}

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum NotSignedIn {
    /// Too many tries for that account.
    #[error("too many tries")]
    Limited(Decision),
    /// The address or the password is wrong, or the account is disabled: nobody is told which.
    #[error("wrong")]
    Wrong,
    /// It could not be checked.
    #[error(transparent)]
    NotHashed(#[from] NotHashed),
    /// The store can't.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The hash of an address by which tries are counted and told of, whether or not it is anyone's.
fn hash_of(email: &str) -> [u8; 32] {
    Sha256::digest(email.to_lowercase()).into()
}

/// Counts a try to sign in to an account.
fn count(app: &App, email: &str, now: Timestamp) -> Result<(), Decision> {
    let hash = hash_of(email);
    let who = Counted::Account(hash.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte)));
    let class = LimitClass::Auth;
    let decision = app.limiter.check(who, class, app.limits.rate(class), now);
    if decision.allowed { Ok(()) } else { Err(decision) }
}

/// Signs in whoever has this address and password.
pub async fn sign_in(app: &Arc<App>, email: &str, password: Secret, visit: Visit) -> Result<SignedIn, NotSignedIn> {
    let (now, email) = (app.now(), email.trim());
    count(app, email, now).map_err(NotSignedIn::Limited)?;
    let account = app.store.account(email).await?;
    let (user, hash) = account.map_or((None, None), |account| (Some(account.user), account.password));
    let right = app.hashing.verify(password, hash.clone()).await?;
    let desk = app.desk();
    if let (true, Some(user), Some(password)) = (right, user.clone().filter(User::is_active), hash) {
        let (token, hash) = desk.token();
        let session = visit.session(app, user.id, hash, now);
        let doer = visit.doer(Some(user.id), Via::Password);
        let entry = desk.entry(&doer, Action::SessionOpened).of("session", session.id);
        if app
            .store
            .open_session(OpenSession { session: session.clone(), password, replaces: visit.replaces, entry })
            .await?
        {
            if visit.replaces.is_some() {
                app.callers.forget();
            }
            return Ok(SignedIn { user, session, token });
        }
    }
    let entry = desk.entry(&visit.doer(None, Via::Password), Action::SessionRefused);
    let entry = match user {
        Some(user) => entry.of("user", user.id),
        // What was typed may be anything, a password even: only what tells it from others is kept.
        None => {
            let name: String = hash_of(email).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
            entry.with(json!({ "unknownAddress": name }))
        }
    };
    app.store.note(entry).await?;
    Err(NotSignedIn::Wrong)
}
