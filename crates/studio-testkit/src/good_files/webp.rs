//! WebP. Lossless pictures of one colour take no bit for a pixel; the lossy one is a single pixel.

use super::{MAKER, exif};
use crate::bits::Bits;

/// A chunk, with its padding.
pub fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    [&name[..], &length.to_le_bytes(), content, &[0][..content.len() % 2]].concat()
}

/// A file of these chunks.
pub fn of(chunks: &[Vec<u8>]) -> Vec<u8> {
    let content = [b"WEBP", &chunks.concat()[..]].concat();
    [b"RIFF", &u32::try_from(content.len()).unwrap_or(u32::MAX).to_le_bytes()[..], &content].concat()
}

/// The pixels of a lossless picture, all of one colour.
pub fn one_colour(width: u32, height: u32) -> Vec<u8> {
    let mut bits = Bits::lowest_first();
    bits.put(0x2f, 8).put(u64::from(width - 1), 14).put(u64::from(height - 1), 14).put(0, 4);
    // No transform, no cache of colours, one group of codes.
    bits.put(0, 3);
    // Each of the five codes has one word: green, red, blue, alpha, distance.
    for word in [180, 90, 40, 255, 0] {
        bits.put(1, 1).put(0, 1).put(1, 1).put(word, 8);
    }
    bits.bytes()
}

/// The pixels of a lossless picture whose greens are these, one byte each; there are as many bytes as pixels.
pub fn greens(width: u32, height: u32, greens: &[u8]) -> Vec<u8> {
    let mut bits = Bits::lowest_first();
    bits.put(0x2f, 8).put(u64::from(width - 1), 14).put(u64::from(height - 1), 14).put(0, 4).put(0, 3);
    // Green's code: lengths are told by a code of which only the word for eight is used, for the first 256 symbols.
    bits.put(0, 1).put(8, 4);
    for word in [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8] {
        bits.put(u64::from(word == 8), 3);
    }
    bits.put(1, 1).put(3, 3).put(254, 8);
    for word in [90, 40, 255, 0] {
        bits.put(1, 1).put(0, 1).put(1, 1).put(word, 8);
    }
    // Every byte is a word, so they may as well begin on the next one.
    [bits.bytes(), greens.to_vec(), vec![0; 8]].concat()
}

/// The header that says what else there is.
pub fn extended(flags: u8, width: u32, height: u32) -> Vec<u8> {
    let (width, height) = ((width - 1).to_le_bytes(), (height - 1).to_le_bytes());
    chunk(b"VP8X", &[&[flags, 0, 0, 0][..], &width[..3], &height[..3]].concat())
}

/// A lossless file.
pub fn lossless(width: u32, height: u32) -> Vec<u8> {
    of(&[chunk(b"VP8L", &one_colour(width, height))])
}

/// A lossy file of one pixel.
pub fn lossy() -> Vec<u8> {
    let pixel = [
        0x30, 0x01, 0x00, 0x9d, 0x01, 0x2a, 0x01, 0x00, 0x01, 0x00, 0x0e, 0xc0, 0xfe, 0x25, 0xa4, 0x00, 0x03, 0x70,
        0x00, 0x00, 0x00, 0x00,
    ];
    of(&[chunk(b"VP8 ", &pixel)])
}

/// It says who made it and where, and that it lies on its side.
pub fn told() -> Vec<u8> {
    of(&[
        extended(0x0c, 64, 48),
        chunk(b"VP8L", &one_colour(64, 48)),
        chunk(b"EXIF", &exif(6)),
        chunk(b"XMP ", MAKER.as_bytes()),
        chunk(b"made", MAKER.as_bytes()),
    ])
}

/// A picture of one that moves, which says that it has this size.
pub fn frame(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
    let (across, down) = ((width - 1).to_le_bytes(), (height - 1).to_le_bytes());
    let head = [&[0; 6][..], &across[..3], &down[..3], &[100, 0, 0, 0]].concat();
    chunk(b"ANMF", &[head, chunk(b"VP8L", pixels)].concat())
}

/// A file that moves.
pub fn moving(frames: usize, width: u32, height: u32) -> Vec<u8> {
    let mut chunks = vec![extended(0x02, width, height), chunk(b"ANIM", &[0; 6])];
    chunks.extend(vec![frame(width, height, &one_colour(width, height)); frames]);
    of(&chunks)
}
