//! Boxes that hold tables and times. Whoever plays the file makes room for as many rows as a table says, so each must have them.

use super::{Found, Walk};
use crate::inspect::{
    bounds,
    refusal::{Looked, cut_off, damaged, refuse},
};
use studio_core::inspection::RefusalCode;

/// Most samples, frames of pictures or packets of sound, of all tracks together.
const SAMPLES: u64 = 10_000_000;

impl Walk<'_> {
    /// Looks into a box that holds no others, and keeps it.
    pub(super) fn table(&mut self, found: Found) -> Looked<()> {
        let length = found.end - found.content;
        let row = match &found.name {
            b"mvhd" | b"tkhd" | b"mdhd" => return self.header(found),
            b"hdlr" => {
                if let Some(track) = self.walked.tracks.last_mut()
                    && track.handler == [0; 4]
                {
                    track.handler = self.source.array(found.content + 8)?;
                }
                None
            }
            b"stsd" => {
                self.sample_description(found)?;
                Some((4, 8))
            }
            b"stts" | b"ctts" | b"co64" | b"stss" | b"stco" | b"stsc" => Some((
                4,
                match &found.name {
                    b"stsc" => 12,
                    b"stco" | b"stss" => 4,
                    _ => 8,
                },
            )),
            b"elst" => Some((4, if self.version(found)? == 0 { 12 } else { 20 })),
            b"stsz" => {
                let [a, b, c, d, _, _, _, _]: [u8; 8] = self.source.array(found.content + 4)?;
                self.count_samples(u32::from_be_bytes(self.source.array(found.content + 8)?))?;
                (u32::from_be_bytes([a, b, c, d]) == 0).then_some((8, 4))
            }
            b"trun" => {
                let samples = u32::from_be_bytes(self.source.array(found.content + 4)?);
                self.count_samples(samples)?;
                let [_, _, fields, _]: [u8; 4] = self.source.array(found.content)?;
                Some((4, u64::from((fields & 0xf).count_ones()) * 4))
            }
            b"tfra" | b"sidx" | b"subs" | b"sgpd" | b"sbgp" | b"saiz" | b"saio" => None,
            b"mehd" => {
                let duration = match self.version(found)? {
                    0 => u64::from(u32::from_be_bytes(self.source.array(found.content + 4)?)),
                    _ => u64::from_be_bytes(self.source.array(found.content + 4)?),
                };
                self.walked.fragments = Some(duration);
                None
            }
            _ => None,
        };
        if let Some((at, row)) = row {
            let rows = u64::from(u32::from_be_bytes(self.source.array(found.content + at)?));
            if rows * row > length.saturating_sub(at + 4) {
                return Err(damaged("a table has fewer rows than it says"));
            }
            if matches!(&found.name, b"stco" | b"co64") {
                self.fair_positions(found, rows)?;
            }
        }
        self.walked.clean.keep(found.start..found.end);
        Ok(())
    }

    fn version(&self, found: Found) -> Looked<u8> {
        let [version] = self.source.array(found.content)?;
        Ok(version)
    }

    fn count_samples(&mut self, samples: u32) -> Looked<()> {
        self.samples += u64::from(samples);
        if self.samples > SAMPLES {
            return refuse(RefusalCode::TooManyChunks, format!("the file has more than {SAMPLES} samples"));
        }
        Ok(())
    }

    /// What is played must lie in the file.
    fn fair_positions(&self, found: Found, rows: u64) -> Looked<()> {
        let wide = &found.name == b"co64";
        for row in 0..rows {
            let at = found.content + 8 + row * if wide { 8 } else { 4 };
            let position = match wide {
                true => u64::from_be_bytes(self.source.array(at)?),
                false => u64::from(u32::from_be_bytes(self.source.array(at)?)),
            };
            if position >= self.source.length() {
                return Err(cut_off());
            }
        }
        Ok(())
    }

    /// When it was made becomes zero; how long it plays is read.
    fn header(&mut self, found: Found) -> Looked<()> {
        let version = self.version(found)?;
        let (times, wide) = match version {
            0 => (8, false),
            1 => (16, true),
            _ => return Err(damaged("a header of an unknown version")),
        };
        let after = found.content + 4 + times;
        // `tkhd` has its track's number where others have how often a second they count.
        let per_second = u32::from_be_bytes(self.source.array(after)?);
        let skip = if &found.name == b"tkhd" { 8 } else { 4 };
        let duration = match wide {
            true => u64::from_be_bytes(self.source.array(after + skip)?),
            false => match u32::from_be_bytes(self.source.array(after + skip)?) {
                u32::MAX => u64::MAX,
                duration => duration.into(),
            },
        };
        let known = duration != u64::MAX && duration != 0;
        let end = after + skip + if wide { 8 } else { 4 };
        if end > found.end {
            return Err(cut_off());
        }
        match &found.name {
            b"mvhd" => {
                self.walked.per_second = per_second;
                if known && per_second > 0 {
                    let milliseconds = u128::from(duration) * 1_000 / u128::from(per_second);
                    self.walked.duration_ms = Some(milliseconds.try_into().unwrap_or(u64::MAX));
                }
            }
            b"tkhd" => {
                let matrix = end + 16;
                let shown = matrix + 36;
                if shown + 8 > found.end {
                    return Err(cut_off());
                }
                if let Some(track) = self.walked.tracks.last_mut() {
                    let [a]: [u32; 1] = [u32::from_be_bytes(self.source.array(matrix)?)];
                    let b = u32::from_be_bytes(self.source.array(matrix + 4)?);
                    track.on_its_side = a == 0 && b != 0;
                }
            }
            _ => {}
        }
        self.walked.clean.keep(found.start..found.content + 4);
        if self.keep || self.is_zero(found.content + 4, after)? {
            self.walked.clean.keep(found.content + 4..after);
        } else {
            self.walked.clean.strip("times");
            self.walked.clean.zeros(times);
        }
        self.walked.clean.keep(after..found.end);
        Ok(())
    }

    /// What a track is encoded in, and how large its pictures are.
    fn sample_description(&mut self, found: Found) -> Looked<()> {
        let entries = u32::from_be_bytes(self.source.array(found.content + 4)?);
        if entries == 0 {
            return Err(damaged("a track is encoded in nothing"));
        }
        let mut at = found.content + 8;
        for number in 0..entries {
            let entry = self.read(at, found.end, false)?;
            let Some(track) = self.walked.tracks.last_mut() else { return Err(damaged("a table without a track")) };
            if number == 0 {
                track.codec = Some(entry.name);
            } else if track.codec != Some(entry.name) {
                return refuse(RefusalCode::Unsupported, "a track may be encoded in one way");
            }
            match &track.handler {
                b"vide" => {
                    let [a, b, c, d]: [u8; 4] = self.source.array(entry.content + 24)?;
                    track.width = track.width.max(u16::from_be_bytes([a, b]).into());
                    track.height = track.height.max(u16::from_be_bytes([c, d]).into());
                }
                b"soun" => {
                    let [a, b]: [u8; 2] = self.source.array(entry.content + 16)?;
                    let [c, d]: [u8; 2] = self.source.array(entry.content + 24)?;
                    track.channels = u16::from_be_bytes([a, b]).into();
                    track.sample_rate = u16::from_be_bytes([c, d]).into();
                    if track.channels > bounds::CHANNELS {
                        return refuse(RefusalCode::Unsupported, "its sound has too many channels");
                    }
                }
                _ => {}
            }
            if entry.end > found.end {
                return Err(cut_off());
            }
            at = entry.end;
        }
        Ok(())
    }
}
