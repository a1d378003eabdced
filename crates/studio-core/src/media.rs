//! Kinds of bytes that we keep, told by their first bytes and never by what a provider calls them.

use serde::{Deserialize, Serialize};

/// A media type that the studio stores and serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MediaType {
    /// `image/png`
    #[serde(rename = "image/png")]
    Png,
    /// `image/jpeg`
    #[serde(rename = "image/jpeg")]
    Jpeg,
    /// `image/webp`
    #[serde(rename = "image/webp")]
    Webp,
}

impl MediaType {
    /// How many leading bytes [`MediaType::sniff`] wants to see.
    pub const SNIFF_BYTES: usize = 16;

    /// Tells the type from the first bytes, or nothing when it is none that we keep.
    pub fn sniff(head: &[u8]) -> Option<Self> {
        match head {
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            _ => None,
        }
    }

    /// As in a `Content-Type` header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
        }
    }

    /// Reads what [`MediaType::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Png, Self::Jpeg, Self::Webp].into_iter().find(|kind| kind.as_str() == text)
    }

    /// The usual ending of a file of this type.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_told_by_their_bytes() {
        assert_eq!(MediaType::sniff(b"\x89PNG\r\n\x1a\n...."), Some(MediaType::Png));
        assert_eq!(MediaType::sniff(b"\xff\xd8\xff\xe0"), Some(MediaType::Jpeg));
        assert_eq!(MediaType::sniff(b"RIFF\0\0\0\0WEBPVP8L"), Some(MediaType::Webp));
        for other in [&b""[..], b"<html>", b"\x89PN", b"GIF89a", b"RIFF\0\0\0\0WAVE"] {
            assert_eq!(MediaType::sniff(other), None);
        }
        assert_eq!(MediaType::parse("image/webp"), Some(MediaType::Webp));
    }
}
