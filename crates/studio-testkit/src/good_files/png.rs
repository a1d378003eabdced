//! PNG.

use super::{MAKER, PLACE, exif};
use flate2::{Compression, write::ZlibEncoder};
use std::io::Write;

const START: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A chunk, with its checksum.
pub fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let named = [&name[..], content].concat();
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], &named, &crc32fast::hash(&named).to_be_bytes()].concat()
}

/// Packs bytes.
pub fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    // A vector takes everything.
    drop(packed.write_all(bytes));
    packed.finish().unwrap_or_default()
}

/// Packs many bytes, not as well.
pub fn pack_quickly(bytes: &[u8]) -> Vec<u8> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
    drop(packed.write_all(bytes));
    packed.finish().unwrap_or_default()
}

/// The header of a picture of 8 bits a channel.
pub fn header(width: u32, height: u32, colour: u8, interlace: u8) -> Vec<u8> {
    chunk(b"IHDR", &[&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, colour, 0, 0, interlace]].concat())
}

/// A file of these chunks.
pub fn of(chunks: &[Vec<u8>]) -> Vec<u8> {
    [START, &chunks.concat()].concat()
}

/// Pixels.
#[derive(Debug)]
pub struct Picture {
    width: u32,
    height: u32,
    colour: u8,
    rows: Vec<u8>,
}

impl Picture {
    /// Colours that change from pixel to pixel.
    pub fn rgb(width: u32, height: u32) -> Self {
        let row = |y| std::iter::once(0).chain((0..width).flat_map(move |x| [x * 7, y * 5, x ^ y].map(|v| v as u8)));
        Self { width, height, colour: 2, rows: (0..height).flat_map(row).collect() }
    }

    /// One can see through it.
    pub fn rgba(width: u32, height: u32) -> Self {
        let row = |y| std::iter::once(0).chain((0..width).flat_map(move |x| [x, y, x ^ y, x + y].map(|v| v as u8)));
        Self { width, height, colour: 6, rows: (0..height).flat_map(row).collect() }
    }
}

/// A whole file, with other chunks before its pixels.
pub fn file(picture: &Picture, others: &[Vec<u8>]) -> Vec<u8> {
    let pixels = chunk(b"IDAT", &pack(&picture.rows));
    of(&[header(picture.width, picture.height, picture.colour, 0), others.concat(), pixels, chunk(b"IEND", &[])])
}

/// A grey picture in Adam7's seven passes.
pub fn interlaced(width: u32, height: u32) -> Vec<u8> {
    let passes = [(0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2)];
    let mut rows = Vec::new();
    for (left, across, top, down) in passes {
        for y in (top..height).step_by(down) {
            if left < width {
                rows.push(0);
            }
            rows.extend((left..width).step_by(across).map(|x| (x * y) as u8));
        }
    }
    of(&[header(width, height, 0, 1), chunk(b"IDAT", &pack(&rows)), chunk(b"IEND", &[])])
}

/// It says who made it, when and where, and that it lies on its side.
pub fn told() -> Vec<u8> {
    let others = [
        chunk(b"gAMA", &45_455_u32.to_be_bytes()),
        chunk(b"eXIf", &exif(6)),
        chunk(b"tEXt", format!("Author\0{MAKER}").as_bytes()),
        chunk(b"zTXt", &[b"Place\0\0", &pack(PLACE.as_bytes())[..]].concat()),
        chunk(b"iTXt", format!("Author\0\0\0en\0Author\0{MAKER}").as_bytes()),
        chunk(b"tIME", &[7, 0xea, 1, 2, 3, 4, 5]),
        chunk(b"caBX", MAKER.as_bytes()),
    ];
    file(&Picture::rgb(48, 32), &others)
}

/// An APNG.
pub fn moving(frames: u32, width: u32, height: u32) -> Vec<u8> {
    moving_of(frames, frames, width, height)
}

/// An APNG that says how many pictures it has, rightly or wrongly.
pub fn moving_of(said: u32, frames: u32, width: u32, height: u32) -> Vec<u8> {
    let picture = Picture::rgb(width, height);
    let pixels = pack(&picture.rows);
    let mut number = 0_u32;
    let mut next = || {
        number += 1;
        (number - 1).to_be_bytes()
    };
    let mut chunks =
        vec![header(width, height, 2, 0), chunk(b"acTL", &[said.to_be_bytes(), 0_u32.to_be_bytes()].concat())];
    for frame in 0..frames {
        let place = [width.to_be_bytes(), height.to_be_bytes(), [0; 4], [0; 4]].concat();
        chunks.push(chunk(b"fcTL", &[&next()[..], &place, &[0, 1, 0, 10, 0, 0]].concat()));
        chunks.push(match frame {
            0 => chunk(b"IDAT", &pixels),
            _ => chunk(b"fdAT", &[&next()[..], &pixels].concat()),
        });
    }
    chunks.push(chunk(b"IEND", &[]));
    of(&chunks)
}
