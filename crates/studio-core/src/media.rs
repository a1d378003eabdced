//! Kinds of bytes that we keep, told by their first bytes and never by what anyone calls them.

mod raster;

pub use raster::Raster;

use crate::inspection::FileKind;
use serde::{Deserialize, Serialize};

/// A media type that the studio stores and serves. What models make and what is shown in conversations are pictures
/// ([`MediaType::is_picture`]); the others come only as uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    /// `image/gif`
    #[serde(rename = "image/gif")]
    Gif,
    /// `audio/mpeg`: MP3.
    #[serde(rename = "audio/mpeg")]
    Mp3,
    /// `audio/wav`
    #[serde(rename = "audio/wav")]
    Wav,
    /// `audio/ogg`: Vorbis or Opus.
    #[serde(rename = "audio/ogg")]
    Ogg,
    /// `audio/flac`
    #[serde(rename = "audio/flac")]
    Flac,
    /// `audio/mp4`: sound in an MP4 container.
    #[serde(rename = "audio/mp4")]
    M4a,
    /// `video/mp4`
    #[serde(rename = "video/mp4")]
    Mp4,
    /// `video/webm`
    #[serde(rename = "video/webm")]
    Webm,
    /// `application/zip`: many things to learn from.
    #[serde(rename = "application/zip")]
    Zip,
    /// `application/jsonl`: one thing to learn from in each line.
    #[serde(rename = "application/jsonl")]
    Jsonl,
}

impl MediaType {
    /// All there are.
    pub const ALL: [Self; 13] = [
        Self::Png,
        Self::Jpeg,
        Self::Webp,
        Self::Gif,
        Self::Mp3,
        Self::Wav,
        Self::Ogg,
        Self::Flac,
        Self::M4a,
        Self::Mp4,
        Self::Webm,
        Self::Zip,
        Self::Jsonl,
    ];

    /// How many leading bytes [`MediaType::sniff`] wants to see.
    pub const SNIFF_BYTES: usize = 64;

    /// Tells the type from the first bytes, or nothing when it is none that we keep. Whether the rest is what the beginning
    /// promises is for others to say.
    pub fn sniff(head: &[u8]) -> Option<Self> {
        match head {
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'I', b'D', b'3', ..] => Some(Self::Mp3),
            // A frame: its sync, a version that there is, and the third layer.
            [0xff, second, ..] if second & 0xe6 == 0xe2 && second & 0x18 != 0x08 => Some(Self::Mp3),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Some(Self::Wav),
            [b'O', b'g', b'g', b'S', ..] => Some(Self::Ogg),
            [b'f', b'L', b'a', b'C', ..] => Some(Self::Flac),
            [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => of_brand(brand.get(..4)?),
            [0x1a, 0x45, 0xdf, 0xa3, ..] => Some(Self::Webm),
            // The second is an archive with nothing in it.
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Self::Zip),
            _ => begins_json_line(head).then_some(Self::Jsonl),
        }
    }

    /// The same for pictures alone: what models make, and what conversations show.
    pub fn sniff_picture(head: &[u8]) -> Option<Self> {
        Self::sniff(head).filter(|kind| kind.is_picture())
    }

    /// Whether it is a picture that stands still, as models make and take them.
    pub const fn is_picture(self) -> bool {
        matches!(self, Self::Png | Self::Jpeg | Self::Webp)
    }

    /// What it is to people.
    pub const fn kind(self) -> FileKind {
        match self {
            Self::Png | Self::Jpeg | Self::Webp | Self::Gif => FileKind::Image,
            Self::Mp3 | Self::Wav | Self::Ogg | Self::Flac | Self::M4a => FileKind::Audio,
            Self::Mp4 | Self::Webm => FileKind::Video,
            Self::Zip | Self::Jsonl => FileKind::Dataset,
        }
    }

    /// Whether a browser may show it where it is linked to; all else is only for keeping.
    pub const fn is_shown_inline(self) -> bool {
        !matches!(self.kind(), FileKind::Dataset)
    }

    /// The same bytes as another kind, where a container holds either: an MP4 that is said to be sound is `audio/mp4`, and the
    /// other way round.
    pub const fn taken_as(self, kind: FileKind) -> Option<Self> {
        match (self, kind) {
            (Self::Mp4, FileKind::Audio) => Some(Self::M4a),
            (Self::M4a, FileKind::Video) => Some(Self::Mp4),
            (other, kind) if other.kind() as u8 == kind as u8 => Some(other),
            _ => None,
        }
    }

    /// Whether `bytes` are a picture of this type and reach to its end: what was cut off on its way is told before anybody is
    /// asked to look at it. Nothing is decoded, so that it costs no more than to read them once. Never of what is no picture.
    pub fn is_whole(self, bytes: &[u8]) -> bool {
        Self::sniff(bytes) == Some(self)
            && match self {
                Self::Png => whole_png(bytes),
                Self::Jpeg => whole_jpeg(bytes),
                Self::Webp => whole_webp(bytes),
                _ => false,
            }
    }

    /// As in a `Content-Type` header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
            Self::Mp3 => "audio/mpeg",
            Self::Wav => "audio/wav",
            Self::Ogg => "audio/ogg",
            Self::Flac => "audio/flac",
            Self::M4a => "audio/mp4",
            Self::Mp4 => "video/mp4",
            Self::Webm => "video/webm",
            Self::Zip => "application/zip",
            Self::Jsonl => "application/jsonl",
        }
    }

    /// Reads what [`MediaType::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Other names by which browsers and tools send it.
    pub const fn other_names(self) -> &'static [&'static str] {
        match self {
            Self::Jpeg => &["image/jpg", "image/pjpeg"],
            Self::Mp3 => &["audio/mp3", "audio/x-mp3", "audio/mpeg3"],
            Self::Wav => &["audio/x-wav", "audio/wave", "audio/vnd.wave"],
            Self::Ogg => &["application/ogg", "audio/opus", "audio/vorbis"],
            Self::Flac => &["audio/x-flac"],
            Self::M4a => &["audio/m4a", "audio/x-m4a"],
            Self::Mp4 => &["video/quicktime", "video/x-m4v", "application/mp4"],
            Self::Webm => &["video/x-matroska", "audio/webm"],
            Self::Zip => &["application/x-zip-compressed", "application/x-zip"],
            Self::Jsonl => &["application/x-ndjson", "application/x-jsonlines", "application/jsonlines", "text/plain"],
            Self::Png => &["image/apng"],
            Self::Webp | Self::Gif => &[],
        }
    }

    /// The endings of names of files of this type, the usual one first.
    pub const fn extensions(self) -> &'static [&'static str] {
        match self {
            // One that moves is a PNG to whoever does not know that it moves.
            Self::Png => &["png", "apng"],
            Self::Jpeg => &["jpg", "jpeg", "jpe", "jfif"],
            Self::Webp => &["webp"],
            Self::Gif => &["gif"],
            Self::Mp3 => &["mp3"],
            Self::Wav => &["wav", "wave"],
            Self::Ogg => &["ogg", "oga", "opus"],
            Self::Flac => &["flac"],
            Self::M4a => &["m4a", "m4b"],
            Self::Mp4 => &["mp4", "m4v", "mov"],
            Self::Webm => &["webm", "mkv"],
            Self::Zip => &["zip"],
            Self::Jsonl => &["jsonl", "ndjson"],
        }
    }

    /// The usual ending of a file of this type.
    pub const fn extension(self) -> &'static str {
        match self.extensions() {
            [first, ..] => first,
            [] => "bin",
        }
    }
}

/// What an MP4 container calls itself. Pictures have it, too; they are not ones that we take.
fn of_brand(brand: &[u8]) -> Option<MediaType> {
    const PICTURES: [&[u8]; 10] =
        [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis"];
    match brand {
        b"M4A " | b"M4B " | b"M4P " => Some(MediaType::M4a),
        _ if PICTURES.contains(&brand) || brand.starts_with(b"crx") => None,
        _ => Some(MediaType::Mp4),
    }
}

/// Whether it begins as a line with an object in it does: a brace, and then a name or the end.
fn begins_json_line(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    head.strip_prefix(b"{").is_some_and(|rest| matches!(rest.trim_ascii_start().first(), Some(b'"' | b'}')))
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
        let heads: [(&[u8], MediaType); 13] = [
            (b"GIF89a", MediaType::Gif),
            (b"ID3\x04", MediaType::Mp3),
            (b"\xff\xfb\x90\x00", MediaType::Mp3),
            (b"\xff\xf3\x90\x00", MediaType::Mp3),
            (b"RIFF\0\0\0\0WAVEfmt ", MediaType::Wav),
            (b"OggS\0", MediaType::Ogg),
            (b"fLaC\0", MediaType::Flac),
            (b"\0\0\0\x20ftypM4A \0", MediaType::M4a),
            (b"\0\0\0\x20ftypisom\0", MediaType::Mp4),
            (b"\x1a\x45\xdf\xa3\x01", MediaType::Webm),
            (b"PK\x03\x04", MediaType::Zip),
            (b"\xef\xbb\xbf {\n \"a\": 1}", MediaType::Jsonl),
            (b"{}", MediaType::Jsonl),
        ];
        for (head, kind) in heads {
            assert_eq!(MediaType::sniff(head), Some(kind), "{head:?}");
            assert_eq!(MediaType::sniff_picture(head), None, "{head:?}");
        }
        for other in [
            &b""[..],
            b"<html>",
            b"\x89PN",
            b"%PDF-1.7",
            b"\x7fELF",
            b"#!/bin/sh",
            b"<svg xmlns=",
            b"\xff\xf1\x50\x80",
            b"\0\0\0\x20ftypheic",
            b"\0\0\0\x20ftypavif",
            b"\0\0\0\x20fty",
            b"{x}",
            b"[1]",
        ] {
            assert_eq!(MediaType::sniff(other), None, "{other:?}");
        }
    }

    #[test]
    fn names_of_types_are_read_as_they_are_written_and_mean_one_type() {
        let mut names = std::collections::BTreeSet::new();
        let mut endings = std::collections::BTreeSet::new();
        for kind in MediaType::ALL {
            assert_eq!(MediaType::parse(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(kind.taken_as(kind.kind()), Some(kind));
            assert!(std::iter::once(&kind.as_str()).chain(kind.other_names()).all(|name| names.insert(*name)));
            assert!(kind.extensions().iter().all(|ending| endings.insert(*ending)));
        }
        assert_eq!(MediaType::Mp4.taken_as(FileKind::Audio), Some(MediaType::M4a));
        assert_eq!(MediaType::Png.taken_as(FileKind::Audio), None);
    }
}
