//! What verbs of people refuse, as the API tells it.

use crate::{
    commands::people::{
        NoNewPassword, NoSuchChange, NotAccepted, NotByKey, NotHashed, NotLinked, NotMade, NotSignedIn,
    },
    http::{codes, refusal::Refusal},
    settings::OWN_KEYS_LIMIT,
};
use studio_core::{
    limits::LimitClass,
    people::{NotAPassword, NotChanged},
};

/// One message for whatever was wrong.
const WRONG: &str = "The address or the password is wrong.";

impl From<NotHashed> for Refusal {
    fn from(not: NotHashed) -> Self {
        match not {
            NotHashed::Busy => Self::overloaded(),
            NotHashed::Broken => {
                tracing::error!("a password could not be hashed");
                Self::internal()
            }
        }
    }
}

impl From<NotSignedIn> for Refusal {
    fn from(not: NotSignedIn) -> Self {
        match not {
            NotSignedIn::Limited(decision) => Self::limited(LimitClass::Auth, decision),
            NotSignedIn::Wrong => Self::new(codes::SIGN_IN_FAILED, WRONG),
            NotSignedIn::NotHashed(not) => not.into(),
            NotSignedIn::Store(error) => error.into(),
        }
    }
}

fn not_a_password(field: &str, not: NotAPassword) -> Refusal {
    Refusal::invalid_field(field, not.to_string())
}

impl From<NotAccepted> for Refusal {
    fn from(not: NotAccepted) -> Self {
        match not {
            NotAccepted::NotGood => Self::new(
                codes::LINK_NOT_GOOD,
                "This link is not good: it is mistyped, used, over or withdrawn. Ask for another one.",
            ),
            NotAccepted::AddressTaken => Self::new(codes::ADDRESS_TAKEN, "Somebody has this address already."),
            NotAccepted::Password(not) => not_a_password("password", not),
            NotAccepted::NotHashed(not) => not.into(),
            NotAccepted::Store(error) => error.into(),
        }
    }
}

impl From<NoNewPassword> for Refusal {
    fn from(not: NoNewPassword) -> Self {
        match not {
            NoNewPassword::Wrong => Self::invalid_field("current", "is not your present password"),
            NoNewPassword::Password(not) => not_a_password("new", not),
            NoNewPassword::NotHashed(not) => not.into(),
            NoNewPassword::Store(error) => error.into(),
        }
    }
}

impl From<NotChanged> for Refusal {
    fn from(not: NotChanged) -> Self {
        match not {
            NotChanged::OwnersOnly => Self::new(codes::NOT_ALLOWED, "Only an owner changes an owner, or makes one."),
            NotChanged::LastOwner => {
                Self::new(codes::LAST_OWNER, "They are the last owner who is not disabled. Make another owner first.")
            }
        }
    }
}

impl From<NoSuchChange> for Refusal {
    fn from(not: NoSuchChange) -> Self {
        match not {
            NoSuchChange::Absent => Self::not_found("user"),
            NoSuchChange::Refused(not) => not.into(),
            NoSuchChange::NotByKey(not) => not.into(),
            NoSuchChange::Store(error) => error.into(),
        }
    }
}

impl From<NotByKey> for Refusal {
    fn from(not: NotByKey) -> Self {
        let message = match not {
            NotByKey::Store(error) => return error.into(),
            NotByKey::Beyond(scope) => {
                format!(
                    "This key lacks the scope {}, so it gives nobody and nothing more. Sign in to do it.",
                    scope.as_str()
                )
            }
            NotByKey::Bounded(bound) => {
                format!("This key has {bound} of its own, so it can't do what would be free of that. Sign in to do it.")
            }
        };
        Self::new(codes::BOUNDED_KEY, message)
    }
}

impl From<NotLinked> for Refusal {
    fn from(not: NotLinked) -> Self {
        match not {
            NotLinked::Known => Self::new(
                codes::ADDRESS_TAKEN,
                "There is someone of this address already. If they can't sign in, make them a link to choose a password.",
            ),
            NotLinked::Absent => Self::not_found("user"),
            NotLinked::Refused(not) => not.into(),
            NotLinked::Own => {
                let message = "It would be your own: change your password with `POST /api/v1/auth/password`, or on the machine with \
                    `studio user reset-link`.";
                Self::new(codes::NOT_ALLOWED, message)
            }
            NotLinked::NotByKey(not) => not.into(),
            NotLinked::Store(error) => error.into(),
        }
    }
}

impl From<NotMade> for Refusal {
    fn from(not: NotMade) -> Self {
        match not {
            NotMade::LacksScope { scope, role, .. } => Self::missing_role(scope, role),
            NotMade::Disabled(_) => Self::not_found("user"),
            NotMade::NotByKey(not) => not.into(),
            NotMade::Rates => Self::new(
                codes::NOT_ALLOWED,
                "Only whoever runs the studio gives a key rate limits of its own. Leave `limits` out.",
            ),
            NotMade::TooMany => Self::new(
                codes::TOO_MANY_KEYS,
                format!(
                    "You have {OWN_KEYS_LIMIT} keys that are good or were made within a day, the most that one person \
                     makes. Revoke one that you do not need, or come back tomorrow."
                ),
            ),
            NotMade::Store(error) => error.into(),
        }
    }
}
