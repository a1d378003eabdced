//! Datasets: archives and lines.

use super::{jpeg, png, sounds};
use flate2::{Compression, write::DeflateEncoder};
use std::io::Write;

/// A file in an archive, with all that can be said of it, rightly or wrongly.
#[derive(Debug, Clone)]
pub struct File {
    /// Its name in the directory.
    pub name: Vec<u8>,
    /// Its name in its own head.
    pub own_name: Vec<u8>,
    /// Its bytes as they lie in the archive.
    pub packed: Vec<u8>,
    /// How they are packed: 0 or 8.
    pub method: u16,
    /// How many they are unpacked.
    pub unpacked: u32,
    /// As its own head says.
    pub own_unpacked: u32,
    /// Their checksum.
    pub checksum: u32,
    /// Flags.
    pub flags: u16,
    /// What it is to the system that it comes from.
    pub attributes: u32,
    /// Where its own head lies; nothing: where it is written.
    pub at: Option<u32>,
}

impl File {
    /// As it should be.
    pub fn new(name: &str, content: &[u8]) -> Self {
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
        // A vector takes everything.
        drop(packed.write_all(content));
        let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
        Self {
            name: name.as_bytes().to_vec(),
            own_name: name.as_bytes().to_vec(),
            packed: packed.finish().unwrap_or_default(),
            method: 8,
            unpacked: length,
            own_unpacked: length,
            checksum: crc32fast::hash(content),
            flags: 0,
            attributes: 0x81a4_0000,
            at: None,
        }
    }

    /// Not packed.
    pub fn stored(name: &str, content: &[u8]) -> Self {
        Self { packed: content.to_vec(), method: 0, ..Self::new(name, content) }
    }
}

/// An archive, with other bytes before its files, between these and its directory, and behind it.
pub fn zip_around(files: &[File], before: &[u8], between: &[u8], behind: &[u8]) -> Vec<u8> {
    let mut archive = before.to_vec();
    let mut directory = Vec::new();
    for file in files {
        let at = u32::try_from(archive.len()).unwrap_or(u32::MAX);
        let packed = u32::try_from(file.packed.len()).unwrap_or(u32::MAX);
        let common = |unpacked: u32, name: &[u8]| {
            let name = u16::try_from(name.len()).unwrap_or(u16::MAX);
            let numbers = [file.checksum, packed, unpacked].map(u32::to_le_bytes).concat();
            [&file.flags.to_le_bytes()[..], &file.method.to_le_bytes(), &[0; 4], &numbers, &name.to_le_bytes(), &[0; 2]]
                .concat()
        };
        archive.extend([&b"PK\x03\x04\x14\0"[..], &common(file.own_unpacked, &file.own_name), &file.own_name].concat());
        archive.extend(&file.packed);
        directory.extend([&b"PK\x01\x02\x14\x03\x14\0"[..], &common(file.unpacked, &file.name), &[0; 6]].concat());
        directory.extend([file.attributes.to_le_bytes(), file.at.unwrap_or(at).to_le_bytes()].concat());
        directory.extend(&file.name);
    }
    archive.extend(between);
    let count = (files.len() as u16).to_le_bytes();
    let place = [directory.len(), archive.len()].map(|n| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes()).concat();
    archive.extend(directory);
    archive.extend([&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &place, &[0, 0], behind].concat());
    archive
}

/// An archive.
pub fn zip(files: &[File]) -> Vec<u8> {
    zip_around(files, &[], &[], &[])
}

/// Pictures, a sound and their captions.
pub fn archive() -> Vec<u8> {
    let folder = File { attributes: 0x41ed_0000, ..File::stored("pictures/", b"") };
    zip(&[
        folder,
        File::new("pictures/one.png", &png::told()),
        File::stored("pictures/two.jpg", &jpeg::told()),
        File::new("sound.wav", &sounds::wav()),
        File::new("pictures/one.txt", "ein Bär, gemalt".as_bytes()),
        File::new("metadata.jsonl", &lines(20)),
        File::new("all.csv", b"file,text\npictures/one.png,\"a bear\"\n"),
        File::new("__MACOSX/._sound.wav", b"\0\x05\x16\x07"),
    ])
}

/// Lines of JSON.
pub fn lines(count: usize) -> Vec<u8> {
    (0..count).flat_map(|number| format!("{{\"file\":\"{number}.png\",\"text\":\"a bear\"}}\n").into_bytes()).collect()
}
