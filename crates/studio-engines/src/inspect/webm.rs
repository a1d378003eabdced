//! WebM: elements within elements, each with a number, a length and content. As in MP4 nothing may move: what goes becomes a
//! `Void` element of the same length.

use super::{
    audio, bounds,
    plan::Plan,
    refusal::{Looked, cut_off, damaged, refuse},
    source::Source,
    video::Walked,
};
use studio_core::inspection::RefusalCode;

const HEADER: u32 = 0x1a45_dfa3;
const SEGMENT: u32 = 0x1853_8067;
const VOID: u32 = 0xec;
const CHECKSUM: u32 = 0xbf;
const INFO: u32 = 0x1549_a966;
const TRACKS: u32 = 0x1654_ae6b;
const TRACK: u32 = 0xae;
const PICTURES: u32 = 0xe0;
const SOUND: u32 = 0xe1;
const CLUSTER: u32 = 0x1f43_b675;
const CUES: u32 = 0x1c53_bb6b;
const SEEK: u32 = 0x114d_9b74;
const TAGS: u32 = 0x1254_c367;
const ATTACHMENTS: u32 = 0x1941_a469;
const CHAPTERS: u32 = 0x1043_a770;
/// What stands in a segment, and so ends a cluster that does not say how long it is.
const IN_SEGMENT: [u32; 8] = [INFO, TRACKS, CLUSTER, CUES, SEEK, TAGS, ATTACHMENTS, CHAPTERS];

/// What may stand in header and tracks. All else goes, for anybody may make elements of their own.
const KNOWN: &[(u32, &[u32])] = &[
    (INFO, &[0x002a_d7b1, 0x4489, 0x4d80, 0x5741]),
    (TRACKS, &[TRACK]),
    (
        TRACK,
        &[
            0xd7,
            0x73c5,
            0x83,
            0xb9,
            0x88,
            0x55aa,
            0x9c,
            0x6de7,
            0x6df8,
            0x0023_e383,
            0x0023_4e7a,
            0x0023_314f,
            0x537f,
            0x55ee,
            0x0022_b59c,
            0x0022_b59d,
            0x86,
            0x63a2,
            0xaa,
            0x56aa,
            0x56bb,
            0x41e4,
            PICTURES,
            SOUND,
        ],
    ),
    (
        PICTURES,
        &[
            0x9a,
            0x9d,
            0x53b8,
            0x53c0,
            0xb0,
            0xba,
            0x54aa,
            0x54bb,
            0x54cc,
            0x54dd,
            0x54b0,
            0x54ba,
            0x54b2,
            0x54b3,
            0x002e_b524,
            0x55b0,
            0x7670,
        ],
    ),
    (SOUND, &[0xb5, 0x78b5, 0x9f, 0x6264]),
];
/// How a track's blocks are packed or encrypted.
const ENCODINGS: u32 = 0x6d80;

#[derive(Clone, Copy)]
struct Element {
    id: u32,
    start: u64,
    content: u64,
    /// Nothing if it does not say how long it is.
    end: Option<u64>,
}

#[derive(Default)]
struct Track {
    kind: u64,
    codec: Vec<u8>,
    width: u64,
    height: u64,
    channels: u64,
    sample_rate: f64,
}

struct Walk<'a> {
    source: &'a Source,
    keep: bool,
    elements: u32,
    blocks: u32,
    /// Nanoseconds in which times are counted.
    scale: u64,
    /// As the header says.
    duration: f64,
    /// As its last block says.
    last: u64,
    tracks: Vec<Track>,
    clean: Plan,
}

pub(super) fn look(source: &Source, keep: bool) -> Looked<Walked> {
    let mut walk = Walk {
        source,
        keep,
        elements: 0,
        blocks: 0,
        scale: 1_000_000,
        duration: 0.0,
        last: 0,
        tracks: Vec::new(),
        clean: Plan::default(),
    };
    let header = walk.read(0, source.length())?;
    let end = header.end.filter(|_| header.id == HEADER).ok_or_else(|| damaged("it does not begin as it should"))?;
    walk.document(header, end)?;
    walk.clean.keep(0..end);
    let segment = walk.read(end, source.length())?;
    if segment.id != SEGMENT {
        return Err(damaged("its header is not followed by a segment"));
    }
    walk.clean.keep(segment.start..segment.content);
    let end = segment.end.unwrap_or(source.length());
    let mut at = segment.content;
    while at < end {
        let element = walk.read(at, end)?;
        at = walk.in_segment(element, end)?;
    }
    if end < source.length() {
        walk.clean.strip("trailing data");
    }
    walk.finish()
}

impl Walk<'_> {
    /// Reads the head of an element that lies before `limit`.
    fn read(&mut self, start: u64, limit: u64) -> Looked<Element> {
        self.elements += 1;
        if self.elements > bounds::CHUNKS {
            return refuse(RefusalCode::TooManyChunks, format!("the file has more than {} parts", bounds::CHUNKS));
        }
        self.read_uncounted(start, limit)
    }

    fn read_uncounted(&self, start: u64, limit: u64) -> Looked<Element> {
        let (id, at) = self.number(start, 4, true)?;
        let id = u32::try_from(id).map_err(damaged)?;
        let (length, content) = self.number(at, 8, false)?;
        let unknown = length == (1 << (7 * (content - at))) - 1;
        let end = if unknown { None } else { Some(content.checked_add(length).ok_or_else(cut_off)?) };
        if content > limit || end.is_some_and(|end| end > limit) {
            return Err(cut_off());
        }
        Ok(Element { id, start, content, end })
    }

    /// A number whose first bits tell its length; with these bits, or without.
    fn number(&self, at: u64, most: u32, with_mark: bool) -> Looked<(u64, u64)> {
        let [first] = self.source.array(at)?;
        let length = first.leading_zeros() + 1;
        if length > most {
            return Err(damaged("a number is too long"));
        }
        let mut bytes = [0; 8];
        let content = self.source.bytes(at, u64::from(length))?;
        if let Some(place) = bytes.get_mut(8 - length as usize..) {
            place.copy_from_slice(&content);
        }
        let number = u64::from_be_bytes(bytes);
        Ok((if with_mark { number } else { number & !(1 << (7 * length)) }, at + u64::from(length)))
    }

    fn unsigned(&self, element: Element) -> Looked<u64> {
        let length = element.end.ok_or_else(cut_off)? - element.content;
        if length > 8 {
            return Err(damaged("a number is too long"));
        }
        Ok(self.source.bytes(element.content, length)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn float(&self, element: Element) -> Looked<f64> {
        match element.end.ok_or_else(cut_off)? - element.content {
            4 => Ok(f32::from_be_bytes(self.source.array(element.content)?).into()),
            8 => Ok(f64::from_be_bytes(self.source.array(element.content)?)),
            _ => Err(damaged("a number is unreadable")),
        }
    }

    fn text(&self, element: Element) -> Looked<Vec<u8>> {
        self.source.bytes(element.content, (element.end.ok_or_else(cut_off)? - element.content).min(64))
    }

    /// What kind of document it says it is.
    fn document(&mut self, header: Element, end: u64) -> Looked<()> {
        let mut at = header.content;
        let mut kind = Vec::new();
        while at < end {
            let element = self.read(at, end)?;
            if element.id == 0x4282 {
                kind = self.text(element)?;
            }
            at = element.end.ok_or_else(cut_off)?;
        }
        match kind.trim_ascii_end() {
            b"webm" => Ok(()),
            _ => refuse(RefusalCode::Unsupported, "this is Matroska, but not WebM; videos are MP4 or WebM"),
        }
    }

    /// Looks at what stands in the segment; says where the next one begins.
    fn in_segment(&mut self, element: Element, limit: u64) -> Looked<u64> {
        match (element.id, element.end) {
            (CLUSTER, end) => self.cluster(element, end, limit),
            (_, None) => Err(damaged("a part does not say how long it is")),
            (TAGS, Some(end)) => self.leave_out(element, end, "tags"),
            (ATTACHMENTS, Some(end)) => self.leave_out(element, end, "attachments"),
            (CHAPTERS, Some(end)) => self.leave_out(element, end, "chapters"),
            (VOID, Some(end)) => self.padding(element, end),
            (INFO | TRACKS, Some(end)) => {
                self.list(element, end, 1)?;
                Ok(end)
            }
            (CUES | SEEK | CHECKSUM, Some(end)) => {
                self.clean.keep(element.start..end);
                Ok(end)
            }
            (_, Some(end)) => self.leave_out(element, end, "other elements"),
        }
    }

    /// Header and tracks: all in them, and what of it stays.
    fn list(&mut self, parent: Element, end: u64, depth: u32) -> Looked<()> {
        if depth > bounds::NESTING {
            return refuse(RefusalCode::TooDeep, format!("elements within elements, deeper than {}", bounds::NESTING));
        }
        self.clean.keep(parent.start..parent.content);
        let mut at = parent.content;
        while at < end {
            let element = self.read(at, end)?;
            let next = element.end.ok_or_else(|| damaged("a part does not say how long it is"))?;
            match (parent.id, element.id) {
                (_, VOID) => {
                    self.padding(element, next)?;
                }
                // It would be wrong when something is left out.
                (_, CHECKSUM) => {
                    self.leave_out(element, next, "checksums")?;
                }
                (INFO, 0x7ba9 | 0x4461 | 0x7384 | 0x73a4) | (TRACK, 0x536e) => {
                    self.leave_out(element, next, "title and time")?;
                }
                (TRACKS, TRACK) => {
                    self.tracks.push(Track::default());
                    if self.tracks.len() > bounds::TRACKS as usize {
                        let most = bounds::TRACKS;
                        return refuse(RefusalCode::TooManyChunks, format!("the file has more than {most} tracks"));
                    }
                    self.list(element, next, depth + 1)?;
                }
                (TRACK, PICTURES | SOUND) => self.list(element, next, depth + 1)?,
                (TRACK, ENCODINGS) => {
                    return refuse(RefusalCode::Unsupported, "a track in a WebM may not be packed or encrypted");
                }
                (within, id) if !KNOWN.iter().any(|(name, names)| *name == within && names.contains(&id)) => {
                    self.leave_out(element, next, "other elements")?;
                }
                _ => {
                    self.value(parent.id, element)?;
                    self.clean.keep(element.start..next);
                }
            }
            at = next;
        }
        Ok(())
    }

    fn value(&mut self, parent: u32, element: Element) -> Looked<()> {
        let number = match (parent, element.id) {
            (INFO, 0x002a_d7b1) | (TRACK, 0x83) | (PICTURES, 0xb0 | 0xba) | (SOUND, 0x9f) => self.unsigned(element)?,
            _ => 0,
        };
        match (parent, element.id) {
            (INFO, 0x002a_d7b1) => self.scale = number.max(1),
            (INFO, 0x4489) => self.duration = self.float(element)?,
            _ => {}
        }
        let codec = if (parent, element.id) == (TRACK, 0x86) { self.text(element)? } else { Vec::new() };
        let rate = if (parent, element.id) == (SOUND, 0xb5) { self.float(element)? } else { 0.0 };
        let Some(track) = self.tracks.last_mut() else { return Ok(()) };
        match (parent, element.id) {
            (TRACK, 0x83) => track.kind = number,
            (TRACK, 0x86) => track.codec = codec,
            (PICTURES, 0xb0) => track.width = number,
            (PICTURES, 0xba) => track.height = number,
            (SOUND, 0x9f) => track.channels = number,
            (SOUND, 0xb5) => track.sample_rate = rate,
            _ => {}
        }
        Ok(())
    }

    /// A cluster says when it begins; its blocks are only looked at if it does not say how long it is.
    fn cluster(&mut self, cluster: Element, end: Option<u64>, limit: u64) -> Looked<u64> {
        let stop = end.unwrap_or(limit);
        let mut at = cluster.content;
        while at < stop {
            let element = self.read_uncounted(at, stop)?;
            self.blocks += 1;
            if self.blocks > bounds::BLOCKS {
                return refuse(RefusalCode::TooManyChunks, format!("the file has more than {} blocks", bounds::BLOCKS));
            }
            if end.is_none() && IN_SEGMENT.contains(&element.id) {
                break;
            }
            let next = element.end.ok_or_else(|| damaged("a block does not say how long it is"))?;
            if element.id == 0xe7 {
                self.last = self.last.max(self.unsigned(element)?);
            }
            at = next;
        }
        self.clean.keep(cluster.start..at);
        Ok(at)
    }

    /// What stays says how long it is and nothing else.
    fn leave_out(&mut self, element: Element, end: u64, what: &'static str) -> Looked<u64> {
        if self.keep {
            self.clean.keep(element.start..end);
            return Ok(end);
        }
        self.clean.strip(what);
        let length = end - element.start;
        // Its number is one byte; then its length in one byte, or in eight.
        if length < 9 {
            self.clean.put([0xec, 0x80 | u8::try_from(length - 2).unwrap_or_default()]);
            self.clean.zeros(length - 2);
        } else {
            let mut head = (length - 9).to_be_bytes();
            let [first, ..] = &mut head;
            *first = 1;
            self.clean.put([&[0xec][..], &head].concat());
            self.clean.zeros(length - 9);
        }
        Ok(end)
    }

    /// Room that was left for later must be empty.
    fn padding(&mut self, element: Element, end: u64) -> Looked<u64> {
        let mut at = element.content;
        let mut empty = true;
        while at < end && empty {
            let length = (end - at).min(256 << 10);
            empty = self.source.bytes(at, length)?.iter().all(|byte| *byte == 0);
            at += length;
        }
        if empty {
            self.clean.keep(element.start..end);
            return Ok(end);
        }
        self.leave_out(element, end, "padding")
    }

    fn finish(self) -> Looked<Walked> {
        let pictures = self.tracks.iter().find(|track| track.kind == 1);
        let Some(pictures) = pictures else {
            return refuse(RefusalCode::Unsupported, "the file has no moving pictures; videos are MP4 or WebM");
        };
        for track in &self.tracks {
            let codec = track.codec.trim_ascii_end();
            let fair = match track.kind {
                1 => matches!(codec, b"V_VP8" | b"V_VP9" | b"V_AV1"),
                2 => matches!(codec, b"A_OPUS" | b"A_VORBIS"),
                _ => codec.starts_with(b"D_WEBVTT/"),
            };
            if !fair {
                return refuse(
                    RefusalCode::Unsupported,
                    "a WebM may have pictures in VP8, VP9 or AV1, and sound in Opus or Vorbis",
                );
            }
        }
        let pixels = pictures.width.saturating_mul(pictures.height);
        if pictures.width.max(pictures.height) > u64::from(bounds::SIDE) || pixels > bounds::PIXELS {
            return refuse(
                RefusalCode::TooManyPixels,
                format!(
                    "the video has {} x {} pixels; {} on a side and {} in all are allowed",
                    pictures.width,
                    pictures.height,
                    bounds::SIDE,
                    bounds::PIXELS
                ),
            );
        }
        if self.blocks == 0 {
            return Err(damaged("it has no pictures"));
        }
        let sound = self.tracks.iter().find(|track| track.kind == 2);
        let (channels, sample_rate) = match sound {
            Some(track) => {
                let (channels, rate) =
                    (u32::try_from(track.channels.max(1)).unwrap_or(u32::MAX), track.sample_rate as u32);
                audio::fair_sound(rate, channels)?;
                (Some(channels), Some(rate))
            }
            None => (None, None),
        };
        let milliseconds = |ticks: u64| u128::from(ticks) * u128::from(self.scale) / 1_000_000;
        // What is no number, or below zero, becomes zero, and what is too large the largest.
        let duration = milliseconds(self.duration as u64).max(milliseconds(self.last));
        let duration_ms = Some(u64::try_from(duration).unwrap_or(u64::MAX)).filter(|duration| *duration > 0);
        Ok(Walked {
            media_type: "video/webm",
            width: u32::try_from(pictures.width).unwrap_or_default(),
            height: u32::try_from(pictures.height).unwrap_or_default(),
            tracks: u32::try_from(self.tracks.len()).unwrap_or(bounds::TRACKS),
            duration_ms,
            channels,
            sample_rate,
            clean: self.clean,
        })
    }
}
