//! Video: MP4 and WebM. Its container is walked; nothing is decoded, so whether its pictures can be shown is not known here.

use super::{
    Found, Options, audio, bounds, boxes,
    plan::Plan,
    refusal::{Looked, damaged, refuse},
    source::Source,
    webm,
};
use studio_core::inspection::{Facts, RefusalCode};

/// What is taken, for people.
const TAKEN: &str = "videos are MP4 or WebM";

/// What the walk found.
pub(super) struct Walked {
    pub(super) media_type: &'static str,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) tracks: u32,
    pub(super) duration_ms: Option<u64>,
    pub(super) channels: Option<u32>,
    pub(super) sample_rate: Option<u32>,
    pub(super) clean: Plan,
}

/// Looks at a video.
pub(super) fn look(source: &Source, options: Options) -> Looked<Found> {
    let head = source.head(64)?;
    let known = match &head[..] {
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => None,
        [0x1a, 0x45, 0xdf, 0xa3, ..] => None,
        [b'R', b'I', b'F', b'F', _, _, _, _, b'A', b'V', b'I', ..] => Some("an AVI"),
        [b'F', b'L', b'V', 1, ..] => Some("a Flash video"),
        [0x30, 0x26, 0xb2, 0x75, ..] => Some("a WMV"),
        [0, 0, 1, 0xba | 0xb3, ..] => Some("an MPEG-1 or -2 video"),
        [0x47, ..] if source.length() > 188 && source.array::<1>(188)? == [0x47] => Some("an MPEG transport stream"),
        [b'O', b'g', b'g', b'S', ..] => Some("an Ogg"),
        [_, _, _, _, b'm', b'o', b'o', b'v', ..] | [_, _, _, _, b'm', b'd', b'a', b't', ..] => {
            Some("an old QuickTime file")
        }
        _ => return refuse(RefusalCode::NotMedia, format!("this is no video that is known here; {TAKEN}")),
    };
    if let Some(known) = known {
        return refuse(RefusalCode::Unsupported, format!("this is {known}; {TAKEN}"));
    }
    let walked = if head.starts_with(b"\x1a\x45\xdf\xa3") {
        webm::look(source, options.keep_metadata)
    } else {
        mp4(source, options.keep_metadata)
    }?;
    if walked.width == 0 || walked.height == 0 {
        return Err(damaged("its pictures have no size"));
    }
    if let Some(duration_ms) = walked.duration_ms {
        audio::fair_duration(duration_ms)?;
    }
    let facts = Facts {
        media_type: walked.media_type.to_owned(),
        width: Some(walked.width),
        height: Some(walked.height),
        duration_ms: walked.duration_ms,
        tracks: Some(walked.tracks),
        channels: walked.channels,
        sample_rate: walked.sample_rate,
        ..Facts::default()
    };
    Ok(Found { facts, thumbnail: None, clean: walked.clean })
}

fn mp4(source: &Source, keep: bool) -> Looked<Walked> {
    let walked = boxes::walk(source, keep)?;
    if matches!(&walked.brand, b"avif" | b"avis" | b"heic" | b"heix" | b"mif1" | b"msf1") {
        return refuse(RefusalCode::Unsupported, format!("this is a picture; {TAKEN}"));
    }
    for track in &walked.tracks {
        let fair = match (&track.handler, &track.codec) {
            (b"vide", Some(codec)) => {
                matches!(codec, b"avc1" | b"avc3" | b"hvc1" | b"hev1" | b"av01" | b"vp08" | b"vp09" | b"mp4v")
            }
            (b"soun", Some(codec)) => {
                matches!(codec, b"mp4a" | b"Opus" | b"fLaC" | b"alac" | b"ac-3" | b"ec-3" | b".mp3")
            }
            (b"vide" | b"soun", None) => false,
            _ => true,
        };
        if !fair {
            return refuse(
                RefusalCode::Unsupported,
                "an MP4 may have pictures in H.264, H.265, AV1, VP8, VP9 or MPEG-4, and sound in AAC, Opus, FLAC, ALAC, AC-3 or MP3",
            );
        }
    }
    let pictures = walked.tracks.iter().find(|track| &track.handler == b"vide");
    let Some(pictures) = pictures else {
        return refuse(RefusalCode::Unsupported, "the file has no moving pictures: send it as a sound");
    };
    let sound = walked.tracks.iter().find(|track| &track.handler == b"soun");
    let (width, height) = pictures.size();
    Ok(Walked {
        media_type: "video/mp4",
        width,
        height,
        tracks: u32::try_from(walked.tracks.len()).unwrap_or(bounds::TRACKS),
        duration_ms: walked.duration_ms,
        channels: sound.map(|track| track.channels).filter(|channels| *channels > 0),
        sample_rate: sound.map(|track| track.sample_rate).filter(|rate| *rate > 0),
        clean: walked.clean,
    })
}
