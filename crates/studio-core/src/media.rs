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

    /// Whether `bytes` are of this type and reach to its end: what was cut off on its way is told before anybody is asked to
    /// look at it. Nothing is decoded, so that it costs no more than to read them once.
    pub fn is_whole(self, bytes: &[u8]) -> bool {
        Self::sniff(bytes) == Some(self)
            && match self {
                Self::Png => whole_png(bytes),
                Self::Jpeg => whole_jpeg(bytes),
                Self::Webp => whole_webp(bytes),
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

/// Chunks, each with its length before and its checksum after it, from `IHDR` to `IEND`.
fn whole_png(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(8..).unwrap_or_default();
    let mut wanted = Some(*b"IHDR");
    while let Some((&[a, b, c, d, ref name @ ..], after)) = rest.split_first_chunk::<8>() {
        if wanted.take().is_some_and(|wanted| *name != wanted) {
            return false;
        }
        let Some(after) = after.get(u32::from_be_bytes([a, b, c, d]) as usize + 4..) else { return false };
        if name == b"IEND" {
            return true;
        }
        rest = after;
    }
    false
}

/// Segments, each with its length, to the one from which on there are pixels; then those, to the mark of their end.
fn whole_jpeg(bytes: &[u8]) -> bool {
    const PIXELS: u8 = 0xda;
    const END: u8 = 0xd9;
    let mut rest = bytes.get(2..).unwrap_or_default();
    loop {
        rest = match rest {
            // A mark may have more of these before it.
            [0xff, after @ ..] if after.first() == Some(&0xff) => after,
            [0xff, PIXELS, after @ ..] => return after.windows(2).any(|pair| pair == [0xff, END]),
            [0xff, 0x01 | 0xd0..=0xd7, after @ ..] => after,
            [0xff, mark, after @ ..] if *mark != END => match after {
                [a, b, ..] => after.get(usize::from(u16::from_be_bytes([*a, *b])).max(2)..).unwrap_or_default(),
                _ => return false,
            },
            _ => return false,
        };
    }
}

/// Its head says how much follows.
fn whole_webp(bytes: &[u8]) -> bool {
    let length = bytes.get(4..8).and_then(|length| length.try_into().ok()).map(u32::from_le_bytes);
    length.is_some_and(|length| bytes.len() as u64 >= u64::from(length) + 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f03_what_was_cut_off_is_not_whole() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\x02IHDRxxcrc.\0\0\0\x01IDATxcrc.\0\0\0\0IENDcrc.";
        // Its small picture has an end of its own.
        let jpeg = b"\xff\xd8\xff\xe1\0\x06\xff\xd9..\xff\xff\xdb\0\x02\xff\xda\0\x02pixels\xff\xd9";
        let webp = b"RIFF\x08\0\0\0WEBPVP8L";
        for (kind, whole) in [(MediaType::Png, &png[..]), (MediaType::Jpeg, jpeg), (MediaType::Webp, webp)] {
            assert!(kind.is_whole(whole) && kind.is_whole(&[whole, b"more"].concat()), "{kind:?}");
            for length in 0..whole.len() {
                assert!(!kind.is_whole(&whole[..length]), "{kind:?} {length}");
            }
        }
        assert!(!MediaType::Jpeg.is_whole(png));
        let lies = b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIHDRxxcrc.\0\0\0\0IENDcrc.";
        assert!(!MediaType::Png.is_whole(lies));
        assert!(!MediaType::Png.is_whole(b"\x89PNG\r\n\x1a\n\0\0\0\0IENDcrc."));
    }

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
