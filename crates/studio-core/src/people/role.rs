//! What a person may do, as one word.

use crate::caller::Scope;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a person may do at most. In order: who comes later may all that who came before may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks at what is theirs.
    Viewer,
    /// Makes things, too.
    Member,
    /// Runs the studio, too: but for its owners.
    Admin,
    /// Runs the studio, and says who else does.
    Owner,
}

impl Role {
    /// All there are, from the least to the most.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Member, Self::Admin, Self::Owner];

    /// As in the API and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// Reads what [`Role::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// What it is for, in words for people.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Viewer => "looks at what is theirs, and looks after their account",
            Self::Member => "makes things, too",
            Self::Admin => "runs the studio, too: people, budgets, failed jobs; but not its owners",
            Self::Owner => "runs the studio, and says who else does",
        }
    }

    /// The scopes that it has.
    pub const fn scopes(self) -> &'static [Scope] {
        match self {
            Self::Viewer => &[Scope::Read, Scope::Account],
            Self::Member => &[Scope::Generate, Scope::Read, Scope::Account],
            Self::Admin | Self::Owner => &[Scope::Generate, Scope::Read, Scope::Admin, Scope::Account],
        }
    }

    /// Whether it has a scope.
    pub fn has(self, scope: Scope) -> bool {
        self.scopes().contains(&scope)
    }

    /// The least role that has all of these scopes.
    pub fn least_with(scopes: &BTreeSet<Scope>) -> Self {
        let enough = |role: &Self| scopes.iter().all(|scope| role.has(*scope));
        Self::ALL.into_iter().find(enough).unwrap_or(Self::Owner)
    }
}
