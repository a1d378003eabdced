//! Datasets: an archive of pictures, sounds and captions, or lines of JSON. Nothing in it is changed.

mod entry;
mod lines;
mod zip;

use super::{
    Found, Options,
    bounds::{self, fair_ratio},
    plan::Plan,
    refusal::{Looked, refuse},
    source::Source,
};
use studio_core::inspection::{Facts, RefusalCode};

/// What is taken, for people.
const TAKEN: &str = "datasets are ZIP archives of pictures, sounds and captions, or lines of JSON";

/// Looks at a dataset.
pub(super) fn look(source: &Source, _: Options) -> Looked<Found> {
    let head = source.head(1024)?;
    let known = match &head[..] {
        [b'P', b'K', 3 | 5, 4 | 6, ..] => return archive(source),
        [0x1f, 0x8b, ..] => "packed by gzip",
        [b'7', b'z', 0xbc, 0xaf, ..] => "a 7z archive",
        [b'R', b'a', b'r', b'!', ..] => "a RAR archive",
        [b'B', b'Z', b'h', ..] => "packed by bzip2",
        [0xfd, b'7', b'z', b'X', b'Z', ..] => "packed by xz",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "packed by zstd",
        _ if head.get(257..262) == Some(b"ustar") => "a tar archive",
        _ if head.trim_ascii_start().starts_with(b"{") => return json(source),
        _ => return refuse(RefusalCode::NotMedia, format!("this is no dataset; {TAKEN}")),
    };
    refuse(RefusalCode::Unsupported, format!("this is {known}; {TAKEN}"))
}

fn archive(source: &Source) -> Looked<Found> {
    let directory = zip::read(source)?;
    let packed: u64 = directory.files.iter().map(|file| file.packed).sum();
    let declared = directory.files.iter().try_fold(0_u64, |sum, file| sum.checked_add(file.unpacked));
    let declared = declared.unwrap_or(u64::MAX);
    if declared > bounds::UNPACKED_BYTES {
        return refuse(
            RefusalCode::BadRatio,
            format!("the archive has {declared} bytes unpacked; {} are allowed", bounds::UNPACKED_BYTES),
        );
    }
    // One for all would let one of them hide among many that are not packed.
    let unfair = directory.files.iter().find(|file| !fair_ratio(file.packed, file.unpacked));
    if unfair.is_some() || !fair_ratio(packed, declared) {
        return refuse(
            RefusalCode::BadRatio,
            format!(
                "what is in the archive is packed so small that it seems made to fill disks; {} bytes from one are allowed",
                bounds::RATIO
            ),
        );
    }
    for file in &directory.files {
        entry::look(source, file)?;
    }
    let entries = directory.files.len() as u64;
    if entries == 0 {
        return refuse(RefusalCode::BadEntry, "the archive has no files");
    }
    Ok(found("application/zip", source, entries, Some(declared)))
}

fn json(source: &Source) -> Looked<Found> {
    let mut lines = lines::Lines::default();
    let mut at = 0;
    while at < source.length() {
        let length = (source.length() - at).min(256 << 10);
        lines.take(&source.bytes(at, length)?)?;
        at += length;
    }
    Ok(found("application/jsonl", source, lines.finish()?, None))
}

fn found(media_type: &str, source: &Source, entries: u64, unpacked_bytes: Option<u64>) -> Found {
    let mut clean = Plan::default();
    clean.keep(0..source.length());
    let facts = Facts { media_type: media_type.to_owned(), entries: Some(entries), unpacked_bytes, ..Facts::default() };
    Found { facts, thumbnail: None, clean }
}
