//! What a model says, as it says it: pieces of text in order, each in a voice, numbered by how many bytes came before.
//!
//! The number is the *offset*: a reader who has read up to an offset comes back with it and is given what follows, no byte
//! missing and none twice. A log is kept as few long segments, however small the pieces were in which it came.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a piece of text is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Voice {
    /// The answer.
    Text,
    /// What it thinks on the way, where its provider shows that.
    Reasoning,
    /// The arguments of a tool that it wants to be called: JSON, which may come in fragments.
    ToolCall {
        /// Its place among the calls of this answer.
        index: u32,
        /// By which name the result is given back.
        id: String,
        /// The tool.
        name: String,
    },
}

/// Text in one voice.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// In which voice.
    #[serde(flatten)]
    pub voice: Voice,
    /// What. Never empty in a log.
    pub text: String,
}

impl Segment {
    /// `text` as the answer.
    pub fn text(text: impl Into<String>) -> Self {
        Self { voice: Voice::Text, text: text.into() }
    }
}

/// What a model says is its owner's, like a prompt: it is not printed.
impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let voice = match &self.voice {
            Voice::Text => "Text",
            Voice::Reasoning => "Reasoning",
            Voice::ToolCall { .. } => "ToolCall",
        };
        write!(f, "{voice}({} bytes)", self.text.len())
    }
}

/// Why a model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// It had said what it had to say, or came to a stop word.
    Stop,
    /// It came to the limit of its output.
    Length,
    /// It wants tools to be called.
    ToolCalls,
    /// Its provider's filter cut it off.
    ContentFilter,
    /// For a reason that we have no word for.
    Other,
}

impl Finish {
    /// As in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Other => "other",
        }
    }
}

/// All that was said, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Log {
    segments: Vec<Segment>,
    bytes: u64,
}

impl Log {
    /// Where it ends: the bytes of all its text.
    pub const fn end(&self) -> u64 {
        self.bytes
    }

    /// The segments, neighbours never in the same voice.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Adds what was said next.
    pub fn append(&mut self, voice: &Voice, text: &str) {
        if text.is_empty() {
            return;
        }
        self.bytes += text.len() as u64;
        match self.segments.last_mut() {
            Some(last) if last.voice == *voice => last.text.push_str(text),
            _ => self.segments.push(Segment { voice: voice.clone(), text: text.to_owned() }),
        }
    }

    /// Where what follows `offset` begins: an offset within a character counts as its beginning.
    pub fn beginning(&self, offset: u64) -> u64 {
        let mut start = self.bytes;
        for segment in self.segments.iter().rev() {
            if start <= offset {
                break;
            }
            start -= segment.text.len() as u64;
            if let Some(within) = offset.checked_sub(start) {
                let within = usize::try_from(within).unwrap_or(usize::MAX);
                return start + segment.text.floor_char_boundary(within) as u64;
            }
        }
        offset
    }

    /// What follows `offset`; an offset within a character counts as its beginning.
    pub fn after(&self, offset: u64) -> Vec<Segment> {
        self.part(offset, usize::MAX)
    }

    /// The next `most` bytes or a few less after `offset`: whole characters, at least one if there is one.
    pub fn part(&self, offset: u64, most: usize) -> Vec<Segment> {
        // Backwards to where it begins: whoever follows a log asks for its end.
        let mut start = self.bytes;
        let mut first = self.segments.len();
        while first > 0 && start > offset {
            first -= 1;
            start -= self.segments[first].text.len() as u64;
        }
        let mut left = most.max(4);
        let mut found = Vec::new();
        for segment in &self.segments[first..] {
            let skip = usize::try_from(offset.saturating_sub(start)).unwrap_or(usize::MAX);
            start += segment.text.len() as u64;
            let text = &segment.text[segment.text.floor_char_boundary(skip)..];
            let text = &text[..text.floor_char_boundary(left)];
            left -= text.len();
            if !text.is_empty() {
                found.push(Segment { voice: segment.voice.clone(), text: text.to_owned() });
            }
            if left < 4 {
                break;
            }
        }
        found
    }

    /// The text of the answer alone, without thoughts and calls.
    pub fn answer(&self) -> String {
        self.of(|voice| *voice == Voice::Text)
    }

    /// What it thought on the way.
    pub fn reasoning(&self) -> String {
        self.of(|voice| *voice == Voice::Reasoning)
    }

    fn of(&self, wanted: impl Fn(&Voice) -> bool) -> String {
        self.segments.iter().filter(|segment| wanted(&segment.voice)).map(|segment| segment.text.as_str()).collect()
    }

    /// The tools that it wants to be called, with all of their arguments, in order.
    pub fn tool_calls(&self) -> Vec<(String, String, String)> {
        let mut calls: Vec<(u32, String, String, String)> = Vec::new();
        for segment in &self.segments {
            let Voice::ToolCall { index, id, name } = &segment.voice else { continue };
            match calls.iter_mut().find(|call| call.0 == *index) {
                Some(call) => call.3.push_str(&segment.text),
                None => calls.push((*index, id.clone(), name.clone(), segment.text.clone())),
            }
        }
        calls.into_iter().map(|(_, id, name, arguments)| (id, name, arguments)).collect()
    }
}

impl FromIterator<Segment> for Log {
    fn from_iter<I: IntoIterator<Item = Segment>>(segments: I) -> Self {
        let mut log = Self::default();
        segments.into_iter().for_each(|segment| log.append(&segment.voice, &segment.text));
        log
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn call(index: u32) -> Voice {
        Voice::ToolCall { index, id: format!("c{index}"), name: "look".into() }
    }

    #[test]
    fn neighbours_in_one_voice_are_one_segment() {
        let mut log = Log::default();
        for (voice, text) in [
            (Voice::Reasoning, "hm"),
            (Voice::Text, "a"),
            (Voice::Text, ""),
            (Voice::Text, "b"),
            (call(0), "{"),
            (call(1), "[]"),
            (call(0), "}"),
        ] {
            log.append(&voice, text);
        }
        assert_eq!((log.segments().len(), log.end()), (5, 8));
        assert_eq!((log.answer(), log.reasoning()), ("ab".into(), "hm".into()));
        let call = |n: u32, text: &str| (format!("c{n}"), "look".to_owned(), text.to_owned());
        assert_eq!(log.tool_calls(), [call(0, "{}"), call(1, "[]")]);
    }

    #[test]
    fn an_offset_within_a_character_counts_as_its_beginning() {
        let log: Log = [Segment::text("aü")].into_iter().collect();
        assert_eq!(log.after(2), [Segment::text("ü")]);
        assert_eq!(log.after(3), []);
        assert_eq!(log.after(99), []);
        assert_eq!([0, 1, 2, 3, 99].map(|offset| log.beginning(offset)), [0, 1, 1, 3, 99]);
    }

    #[test]
    fn parts_are_whole_characters_and_together_the_whole() {
        let log: Log = [
            Segment { voice: Voice::Reasoning, text: "hm, 🌊".into() },
            Segment::text("aü🌊".repeat(9)),
            Segment { voice: call(0), text: "{}".into() },
        ]
        .into_iter()
        .collect();
        for most in [0, 4, 5, 7, 1000] {
            let (mut read, mut offset) = (Log::default(), 0);
            while offset < log.end() {
                let part = log.part(offset, most);
                let bytes: usize = part.iter().map(|segment| segment.text.len()).sum();
                assert!(bytes > 0 && bytes <= most.max(4), "{bytes} of {most}");
                offset += bytes as u64;
                part.iter().for_each(|segment| read.append(&segment.voice, &segment.text));
            }
            assert_eq!(read, log, "{most}");
        }
        assert_eq!(log.part(log.end(), 9), []);
    }

    #[test]
    fn f18_what_is_said_does_not_print() {
        assert_eq!(format!("{:?}", Segment::text("secret")), "Text(6 bytes)");
    }

    proptest! {
        #[test]
        fn whoever_comes_back_misses_nothing_and_sees_nothing_twice(
            pieces in prop::collection::vec((0u8..4, "[a-zü🌊]{0,6}"), 0..40), cuts in prop::collection::vec(0usize..40, 0..6)
        ) {
            let voice = |n: u8| match n { 0 => Voice::Text, 1 => Voice::Reasoning, n => call(u32::from(n)) };
            let (mut log, mut read, mut offset) = (Log::default(), Log::default(), 0);
            for (index, (n, text)) in pieces.iter().enumerate() {
                log.append(&voice(*n), text);
                if cuts.contains(&index) {
                    for segment in log.after(offset) {
                        offset += segment.text.len() as u64;
                        read.append(&segment.voice, &segment.text);
                    }
                }
            }
            log.after(offset).into_iter().for_each(|segment| read.append(&segment.voice, &segment.text));
            prop_assert_eq!(read, log);
        }
    }
}
