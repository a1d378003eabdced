//! People: how they come in, what they have, and who may say what of whom. One verb a file; each is one transaction of the store,
//! with its entry of the audit log in it.

mod accept;
mod hashing;
mod keys;
mod links;
mod password;
mod seen;
mod sessions;
mod sign_in;
mod users;

pub use accept::{Acceptance, NotAccepted, accept, look_at_link};
pub use hashing::{Hashing, NotHashed};
pub use keys::{NewKey, NotByKey, NotMade, create_key, create_own_key, ensure_user, may_say_of_money, revoke_key};
pub use links::{NewLink, NotLinked, OWNER, invite, reset_link, setup_link, withdraw_invitation};
pub use password::{NoNewPassword, change_password};
pub use seen::LastSeen;
pub use sessions::{end_other_sessions, end_session};
pub use sign_in::{NotSignedIn, SignedIn, Visit, sign_in};
pub use users::{NoSuchChange, change_user};

use studio_core::{
    caller::ApiKey,
    id::{AuditId, RequestId},
    people::{Action, Actor, AuditEntry, Role, TokenHash, Via, mint_token, read_token},
    ports::{Chance, Clock, Store},
    secret::Secret,
};

/// What these verbs work with, in the server and on the command line alike.
#[derive(Clone, Copy)]
pub struct Desk<'a> {
    /// Remembers.
    pub store: &'a dyn Store,
    /// Tells the time.
    pub clock: &'a dyn Clock,
    /// Gives chance.
    pub chance: &'a dyn Chance,
}

/// Who does something, and from where.
#[derive(Debug, Clone)]
pub struct Doer {
    /// Who.
    pub actor: Actor,
    /// What they are. Nothing: the command line, or the studio itself, which may all.
    pub role: Option<Role>,
    /// The key by which they came, if they did: what they do is not free of its bounds.
    pub key: Option<ApiKey>,
    /// From which address.
    pub network: Option<String>,
    /// In which request.
    pub request: Option<RequestId>,
}

impl Doer {
    /// Whoever has the data folder.
    pub const COMMAND_LINE: Self = Self::nobody(Via::CommandLine);
    /// The studio itself.
    pub const STUDIO: Self = Self::nobody(Via::Studio);

    const fn nobody(via: Via) -> Self {
        Self { actor: Actor { user: None, via }, role: None, key: None, network: None, request: None }
    }
}

impl Desk<'_> {
    /// An entry of the audit log about what `doer` does now.
    pub fn entry(&self, doer: &Doer, action: Action) -> AuditEntry {
        let now = self.clock.now();
        let id = AuditId::new(now, self.chance.id_bytes());
        let entry = AuditEntry::new(id, now, doer.actor, action);
        AuditEntry { network: doer.network.clone(), request: doer.request, ..entry }
    }

    /// A fresh token, and what is kept of it.
    fn token(&self) -> (Secret, TokenHash) {
        loop {
            let mut random = [0; 96];
            self.chance.fill(&mut random);
            // Now and then too many of the bytes must be passed over: draw again.
            if let Some(text) = mint_token(&random)
                && let Some(hash) = read_token(text.expose())
            {
                return (text, hash);
            }
        }
    }
}
