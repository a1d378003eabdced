//! Sound: MP3, WAV, Ogg (Vorbis and Opus), FLAC and M4A. The container is walked first; then its start and its end are
//! decoded, but for WAV, where there is nothing to decode, and Opus, which nobody here decodes.

mod decode;
mod flac;
mod mp3;
mod ogg;
mod wav;

use super::{
    Found, Options, bounds, boxes,
    plan::Plan,
    refusal::{Looked, damaged, refuse},
    source::Source,
};
use studio_core::inspection::{Facts, RefusalCode};

/// What is taken, for people.
const TAKEN: &str = "sounds are MP3, WAV, Ogg (Vorbis or Opus), FLAC or M4A (AAC)";

/// What the walk through a container, and perhaps its decoder, found.
pub(super) struct Walked {
    pub(super) media_type: &'static str,
    pub(super) sample_rate: u32,
    pub(super) channels: u32,
    pub(super) duration_ms: u64,
    pub(super) clean: Plan,
}

#[derive(Clone, Copy)]
enum Format {
    Mp3,
    Wav,
    Ogg,
    Flac,
    M4a,
}

/// Tells the format from the first bytes.
fn format(head: &[u8]) -> Looked<Format> {
    let known = match head {
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => return Ok(Format::Wav),
        [b'f', b'L', b'a', b'C', ..] => return Ok(Format::Flac),
        [b'O', b'g', b'g', b'S', ..] => return Ok(Format::Ogg),
        [b'I', b'D', b'3', ..] => return Ok(Format::Mp3),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] if !is_picture(head) => return Ok(Format::M4a),
        // Version, layer III, a rate of bits and one of samples: none of them reserved.
        [0xff, second, third, ..] if second & 0xe6 == 0xe2 && third & 0xf0 != 0xf0 && third & 0x0c != 0x0c => {
            return Ok(Format::Mp3);
        }
        [0xff, 0xf0 | 0xf1 | 0xf8 | 0xf9, ..] => "AAC without a container",
        [0xff, second, ..] if second & 0xe0 == 0xe0 && second & 0x06 != 0 => "MPEG sound of another layer",
        [b'R', b'F' | b'I', b'6' | b'F', b'4' | b'X', ..] => "a WAV of 64 bits or another byte order",
        [b'F', b'O', b'R', b'M', ..] => "an AIFF",
        [b'c', b'a', b'f', b'f', ..] => "a CAF",
        [b'M', b'T', b'h', b'd', ..] => "a MIDI file",
        [b'#', b'!', b'A', b'M', b'R', ..] => "an AMR",
        [0x30, 0x26, 0xb2, 0x75, ..] => "a WMA",
        [0x1a, 0x45, 0xdf, 0xa3, ..] => "a WebM or Matroska",
        _ => return refuse(RefusalCode::NotMedia, format!("this is no sound that is known here; {TAKEN}")),
    };
    refuse(RefusalCode::Unsupported, format!("this is {known}; {TAKEN}"))
}

fn is_picture(head: &[u8]) -> bool {
    head.get(8..12).is_some_and(|brand| matches!(brand, b"avif" | b"avis" | b"heic" | b"heix" | b"mif1" | b"msf1"))
}

/// What sort of thing the first bytes are, for the files of an archive. Nothing if they are no sound that is taken.
pub(super) fn media_type(head: &[u8]) -> Option<&'static str> {
    format(head).ok().map(|format| match format {
        Format::Mp3 => "audio/mpeg",
        Format::Wav => "audio/wav",
        Format::Ogg => "audio/ogg",
        Format::Flac => "audio/flac",
        Format::M4a => "audio/mp4",
    })
}

/// Looks at a sound.
pub(super) fn look(source: &Source, options: Options) -> Looked<Found> {
    let keep = options.keep_metadata;
    let walked = match format(&source.head(64)?)? {
        Format::Mp3 => mp3::look(source, keep),
        Format::Wav => wav::look(source, keep),
        Format::Ogg => ogg::look(source, keep),
        Format::Flac => flac::look(source, keep),
        Format::M4a => m4a(source, keep),
    }?;
    fair_sound(walked.sample_rate, walked.channels)?;
    fair_duration(walked.duration_ms)?;
    let facts = Facts {
        media_type: walked.media_type.to_owned(),
        duration_ms: Some(walked.duration_ms),
        sample_rate: Some(walked.sample_rate),
        channels: Some(walked.channels),
        ..Facts::default()
    };
    Ok(Found { facts, thumbnail: None, clean: walked.clean })
}

fn m4a(source: &Source, keep: bool) -> Looked<Walked> {
    let walked = boxes::walk(source, keep)?;
    if walked.tracks.iter().any(|track| &track.handler == b"vide") {
        return refuse(RefusalCode::Unsupported, "the file has moving pictures: send it as a video");
    }
    let sound = walked.tracks.iter().find(|track| &track.handler == b"soun");
    match sound.and_then(|track| track.codec) {
        Some(codec) if &codec == b"mp4a" => {}
        Some(_) => return refuse(RefusalCode::Unsupported, format!("its sound is not AAC; {TAKEN}")),
        None => return Err(damaged("it has no sound")),
    }
    let decoded = decode::some(source.part(0, source.length()), "m4a")?;
    Ok(Walked {
        media_type: "audio/mp4",
        sample_rate: decoded.sample_rate,
        channels: decoded.channels,
        duration_ms: decoded.duration_ms,
        clean: walked.clean,
    })
}

/// How long so many samples of a channel play, in milliseconds.
fn milliseconds(samples: u64, sample_rate: u32) -> u64 {
    (u128::from(samples) * 1_000 / u128::from(sample_rate.max(1))).try_into().unwrap_or(u64::MAX)
}

/// Held against the bounds before anything is decoded.
pub(super) fn fair_sound(sample_rate: u32, channels: u32) -> Looked<()> {
    if channels == 0 || channels > bounds::CHANNELS {
        return refuse(
            RefusalCode::Unsupported,
            format!("the sound has {channels} channels; 1 to {} are allowed", bounds::CHANNELS),
        );
    }
    let (least, most) = (bounds::LEAST_SAMPLE_RATE, bounds::MOST_SAMPLE_RATE);
    if !(least..=most).contains(&sample_rate) {
        return refuse(
            RefusalCode::Unsupported,
            format!("the sound has {sample_rate} samples a second; {least} to {most} are allowed"),
        );
    }
    Ok(())
}

/// Held against the bound.
pub(super) fn fair_duration(duration_ms: u64) -> Looked<()> {
    if duration_ms > bounds::DURATION_MS {
        let hours = bounds::DURATION_MS / 3_600_000;
        return refuse(
            RefusalCode::TooLong,
            format!("it plays for {} seconds; {hours} hours are allowed", duration_ms / 1_000),
        );
    }
    Ok(())
}
