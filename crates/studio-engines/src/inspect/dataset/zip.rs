//! ZIP's directory. It stands at the end, and each of its files has a head of its own, which may say something else; readers
//! differ in whom they believe, so both must say the same, and every byte of the archive must belong to exactly one thing.

use crate::inspect::{
    bounds,
    refusal::{Looked, cut_off, damaged, refuse},
    source::Source,
};
use std::{collections::HashSet, ops::Range};
use studio_core::inspection::RefusalCode;

/// Length of the last record, without its comment.
const END_BYTES: u64 = 22;
/// Length of a directory's entry, without name and others.
const ENTRY_BYTES: u64 = 46;
/// Length of a file's own head, without name and others.
const HEAD_BYTES: u64 = 30;
/// Longest record that may stand behind a file and repeat its lengths.
const AFTER_BYTES: u64 = 24;

/// A file in the archive.
pub(super) struct File {
    pub(super) name: String,
    /// Where its packed bytes lie.
    pub(super) data: Range<u64>,
    pub(super) is_packed: bool,
    pub(super) packed: u64,
    pub(super) unpacked: u64,
    pub(super) checksum: u32,
}

/// What is in the archive, without its folders.
pub(super) struct Directory {
    pub(super) files: Vec<File>,
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    fn u16(&mut self) -> Looked<u16> {
        let (number, rest) = self.bytes.split_first_chunk().ok_or_else(cut_off)?;
        self.bytes = rest;
        Ok(u16::from_le_bytes(*number))
    }

    fn u32(&mut self) -> Looked<u32> {
        let (number, rest) = self.bytes.split_first_chunk().ok_or_else(cut_off)?;
        self.bytes = rest;
        Ok(u32::from_le_bytes(*number))
    }
}

/// Reads the directory, and holds every file's own head against it.
pub(super) fn read(source: &Source) -> Looked<Directory> {
    let (directory, count) = end(source)?;
    let mut at = directory.start;
    let mut files = Vec::new();
    let mut places: Vec<(Range<u64>, u64)> = Vec::new();
    let mut names = HashSet::new();
    for _ in 0..count {
        let bytes = source.bytes(at, ENTRY_BYTES)?;
        let mut reader = Reader { bytes: &bytes };
        if reader.u32()? != 0x0201_4b50 {
            return Err(damaged("its directory is unreadable"));
        }
        let made_by = reader.u16()?;
        reader.u16()?;
        let (flags, method) = (reader.u16()?, reader.u16()?);
        reader.u32()?;
        let (checksum, packed, unpacked) = (reader.u32()?, u64::from(reader.u32()?), u64::from(reader.u32()?));
        let (name_bytes, extra, comment, disk) = (reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?);
        reader.u16()?;
        let (attributes, head) = (reader.u32()?, u64::from(reader.u32()?));
        let name = source.bytes(at + ENTRY_BYTES, name_bytes.into())?;
        at += ENTRY_BYTES + u64::from(name_bytes) + u64::from(extra) + u64::from(comment);
        if at > directory.end || disk != 0 {
            return Err(damaged("its directory is unreadable"));
        }
        let name = fair_name(name)?;
        let bad = |what: &str| refuse(RefusalCode::BadEntry, format!("{name:?} in the archive {what}"));
        if !names.insert(name.to_lowercase()) {
            return bad("is there twice");
        }
        if flags & 0x2041 != 0 {
            return bad("is encrypted");
        }
        if !matches!(method, 0 | 8) {
            return bad("is packed by other means than deflate");
        }
        // Made on Unix, or on a Mac: the upper half is a mode.
        let kind = if matches!(made_by >> 8, 3 | 19) { attributes >> 16 & 0xf000 } else { 0 };
        let is_folder = name.ends_with('/');
        if !matches!((kind, is_folder), (0, _) | (0x8000, false) | (0x4000, true)) {
            return bad("is a link or another special file");
        }
        if (method == 0 && packed != unpacked) || (is_folder && unpacked != 0) {
            return bad("has lengths that contradict each other");
        }
        let file = File { name, data: 0..0, is_packed: method == 8, packed, unpacked, checksum };
        let (data, after) = own_head(source, &file, head, flags, method)?;
        places.push((head..data.end, after));
        if !is_folder {
            files.push(File { data, ..file });
        }
    }
    if at != directory.end {
        return Err(damaged("its directory has another length than it says"));
    }
    fair_places(places, directory.start)?;
    Ok(Directory { files })
}

/// Where the directory lies, and how many entries it has.
fn end(source: &Source) -> Looked<(Range<u64>, u64)> {
    let length = source.length();
    let tail_bytes = length.min(END_BYTES + u64::from(u16::MAX));
    let tail = source.bytes(length - tail_bytes, tail_bytes)?;
    // The last record, whose comment reaches to the end of the file: whoever looks for another finds another archive.
    let found = tail.windows(4).rposition(|window| window == b"PK\x05\x06").ok_or_else(cut_off)?;
    let mut reader = Reader { bytes: tail.get(found + 4..).unwrap_or_default() };
    let (disk, first_disk, here, count) = (reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?);
    let (bytes, start, comment) = (u64::from(reader.u32()?), u64::from(reader.u32()?), reader.u16()?);
    let place = length - tail_bytes + found as u64;
    if place + END_BYTES + u64::from(comment) != length {
        return Err(damaged("something follows the end of the archive"));
    }
    if count == u16::MAX || bytes == u64::from(u32::MAX) || start == u64::from(u32::MAX) {
        return refuse(
            RefusalCode::Unsupported,
            format!("archives of 64 bits are not taken; {} files are allowed", bounds::ENTRIES),
        );
    }
    if disk != 0 || first_disk != 0 || here != count || start + bytes != place {
        return Err(damaged("its directory is not where it says"));
    }
    if u64::from(count) > bounds::ENTRIES {
        return refuse(
            RefusalCode::TooManyEntries,
            format!("the archive has {count} files; {} are allowed", bounds::ENTRIES),
        );
    }
    Ok((start..place, count.into()))
}

/// A name that can't leave the folder that an archive is unpacked into, wherever that is.
fn fair_name(name: Vec<u8>) -> Looked<String> {
    let bad = |what: String| refuse(RefusalCode::BadEntry, what);
    if name.is_empty() || name.len() > bounds::NAME_BYTES {
        return bad(format!("a name in the archive has {} bytes; 1 to {} are allowed", name.len(), bounds::NAME_BYTES));
    }
    let Ok(name) = String::from_utf8(name) else { return bad("a name in the archive is no UTF-8".to_owned()) };
    let leaves = name.starts_with('/')
        || name.contains('\\')
        || name.chars().any(char::is_control)
        || name.trim_end_matches('/').split('/').any(|part| matches!(part, "" | "." | ".."))
        || name.get(1..2) == Some(":");
    if leaves || name.split('/').count() > bounds::NESTING as usize {
        return bad(format!("the name {name:?} in the archive is not allowed"));
    }
    Ok(name)
}

/// The file's own head must say what the directory says. Where its bytes lie, and how much may follow them.
fn own_head(source: &Source, file: &File, at: u64, flags: u16, method: u16) -> Looked<(Range<u64>, u64)> {
    let bytes = source.bytes(at, HEAD_BYTES)?;
    let mut reader = Reader { bytes: &bytes };
    let is_head = reader.u32()? == 0x0403_4b50;
    reader.u16()?;
    let (own_flags, own_method) = (reader.u16()?, reader.u16()?);
    reader.u32()?;
    let own = (reader.u32()?, u64::from(reader.u32()?), u64::from(reader.u32()?));
    let (name_bytes, extra) = (reader.u16()?, reader.u16()?);
    let name = source.bytes(at + HEAD_BYTES, name_bytes.into())?;
    let said_after = flags & 8 != 0;
    let directory = (file.checksum, file.packed, file.unpacked);
    let same = own == directory || (said_after && own == (0, 0, 0));
    if !is_head || name != file.name.as_bytes() || own_method != method || own_flags & 0x2049 != flags & 0x2049 || !same
    {
        return refuse(
            RefusalCode::BadEntry,
            format!("{:?} in the archive says of itself something else than its directory", file.name),
        );
    }
    let start = at + HEAD_BYTES + u64::from(name_bytes) + u64::from(extra);
    let end = start.checked_add(file.packed).filter(|end| *end <= source.length()).ok_or_else(cut_off)?;
    Ok((start..end, if said_after { AFTER_BYTES } else { 0 }))
}

/// No two files share bytes, and there is nothing before, between and behind them.
fn fair_places(mut places: Vec<(Range<u64>, u64)>, directory: u64) -> Looked<()> {
    places.sort_by_key(|(range, _)| range.start);
    let (mut at, mut may_follow) = (0, 0);
    for (range, after) in places {
        if range.start < at {
            return refuse(RefusalCode::BadEntry, "files in the archive lie on top of each other");
        }
        if range.start > at + may_follow {
            return Err(damaged("there is something between the files of the archive"));
        }
        (at, may_follow) = (range.end, after);
    }
    if directory < at || directory > at + may_follow {
        return Err(damaged("there is something between the files of the archive"));
    }
    Ok(())
}
