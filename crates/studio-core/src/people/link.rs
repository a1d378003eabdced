//! Links that open once: to set the studio up, to join it, to choose a new password.

use super::{Actor, AuditEntry, Role, TokenHash, User, Via, may_manage};
use crate::{
    id::{LinkId, UserId},
    time::Timestamp,
};
use serde_json::json;
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

    /// The page on which it is used, before its token.
    pub const fn page(self) -> &'static str {
        match self {
            Self::Setup => "/setup/",
            Self::Invitation | Self::Reset => "/invitations/",
        }
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

    /// Whether it still opens for whom it says, as all stand at the moment of its use. Whoever made it must still be one who may:
    /// else a link would keep the rights of someone who has lost theirs, or reach someone who has risen above them meanwhile.
    pub fn opens_for(&self, standing: &Standing<'_>) -> bool {
        let role = standing.known.map_or(self.role, |user| user.role);
        let by_whom_may = self.created_by.is_none()
            || standing.maker.is_some_and(|maker| maker.is_active() && may_manage(Some(maker.role), role).is_ok());
        let there = standing.known.map_or(self.user.is_none(), User::is_active);
        // But for who chooses another, a link is for who had no way in: they may have found one meanwhile.
        by_whom_may && there && (self.kind == LinkKind::Reset || !standing.has_password)
    }

    /// What is told of its use by someone who is `user` from then on.
    pub fn told_of_use(&self, entry: AuditEntry, before: Option<&User>, user: &User) -> AuditEntry {
        let actor = Actor { user: Some(user.id), via: Via::Link(self.id) };
        let details = json!({
            "userId": user.id.to_string(),
            "new": before.is_none(),
            "addressChanged": before.is_some_and(|before| before.email != user.email),
        });
        AuditEntry { actor, ..entry }.of(self.kind.as_str(), self.id).with(details)
    }
}

/// What counts when a link is used, beside the link.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// Whoever made it, if it was a person.
    pub maker: Option<&'a User>,
    /// For whom it is, if they are known.
    pub known: Option<&'a User>,
    /// Whether these have a password.
    pub has_password: bool,
}
