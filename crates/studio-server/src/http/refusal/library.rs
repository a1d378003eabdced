//! Refusals of what people keep here: uploads, and small pictures.

use super::{Refusal, codes};
use crate::{
    commands::{NoThumbnail, NotUploaded},
    work::inspector::NotInspected,
};
use serde_json::json;
use std::time::Duration;
use studio_core::{media::MediaType, ports::Stored};

/// When to come back to a place where files are looked into and many wait.
const INSPECTION_PAUSE: Duration = Duration::from_secs(5);

impl From<NotUploaded> for Refusal {
    fn from(not: NotUploaded) -> Self {
        match not {
            NotUploaded::TooLarge { kind, limit, received } => {
                let kind = kind.map(|kind| kind.as_str());
                let what = kind.map_or("A file".to_owned(), |kind| format!("A file of the kind {kind}"));
                let message = format!("{what} may have at most {limit} bytes; this one has {received} or more.");
                Self::new(codes::FILE_TOO_LARGE, message)
                    .with(json!({ "limitBytes": limit, "receivedBytes": received, "kind": kind }))
            }
            NotUploaded::OverQuota { quota, stored, received } => over_quota(quota, stored, received),
            NotUploaded::Empty => Self::new(codes::UNSUPPORTED_TYPE, "The file is empty.").with(taken()),
            NotUploaded::UnknownType => {
                let message = "The file is none of those that are taken, by its first bytes; details.taken lists them.";
                Self::new(codes::UNSUPPORTED_TYPE, message).with(taken())
            }
            NotUploaded::Mismatch { said_by, found } => {
                let message = format!(
                    "The file is {} by its bytes, and its {said_by} says something else. Name it as what it is.",
                    found.as_str()
                );
                Self::new(codes::TYPE_MISMATCH, message)
                    .with(json!({ "field": said_by, "found": found.as_str(), "endings": found.extensions() }))
            }
            NotUploaded::NameReused => Self::new(
                codes::IDEMPOTENCY_KEY_REUSED,
                "This Idempotency-Key was used for another file. Use a new key for a new file.",
            ),
            NotUploaded::NotInspected(not) => not.into(),
            NotUploaded::Assets(error) => error.into(),
            NotUploaded::Store(error) => error.into(),
        }
    }
}

/// What somebody brings, in whatever way, would be too much beside what they brought before.
pub(super) fn over_quota(quota: u64, Stored { used, leaving }: Stored, received: u64) -> Refusal {
    let message = if used.saturating_add(received) > quota {
        format!(
            "What you bring, by uploads or inside requests, may have {quota} bytes together; what is there has {used}, and this has \
             {received} or more. Remove some: DELETE /api/v1/assets/{{id}}."
        )
    } else {
        format!(
            "Of what you brought {used} bytes are there, and {leaving} that you removed stay on the disk for a day. Both and \
             this, of {received} bytes or more, may be twice the {quota} that you may have. Try again tomorrow."
        )
    };
    Refusal::new(codes::QUOTA_EXCEEDED, message)
        .with(json!({ "quotaBytes": quota, "usedBytes": used, "leavingBytes": leaving, "receivedBytes": received }))
}

fn taken() -> serde_json::Value {
    json!({ "taken": MediaType::ALL.map(MediaType::as_str) })
}

impl From<NotInspected> for Refusal {
    fn from(not: NotInspected) -> Self {
        match not {
            NotInspected::Refused(refusal) => {
                let message = format!("The file is not taken: {}", refusal.message);
                Self::new(codes::INVALID_FILE, message).with(json!({ "reason": refusal.code.as_str() }))
            }
            NotInspected::Unreadable(_) => {
                let message = "The file is not taken: it can't be read within the limits for its kind.";
                Self::new(codes::INVALID_FILE, message).with(json!({ "reason": "unreadable" }))
            }
            NotInspected::TooSlow => {
                let message =
                    "It took too long to look into the file: the studio is busy. Nothing was kept; try again later.";
                Self::new(codes::OVERLOADED, message).retry_in(INSPECTION_PAUSE)
            }
            NotInspected::Busy => {
                let message = "Too many files wait to be looked into. Nothing was kept; try again in a moment.";
                Self::new(codes::OVERLOADED, message).retry_in(INSPECTION_PAUSE)
            }
            NotInspected::Unavailable(_) => {
                let message = "Files can't be looked into now. Nothing was kept; the operator finds more in the log.";
                Self::new(codes::BLOBS_UNAVAILABLE, message).retry_in(INSPECTION_PAUSE)
            }
            NotInspected::Assets(error) => error.into(),
        }
    }
}

impl From<NoThumbnail> for Refusal {
    fn from(none: NoThumbnail) -> Self {
        match none {
            NoThumbnail::None | NoThumbnail::NotInspected(NotInspected::Refused(_) | NotInspected::Unreadable(_)) => {
                Self::not_found("thumbnail")
            }
            NoThumbnail::NotInspected(not) => not.into(),
            NoThumbnail::Assets(error) => error.into(),
            NoThumbnail::Store(error) => error.into(),
        }
    }
}
