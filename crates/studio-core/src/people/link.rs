//! Links that open once: to set the studio up, to join it, to choose a new password.

use super::{Role, TokenHash};
use crate::{
    id::{LinkId, UserId},
    time::Timestamp,
};
use std::time::Duration;

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkKind {
    /// The first owner chooses a password.
    Setup,
    /// Someone new joins.
    Invitation,
    /// Someone who is known chooses a new password.
    Reset,
}

impl LinkKind {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Setup, Self::Invitation, Self::Reset];

    /// As it is kept and told.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Invitation => "invitation",
            Self::Reset => "reset",
        }
    }

    /// Reads what [`LinkKind::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// How long it is good.
    pub const fn life(self) -> Duration {
        match self {
            Self::Setup => Duration::from_secs(24 * 3600),
            Self::Invitation => Duration::from_secs(7 * 24 * 3600),
            Self::Reset => Duration::from_secs(3600),
        }
    }
}

/// A link as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its id: a name to withdraw it by, which opens nothing.
    pub id: LinkId,
    /// What it is for.
    pub kind: LinkKind,
    /// All that we keep of its token.
    pub hash: TokenHash,
    /// For whom.
    pub email: String,
    /// For whom, if they are known already.
    pub user: Option<UserId>,
    /// What an invited person will be.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom; nothing for the command line.
    pub created_by: Option<UserId>,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was used.
    pub used_at: Option<Timestamp>,
    /// When it was withdrawn, or another one took its place.
    pub withdrawn_at: Option<Timestamp>,
}

impl Link {
    /// Whether it opens anything at `now`.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.used_at.is_none() && self.withdrawn_at.is_none() && now < self.expires_at
    }
}
