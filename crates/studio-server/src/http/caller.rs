//! Who calls: someone by an API key, or someone by a session in a browser.

use super::{call::Call, refusal::Refusal};
use crate::commands::people::Doer;
use std::{collections::BTreeSet, sync::Arc};
use studio_core::{
    caller::{ApiKey, KeyHolder, Scope},
    id::UserId,
    job::Payer,
    people::{Actor, Session, User, Via},
    ports::SessionHolder,
    time::Timestamp,
};

/// Proof that the request is signed in and may do what its route does.
#[derive(Clone)]
pub(crate) struct Caller(By);

#[derive(Clone)]
enum By {
    Key(Arc<KeyHolder>),
    /// With what a page must send beside the cookie to change anything.
    Session(Arc<SessionHolder>, Arc<str>),
}

impl Caller {
    pub(super) fn by_key(holder: Arc<KeyHolder>) -> Self {
        Self(By::Key(holder))
    }

    pub(super) fn by_session(holder: Arc<SessionHolder>, csrf: String) -> Self {
        Self(By::Session(holder, csrf.into()))
    }

    /// Who they are.
    pub(crate) fn user(&self) -> UserId {
        self.person().id
    }

    /// Who they are, as they were known a moment ago.
    pub(crate) fn person(&self) -> &User {
        match &self.0 {
            By::Key(holder) => &holder.user,
            By::Session(holder, _) => &holder.user,
        }
    }

    /// The key by which they came, if they did.
    pub(crate) fn key(&self) -> Option<&ApiKey> {
        match &self.0 {
            By::Key(holder) => Some(&holder.key),
            By::Session(..) => None,
        }
    }

    /// The session by which they came, if they did.
    pub(crate) fn session(&self) -> Option<&Session> {
        match &self.0 {
            By::Session(holder, _) => Some(&holder.session),
            By::Key(_) => None,
        }
    }

    /// What a page of their session must send to change anything.
    pub(crate) fn csrf(&self) -> Option<&str> {
        match &self.0 {
            By::Session(_, csrf) => Some(csrf),
            By::Key(_) => None,
        }
    }

    /// Who pays for what they make: their key, or they themselves.
    pub(crate) fn payer(&self) -> Payer {
        match &self.0 {
            By::Key(holder) => Payer::Key(holder.key.id),
            By::Session(holder, _) => Payer::User(holder.user.id),
        }
    }

    /// Whether they may do this: by a key never more than its owner may.
    pub(crate) fn has(&self, scope: Scope) -> bool {
        match &self.0 {
            By::Key(holder) => holder.may(scope),
            By::Session(holder, _) => holder.user.role.has(scope),
        }
    }

    /// What they may do.
    pub(crate) fn scopes(&self) -> BTreeSet<Scope> {
        Scope::ALL.into_iter().filter(|scope| self.has(*scope)).collect()
    }

    /// Refuses unless they may do this.
    pub(crate) fn may(&self, scope: Scope) -> Result<(), Refusal> {
        if self.has(scope) {
            return Ok(());
        }
        let key_has_it = self.key().is_some_and(|key| key.scopes.contains(&scope));
        Err(match self.key() {
            Some(_) if !key_has_it => Refusal::missing_scope(scope),
            _ => Refusal::missing_role(scope, self.person().role),
        })
    }

    /// Whether what they came by was good at `now`.
    pub(super) fn is_good(&self, now: Timestamp) -> bool {
        match &self.0 {
            By::Key(holder) => holder.is_good(now),
            By::Session(holder, _) => holder.session.is_good(&holder.user, now),
        }
    }

    /// What is told in the audit log of who does something in this call.
    pub(crate) fn doer(&self, call: &Call) -> Doer {
        let via = match &self.0 {
            By::Key(holder) => Via::Key(holder.key.id),
            By::Session(holder, _) => Via::Session(holder.session.id),
        };
        Doer {
            actor: Actor { user: Some(self.user()), via },
            role: Some(self.person().role),
            key: self.key().cloned(),
            network: call.from.map(|address| address.to_string()),
            request: Some(call.request),
        }
    }
}
