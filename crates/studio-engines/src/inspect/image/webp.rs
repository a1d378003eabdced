//! WebP: RIFF's chunks, each with its name and length, on even positions.

use super::{Walked, count_chunk, count_frame, exif, fair_slow_size, le16, le32};
use crate::inspect::{
    plan::Plan,
    refusal::{Looked, cut_off, damaged},
};
use image::metadata::Orientation;
use std::ops::Range;

const HAS_EXIF: u8 = 0x08;
const HAS_XMP: u8 = 0x04;

/// How large the picture says it is.
pub(super) fn announced(head: &[u8]) -> Option<(u32, u32)> {
    let content = head.get(20..)?;
    match head.get(12..16)? {
        b"VP8X" => Some((le24(content, 4)? + 1, le24(content, 7)? + 1)),
        name => size_of(name, content),
    }
}

fn le24(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map(|[a, b, c]| u32::from_le_bytes([*a, *b, *c, 0]))
}

/// The size that the bits themselves tell.
fn size_of(name: &[u8], content: &[u8]) -> Option<(u32, u32)> {
    match name {
        b"VP8 " if content.get(3..6) == Some(&[0x9d, 0x01, 0x2a]) => {
            Some((u32::from(le16(content, 6)? & 0x3fff), u32::from(le16(content, 8)? & 0x3fff)))
        }
        b"VP8L" if content.first() == Some(&0x2f) => {
            let bits = le32(content, 1)?;
            Some(((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1))
        }
        _ => None,
    }
}

/// A chunk: its name, where it lies with its padding, and its content.
struct Chunk<'a> {
    name: [u8; 4],
    range: Range<usize>,
    content: &'a [u8],
}

fn chunk(bytes: &[u8], at: usize, end: usize) -> Looked<Chunk<'_>> {
    let name = *bytes.get(at..).and_then(|rest| rest.first_chunk()).ok_or_else(cut_off)?;
    let length = le32(bytes, at + 4).ok_or_else(cut_off)? as usize;
    let content = bytes.get(at + 8..at + 8 + length).filter(|_| at + 8 + length <= end).ok_or_else(cut_off)?;
    Ok(Chunk { name, range: at..(at + 8 + length + length % 2).min(end), content })
}

pub(super) fn walk(bytes: &[u8], keep: bool) -> Looked<Walked> {
    let end = 8 + le32(bytes, 4).ok_or_else(cut_off)? as usize;
    if end > bytes.len() {
        return Err(cut_off());
    }
    let (mut at, mut chunks) = (12, 0);
    let mut kept: Vec<Chunk<'_>> = Vec::new();
    let mut clean = Plan::default();
    let mut canvas = None;
    let mut still = None;
    let (mut frames, mut frame_pixels, mut duration_ms) = (0, 0, 0);
    let mut orientation = Orientation::NoTransforms;
    while at < end {
        count_chunk(&mut chunks)?;
        let chunk = chunk(bytes, at, end)?;
        at = chunk.range.end;
        match &chunk.name {
            b"VP8X" if canvas.is_none() && kept.is_empty() => {
                let size = le24(chunk.content, 4).zip(le24(chunk.content, 7)).ok_or_else(cut_off)?;
                let (width, height) = (size.0 + 1, size.1 + 1);
                fair_slow_size(width, height)?;
                canvas = Some((width, height));
            }
            name @ (b"VP8 " | b"VP8L") if still.is_none() => {
                let size = size_of(name, chunk.content).ok_or_else(|| damaged("its pixels are unreadable"))?;
                fair_slow_size(size.0, size.1)?;
                still = Some(size);
            }
            b"ANMF" => {
                let (width, height, delay) = frame(chunk.content, &mut chunks)?;
                if canvas.is_none_or(|(across, down)| width > across || height > down) {
                    return Err(damaged("a picture in it lies outside of it"));
                }
                count_frame(&mut frames, &mut frame_pixels, width, height)?;
                duration_ms += u64::from(delay);
            }
            b"EXIF" => {
                let block = chunk.content.strip_prefix(b"Exif\0\0").unwrap_or(chunk.content);
                orientation = exif::orientation(block);
            }
            b"VP8X" | b"VP8 " | b"VP8L" => return Err(damaged("a chunk stands where it may not")),
            _ => {}
        }
        match &chunk.name {
            b"VP8X" | b"VP8 " | b"VP8L" | b"ALPH" | b"ICCP" | b"ANIM" | b"ANMF" => kept.push(chunk),
            b"EXIF" if exif::is_minimal(chunk.content) => kept.push(chunk),
            _ if keep => kept.push(chunk),
            b"EXIF" => clean.strip("EXIF"),
            b"XMP " => clean.strip("XMP"),
            _ => clean.strip("other chunks"),
        }
    }
    let size = match (canvas, still, frames) {
        (Some(canvas), Some(still), 0) if canvas == still => canvas,
        (Some(canvas), None, 1..) => canvas,
        (None, Some(still), 0) => still,
        _ => return Err(damaged("its headers contradict each other")),
    };
    if end < bytes.len() {
        clean.strip("trailing data");
    }
    if clean.stripped().next().is_none() {
        clean.keep(0..bytes.len() as u64);
    } else {
        let said = kept.iter().any(|chunk| &chunk.name == b"EXIF");
        let upright = if said || canvas.is_none() { None } else { exif::minimal(orientation) };
        write(&kept, upright, keep, &mut clean);
    }
    Ok(Walked {
        width: size.0,
        height: size.1,
        frames: frames.max(1),
        frame_pixels,
        duration_ms: (frames > 0).then_some(duration_ms),
        orientation,
        clean,
    })
}

/// The clean file: what is kept, its flags, and a head that says how long it is.
fn write(kept: &[Chunk<'_>], upright: Option<[u8; 26]>, keep: bool, clean: &mut Plan) {
    let exif = upright.map(|block| [&b"EXIF\x1a\0\0\0"[..], &block].concat());
    let length: usize =
        kept.iter().map(|chunk| chunk.range.len()).sum::<usize>() + exif.as_ref().map_or(0, Vec::len) + 4;
    clean.put([b"RIFF", &u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()[..], b"WEBP"].concat());
    for chunk in kept {
        let Range { start, end } = chunk.range;
        match chunk.content.first() {
            Some(flags) if &chunk.name == b"VP8X" && !keep => {
                let has_exif = exif.is_some() || kept.iter().any(|chunk| &chunk.name == b"EXIF");
                let flags = flags & !(HAS_EXIF | HAS_XMP) | if has_exif { HAS_EXIF } else { 0 };
                clean.keep(start as u64..start as u64 + 8);
                clean.put([flags]);
                clean.keep(start as u64 + 9..end as u64);
            }
            _ => clean.keep(start as u64..end as u64),
        }
    }
    if let Some(exif) = exif {
        clean.put(exif);
    }
}

/// A picture of one that moves: its size, which its own bits must tell, too, and how long it is shown, in milliseconds.
fn frame(content: &[u8], chunks: &mut u32) -> Looked<(u32, u32, u32)> {
    let numbers = [6, 9, 12].map(|at| le24(content, at));
    let [Some(width), Some(height), Some(delay)] = numbers else { return Err(cut_off()) };
    let size = (width + 1, height + 1);
    let mut at = 16;
    let mut seen = false;
    while at < content.len() {
        count_chunk(chunks)?;
        let chunk = chunk(content, at, content.len())?;
        at = chunk.range.end;
        if matches!(&chunk.name, b"VP8 " | b"VP8L") {
            if seen || size_of(&chunk.name, chunk.content) != Some(size) {
                return Err(damaged("a picture in it has another size than it says"));
            }
            seen = true;
        }
    }
    if seen { Ok((size.0, size.1, delay)) } else { Err(damaged("a picture in it has no pixels")) }
}
