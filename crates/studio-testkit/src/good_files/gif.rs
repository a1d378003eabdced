//! GIF, without packing: its code is started anew before it would grow.

use super::MAKER;
use crate::bits::Bits;

/// Blocks of 255 bytes at most, and their end.
pub fn blocks(bytes: &[u8]) -> Vec<u8> {
    let mut blocks = Vec::with_capacity(bytes.len() + bytes.len() / 255 + 2);
    for block in bytes.chunks(255) {
        blocks.push(block.len() as u8);
        blocks.extend_from_slice(block);
    }
    blocks.push(0);
    blocks
}

/// An extension.
pub fn extension(label: u8, first: &[u8], rest: &[u8]) -> Vec<u8> {
    [&[0x21, label, first.len() as u8][..], first, &blocks(rest)].concat()
}

/// How long the next picture is shown.
pub fn delay(hundredths: u16) -> Vec<u8> {
    let [low, high] = hundredths.to_le_bytes();
    vec![0x21, 0xf9, 4, 0, low, high, 0, 0]
}

/// Header, size, and a table of 256 greys.
pub fn header(width: u16, height: u16) -> Vec<u8> {
    let greys: Vec<u8> = (0..=255).flat_map(|grey| [grey; 3]).collect();
    [&b"GIF89a"[..], &width.to_le_bytes(), &height.to_le_bytes(), &[0xf7, 0, 0], &greys].concat()
}

/// A picture's head, in the corner.
pub fn place(width: u16, height: u16) -> Vec<u8> {
    [&[0x2c, 0, 0, 0, 0][..], &width.to_le_bytes(), &height.to_le_bytes(), &[0]].concat()
}

/// The codes of so many pixels, a multiple of 250, without the last one.
pub fn codes(pixels: u32) -> Vec<u8> {
    let mut bits = Bits::lowest_first();
    for pixel in 0..pixels {
        if pixel % 250 == 0 {
            bits.put(256, 9);
        }
        bits.put(u64::from(pixel % 256), 9);
    }
    bits.bytes()
}

/// A picture.
pub fn picture(width: u16, height: u16, shade: u32) -> Vec<u8> {
    let mut bits = Bits::lowest_first();
    for pixel in 0..u32::from(width) * u32::from(height) {
        if pixel % 250 == 0 {
            bits.put(256, 9);
        }
        bits.put(u64::from((pixel + shade) % 256), 9);
    }
    bits.put(257, 9);
    [place(width, height), vec![8], blocks(&bits.bytes())].concat()
}

/// A file of so many pictures, with extensions before them.
pub fn file(width: u16, height: u16, frames: u32, extensions: &[Vec<u8>]) -> Vec<u8> {
    let mut parts = vec![header(width, height), extensions.concat()];
    for frame in 0..frames {
        parts.extend([delay(5), picture(width, height, frame * 40)]);
    }
    parts.push(vec![0x3b]);
    parts.concat()
}

/// It moves, and says who made it.
pub fn told() -> Vec<u8> {
    let extensions = [
        extension(0xff, b"NETSCAPE2.0", &[1, 0, 0]),
        [&[0x21, 0xfe][..], &blocks(MAKER.as_bytes())].concat(),
        extension(0xff, b"XMP DataXMP", MAKER.as_bytes()),
        extension(0xff, b"EXAMPLE 1.0", MAKER.as_bytes()),
    ];
    file(20, 10, 4, &extensions)
}
