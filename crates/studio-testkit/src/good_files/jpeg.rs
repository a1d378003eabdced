//! JPEG, of squares of 8 by 8 pixels that each have one grey.

use super::{MAKER, exif};
use crate::bits::Bits;

/// A segment.
pub fn segment(mark: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).unwrap_or(u16::MAX);
    [&[0xff, mark][..], &length.to_be_bytes(), content].concat()
}

/// The usual first segment.
pub fn jfif() -> Vec<u8> {
    segment(0xe0, b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0")
}

/// The same with a small picture in it, of seven pixels whose colours are [`MAKER`]'s letters.
pub fn jfif_with_small() -> Vec<u8> {
    segment(0xe0, &[b"JFIF\0\x01\x02\0\0\x01\0\x01\x07\x01", MAKER.as_bytes()].concat())
}

/// A picture that has a smaller one in its first segment.
pub fn with_small() -> Vec<u8> {
    let (whole, first) = (file(64, 48, &[]), jfif());
    let rest = whole.get(2 + first.len()..).unwrap_or_default();
    [&[0xff, 0xd8][..], &jfif_with_small(), rest].concat()
}

/// A table that divides by one.
pub fn divisors() -> Vec<u8> {
    segment(0xdb, &[&[0][..], &[1; 64]].concat())
}

/// The code for averages (as in the standard's example), and one that only knows how to say that nothing follows.
pub fn codes() -> Vec<u8> {
    let averages = [0, 0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
    let nothing = [0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    [segment(0xc4, &averages), segment(0xc4, &nothing)].concat()
}

/// The header of a grey picture.
pub fn header(mark: u8, width: u16, height: u16) -> Vec<u8> {
    segment(mark, &[&[8][..], &height.to_be_bytes(), &width.to_be_bytes(), &[1, 1, 0x11, 0]].concat())
}

/// The head of a scan over these coefficients.
pub fn scan(first: u8, last: u8) -> Vec<u8> {
    segment(0xda, &[1, 1, 0, first, last, 0])
}

/// The squares' averages; with what follows each, or without.
fn averages(width: u16, height: u16, with_rest: bool) -> Vec<u8> {
    let (across, down) = (width.div_ceil(8), height.div_ceil(8));
    let mut bits = Bits::highest_first();
    let mut last = 0_i32;
    for square in 0..u32::from(across) * u32::from(down) {
        let average = (square * 37 % 200) as i32 * 8 - 800;
        let difference = average - last;
        last = average;
        let size = 32 - difference.unsigned_abs().leading_zeros();
        // Its size by the code of `codes`, then its bits; a negative one counts from below.
        let (code, length) = match size {
            0 => (0b00, 2),
            1..=5 => (u64::from(size) + 1, 3),
            _ => ((1_u64 << (size - 2)) - 2, size - 2),
        };
        bits.put(code, length);
        let value = if difference < 0 { difference + (1 << size) - 1 } else { difference };
        bits.put(value as u64, size);
        if with_rest {
            bits.put(0, 1);
        }
    }
    let fill = bits.bytes().len() as u64;
    stuffed(bits.put(fill, 0).bytes())
}

/// Nothing may look like a mark.
fn stuffed(bytes: Vec<u8>) -> Vec<u8> {
    bytes.into_iter().flat_map(|byte| [byte, 0].into_iter().take(if byte == 0xff { 2 } else { 1 })).collect()
}

/// A file, with other segments behind its first.
pub fn file(width: u16, height: u16, others: &[Vec<u8>]) -> Vec<u8> {
    let parts = [
        vec![0xff, 0xd8],
        jfif(),
        others.concat(),
        divisors(),
        header(0xc0, width, height),
        codes(),
        scan(0, 63),
        averages(width, height, true),
        vec![0xff, 0xd9],
    ];
    parts.concat()
}

/// A file in three colours, of which each pixel has all; its squares' number must be a multiple of eight.
pub fn coloured(width: u16, height: u16) -> Vec<u8> {
    let size = [&[8][..], &height.to_be_bytes(), &width.to_be_bytes()].concat();
    let header = segment(0xc0, &[&size[..], &[3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]].concat());
    let scan = segment(0xda, &[3, 1, 0, 2, 0, 3, 0, 0, 63, 0]);
    let squares = usize::from(width.div_ceil(8)) * usize::from(height.div_ceil(8));
    let mut bits = Bits::highest_first();
    for square in 0..8 {
        // Three times the same step up, or down: its size of six bits, the step, and nothing behind it.
        for _ in 0..3 {
            bits.put(0b1110, 4).put(if square % 2 == 0 { 40 } else { 23 }, 6).put(0, 1);
        }
    }
    let pixels = stuffed(bits.bytes()).repeat(squares / 8);
    [vec![0xff, 0xd8], jfif(), divisors(), header, codes(), scan, pixels, vec![0xff, 0xd9]].concat()
}

/// A progressive file: averages, and then so many scans that say that nothing follows.
pub fn progressive(width: u16, height: u16, scans: usize) -> Vec<u8> {
    let mut parts = vec![
        vec![0xff, 0xd8],
        jfif(),
        divisors(),
        header(0xc2, width, height),
        codes(),
        scan(0, 0),
        averages(width, height, false),
    ];
    let squares = usize::from(width.div_ceil(8)) * usize::from(height.div_ceil(8));
    for _ in 1..scans {
        parts.push(scan(1, 63));
        parts.push(vec![0; squares.div_ceil(8)]);
    }
    parts.push(vec![0xff, 0xd9]);
    parts.concat()
}

/// It says who made it and where, and that it lies on its side.
pub fn told() -> Vec<u8> {
    let others = [
        segment(0xe1, &[b"Exif\0\0", &exif(6)[..]].concat()),
        segment(0xe1, format!("http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>{MAKER}</x:xmpmeta>").as_bytes()),
        segment(0xe2, b"ICC_PROFILE\0\x01\x01not a profile, and kept"),
        segment(0xe2, b"MPF\0II*\0"),
        segment(0xed, format!("Photoshop 3.0\0{MAKER}").as_bytes()),
        segment(0xee, b"Adobe\0\x64\0\0\0\0\0"),
        segment(0xfe, MAKER.as_bytes()),
    ];
    file(64, 48, &others)
}
