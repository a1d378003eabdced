//! MP4 and its kin: boxes within boxes, each with its length and name. For M4A and for video.
//!
//! Positions in a file are written down in it, so nothing may move: what goes becomes a `free` box of the same length, full of
//! zeros. What may stay stands in lists, by where it stands; all else goes, for anybody may make boxes of their own.

mod tables;
mod tracks;

use super::{
    bounds,
    plan::Plan,
    refusal::{Looked, cut_off, damaged, refuse},
    source::Source,
};
use studio_core::inspection::RefusalCode;
pub(super) use tracks::Track;

type Name = [u8; 4];

/// What may stand at the top, and in each box that holds others.
const KNOWN: &[(&Name, &[&Name])] = &[
    (b"file", &[b"ftyp", b"moov", b"mdat", b"moof", b"mfra", b"sidx", b"ssix", b"styp", b"wide", b"pdin", b"prft"]),
    (b"moov", &[b"mvhd", b"trak", b"mvex", b"iods"]),
    (b"trak", &[b"tkhd", b"tref", b"edts", b"mdia", b"tapt"]),
    (b"edts", &[b"elst"]),
    (b"mdia", &[b"mdhd", b"hdlr", b"minf", b"elng"]),
    (b"minf", &[b"vmhd", b"smhd", b"sthd", b"nmhd", b"gmhd", b"hdlr", b"dinf", b"stbl"]),
    (b"dinf", &[b"dref"]),
    (
        b"stbl",
        &[
            b"stsd", b"stts", b"ctts", b"cslg", b"stsc", b"stsz", b"stz2", b"stco", b"co64", b"stss", b"sdtp", b"sgpd",
            b"sbgp", b"stps", b"subs", b"saiz", b"saio",
        ],
    ),
    (b"mvex", &[b"mehd", b"trex", b"leva", b"trep"]),
    (b"moof", &[b"mfhd", b"traf"]),
    (b"traf", &[b"tfhd", b"tfdt", b"trun", b"sdtp", b"sgpd", b"sbgp", b"subs", b"saiz", b"saio"]),
    (b"mfra", &[b"tfra", b"mfro"]),
];

/// What the walk found.
#[derive(Default)]
pub(super) struct Walked {
    pub(super) brand: Name,
    pub(super) duration_ms: Option<u64>,
    /// How often a second times count, and how many of these its fragments play.
    per_second: u32,
    fragments: Option<u64>,
    pub(super) tracks: Vec<Track>,
    pub(super) clean: Plan,
}

/// A box: where it lies, and where its content begins.
#[derive(Clone, Copy)]
struct Found {
    name: Name,
    start: u64,
    content: u64,
    end: u64,
}

struct Walk<'a> {
    source: &'a Source,
    keep: bool,
    boxes: u32,
    samples: u64,
    has_media: bool,
    walked: Walked,
}

/// Walks through all boxes of the file.
pub(super) fn walk(source: &Source, keep: bool) -> Looked<Walked> {
    let mut walk = Walk { source, keep, boxes: 0, samples: 0, has_media: false, walked: Walked::default() };
    let mut at = 0;
    let mut has_movie = false;
    while at < source.length() {
        // What is no box at all, behind all that is needed, is none of the file.
        let found = match walk.read(at, source.length(), true) {
            Err(_) if has_movie && walk.has_media => break,
            found => found?,
        };
        if at == 0 && &found.name != b"ftyp" {
            return Err(damaged("it does not begin as it should"));
        }
        if has_movie && walk.has_media && !found.name.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
            break;
        }
        match &found.name {
            b"ftyp" => walk.walked.brand = source.array(found.content)?,
            b"moov" if has_movie => return Err(damaged("it has two headers")),
            b"moov" => has_movie = true,
            b"mdat" => walk.has_media = true,
            _ => {}
        }
        walk.visit(found, b"file", 1)?;
        at = found.end;
    }
    if !has_movie || !walk.has_media {
        return Err(damaged("it has no header or nothing behind it"));
    }
    if at < source.length() {
        walk.walked.clean.strip("trailing data");
    }
    if walk.walked.tracks.len() > bounds::TRACKS as usize {
        return refuse(RefusalCode::TooManyChunks, format!("the file has more than {} tracks", bounds::TRACKS));
    }
    let walked = &mut walk.walked;
    if let (None, Some(fragments), 1..) = (walked.duration_ms, walked.fragments, walked.per_second) {
        let milliseconds = u128::from(fragments) * 1_000 / u128::from(walked.per_second);
        walked.duration_ms = Some(milliseconds.try_into().unwrap_or(u64::MAX));
    }
    Ok(walk.walked)
}

impl Walk<'_> {
    /// Reads the head of a box that lies before `limit`.
    fn read(&mut self, start: u64, limit: u64, may_reach_to_end: bool) -> Looked<Found> {
        self.boxes += 1;
        if self.boxes > bounds::CHUNKS {
            return refuse(RefusalCode::TooManyChunks, format!("the file has more than {} parts", bounds::CHUNKS));
        }
        let [a, b, c, d, name @ ..]: [u8; 8] = self.source.array(start)?;
        let (content, length) = match u64::from(u32::from_be_bytes([a, b, c, d])) {
            0 if may_reach_to_end => (start + 8, limit - start),
            1 => (start + 16, u64::from_be_bytes(self.source.array(start + 8)?)),
            length => (start + 8, length),
        };
        let end = start.checked_add(length).filter(|end| *end <= limit).ok_or_else(cut_off)?;
        if end < content {
            return Err(damaged("a length is wrong"));
        }
        Ok(Found { name, start, content, end })
    }

    /// Looks at a box and all in it, and decides what stays.
    fn visit(&mut self, found: Found, parent: &Name, depth: u32) -> Looked<()> {
        if depth > bounds::NESTING {
            return refuse(RefusalCode::TooDeep, format!("boxes within boxes, deeper than {}", bounds::NESTING));
        }
        let known =
            KNOWN.iter().find(|(name, _)| *name == parent).is_some_and(|(_, names)| names.contains(&&found.name));
        if !known {
            return self.leave_out(found, depth);
        }
        if KNOWN.iter().any(|(name, _)| **name == found.name) {
            let tracks = self.walked.tracks.len();
            if &found.name == b"trak" {
                self.walked.tracks.push(Track::default());
            }
            self.walked.clean.keep(found.start..found.content);
            let mut at = found.content;
            // QuickTime may end a list of boxes by four zeros.
            while at + 8 <= found.end {
                let child = self.read(at, found.end, false)?;
                self.visit(child, &found.name, depth + 1)?;
                at = child.end;
            }
            self.blank(at, found.end)?;
            if &found.name == b"trak"
                && let Some(track) = self.walked.tracks.get(tracks)
                && !track.is_sound()
            {
                track.fair_size()?;
            }
            return Ok(());
        }
        if matches!(&found.name, b"mdat" | b"ftyp" | b"styp" | b"wide") {
            self.walked.clean.keep(found.start..found.end);
            return Ok(());
        }
        self.table(found)
    }

    /// What stays is a box that says how long it is and nothing else.
    fn leave_out(&mut self, found: Found, depth: u32) -> Looked<()> {
        let what = match &found.name {
            b"udta" | b"meta" => "tags",
            b"uuid" => "other boxes",
            b"free" | b"skip" => "padding",
            _ => "other boxes",
        };
        // Walked all the same: others will, if metadata stays.
        if matches!(&found.name, b"udta" | b"meta" | b"ilst" | b"wave") {
            let mut at = found.content + if &found.name == b"meta" { 4 } else { 0 };
            while at + 8 <= found.end {
                let child = match self.read(at, found.end, false) {
                    Err(refused) if refused.code != RefusalCode::Damaged => return Err(refused),
                    Err(_) => break,
                    Ok(child) => child,
                };
                if depth >= bounds::NESTING {
                    return refuse(
                        RefusalCode::TooDeep,
                        format!("boxes within boxes, deeper than {}", bounds::NESTING),
                    );
                }
                self.walk_only(child, depth + 1)?;
                at = child.end;
            }
        }
        let is_free = &found.name == b"free" && self.is_zero(found.content, found.end)?;
        if self.keep || is_free {
            self.walked.clean.keep(found.start..found.end);
            return Ok(());
        }
        self.walked.clean.strip(what);
        self.walked.clean.keep(found.start..found.start + 4);
        self.walked.clean.put(*b"free");
        self.walked.clean.keep(found.start + 8..found.content);
        self.walked.clean.zeros(found.end - found.content);
        Ok(())
    }

    /// Counts boxes within boxes that are left out with the one around them.
    fn walk_only(&mut self, found: Found, depth: u32) -> Looked<()> {
        if depth > bounds::NESTING {
            return refuse(RefusalCode::TooDeep, format!("boxes within boxes, deeper than {}", bounds::NESTING));
        }
        let mut at = found.content + if &found.name == b"meta" { 4 } else { 0 };
        while matches!(&found.name, b"udta" | b"meta" | b"ilst" | b"moov" | b"trak" | b"mdia") && at + 8 <= found.end {
            let child = match self.read(at, found.end, false) {
                Err(refused) if refused.code != RefusalCode::Damaged => return Err(refused),
                Err(_) => break,
                Ok(child) => child,
            };
            self.walk_only(child, depth + 1)?;
            at = child.end;
        }
        Ok(())
    }

    /// Keeps a few bytes that mean nothing as zeros.
    fn blank(&mut self, start: u64, end: u64) -> Looked<()> {
        if self.keep || self.is_zero(start, end)? {
            self.walked.clean.keep(start..end);
        } else {
            self.walked.clean.strip("padding");
            self.walked.clean.zeros(end - start);
        }
        Ok(())
    }

    fn is_zero(&self, mut at: u64, end: u64) -> Looked<bool> {
        while at < end {
            let length = (end - at).min(256 << 10);
            if self.source.bytes(at, length)?.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            at += length;
        }
        Ok(true)
    }
}
