//! A file in an archive: unpacked once, counted, and told by its first bytes.

use super::{lines::Lines, zip::File};
use crate::inspect::{
    audio, bounds, image,
    refusal::{Looked, refuse},
    source::Source,
};
use flate2::read::DeflateDecoder;
use std::io::Read;
use studio_core::inspection::{Refusal, RefusalCode};

/// How much of a file is looked at to tell what it is, and how large a picture says it is.
const HEAD_BYTES: usize = 64 << 10;
/// What else systems put into archives. Nobody reads it.
const LEFTOVERS: [&str; 3] = [".ds_store", "thumbs.db", "desktop.ini"];

/// By its ending, what a file should be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meant {
    Picture(&'static [u8]),
    Sound(&'static str),
    Text,
    Lines,
    Leftover,
}

fn meant(name: &str) -> Option<Meant> {
    let lower = name.to_ascii_lowercase();
    let last = lower.rsplit('/').next().unwrap_or_default();
    if lower.starts_with("__macosx/") || LEFTOVERS.contains(&last) {
        return Some(Meant::Leftover);
    }
    Some(match last.rsplit_once('.')?.1 {
        "png" => Meant::Picture(b"\x89PNG\r\n\x1a\n"),
        "jpg" | "jpeg" => Meant::Picture(b"\xff\xd8\xff"),
        "gif" => Meant::Picture(b"GIF8"),
        "webp" => Meant::Picture(b"RIFF"),
        "mp3" => Meant::Sound("audio/mpeg"),
        "wav" => Meant::Sound("audio/wav"),
        "ogg" | "oga" | "opus" => Meant::Sound("audio/ogg"),
        "flac" => Meant::Sound("audio/flac"),
        "m4a" => Meant::Sound("audio/mp4"),
        "txt" | "csv" | "caption" => Meant::Text,
        "jsonl" => Meant::Lines,
        _ => return None,
    })
}

/// Looks at a file in an archive.
pub(super) fn look(source: &Source, file: &File) -> Looked<()> {
    let bad = |what: &str| refuse(RefusalCode::BadEntry, format!("{:?} in the archive {what}", file.name));
    let Some(meant) = meant(&file.name) else {
        return bad("has an ending that is not taken; pictures, sounds, .txt, .csv and .jsonl are");
    };
    let packed = source.part(file.data.start, file.data.end);
    let mut content: Box<dyn Read> =
        if file.is_packed { Box::new(DeflateDecoder::new(packed)) } else { Box::new(packed) };
    let mut head = Vec::with_capacity(HEAD_BYTES);
    let mut buffer = vec![0; HEAD_BYTES];
    let mut sum = crc32fast::Hasher::new();
    let mut unpacked = 0_u64;
    let mut text = Text::default();
    let mut lines = Lines::default();
    loop {
        let read = match content.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(_) => return bad("can't be unpacked"),
        };
        let bytes = buffer.get(..read).unwrap_or_default();
        unpacked += read as u64;
        if unpacked > file.unpacked {
            return bad("is longer than it says");
        }
        sum.update(bytes);
        let room = HEAD_BYTES - head.len();
        head.extend(bytes.iter().take(room));
        let taken = match meant {
            Meant::Text => text.take(bytes),
            Meant::Lines => {
                text.take(bytes) && lines.take(bytes).map_err(|refused| within(file, refused)).map(|()| true)?
            }
            _ => true,
        };
        if !taken {
            return bad("is no text in UTF-8");
        }
    }
    if unpacked != file.unpacked || sum.finalize() != file.checksum {
        return bad("is not what it says: its length or its checksum is wrong");
    }
    let fits = match meant {
        Meant::Picture(start) => head.starts_with(start) && (start != b"RIFF" || head.get(8..12) == Some(b"WEBP")),
        Meant::Sound(kind) => audio::media_type(&head) == Some(kind),
        Meant::Text => text.is_whole(),
        Meant::Lines => {
            lines.finish().map_err(|refused| within(file, refused))?;
            text.is_whole()
        }
        Meant::Leftover => !is_archive(&head),
    };
    if !fits {
        return bad("is not what its ending says");
    }
    if matches!(meant, Meant::Picture(_)) {
        image::fair_announced(&head).map_err(|refused| within(file, refused))?;
    }
    Ok(())
}

/// Which file it is that is refused.
fn within(file: &File, refused: Refusal) -> Refusal {
    let code = if refused.code == RefusalCode::TooManyPixels { refused.code } else { RefusalCode::BadEntry };
    crate::inspect::refusal::refusal(code, format!("{:?} in the archive: {}", file.name, refused.message))
}

fn is_archive(head: &[u8]) -> bool {
    [&b"PK"[..], b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ"].iter().any(|start| head.starts_with(start))
}

/// A text in UTF-8, piece by piece.
#[derive(Default)]
struct Text {
    /// A character whose end has not come yet.
    open: Vec<u8>,
}

impl Text {
    /// Whether these bytes may follow.
    fn take(&mut self, bytes: &[u8]) -> bool {
        if bytes.contains(&0) {
            return false;
        }
        let mut all = std::mem::take(&mut self.open);
        all.extend(bytes);
        match std::str::from_utf8(&all) {
            Ok(_) => true,
            Err(error) if error.error_len().is_none() => {
                self.open = all.split_off(error.valid_up_to());
                true
            }
            Err(_) => false,
        }
    }

    fn is_whole(&self) -> bool {
        self.open.is_empty()
    }
}

const _: () = assert!(HEAD_BYTES as u64 <= bounds::RATIO_FREE_BYTES);
