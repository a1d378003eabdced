//! Refusals in a word: each says what is wrong, and what is allowed.

use studio_core::inspection::{Refusal, RefusalCode};

/// What looking at a part of a file comes to.
pub(crate) type Looked<T> = Result<T, Refusal>;

/// A refusal as an error.
pub(crate) fn refuse<T>(code: RefusalCode, message: impl Into<String>) -> Looked<T> {
    Err(refusal(code, message))
}

/// A refusal.
pub(crate) fn refusal(code: RefusalCode, message: impl Into<String>) -> Refusal {
    let mut message: String = message.into();
    if let Some((end, _)) = message.char_indices().find(|(at, _)| *at >= 480) {
        message.truncate(end);
    }
    Refusal { code, message }
}

/// It contradicts itself, or ends too early.
pub(crate) fn damaged(what: impl std::fmt::Display) -> Refusal {
    refusal(RefusalCode::Damaged, format!("the file is damaged: {what}"))
}

/// It ends where something should follow.
pub(crate) fn cut_off() -> Refusal {
    damaged("it ends too early")
}
