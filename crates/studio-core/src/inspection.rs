//! What the child that looks into uploaded files says of one: the line that it writes, and what may stand in it.
//!
//! `studio inspect` writes one line of JSON, a [`Verdict`], and behind it the bytes of its sections, one after the other. Both
//! ends read and write these types, so they can't drift apart. The child has had a hostile file in its memory, so its line is
//! read as hostile input, too: [`Verdict::parse`].

use serde::{Deserialize, Serialize};

/// Longest line, in bytes, its end included.
pub const MOST_LINE_BYTES: usize = 16 << 10;
/// Longest text in a line, in bytes: a message, a placeholder, the name of what was removed.
pub const MOST_TEXT_BYTES: usize = 512;
/// Most kinds of metadata that a line names.
pub const MOST_STRIPPED: usize = 32;

/// What a file is looked at as. The server tells it from the first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// A picture, perhaps one that moves.
    Image,
    /// Sound alone.
    Audio,
    /// Moving pictures, perhaps with sound.
    Video,
    /// Many things to learn from: an archive, or lines of JSON.
    Dataset,
}

impl FileKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Image, Self::Audio, Self::Video, Self::Dataset];

    /// As on the child's command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Dataset => "dataset",
        }
    }

    /// Reads what [`FileKind::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// The line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is what it should be.
    Ok(Facts),
    /// It is not taken.
    Refused(Refusal),
}

/// What is known of a file that is taken. Whatever its kind does not have is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Facts {
    /// What it is by its bytes, as in a `Content-Type` header.
    pub media_type: String,
    /// As it is shown, in pixels: what is stored on its side is told upright.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// As it is shown, in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Pictures in a picture that moves; 1 in one that does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames: Option<u32>,
    /// How long it plays, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Samples of each channel in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_rate: Option<u32>,
    /// Channels of its sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<u32>,
    /// Streams of pictures and sound in a video.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracks: Option<u32>,
    /// Files in an archive, or lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<u64>,
    /// Bytes of all that is in an archive, unpacked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unpacked_bytes: Option<u64>,
    /// A BlurHash of 4 by 3 components, to show until the picture is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<String>,
    /// What the section `clean` has no more, such as `EXIF`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stripped: Vec<String>,
    /// What follows the line, in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sections: Vec<Section>,
}

/// Bytes that follow the line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Section {
    /// What they are.
    pub name: SectionName,
    /// As in a `Content-Type` header.
    pub media_type: String,
    /// How many.
    pub bytes: u64,
}

/// What follows the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SectionName {
    /// A small picture of it.
    Thumbnail,
    /// The file without what should not be kept. Absent when nothing had to be removed.
    Clean,
}

/// Why a file is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The reason, for programs.
    pub code: RefusalCode,
    /// What is wrong and what is allowed, for people. Nothing of the file is quoted but its names of entries, shown by `Debug`.
    pub message: String,
}

/// The reasons. They are stable: callers see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// Its bytes are nothing that is taken as this kind.
    NotMedia,
    /// A picture is too large to be unpacked.
    TooManyPixels,
    /// A picture that moves has too many pictures, or too many pixels in all of them.
    TooManyFrames,
    /// Too many parts in the container.
    TooManyChunks,
    /// So small for what comes out of it that it must be meant to fill memory or disks.
    BadRatio,
    /// Parts within parts within parts.
    TooDeep,
    /// Too many files in an archive, or too many lines.
    TooManyEntries,
    /// A file in an archive, or a line, that is not taken.
    BadEntry,
    /// It contradicts itself, or ends too early.
    Damaged,
    /// A known format, or a way to use it, that is not taken.
    Unsupported,
    /// Plays too long, or has too many bytes.
    TooLong,
}

impl RefusalCode {
    /// All of them, in the order of their documentation.
    pub const ALL: [Self; 11] = [
        Self::NotMedia,
        Self::TooManyPixels,
        Self::TooManyFrames,
        Self::TooManyChunks,
        Self::BadRatio,
        Self::TooDeep,
        Self::TooManyEntries,
        Self::BadEntry,
        Self::Damaged,
        Self::Unsupported,
        Self::TooLong,
    ];

    /// As it stands in the line, and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotMedia => "not_media",
            Self::TooManyPixels => "too_many_pixels",
            Self::TooManyFrames => "too_many_frames",
            Self::TooManyChunks => "too_many_chunks",
            Self::BadRatio => "bad_ratio",
            Self::TooDeep => "too_deep",
            Self::TooManyEntries => "too_many_entries",
            Self::BadEntry => "bad_entry",
            Self::Damaged => "damaged",
            Self::Unsupported => "unsupported",
            Self::TooLong => "too_long",
        }
    }
}

/// Why a line is none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadVerdict {
    /// It is too long.
    #[error("the line is too long")]
    TooLong,
    /// It is no verdict.
    #[error("the line is no verdict")]
    Unreadable,
    /// A text or a list in it is longer than any that the child writes, or a text has control characters in it.
    #[error("the line has something in it that the child never says")]
    NeverSaid,
}

impl Verdict {
    /// Reads a line as hostile input: bounded, and only what the child could have said. That the media types are ones that
    /// the studio keeps, and how long sections may be, is for the caller to look at.
    pub fn parse(line: &[u8]) -> Result<Self, BadVerdict> {
        if line.len() > MOST_LINE_BYTES {
            return Err(BadVerdict::TooLong);
        }
        let verdict: Self = serde_json::from_slice(line).map_err(|_| BadVerdict::Unreadable)?;
        let said = match &verdict {
            Self::Refused(refusal) => fair(&refusal.message),
            Self::Ok(facts) => {
                let names: Vec<_> = facts.sections.iter().map(|section| section.name).collect();
                let in_order = matches!(
                    names[..],
                    [] | [SectionName::Thumbnail | SectionName::Clean] | [SectionName::Thumbnail, SectionName::Clean]
                );
                in_order
                    && fair(&facts.media_type)
                    && facts.placeholder.as_deref().is_none_or(fair)
                    && facts.stripped.len() <= MOST_STRIPPED
                    && facts.stripped.iter().all(|name| fair(name))
                    && facts.sections.iter().all(|section| fair(&section.media_type))
            }
        };
        said.then_some(verdict).ok_or(BadVerdict::NeverSaid)
    }
}

/// Whether the child could have said this text.
fn fair(text: &str) -> bool {
    text.len() <= MOST_TEXT_BYTES && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_kinds_are_written_as_they_are_read() {
        for code in RefusalCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
        for kind in FileKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(FileKind::parse(kind.as_str()), Some(kind));
        }
    }

    #[test]
    fn a_line_is_read_as_hostile_input() {
        let line = br#"{"ok":{"mediaType":"image/png","width":2,"height":1,"sections":[{"name":"thumbnail","mediaType":"image/jpeg","bytes":9}]}}"#;
        let Ok(Verdict::Ok(facts)) = Verdict::parse(line) else { panic!("{:?}", Verdict::parse(line)) };
        assert_eq!((facts.width, facts.sections[0].bytes), (Some(2), 9));
        assert_eq!(Verdict::parse(&serde_json::to_vec(&Verdict::Ok(facts.clone())).unwrap()), Ok(Verdict::Ok(facts)));

        let refused = |message: &str| {
            let refusal = Refusal { code: RefusalCode::Damaged, message: message.to_owned() };
            Verdict::parse(&serde_json::to_vec(&Verdict::Refused(refusal)).unwrap())
        };
        assert!(refused("cut off").is_ok());
        assert_eq!(refused("a\nb"), Err(BadVerdict::NeverSaid));
        assert_eq!(refused(&"a".repeat(MOST_TEXT_BYTES + 1)), Err(BadVerdict::NeverSaid));
        assert_eq!(refused(&"a".repeat(MOST_LINE_BYTES)), Err(BadVerdict::TooLong));
        for none in
            [&b""[..], b"{}", b"null", br#"{"refused":{"code":"tired","message":""}}"#, br#"{"ok":{"width":-1}}"#]
        {
            assert_eq!(Verdict::parse(none), Err(BadVerdict::Unreadable), "{none:?}");
        }
        let twice = br#"{"ok":{"mediaType":"a","sections":[{"name":"clean","mediaType":"a","bytes":1},{"name":"clean","mediaType":"a","bytes":1}]}}"#;
        assert_eq!(Verdict::parse(twice), Err(BadVerdict::NeverSaid));
    }
}
