//! What callers ask for: a JSON body read field by field against the rules and the catalog. Every fault is found in one
//! pass and named with what is allowed; unknown fields are named too. Nothing here starts, holds or stores anything.

mod asked;
mod chat;
mod edit;
mod fields;
mod flags;
mod image;
mod legacy;
mod messages;

pub use asked::Read;
pub use chat::{CHAT_PARAMETERS, ChatRequest, ReadChat, read_chat, read_title};
pub use edit::{MAX_EDIT_PIXELS, MAX_EDIT_SIDE, OLD_PICTURE_FIELDS, edit_pictures_of};
pub use fields::{FieldFault, Fields, Invalid};
pub use flags::{Flag, Flags};
pub use image::{IMAGE_PARAMETERS, ImageRequest, read_image};
pub use legacy::modern;
pub use messages::{
    Format, MAX_MESSAGES, MAX_PICTURES, Message, Part, Picture, PictureSource, Pictures, Role, Tool, ToolCall,
    ToolChoice, pictures_of,
};

use crate::{
    parameter::Parameters,
    price::{PriceList, Usage},
    secret::Prompt,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Most characters of a prompt (origin.md, "Prompt rule").
pub const MAX_PROMPT_CHARS: usize = 2000;
/// Longest run without white space in a prompt, in characters (finding 12).
pub const MAX_WORD_CHARS: usize = 100;

/// A checked request of any modality: what a job keeps and what a provider is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "modality", rename_all = "snake_case")]
pub enum Input {
    /// Pictures.
    Image(ImageRequest),
    /// A conversation to go on with, or to be named.
    Chat(ChatRequest),
}

impl Input {
    /// The most that this can use of what `list` prices, when no attempt may take longer than `total_limit`: what the hold is
    /// made for.
    pub fn upper_usage(&self, list: &PriceList, total_limit: Duration) -> Usage {
        match self {
            Self::Image(request) => request.usage(list, request.count(), total_limit.as_secs().max(1)),
            Self::Chat(request) => request.usage(list, request.upper_tokens()),
        }
    }

    /// The least that this can use, roughly: what an estimate begins with.
    pub fn least_usage(&self, list: &PriceList) -> Usage {
        match self {
            Self::Image(request) => request.usage(list, request.count(), 1),
            Self::Chat(request) => request.usage(list, request.least_tokens()),
        }
    }

    /// What was used when so many files came back after so many seconds. Words are counted by who said them.
    pub fn actual_usage(&self, list: &PriceList, outputs: u64, seconds: u64) -> Usage {
        match self {
            Self::Image(request) => request.usage(list, outputs, seconds),
            Self::Chat(_) => Usage::default(),
        }
    }

    /// The same without what anyone wrote or showed.
    #[must_use]
    pub fn forgotten(&self) -> Self {
        match self {
            Self::Image(request) => Self::Image(ImageRequest::new(Prompt::new(""), request.parameters.clone())),
            Self::Chat(request) => Self::Chat(ChatRequest {
                messages: Vec::new(),
                tools: Vec::new(),
                tool_choice: None,
                format: Format::Text,
                stop: Vec::new(),
                ..request.clone()
            }),
        }
    }

    /// The pictures that it shows: their bytes go to whoever does the work.
    pub fn pictures(&self) -> Vec<&Picture> {
        match self {
            Self::Image(request) => request.pictures().collect(),
            Self::Chat(request) => request.messages.iter().flat_map(Message::pictures).collect(),
        }
    }

    /// Everything but the prompt, by the model's own declaration.
    pub fn parameters(&self) -> &Parameters {
        match self {
            Self::Image(request) => &request.parameters,
            Self::Chat(request) => &request.parameters,
        }
    }

    /// What the person wrote, or wrote last.
    pub fn prompt(&self) -> Option<&Prompt> {
        match self {
            Self::Image(request) => Some(&request.prompt),
            Self::Chat(request) => request.last_words(),
        }
    }
}

/// Reads a prompt by finding 12: trimmed, not empty, bounded, no NUL, no other control characters than tabs and line breaks,
/// no endless word. All else is kept as it is: there are scripts and emoji that can't do without characters that show nothing.
fn read_prompt(text: &str) -> Result<Prompt, String> {
    let text = text.trim();
    let allowed = format!("must be a text of 1 to {MAX_PROMPT_CHARS} characters");
    if text.is_empty() {
        return Err(format!("{allowed}, not only white space"));
    }
    let chars = text.chars().count();
    if chars > MAX_PROMPT_CHARS {
        return Err(format!("{allowed}; this one has {chars}"));
    }
    if text.contains('\0') {
        return Err("must not contain the NUL character".into());
    }
    if let Some(found) = text.chars().find(|c| flags::is_control(*c)) {
        return Err(format!("must not contain control characters; this one has U+{:04X}", u32::from(found)));
    }
    if text.split_whitespace().any(|word| word.chars().count() > MAX_WORD_CHARS) {
        return Err(format!("must not contain a word of more than {MAX_WORD_CHARS} characters"));
    }
    Ok(Prompt::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f12_prompts_are_trimmed_and_bounded() {
        assert_eq!(read_prompt("  a cat \n").unwrap().expose(), "a cat");
        assert!(read_prompt(&"ab ".repeat(666)).is_ok());
        assert!(read_prompt("👩‍👩‍👧 שלום zażółć").is_ok());
        for (bad, word) in [
            ("", "1 to 2000"),
            (" \n\t", "white space"),
            ("a\0b", "NUL"),
            ("a\u{1b}[31mb", "U+001B"),
            ("a\u{85}b", "U+0085"),
            (&"x".repeat(101), "100 characters"),
            (&"ab ".repeat(700), "2099"),
        ] {
            assert!(read_prompt(bad).unwrap_err().contains(word), "{word}");
        }
    }
}
