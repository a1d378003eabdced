//! Text that must not be printed. `Debug` and `Display` of these types show their length and nothing else, so that a log
//! line, a trace or an error built from them can't leak; reading one is a named act that a search finds.

use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroize;

/// A key, a token, a password. Its memory is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself: for the wire and for hashing, never for a log.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What a person wrote for a model. Kept with the job as it came, shown to its owner, never logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Prompt(String);

impl Prompt {
    /// Hides `text`; whether it may be sent to a model is decided in [`crate::request`].
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself: for the model and for its owner.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prompt({} characters)", self.0.chars().count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f18_secrets_and_prompts_do_not_print() {
        let printed = format!("{:?} {:?}", Secret::new("hunter2"), Prompt::new("a cat"));
        assert_eq!(printed, "Secret(…) Prompt(5 characters)");
    }
}
