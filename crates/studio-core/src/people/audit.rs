//! The audit log: who did what, when and from where, of all that decides who may do what. Append-only, and written in the same
//! transaction as the change that it tells of. It has no secrets: no passwords, no tokens, no keys, only their ids.

use crate::{
    id::{AuditId, KeyId, LinkId, RequestId, SessionId, UserId},
    time::Timestamp,
};
use serde_json::Value;

/// By what someone came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// A session in a browser.
    Session(SessionId),
    /// An API key.
    Key(KeyId),
    /// A one-time link.
    Link(LinkId),
    /// A password, which was right or wrong.
    Password,
    /// The command line: whoever has the data folder.
    CommandLine,
    /// The studio itself, at a start.
    Studio,
}

impl Via {
    /// Its kind, as it is kept and told.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Session(_) => "session",
            Self::Key(_) => "key",
            Self::Link(_) => "link",
            Self::Password => "password",
            Self::CommandLine => "command_line",
            Self::Studio => "studio",
        }
    }

    /// Its id, where it has one.
    pub fn id(&self) -> Option<uuid::Uuid> {
        match self {
            Self::Session(id) => Some(id.as_uuid()),
            Self::Key(id) => Some(id.as_uuid()),
            Self::Link(id) => Some(id.as_uuid()),
            Self::Password | Self::CommandLine | Self::Studio => None,
        }
    }

    /// Reads what [`Via::as_str`] and [`Via::id`] wrote.
    pub fn parse(kind: &str, id: Option<uuid::Uuid>) -> Option<Self> {
        match (kind, id) {
            ("session", Some(id)) => Some(Self::Session(SessionId::from_uuid(id))),
            ("key", Some(id)) => Some(Self::Key(KeyId::from_uuid(id))),
            ("link", Some(id)) => Some(Self::Link(LinkId::from_uuid(id))),
            ("password", None) => Some(Self::Password),
            ("command_line", None) => Some(Self::CommandLine),
            ("studio", None) => Some(Self::Studio),
            _ => None,
        }
    }
}

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    /// The person, where one is known.
    pub user: Option<UserId>,
    /// By what they came.
    pub via: Via,
}

macro_rules! actions {
    ($($(#[doc = $about:literal])+ $name:ident = $word:literal;)*) => {
        /// What was done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action { $($(#[doc = $about])+ $name),* }

        impl Action {
            /// All there are.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its word, which never changes its meaning.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// What it is, in words for people.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$name => concat!($($about),+)),* }
            }
        }
    };
}

actions! {
    /// Someone signed in.
    SessionOpened = "session.opened";
    /// Someone could not sign in: a wrong password, an account that is disabled, or none.
    SessionRefused = "session.refused";
    /// Someone signed out, or ended a session of theirs.
    SessionEnded = "session.ended";
    /// Someone ended all sessions of theirs but the one that they came by.
    SessionsEnded = "session.others_ended";
    /// Someone chose another password, or their first one.
    PasswordChanged = "password.changed";
    /// A key was made.
    KeyCreated = "key.created";
    /// A key was revoked.
    KeyRevoked = "key.revoked";
    /// A person came to be known.
    UserCreated = "user.created";
    /// A person's role, name or standing was changed.
    UserChanged = "user.changed";
    /// A link to set the studio up was made.
    SetupLinkCreated = "setup_link.created";
    /// Someone was invited.
    InvitationCreated = "invitation.created";
    /// An invitation was withdrawn.
    InvitationWithdrawn = "invitation.withdrawn";
    /// A link to choose a new password was made.
    ResetLinkCreated = "reset_link.created";
    /// A link was used.
    LinkUsed = "link.used";
    /// The budgets of a user or of a key were set.
    BudgetsSet = "budgets.set";
    /// Someone stored a provider's key of their own, in place of the one before it if there was one.
    ProviderKeySet = "provider_key.set";
    /// Someone removed a provider's key of their own.
    ProviderKeyRemoved = "provider_key.removed";
    /// Someone said what became of a job that nobody knew about.
    JobResolved = "job.resolved";
    /// Someone had another's dead letter done again.
    JobReplayed = "job.replayed";
    /// Someone said what a job cost after all.
    JobAdjusted = "job.adjusted";
}

impl Action {
    /// Reads what [`Action::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.as_str() == text)
    }
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Its id: the same entry again is not written twice.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What they did.
    pub action: Action,
    /// To what: its kind and id, such as `key:019a…`.
    pub target: Option<String>,
    /// What else is worth knowing: a small JSON object.
    pub details: Value,
    /// From which address.
    pub network: Option<String>,
    /// In which request.
    pub request: Option<RequestId>,
}

impl AuditEntry {
    /// An entry of someone who did something, and nothing more about it.
    pub fn new(id: AuditId, at: Timestamp, actor: Actor, action: Action) -> Self {
        let details = Value::Object(serde_json::Map::new());
        Self { id, at, actor, action, target: None, details, network: None, request: None }
    }

    /// The same, of this target.
    #[must_use]
    pub fn of(mut self, kind: &str, id: impl std::fmt::Display) -> Self {
        self.target = Some(format!("{kind}:{id}"));
        self
    }

    /// The same, with these details.
    #[must_use]
    pub fn with(mut self, details: Value) -> Self {
        self.details = details;
        self
    }
}
