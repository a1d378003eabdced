//! Ogg, with one stream of Vorbis or Opus: pages, each with a checksum, and packets across them.

use super::{Walked, decode, milliseconds};
use crate::inspect::{
    bounds,
    plan::Plan,
    refusal::{Looked, cut_off, damaged, refuse},
    source::Source,
};
use studio_core::inspection::RefusalCode;

/// Head of a page, without the lengths of its segments.
const HEAD_BYTES: u64 = 27;
/// Position that says that no packet ends on the page.
const NO_POSITION: u64 = u64::MAX;
/// How often a second Opus counts, whatever was recorded.
const OPUS_RATE: u32 = 48_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Codec {
    Vorbis,
    Opus,
}

struct Page {
    at: u64,
    body: u64,
    end: u64,
    flags: u8,
    position: u64,
    serial: u32,
    /// Lengths of the pieces of packets; the last one may go on.
    lengths: Vec<u8>,
}

fn page(source: &Source, at: u64) -> Looked<Page> {
    let head: [u8; HEAD_BYTES as usize] = source.array(at)?;
    let [_, _, _, _, version, flags, position @ .., s0, s1, s2, s3, _, _, _, _, _, _, _, _, segments] = head;
    if version != 0 {
        return Err(damaged("a page of an unknown version"));
    }
    let lengths = source.bytes(at + HEAD_BYTES, u64::from(segments))?;
    let body = at + HEAD_BYTES + u64::from(segments);
    let end = body + lengths.iter().map(|length| u64::from(*length)).sum::<u64>();
    if end > source.length() {
        return Err(cut_off());
    }
    let position = u64::from_le_bytes(position);
    Ok(Page { at, body, end, flags, position, serial: u32::from_le_bytes([s0, s1, s2, s3]), lengths })
}

/// Where a packet's bytes lie: in which page, and from where to where.
struct Piece {
    page: usize,
    start: u64,
    end: u64,
}

pub(super) fn look(source: &Source, keep: bool) -> Looked<Walked> {
    let table = checksums();
    let (mut at, mut pages) = (0, 0);
    let mut serial = None;
    let mut heads: Vec<Page> = Vec::new();
    let mut packets: Vec<Vec<Piece>> = vec![Vec::new()];
    let (mut last_position, mut ended) = (0, false);
    while at < source.length() {
        if source.length() - at < 4 || &source.array::<4>(at)? != b"OggS" {
            if ended {
                break;
            }
            return Err(damaged("there is something between its pages"));
        }
        pages += 1;
        if pages > bounds::BLOCKS {
            return refuse(RefusalCode::TooManyChunks, format!("the file has more than {} pages", bounds::BLOCKS));
        }
        let page = page(source, at)?;
        check(source, &page, &table)?;
        if *serial.get_or_insert(page.serial) != page.serial || ended {
            return refuse(RefusalCode::Unsupported, "an Ogg file may have one stream");
        }
        ended = page.flags & 4 != 0;
        if page.position != NO_POSITION {
            last_position = page.position;
        }
        at = page.end;
        if packets.len() <= 2 {
            take(&page, heads.len(), &mut packets);
            heads.push(page);
            if at > bounds::HEADER_BYTES {
                return refuse(
                    RefusalCode::TooLong,
                    format!("its comments have more than {} bytes", bounds::HEADER_BYTES),
                );
            }
        }
    }
    let [head, comments, _, ..] = &packets[..] else { return Err(cut_off()) };
    let (codec, sample_rate, channels, skipped) = read_head(&gather(source, head)?)?;
    let mut clean = Plan::default();
    let blank = if keep { None } else { blank(codec, &gather(source, comments)?)? };
    let mut from = 0;
    if let Some(blank) = blank {
        clean.strip("comments");
        for piece in comments {
            // Several pieces of one packet never lie on one page.
            let Some(page) = heads.get(piece.page) else { continue };
            clean.keep(from..page.at);
            clean.put(rewritten(source, page, piece, &blank, comments, &table)?);
            from = page.end;
        }
    }
    clean.keep(from..at);
    if at < source.length() {
        clean.strip("trailing data");
    }
    let samples = last_position.saturating_sub(skipped);
    let duration_ms = match codec {
        Codec::Opus => milliseconds(samples, OPUS_RATE),
        Codec::Vorbis => {
            super::fair_sound(sample_rate, channels)?;
            super::fair_duration(milliseconds(samples, sample_rate))?;
            decode::some(source.part(0, at), "ogg")?;
            milliseconds(samples, sample_rate)
        }
    };
    Ok(Walked { media_type: "audio/ogg", sample_rate, channels, duration_ms, clean })
}

/// Adds a page's pieces to the packets that they belong to.
fn take(page: &Page, number: usize, packets: &mut Vec<Vec<Piece>>) {
    let (mut start, mut end) = (page.body, page.body);
    for length in &page.lengths {
        end += u64::from(*length);
        if *length < 255 {
            if let Some(packet) = packets.last_mut() {
                packet.push(Piece { page: number, start, end });
            }
            packets.push(Vec::new());
            start = end;
        }
    }
    if start < end
        && let Some(packet) = packets.last_mut()
    {
        packet.push(Piece { page: number, start, end });
    }
}

fn gather(source: &Source, packet: &[Piece]) -> Looked<Vec<u8>> {
    let mut bytes = Vec::new();
    for piece in packet {
        bytes.extend(source.bytes(piece.start, piece.end - piece.start)?);
    }
    Ok(bytes)
}

/// Codec, samples a second, channels, and samples to leave out at the start.
fn read_head(packet: &[u8]) -> Looked<(Codec, u32, u32, u64)> {
    match packet {
        [1, b'v', b'o', b'r', b'b', b'i', b's', 0, 0, 0, 0, channels, a, b, c, d, ..] => {
            Ok((Codec::Vorbis, u32::from_le_bytes([*a, *b, *c, *d]), (*channels).into(), 0))
        }
        [b'O', b'p', b'u', b's', b'H', b'e', b'a', b'd', 0..=15, channels, a, b, ..] if packet.len() >= 19 => {
            Ok((Codec::Opus, OPUS_RATE, (*channels).into(), u64::from(u16::from_le_bytes([*a, *b]))))
        }
        _ => refuse(RefusalCode::Unsupported, "an Ogg file may have sound in Vorbis or Opus"),
    }
}

/// Comments of the same length without anything in them; nothing if there is nothing in them now.
fn blank(codec: Codec, packet: &[u8]) -> Looked<Option<Vec<u8>>> {
    let (start, tail): (&[u8], &[u8]) = match codec {
        Codec::Vorbis => (b"\x03vorbis", &[1]),
        Codec::Opus => (b"OpusTags", &[]),
    };
    let number =
        |at: usize| packet.get(at..).and_then(|rest| rest.first_chunk()).map(|n| u32::from_le_bytes(*n) as usize);
    if !packet.starts_with(start) {
        return Err(damaged("its comments are not where they should be"));
    }
    let maker = number(start.len()).ok_or_else(cut_off)?;
    let after = start.len() + 4 + maker;
    let count = number(after).ok_or_else(cut_off)?;
    if count == 0 && packet.len() == after + 4 + tail.len() {
        return Ok(None);
    }
    // The name of the program that wrote it fills what the comments took: every reader knows how to skip it.
    let length = packet.len().checked_sub(start.len() + 8 + tail.len()).ok_or_else(cut_off)?;
    let said = u32::try_from(length).map_err(damaged)?.to_le_bytes();
    Ok(Some([start, &said, &vec![b' '; length], &[0; 4], tail].concat()))
}

/// A page with other bytes in a packet, and the checksum of those.
fn rewritten(
    source: &Source,
    page: &Page,
    piece: &Piece,
    blank: &[u8],
    packet: &[Piece],
    table: &[u32; 256],
) -> Looked<Vec<u8>> {
    let mut bytes = source.bytes(page.at, page.end - page.at)?;
    let before: u64 =
        packet.iter().take_while(|other| other.start < piece.start).map(|other| other.end - other.start).sum();
    let from = usize::try_from(before).map_err(damaged)?;
    let (start, end) = ((piece.start - page.at) as usize, (piece.end - page.at) as usize);
    let new = blank.get(from..from + (end - start));
    if let (Some(old), Some(new)) = (bytes.get_mut(start..end), new) {
        old.copy_from_slice(new);
    }
    let sum = checksum(&bytes, table);
    if let Some(place) = bytes.get_mut(22..26) {
        place.copy_from_slice(&sum.to_le_bytes());
    }
    Ok(bytes)
}

fn check(source: &Source, page: &Page, table: &[u32; 256]) -> Looked<()> {
    let bytes = source.bytes(page.at, page.end - page.at)?;
    let said = bytes.get(22..).and_then(|rest| rest.first_chunk()).map(|sum| u32::from_le_bytes(*sum));
    if said == Some(checksum(&bytes, table)) { Ok(()) } else { Err(damaged("a checksum is wrong")) }
}

/// Ogg's checksum of a page, its own place counted as zeros.
fn checksum(page: &[u8], table: &[u32; 256]) -> u32 {
    page.iter().enumerate().fold(0, |sum: u32, (at, byte)| {
        let byte = if (22..26).contains(&at) { 0 } else { *byte };
        sum << 8 ^ table.get((sum >> 24) as usize ^ usize::from(byte)).copied().unwrap_or_default()
    })
}

fn checksums() -> [u32; 256] {
    let mut table = [0; 256];
    for (value, sum) in (0_u32..).zip(table.iter_mut()) {
        *sum = (0..8).fold(value << 24, |sum, _| if sum >> 31 == 1 { sum << 1 ^ 0x04c1_1db7 } else { sum << 1 });
    }
    table
}
