//! GIF. Blocks: extensions and pictures, each made of blocks of 255 bytes at most.

use super::{Walked, count_chunk, count_frame, fair_size, le16};
use crate::inspect::{
    plan::Plan,
    refusal::{Looked, cut_off, damaged},
};
use image::metadata::Orientation;

pub(super) fn walk(bytes: &[u8], keep: bool) -> Looked<Walked> {
    let (width, height) = le16(bytes, 6).zip(le16(bytes, 8)).ok_or_else(cut_off)?;
    let (width, height) = (u32::from(width), u32::from(height));
    fair_size(width, height)?;
    let mut at = 13 + table_bytes(*bytes.get(10).ok_or_else(cut_off)?);
    let mut clean = Plan::default();
    clean.keep(0..at as u64);
    let (mut chunks, mut frames, mut frame_pixels, mut hundredths) = (0, 0, 0, 0);
    loop {
        count_chunk(&mut chunks)?;
        let start = at;
        let mut stripped = None;
        match *bytes.get(at).ok_or_else(cut_off)? {
            0x3b => {
                at += 1;
                clean.keep(start as u64..at as u64);
                break;
            }
            0x21 => {
                let label = *bytes.get(at + 1).ok_or_else(cut_off)?;
                let first = bytes.get(at + 3..).unwrap_or_default();
                if label == 0xf9 {
                    hundredths += u64::from(le16(first, 1).ok_or_else(cut_off)?);
                }
                stripped = metadata(label, first);
                at = end_of_blocks(bytes, at + 2).ok_or_else(cut_off)?;
            }
            0x2c => {
                let place = [1, 3, 5, 7].map(|offset| le16(bytes, at + offset).map(u32::from));
                let [Some(left), Some(top), Some(across), Some(down)] = place else { return Err(cut_off()) };
                if across == 0 || down == 0 || left + across > width || top + down > height {
                    return Err(damaged("a picture in it lies outside of it"));
                }
                count_frame(&mut frames, &mut frame_pixels, across, down)?;
                let flags = *bytes.get(at + 9).ok_or_else(cut_off)?;
                at = end_of_blocks(bytes, at + 10 + table_bytes(flags) + 1).ok_or_else(cut_off)?;
            }
            _ => return Err(damaged("an unknown block")),
        }
        match stripped {
            Some(what) if !keep => clean.strip(what),
            _ => clean.keep(start as u64..at as u64),
        }
    }
    if at < bytes.len() {
        clean.strip("trailing data");
    }
    if frames == 0 {
        return Err(damaged("it has no picture"));
    }
    let duration_ms = (frames > 1).then_some(hundredths * 10);
    Ok(Walked { width, height, frames, frame_pixels, duration_ms, orientation: Orientation::NoTransforms, clean })
}

/// Bytes of the table of colours that these flags announce.
fn table_bytes(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Where a row of blocks ends.
fn end_of_blocks(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1 + length;
        if length == 0 {
            return Some(at);
        }
    }
}

/// What goes, by its name; nothing if it says how pictures are shown.
fn metadata(label: u8, first: &[u8]) -> Option<&'static str> {
    match label {
        0xf9 => None,
        0xff if first.starts_with(b"NETSCAPE2.0") || first.starts_with(b"ANIMEXTS1.0") => None,
        0xff if first.starts_with(b"XMP DataXMP") => Some("XMP"),
        0xfe => Some("comments"),
        _ => Some("other extensions"),
    }
}
