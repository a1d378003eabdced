//! WAV: RIFF's chunks. Samples lie in it as they are, so all can be told by arithmetic.

use super::{Walked, fair_sound, milliseconds};
use crate::inspect::{
    bounds,
    plan::Plan,
    refusal::{Looked, cut_off, damaged, refuse},
    source::Source,
};
use std::ops::Range;
use studio_core::inspection::RefusalCode;

/// The rest of the long name of a format, behind its number.
const LONG_NAME: &[u8] = &[0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

struct Sound {
    channels: u32,
    sample_rate: u32,
    frame_bytes: u64,
}

pub(super) fn look(source: &Source, keep: bool) -> Looked<Walked> {
    let length = u64::from(u32::from_le_bytes(source.array(4)?));
    let end = length + 8;
    if end > source.length() {
        return Err(cut_off());
    }
    let mut clean = Plan::default();
    let (mut at, mut chunks) = (12, 0);
    let mut kept: Vec<Range<u64>> = Vec::new();
    let mut sound: Option<Sound> = None;
    let mut data_bytes = None;
    while at < end {
        chunks += 1;
        if chunks > bounds::CHUNKS {
            return refuse(RefusalCode::TooManyChunks, format!("the file has more than {} parts", bounds::CHUNKS));
        }
        let name: [u8; 4] = source.array(at)?;
        let length = u64::from(u32::from_le_bytes(source.array(at + 4)?));
        if at + 8 + length > end {
            return Err(cut_off());
        }
        // The padding of the last chunk may be missing.
        let next = (at + 8 + length + length % 2).min(end);
        match &name {
            b"fmt " if sound.is_none() => sound = Some(format(&source.bytes(at + 8, length.min(64))?)?),
            b"data" if sound.is_some() && data_bytes.is_none() => data_bytes = Some(length),
            b"fmt " | b"data" => return Err(damaged("a chunk stands where it may not")),
            _ => {}
        }
        if keep || matches!(&name, b"fmt " | b"data" | b"fact") {
            kept.push(at..next);
        } else {
            clean.strip(match &name {
                b"LIST" => "text",
                b"id3 " | b"ID3 " => "ID3",
                b"bext" | b"iXML" | b"_PMX" | b"aXML" => "studio's notes",
                _ => "other chunks",
            });
        }
        at = next;
    }
    let (Some(sound), Some(data_bytes)) = (sound, data_bytes) else { return Err(damaged("it has no sound")) };
    if end < source.length() {
        clean.strip("trailing data");
    }
    if clean.stripped().next().is_none() {
        clean.keep(0..source.length());
    } else {
        let length: u64 = 4 + kept.iter().map(|range| range.end - range.start).sum::<u64>();
        clean.put([b"RIFF", &u32::try_from(length).map_err(damaged)?.to_le_bytes()[..], b"WAVE"].concat());
        for range in kept {
            clean.keep(range);
        }
    }
    Ok(Walked {
        media_type: "audio/wav",
        sample_rate: sound.sample_rate,
        channels: sound.channels,
        duration_ms: milliseconds(data_bytes / sound.frame_bytes, sound.sample_rate),
        clean,
    })
}

fn format(content: &[u8]) -> Looked<Sound> {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, rest @ ..] = content else { return Err(cut_off()) };
    let channels = u32::from(u16::from_le_bytes([*c, *d]));
    let sample_rate = u32::from_le_bytes([*e, *f, *g, *h]);
    let bytes_per_second = u32::from_le_bytes([*i, *j, *k, *l]);
    let frame_bytes = u32::from(u16::from_le_bytes([*m, *n]));
    let bits = u32::from(u16::from_le_bytes([*o, *p]));
    let number = match u16::from_le_bytes([*a, *b]) {
        0xfffe => match rest.get(8..24) {
            Some([low, high, name @ ..]) if name == LONG_NAME => u16::from_le_bytes([*low, *high]),
            _ => 0xfffe,
        },
        number => number,
    };
    if !matches!((number, bits), (1, 8 | 16 | 24 | 32) | (3, 32 | 64) | (6 | 7, 8)) {
        return refuse(
            RefusalCode::Unsupported,
            "a WAV may have whole numbers of 8, 16, 24 or 32 bits, fractions of 32 or 64, A-law or mu-law",
        );
    }
    fair_sound(sample_rate, channels)?;
    if frame_bytes != channels * bits / 8
        || u64::from(bytes_per_second) != u64::from(frame_bytes) * u64::from(sample_rate)
    {
        return Err(damaged("its header contradicts itself"));
    }
    Ok(Sound { channels, sample_rate, frame_bytes: u64::from(frame_bytes) })
}
