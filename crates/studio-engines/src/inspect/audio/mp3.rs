//! MP3: frames, each with a head that says how long it is, and tags around them.

use super::{Walked, decode, milliseconds};
use crate::inspect::{
    bounds,
    plan::Plan,
    refusal::{Looked, cut_off, damaged, refuse},
    source::Source,
};
use std::ops::Range;
use studio_core::inspection::RefusalCode;

/// How far a further frame may lie behind something that is none.
const GAP_BYTES: u64 = 64 << 10;
/// Most such gaps.
const GAPS: u32 = 100;
/// Fewest frames: fewer may be chance.
const LEAST_FRAMES: u64 = 3;

#[derive(Clone, Copy, PartialEq, Eq)]
struct Frame {
    length: u64,
    sample_rate: u32,
    samples: u64,
    channels: u32,
}

/// Reads a frame's head; nothing if it is none of layer III.
fn frame([first, second, third, fourth]: [u8; 4]) -> Option<Frame> {
    const RATES: [u32; 3] = [44_100, 48_000, 32_000];
    const BITS: [u64; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
    const LOWER_BITS: [u64; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
    if first != 0xff || second & 0xe6 != 0xe2 {
        return None;
    }
    // 2.5, none, 2 and 1.
    let (divisor, is_first) = match second >> 3 & 3 {
        0 => (4, false),
        2 => (2, false),
        3 => (1, true),
        _ => return None,
    };
    let sample_rate = RATES.get(usize::from(third >> 2 & 3))? / divisor;
    let bits = if is_first { BITS } else { LOWER_BITS };
    let bits = *bits.get(usize::from(third >> 4)).filter(|bits| **bits > 0)? * 1_000;
    let padding = u64::from(third >> 1 & 1);
    let samples = if is_first { 1_152 } else { 576 };
    let length = samples / 8 * bits / u64::from(sample_rate) + padding;
    Some(Frame { length, sample_rate, samples, channels: if fourth >> 6 == 3 { 1 } else { 2 } })
}

/// The frame at a place, if there is one, and it is like the first.
fn frame_at(source: &Source, at: u64, first: Option<Frame>) -> Looked<Option<Frame>> {
    let mut head = [0; 4];
    if source.read(at, &mut head)? < head.len() {
        return Ok(None);
    }
    Ok(frame(head).filter(|frame| first.is_none_or(|first| first.sample_rate == frame.sample_rate)))
}

/// Where the tags at the start end.
fn behind_tags(source: &Source) -> Looked<u64> {
    let mut at = 0;
    for _ in 0..bounds::NESTING {
        let mut head = [0; 10];
        if source.read(at, &mut head)? < head.len() || !head.starts_with(b"ID3") {
            break;
        }
        let [.., flags, a, b, c, d] = head;
        if [a, b, c, d].iter().any(|byte| *byte > 0x7f) {
            return Err(damaged("its tag is unreadable"));
        }
        let length = [a, b, c, d].iter().fold(0, |length, byte| length << 7 | u64::from(*byte));
        at += 10 + length + if flags & 0x10 == 0 { 0 } else { 10 };
        if at > source.length() {
            return Err(cut_off());
        }
    }
    // Tags may have zeros behind them.
    let zeros = |at| -> Looked<bool> { Ok(source.length() > at && source.array::<1>(at)? == [0]) };
    let most = at + GAP_BYTES;
    while at > 0 && at < most && zeros(at)? {
        at += 1;
    }
    Ok(at)
}

/// Where the tags at the end begin, and which they are.
fn before_tags(source: &Source) -> Looked<(u64, Vec<&'static str>)> {
    let (mut end, mut found) = (source.length(), Vec::new());
    if end >= 128 && &source.array::<3>(end - 128)? == b"TAG" {
        end -= 128;
        found.push("ID3");
    }
    if end >= 32 && &source.array::<8>(end - 32)? == b"APETAGEX" {
        let length = u64::from(u32::from_le_bytes(source.array(end - 20)?));
        let has_head = source.array::<4>(end - 12)?[3] & 0x80 != 0;
        let length = length + if has_head { 32 } else { 0 };
        if length > end {
            return Err(damaged("its tag is unreadable"));
        }
        end -= length;
        found.push("APE");
    }
    Ok((end, found))
}

pub(super) fn look(source: &Source, keep: bool) -> Looked<Walked> {
    let start = behind_tags(source)?;
    let (end, tags) = before_tags(source)?;
    let mut sound: Vec<Range<u64>> = Vec::new();
    let (mut at, mut frames, mut gaps, mut first) = (start, 0_u64, 0, None);
    let mut channels = 0;
    let mut clean = Plan::default();
    while at < end {
        match frame_at(source, at, first)? {
            // The last one may have been cut off, as when the recorder was switched off: it goes.
            Some(frame) if at + frame.length <= end => {
                first.get_or_insert(frame);
                channels = channels.max(frame.channels);
                match sound.last_mut() {
                    Some(last) if last.end == at => last.end = at + frame.length,
                    _ => sound.push(at..at + frame.length),
                }
                frames += 1;
                at += frame.length;
            }
            _ => {
                let Some(next) = next_frame(source, at + 1, end, first)? else { break };
                gaps += 1;
                if frames == 0 || gaps > GAPS {
                    return Err(damaged("there is something between its frames"));
                }
                clean.strip("other data");
                at = next;
            }
        }
    }
    let Some(first) = first.filter(|_| frames >= LEAST_FRAMES) else {
        return refuse(RefusalCode::Damaged, "the file is damaged: there are no frames of MP3 where they should begin");
    };
    let last = sound.last().map_or(start, |range| range.end);
    if last < end {
        if end - last > (last - start).max(GAP_BYTES) {
            return Err(damaged("most of it is no sound"));
        }
        clean.strip("trailing data");
    }
    let (first_byte, last_byte) = if keep { (0, source.length()) } else { (start, last) };
    if first_byte < start {
        clean.keep(0..start);
    } else if start > 0 {
        clean.strip("ID3");
    }
    for range in &sound {
        clean.keep(range.clone());
    }
    if keep {
        clean.keep(end..last_byte);
    } else {
        tags.into_iter().for_each(|tag| clean.strip(tag));
    }
    let decoded = decode::some(source.part(start, last), "mp3")?;
    if decoded.sample_rate != first.sample_rate {
        return Err(damaged("its frames contradict each other"));
    }
    Ok(Walked {
        media_type: "audio/mpeg",
        sample_rate: first.sample_rate,
        channels,
        duration_ms: milliseconds(frames * first.samples, first.sample_rate),
        clean,
    })
}

/// The next place where two frames follow each other.
fn next_frame(source: &Source, from: u64, end: u64, first: Option<Frame>) -> Looked<Option<u64>> {
    for at in from..end.min(from + GAP_BYTES) {
        if let Some(frame) = frame_at(source, at, first)?
            && at + frame.length <= end
            && (at + frame.length == end || frame_at(source, at + frame.length, first)?.is_some())
        {
            return Ok(Some(at));
        }
    }
    Ok(None)
}
