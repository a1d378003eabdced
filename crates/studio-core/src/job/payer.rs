//! Who pays for a job, and by whose key its provider is asked.

use crate::id::{KeyId, UserId};
use serde::{Deserialize, Serialize};

/// Who pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payer {
    /// A person, directly.
    User(UserId),
    /// A person by one of their keys, within its budget.
    Key(KeyId),
    /// A person whose own account at the provider pays: it is recorded like all else, and no budget here counts it.
    OwnKey(UserId),
}

impl Payer {
    /// Reads what `Display` wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, id) = text.split_once(':')?;
        match kind {
            "user" => UserId::parse(id).ok().map(Self::User),
            "key" => KeyId::parse(id).ok().map(Self::Key),
            "own" => UserId::parse(id).ok().map(Self::OwnKey),
            _ => None,
        }
    }

    /// Whose budgets a job of `owner` has to keep that is paid by this one: the payer's and the owner's, who may be one and the
    /// same; nobody's, where it is no money of the studio's.
    pub fn bound(self, owner: UserId) -> impl Iterator<Item = Self> {
        let counts = !matches!(self, Self::OwnKey(_));
        let of_owner = Self::User(owner);
        std::iter::once(self).chain((self != of_owner).then_some(of_owner)).filter(move |_| counts)
    }
}

impl std::fmt::Display for Payer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::Key(id) => write!(f, "key:{id}"),
            Self::OwnKey(id) => write!(f, "own:{id}"),
        }
    }
}

/// By whose key a job's provider is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeySource {
    /// The studio's, if the provider wants one at all.
    #[default]
    Studio,
    /// One that its owner has stored here.
    Own,
    /// One that came with its request, and is erased when it is over.
    Request,
}

impl KeySource {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Studio, Self::Own, Self::Request];

    /// As in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Studio => "studio",
            Self::Own => "own",
            Self::Request => "request",
        }
    }

    /// Whether it is the studio's: then nothing of this needs to be said.
    pub fn is_studio(&self) -> bool {
        *self == Self::Studio
    }
}
