//! People: what each may do, how they sign in, and who may manage whom. Pure rules; the store calls them inside its
//! transactions, so two who change the same person at once can't get past them.

mod audit;
mod link;
mod password;
mod role;
mod session;
mod token;

pub use audit::{Action, Actor, AuditEntry, Via};
pub use link::{Link, LinkKind, Standing};
pub use password::{MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS, NotAPassword, check_password};
pub use role::Role;
pub use session::{MAX_AGENT_CHARS, SESSION_IDLE, SESSION_LIFE, Session, csrf_token, shown_agent};
pub use token::{TokenHash, mint_token, read_token};

use crate::{id::UserId, time::Timestamp};
use serde_json::{Value, json};

/// Longest name of a person, in characters.
pub const MAX_NAME_CHARS: usize = 100;
/// Longest address, in characters (RFC 5321 allows no more on the wire).
pub const MAX_ADDRESS_CHARS: usize = 254;

/// A person. The hash of their password is never in here, so that no list and no log can show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Their e-mail address: what they sign in with, and what names them on the command line. Capitals don't tell two apart.
    pub email: String,
    /// What they are called.
    pub name: Option<String>,
    /// What they may do at most, whatever key or session they come by.
    pub role: Role,
    /// When they came.
    pub created_at: Timestamp,
    /// Since when nothing of theirs opens anything.
    pub disabled_at: Option<Timestamp>,
}

impl User {
    /// Someone new.
    pub fn new(id: UserId, email: impl Into<String>, role: Role, created_at: Timestamp) -> Self {
        Self { id, email: email.into(), name: None, role, created_at, disabled_at: None }
    }

    /// Whether anything of theirs opens anything.
    pub fn is_active(&self) -> bool {
        self.disabled_at.is_none()
    }

    /// Whether they count as an owner: somebody must.
    pub fn is_active_owner(&self) -> bool {
        self.is_active() && self.role == Role::Owner
    }
}

/// Whether two addresses are one person's.
pub fn same_address(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// Reads an e-mail address as a person writes one. It is not proven that anyone reads mail there.
pub fn read_address(text: &str) -> Result<String, String> {
    let text = text.trim();
    let plain = |c: char| c.is_ascii_graphic() || c.is_alphanumeric();
    let good = text.split_once('@').is_some_and(|(local, host)| {
        !local.is_empty() && !host.is_empty() && !host.contains('@') && text.chars().all(plain)
    });
    if good && text.chars().count() <= MAX_ADDRESS_CHARS {
        Ok(text.to_owned())
    } else {
        Err(format!("must be an e-mail address, such as me@example.com, of at most {MAX_ADDRESS_CHARS} characters"))
    }
}

/// Reads a name, of a person or of a thing of theirs.
pub fn read_name(text: &str) -> Result<String, String> {
    let text = text.trim();
    let good = !text.is_empty() && text.chars().count() <= MAX_NAME_CHARS && !text.chars().any(char::is_control);
    if good {
        Ok(text.to_owned())
    } else {
        Err(format!("must have 1 to {MAX_NAME_CHARS} characters, none of them control characters"))
    }
}

/// What is to be changed of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserChange {
    /// Their role.
    pub role: Option<Role>,
    /// Whether anything of theirs opens anything.
    pub disabled: Option<bool>,
    /// What they are called. `Some(None)`: nothing any more.
    pub name: Option<Option<String>>,
}

/// Why a person is not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotChanged {
    /// Only an owner changes an owner, or makes one.
    #[error("only an owner changes an owner, or makes one")]
    OwnersOnly,
    /// Somebody must be able to run the studio.
    #[error("they are the last owner who is not disabled: make another one first")]
    LastOwner,
}

/// Whether whoever has the role `by` may give `role` to someone, or change someone who has it. Nothing: the command line,
/// which is whoever has the data folder, and may all.
pub fn may_manage(by: Option<Role>, role: Role) -> Result<(), NotChanged> {
    match by {
        None | Some(Role::Owner) => Ok(()),
        Some(Role::Admin) if role != Role::Owner => Ok(()),
        Some(_) => Err(NotChanged::OwnersOnly),
    }
}

/// A person as they are after a change, and what of it is told in the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// After it.
    pub user: User,
    /// What was what; nothing when nothing is another.
    pub details: Option<Value>,
}

/// Changes a person on the word of someone with the role `by`. `other_owners`: whether there are owners beside them who are not
/// disabled.
pub fn change(
    before: &User,
    change: &UserChange,
    by: Option<Role>,
    other_owners: bool,
    now: Timestamp,
) -> Result<Changed, NotChanged> {
    may_manage(by, before.role)?;
    may_manage(by, change.role.unwrap_or(before.role))?;
    let mut user = before.clone();
    user.role = change.role.unwrap_or(before.role);
    match change.disabled {
        Some(true) => user.disabled_at = before.disabled_at.or(Some(now)),
        Some(false) => user.disabled_at = None,
        None => {}
    }
    if let Some(name) = &change.name {
        user.name.clone_from(name);
    }
    if before.is_active_owner() && !user.is_active_owner() && !other_owners {
        return Err(NotChanged::LastOwner);
    }
    let mut details = serde_json::Map::new();
    if user.role != before.role {
        details.insert("role".into(), json!({ "from": before.role.as_str(), "to": user.role.as_str() }));
    }
    if user.is_active() != before.is_active() {
        details.insert("disabled".into(), json!(!user.is_active()));
    }
    if user.name != before.name {
        details.insert("name".into(), json!(true));
    }
    let details = (!details.is_empty()).then_some(Value::Object(details));
    Ok(Changed { user, details })
}

#[cfg(test)]
mod tests;
