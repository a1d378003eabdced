//! Which pictures a model can begin with: `inputs = { image = true, mask = "any" }`.

use serde::{Deserialize, Serialize};

/// What an image model takes beside words. A model that says nothing takes words alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageInputs {
    /// Whether it changes a picture that it is given.
    #[serde(default)]
    pub image: bool,
    /// Which masks it takes: what of the picture is to be painted anew.
    #[serde(default)]
    pub mask: MaskRule,
}

/// Which masks a model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskRule {
    /// None.
    #[default]
    None,
    /// A PNG as large as the picture, transparent where it is to be painted anew (OpenAI's convention).
    Transparent,
    /// Of any size: transparent where it is to be painted anew, or, where nothing is transparent, white there and black elsewhere.
    Any,
}

impl MaskRule {
    /// As in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Transparent => "transparent",
            Self::Any => "any",
        }
    }
}
