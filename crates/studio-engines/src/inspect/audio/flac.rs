//! FLAC: blocks of metadata, of which only the first is needed, and then frames.

use super::{Walked, decode, fair_duration, fair_sound, milliseconds};
use crate::inspect::{
    bounds,
    plan::Plan,
    refusal::{Looked, cut_off, damaged, refuse},
    source::Source,
};
use std::ops::Range;
use studio_core::inspection::RefusalCode;

/// Set in the head of the last block.
const LAST: u8 = 0x80;

pub(super) fn look(source: &Source, keep: bool) -> Looked<Walked> {
    let (mut at, mut blocks) = (4, 0);
    let mut clean = Plan::default();
    clean.keep(0..4);
    let mut header = None;
    let mut kept: Vec<(u8, Range<u64>)> = Vec::new();
    loop {
        blocks += 1;
        if blocks > bounds::CHUNKS {
            return refuse(RefusalCode::TooManyChunks, format!("the file has more than {} parts", bounds::CHUNKS));
        }
        let [kind, a, b, c] = source.array(at)?;
        let length = u64::from(u32::from_be_bytes([0, a, b, c]));
        let end = at + 4 + length;
        if end > source.length() {
            return Err(cut_off());
        }
        let name = kind & !LAST;
        match (name, &header) {
            (0, None) if length == 34 => header = Some(read_header(source.array(at + 14)?)?),
            (0, _) | (_, None) => return Err(damaged("its header is not at its start")),
            (127, _) => return Err(damaged("a block that cannot be")),
            _ => {}
        }
        let stripped = match name {
            0 | 3 => None,
            1 => (!is_zero(source, at + 4..end)?).then_some("padding"),
            2 => Some("other data"),
            4 => Some("comments"),
            6 => Some("pictures"),
            _ => Some("other blocks"),
        };
        match stripped {
            Some(what) if !keep => clean.strip(what),
            _ => kept.push((name, at..end)),
        }
        at = end;
        if kind & LAST != 0 {
            break;
        }
    }
    let Some((sample_rate, channels, samples)) = header else { return Err(cut_off()) };
    if clean.stripped().next().is_none() {
        clean.keep(4..at);
    } else {
        let last = kept.len() - 1;
        for (number, (name, range)) in kept.into_iter().enumerate() {
            clean.put([if number == last { name | LAST } else { name }]);
            clean.keep(range.start + 1..range.end);
        }
    }
    let mut end = source.length();
    if end >= at + 128 && &source.array::<3>(end - 128)? == b"TAG" {
        end -= 128;
        if !keep {
            clean.strip("ID3");
        }
    }
    clean.keep(at..if keep { source.length() } else { end });
    fair_sound(sample_rate, channels)?;
    fair_duration(milliseconds(samples, sample_rate))?;
    // Without its other blocks: nobody here has to understand what stands in them.
    let before = [&b"fLaC"[..], &[LAST, 0, 0, 34], &source.bytes(8, 34)?].concat();
    let decoded = decode::some(source.part(at, end).behind(before), "flac")?;
    if samples != 0 && decoded.frames != samples {
        return Err(damaged("it has more or fewer samples than it says"));
    }
    Ok(Walked { media_type: "audio/flac", sample_rate, channels, duration_ms: decoded.duration_ms, clean })
}

/// Whether there is nothing in a range.
fn is_zero(source: &Source, range: Range<u64>) -> Looked<bool> {
    Ok(source.bytes(range.start, range.end - range.start)?.iter().all(|byte| *byte == 0))
}

/// Samples a second, channels, and samples in all, or 0 if that was not known.
fn read_header(bits: [u8; 8]) -> Looked<(u32, u32, u64)> {
    let bits = u64::from_be_bytes(bits);
    let sample_rate = u32::try_from(bits >> 44).map_err(damaged)?;
    let channels = u32::try_from(bits >> 41 & 7).map_err(damaged)? + 1;
    Ok((sample_rate, channels, bits & 0xf_ffff_ffff))
}
