//! PNG and APNG. Chunks, each with its length, name and checksum.

use super::{Walked, bad_ratio, be16, be32, count_chunk, count_frame, exif, fair_size};
use crate::inspect::{
    bounds,
    plan::Plan,
    refusal::{Looked, cut_off, damaged},
};
use flate2::read::ZlibDecoder;
use image::metadata::Orientation;
use std::io::{self, Read};

/// Length, name and checksum of a chunk, in bytes.
const AROUND: usize = 12;

/// What says how pixels are meant. Whatever else is in a file may say who made it, so it goes.
const SHOWN: [&[u8; 4]; 19] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV",
    b"cLLI", b"bKGD", b"hIST", b"pHYs", b"acTL", b"fcTL", b"fdAT",
];

struct Header {
    width: u32,
    height: u32,
    bits_per_pixel: u64,
    interlaced: bool,
}

pub(super) fn walk(bytes: &[u8], keep: bool) -> Looked<Walked> {
    let mut clean = Plan::default();
    clean.keep(0..8);
    let (mut at, mut chunks) = (8_usize, 0);
    let mut header: Option<Header> = None;
    let (mut frames, mut frame_pixels, mut duration_ms) = (0, 0, 0);
    let mut orientation = Orientation::NoTransforms;
    let mut picture = Vec::new();
    loop {
        count_chunk(&mut chunks)?;
        let length = be32(bytes, at).ok_or_else(cut_off)? as usize;
        let name: &[u8; 4] = bytes.get(at + 4..).and_then(|rest| rest.first_chunk()).ok_or_else(cut_off)?;
        let end = at + AROUND + length;
        let content = bytes.get(at + 8..end - 4).ok_or_else(cut_off)?;
        if bytes.len() < end {
            return Err(cut_off());
        }
        let critical = name[0].is_ascii_uppercase();
        if critical && be32(bytes, end - 4) != Some(checksum(name, content)) {
            return Err(damaged("a checksum is wrong"));
        }
        match (name, &header) {
            (b"IHDR", None) => header = Some(read_header(content)?),
            (_, None) | (b"IHDR", _) => return Err(damaged("its header is not at its start")),
            (b"IDAT", _) => picture.push(content),
            (b"acTL", _) if be32(content, 0).is_none_or(|frames| frames > bounds::FRAMES) => {
                frames = bounds::FRAMES;
                count_frame(&mut frames, &mut frame_pixels, 0, 0)?;
            }
            (b"fcTL", _) => {
                let size = be32(content, 4).zip(be32(content, 8)).ok_or_else(cut_off)?;
                count_frame(&mut frames, &mut frame_pixels, size.0, size.1)?;
                let (delay, unit) = be16(content, 20).zip(be16(content, 22)).ok_or_else(cut_off)?;
                duration_ms += u64::from(delay) * 1000 / if unit == 0 { 100 } else { u64::from(unit) };
            }
            (b"eXIf", _) => orientation = exif::orientation(content),
            (b"iCCP" | b"zTXt" | b"iTXt", _) => fair_packed(name, content)?,
            _ => {}
        }
        let range = at as u64..end as u64;
        if keep || SHOWN.contains(&name) || (name == b"eXIf" && exif::is_minimal(content)) {
            clean.keep(range);
        } else {
            clean.strip(match name {
                b"eXIf" => "EXIF",
                b"tEXt" | b"zTXt" | b"iTXt" => "text",
                b"tIME" => "time",
                _ => "other chunks",
            });
        }
        if name == b"IHDR" && !keep {
            // Which side is up stays; where its block stood is not known yet.
            if let Some(block) =
                upright(bytes).filter(|block| !exif::is_minimal(block)).map(exif::orientation).and_then(exif::minimal)
            {
                clean.put(chunk(b"eXIf", &block));
            }
        }
        at = end;
        if name == b"IEND" {
            break;
        }
    }
    if at < bytes.len() {
        clean.strip("trailing data");
    }
    let header = header.ok_or_else(cut_off)?;
    fair_pixels(&header, &picture)?;
    Ok(Walked {
        width: header.width,
        height: header.height,
        frames: frames.max(1),
        frame_pixels,
        duration_ms: (frames > 0).then_some(duration_ms),
        orientation,
        clean,
    })
}

/// The block that says which side is up, looked for from the start. Whatever is wrong with the file is the walk's to say.
fn upright(bytes: &[u8]) -> Option<&[u8]> {
    let mut at = 8_usize;
    for _ in 0..bounds::CHUNKS {
        let end = at + AROUND + be32(bytes, at)? as usize;
        if bytes.get(at + 4..at + 8)? == b"eXIf" {
            return bytes.get(at + 8..end - 4);
        }
        at = end;
    }
    None
}

fn read_header(content: &[u8]) -> Looked<Header> {
    let Some((width, height)) = be32(content, 0).zip(be32(content, 4)) else { return Err(cut_off()) };
    fair_size(width, height)?;
    let [depth, colour, _, _, interlace] = *content.get(8..).and_then(|rest| rest.first_chunk()).ok_or_else(cut_off)?;
    let channels = match (colour, depth) {
        (0, 1 | 2 | 4 | 8 | 16) | (3, 1 | 2 | 4 | 8) => 1,
        (2, 8 | 16) => 3,
        (4, 8 | 16) => 2,
        (6, 8 | 16) => 4,
        _ => return Err(damaged("there are no such colours")),
    };
    if interlace > 1 || content.len() != 13 {
        return Err(damaged("its header is unreadable"));
    }
    Ok(Header { width, height, bits_per_pixel: u64::from(depth) * channels, interlaced: interlace == 1 })
}

/// Bytes of the picture before it was packed: rows, each with a byte before it.
fn raw_bytes(header: &Header) -> u64 {
    let rows = |width: u32, height: u32| match width {
        0 => 0,
        _ => u64::from(height) * (1 + (u64::from(width) * header.bits_per_pixel).div_ceil(8)),
    };
    if !header.interlaced {
        return rows(header.width, header.height);
    }
    // Where each of Adam's seven passes starts, and how far its pixels are from each other: across, then down.
    [(0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2)]
        .iter()
        .map(|(x, across, y, down)| {
            rows(header.width.saturating_sub(*x).div_ceil(*across), header.height.saturating_sub(*y).div_ceil(*down))
        })
        .sum()
}

/// What is packed must be the picture, no less and no more: whatever came after it would be unpacked by others.
fn fair_pixels(header: &Header, picture: &[&[u8]]) -> Looked<()> {
    let wanted = raw_bytes(header);
    let packed: usize = picture.iter().map(|part| part.len()).sum();
    if !bounds::fair_ratio(packed as u64, wanted) {
        return bad_ratio();
    }
    // A large picture is not unpacked twice: whoever decodes it stops when it is full.
    if wanted > bounds::COUNTED_BYTES {
        return Ok(());
    }
    let packed = Parts { parts: picture.iter(), now: &[] };
    match count(ZlibDecoder::new(packed), wanted) {
        Some(unpacked) if unpacked == wanted => Ok(()),
        Some(unpacked) if unpacked > wanted => bad_ratio(),
        _ => Err(damaged("it has fewer pixels than it says")),
    }
}

/// The parts of the picture, one after the other.
struct Parts<'a> {
    parts: std::slice::Iter<'a, &'a [u8]>,
    now: &'a [u8],
}

impl Read for Parts<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.now.is_empty() {
            match self.parts.next() {
                Some(next) => self.now = next,
                None => return Ok(0),
            }
        }
        self.now.read(into)
    }
}

/// How much comes out, and no more than one byte beyond `most`. Nothing if it can't be unpacked.
fn count(packed: impl Read, most: u64) -> Option<u64> {
    let mut packed = packed.take(most + 1);
    let mut sink = vec![0; 64 << 10];
    let mut unpacked = 0;
    loop {
        match packed.read(&mut sink) {
            Ok(0) => return Some(unpacked),
            Ok(read) => unpacked += read as u64,
            // A checksum behind the last pixel may be wrong in files that everybody shows.
            Err(_) if unpacked == most => return Some(unpacked),
            Err(_) => return None,
        }
    }
}

/// Colour profiles and texts are packed, too.
fn fair_packed(name: &[u8; 4], content: &[u8]) -> Looked<()> {
    let mut rest = content.splitn(2, |byte| *byte == 0).nth(1).unwrap_or_default();
    if name == b"iTXt" {
        // Whether it is packed, how, and two more texts.
        match rest {
            [1, _, after @ ..] => rest = after.splitn(3, |byte| *byte == 0).nth(2).unwrap_or_default(),
            _ => return Ok(()),
        }
    } else {
        rest = rest.get(1..).unwrap_or_default();
    }
    match count(ZlibDecoder::new(rest), bounds::PACKED_TEXT_BYTES) {
        Some(unpacked) if unpacked > bounds::PACKED_TEXT_BYTES => bad_ratio(),
        _ => Ok(()),
    }
}

fn checksum(name: &[u8; 4], content: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(name);
    sum.update(content);
    sum.finalize()
}

fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], name, content, &checksum(name, content).to_be_bytes()].concat()
}
