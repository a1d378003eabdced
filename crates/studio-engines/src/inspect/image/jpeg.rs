//! JPEG. Segments, each with its length, and scans, which end where the next mark begins.

use super::{Walked, be16, count_chunk, exif, fair_size, fair_slow_size};
use crate::inspect::{
    bounds,
    plan::Plan,
    refusal::{Looked, cut_off, damaged, refuse},
};
use image::metadata::Orientation;
use studio_core::inspection::RefusalCode;

const START: u8 = 0xd8;
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;
const COMMENT: u8 = 0xfe;
/// What a JFIF segment has before its small picture, of which the last two bytes are width and height.
const JFIF_BYTES: usize = 14;
/// A small picture beside the picture: it may show what was cut away from that.
const SMALL: &str = "thumbnail";

/// How large the picture says it is, if the head reaches so far.
pub(super) fn announced(head: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let [0xff, mark] = *head.get(at..)?.first_chunk()? else { return None };
        match mark {
            0xff => at += 1,
            0xc0..=0xcf if !matches!(mark, 0xc4 | 0xc8 | 0xcc) => {
                return Some((be16(head, at + 7)?.into(), be16(head, at + 5)?.into()));
            }
            SCAN | END => return None,
            _ => at += 2 + usize::from(be16(head, at + 2)?),
        }
    }
}

pub(super) fn walk(bytes: &[u8], keep: bool) -> Looked<Walked> {
    let mut clean = Plan::default();
    clean.keep(0..2);
    let (mut at, mut chunks, mut scans) = (2_usize, 0, 0);
    let mut size = None;
    let mut orientation = Orientation::NoTransforms;
    let mut upright_said = keep;
    loop {
        count_chunk(&mut chunks)?;
        let start = at;
        // A mark may have more of these before it.
        while bytes.get(at + 1) == Some(&0xff) && bytes.get(at) == Some(&0xff) {
            at += 1;
        }
        let [0xff, mark] = *bytes.get(at..).and_then(|rest| rest.first_chunk()).ok_or_else(cut_off)? else {
            return Err(damaged("there is something between its segments"));
        };
        at += 2;
        match mark {
            END => {
                clean.keep(start as u64..at as u64);
                break;
            }
            0x01 | 0xd0..=0xd7 => {
                clean.keep(start as u64..at as u64);
                continue;
            }
            0 | START => return Err(damaged("a mark stands where it may not")),
            _ => {}
        }
        let length = usize::from(be16(bytes, at).ok_or_else(cut_off)?);
        let end = at + length;
        let content =
            bytes.get(at + 2..end).ok_or_else(|| if length < 2 { damaged("a length is wrong") } else { cut_off() })?;
        if mark == 0xe1 && content.starts_with(b"Exif\0") {
            let found = exif::orientation(content.get(6..).unwrap_or_default());
            if orientation == Orientation::NoTransforms {
                orientation = found;
            }
        }
        if matches!(mark, 0xc0..=0xcf) && !matches!(mark, 0xc4 | 0xcc) {
            if size.is_some() {
                return Err(damaged("it has two headers"));
            }
            size = Some(read_header(mark, content)?);
        }
        let stripped = if keep { None } else { metadata(mark, content) };
        // Behind the segment that must be the first, if it is there at all.
        if !upright_said && mark != 0xe0 {
            upright_said = true;
            if let Some(block) =
                upright(bytes).filter(|block| !exif::is_minimal(block)).map(exif::orientation).and_then(exif::minimal)
            {
                clean.put([&[0xff, 0xe1, 0, 34][..], b"Exif\0\0", &block].concat());
            }
        }
        match stripped {
            Some(SMALL) => {
                clean.strip(SMALL);
                clean.put([&[0xff, 0xe0, 0, 16][..], &content[..JFIF_BYTES - 2], &[0, 0]].concat());
            }
            Some(what) => clean.strip(what),
            None => clean.keep(start as u64..end as u64),
        }
        at = end;
        if mark == SCAN {
            scans += 1;
            if scans > bounds::SCANS {
                let most = bounds::SCANS;
                return refuse(RefusalCode::TooManyChunks, format!("a JPEG may have {most} scans"));
            }
            if size.is_none() {
                return Err(damaged("pixels come before its header"));
            }
            at = end_of_scan(bytes, at).ok_or_else(cut_off)?;
            clean.keep(end as u64..at as u64);
        }
    }
    if at < bytes.len() {
        clean.strip("trailing data");
    }
    let Some((width, height)) = size else { return Err(damaged("it has no header")) };
    if scans == 0 {
        return Err(damaged("it has no pixels"));
    }
    Ok(Walked { width, height, frames: 1, frame_pixels: 0, duration_ms: None, orientation, clean })
}

/// Where the next mark stands that is none of a scan's own.
fn end_of_scan(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == 0xff)?;
        match bytes.get(at + 1)? {
            0 | 0xd0..=0xd7 => at += 2,
            0xff => at += 1,
            _ => return Some(at),
        }
    }
}

/// The block that says which side is up, looked for before the scans.
fn upright(bytes: &[u8]) -> Option<&[u8]> {
    let mut at = 2_usize;
    for _ in 0..bounds::CHUNKS {
        let [0xff, mark] = *bytes.get(at..)?.first_chunk()? else { return None };
        if mark == 0xff {
            at += 1;
            continue;
        }
        let length = be16(bytes, at + 2)?;
        let content = bytes.get(at + 4..at + 2 + usize::from(length)).unwrap_or_default();
        match mark {
            SCAN | END => return None,
            0xe1 if content.starts_with(b"Exif\0") => return content.get(6..),
            _ => at += 2 + usize::from(length),
        }
    }
    None
}

/// What goes, by its name; nothing if it says how pixels are meant.
fn metadata(mark: u8, content: &[u8]) -> Option<&'static str> {
    match mark {
        0xe0 if content.starts_with(b"JFIF\0") && content.len() >= JFIF_BYTES => {
            let bare = content.len() == JFIF_BYTES && content.ends_with(&[0, 0]);
            (!bare).then_some(SMALL)
        }
        0xe2 if content.starts_with(b"ICC_PROFILE\0") => None,
        0xee if content.starts_with(b"Adobe") => None,
        0xe1 if content.get(6..).is_some_and(exif::is_minimal) => None,
        0xe1 if content.starts_with(b"Exif\0") => Some("EXIF"),
        0xe1 if content.starts_with(b"http://ns.adobe.com/") => Some("XMP"),
        0xed => Some("IPTC"),
        COMMENT => Some("comments"),
        0xe0..=0xef => Some("other segments"),
        _ => None,
    }
}

fn read_header(mark: u8, content: &[u8]) -> Looked<(u32, u32)> {
    if !matches!(mark, 0xc0..=0xc2) {
        return refuse(RefusalCode::Unsupported, "a JPEG may be baseline or progressive, in Huffman's code");
    }
    let [depth, _, _, _, _, components, ..] = content else { return Err(cut_off()) };
    if *depth != 8 || !matches!(components, 1 | 3 | 4) {
        return refuse(RefusalCode::Unsupported, "a JPEG may have 8 bits in 1, 3 or 4 colours");
    }
    let Some((height, width)) = be16(content, 1).zip(be16(content, 3)) else { return Err(cut_off()) };
    let (width, height) = (u32::from(width), u32::from(height));
    fair_size(width, height)?;
    if mark == 0xc2 {
        fair_slow_size(width, height)?;
    }
    Ok((width, height))
}
