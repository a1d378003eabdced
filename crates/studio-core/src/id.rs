//! Names of things: UUIDv7, one type per noun, so that a job's id can never be passed where a user's is meant.
//!
//! An id is a name, never a permission: whoever shows one must still prove that it is theirs. Randomness and time are
//! handed in, because the core has neither.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::{Uuid, Variant, Version};

/// Why a text is not one of our ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a UUID version 7 in its usual form, such as 019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b")]
pub struct NotAnId;

fn parse(text: &str) -> Result<Uuid, NotAnId> {
    // `try_parse` also takes braced, URN and undashed forms; one spelling per id keeps comparison by text honest.
    if text.len() != 36 {
        return Err(NotAnId);
    }
    let uuid = Uuid::try_parse(text).map_err(|_| NotAnId)?;
    let ours = uuid.get_version() == Some(Version::SortRand) && uuid.get_variant() == Variant::RFC4122;
    if ours { Ok(uuid) } else { Err(NotAnId) }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id that sorts by `now`; `random` makes it unlike any other.
            pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
                let millis = u64::try_from(now.as_millis()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
            }

            /// Reads the usual form, checking version and variant.
            pub fn parse(text: &str) -> Result<Self, NotAnId> {
                parse(text).map(Self)
            }

            /// Wraps a UUID that our own store kept.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The bare UUID, for the store.
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

id!(
    /// One durable unit of work.
    JobId
);
id!(
    /// Bytes that we keep.
    AssetId
);
id!(
    /// A page by which an asset is shown to others.
    ShareId
);
id!(
    /// A person.
    UserId
);
id!(
    /// An API key.
    KeyId
);
id!(
    /// A session of someone who signed in.
    SessionId
);
id!(
    /// A link that opens once.
    LinkId
);
id!(
    /// One entry of the audit log.
    AuditId
);
id!(
    /// Proof that its holder is the one who works on a job now; written by a claim, shown with every later word.
    LeaseToken
);
id!(
    /// One request at the door, followed through logs, jobs and provider calls.
    RequestId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f25_only_a_real_version_seven_uuid_is_an_id() {
        let id = JobId::new(Timestamp::from_millis(1_790_000_000_000), [7; 10]);
        assert_eq!(JobId::parse(&id.to_string()), Ok(id));
        for bad in [
            "",
            "x",
            "123e4567-e89b-42d3-a456-426614174000",          // version 4
            "019a0b1c-2d3e-7f40-0a5b-6c7d8e9f0a1b",          // wrong variant
            "{019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b}",        // braced
            "019a0b1c2d3e7f408a5b6c7d8e9f0a1b",              // undashed
            "019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b' OR 1=1;", // text that hopes to reach a query
        ] {
            assert_eq!(JobId::parse(bad), Err(NotAnId), "{bad}");
        }
    }

    #[test]
    fn ids_sort_by_time() {
        let early = JobId::new(Timestamp::from_millis(1), [255; 10]);
        let late = JobId::new(Timestamp::from_millis(2), [0; 10]);
        assert!(early < late);
    }
}
