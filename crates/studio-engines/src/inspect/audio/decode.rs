//! Decodes the start and the end of a sound, and counts all that lies between.

use super::{fair_sound, milliseconds};
use crate::inspect::{
    bounds,
    refusal::{Looked, damaged},
    source::Part,
};
use std::collections::VecDeque;
use symphonia::core::{
    codecs::audio::{AudioDecoder, AudioDecoderOptions},
    errors::Error,
    formats::{FormatOptions, TrackType, probe::Hint},
    io::{MediaSource, MediaSourceStream},
    meta::MetadataOptions,
    packet::Packet,
};

/// How many of the last packets are decoded.
const LAST_PACKETS: usize = 8;
/// How many packets may be unreadable, and one of this many more: decoders need a few to find their way in.
const UNREADABLE: u64 = 4;

/// What was found.
pub(super) struct Decoded {
    pub(super) sample_rate: u32,
    pub(super) channels: u32,
    /// Samples of each channel.
    pub(super) frames: u64,
    pub(super) duration_ms: u64,
}

impl MediaSource for Part {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.length())
    }
}

/// Decodes some of it; `ending` is the usual one of such a file.
pub(super) fn some(part: Part, ending: &str) -> Looked<Decoded> {
    let stream = MediaSourceStream::new(Box::new(part), Default::default());
    let mut hint = Hint::new();
    hint.with_extension(ending);
    let mut reader = symphonia::default::get_probe()
        .probe(&hint, stream, FormatOptions::default(), MetadataOptions::default())
        .map_err(broken)?;
    let track = reader.default_track(TrackType::Audio).ok_or_else(|| damaged("it has no sound"))?;
    let id = track.id;
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
    let parameters = parameters.ok_or_else(|| damaged("it has no sound"))?.clone();
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(&parameters, &AudioDecoderOptions::default())
        .map_err(broken)?;
    let mut heard = Heard::default();
    let mut last: VecDeque<Packet> = VecDeque::new();
    loop {
        let packet = match reader.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            Err(error) => return Err(broken(error)),
        };
        if packet.track_id != id {
            continue;
        }
        heard.packets += 1;
        heard.length = heard.length.saturating_add(packet.dur.get());
        if heard.samples < bounds::DECODED_SAMPLES {
            heard.decode(decoder.as_mut(), &packet)?;
        } else {
            if last.len() == LAST_PACKETS {
                last.pop_front();
            }
            last.push_back(packet);
        }
    }
    if !last.is_empty() {
        decoder.reset();
    }
    for packet in &last {
        heard.decode(decoder.as_mut(), packet)?;
    }
    if heard.sample_rate == 0 || heard.unreadable > UNREADABLE + heard.packets / 50 {
        return Err(damaged("its sound can't be decoded"));
    }
    let length_ms = reader.tracks().iter().find(|track| track.id == id).and_then(|track| track.time_base).map(|base| {
        let ticks = u128::from(heard.length) * u128::from(base.numer.get()) * 1_000 / u128::from(base.denom.get());
        u64::try_from(ticks).unwrap_or(u64::MAX)
    });
    Ok(Decoded {
        sample_rate: heard.sample_rate,
        channels: heard.channels,
        frames: heard.length,
        duration_ms: length_ms.unwrap_or_else(|| milliseconds(heard.length, heard.sample_rate)),
    })
}

#[derive(Default)]
struct Heard {
    packets: u64,
    unreadable: u64,
    samples: u64,
    length: u64,
    sample_rate: u32,
    channels: u32,
}

impl Heard {
    fn decode(&mut self, decoder: &mut dyn AudioDecoder, packet: &Packet) -> Looked<()> {
        match decoder.decode(packet) {
            Ok(sound) => {
                let spec = sound.spec();
                self.sample_rate = spec.rate();
                self.channels = u32::try_from(spec.channels().count()).unwrap_or(u32::MAX);
                fair_sound(self.sample_rate, self.channels)?;
                self.samples += (sound.frames() as u64 * u64::from(self.channels)).max(1);
                Ok(())
            }
            Err(Error::DecodeError(_) | Error::IoError(_)) => {
                self.unreadable += 1;
                // Counts as some, so that what can't be read has an end, too.
                self.samples += 1_000;
                Ok(())
            }
            Err(error) => Err(broken(error)),
        }
    }
}

/// What went wrong, in our words.
fn broken(error: Error) -> studio_core::inspection::Refusal {
    match error {
        Error::IoError(_) => damaged("it ends too early"),
        Error::DecodeError(what) | Error::Unsupported(what) | Error::LimitError(what) => damaged(what),
        _ => damaged("its sound can't be read"),
    }
}
