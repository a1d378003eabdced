//! How large a picture is, told by its head: nothing is decoded, so that a picture which would unpack to gigabytes is known
//! for what it is before anyone unpacks it.

use serde::{Deserialize, Serialize};

/// A picture's grid of pixels, as it is to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raster {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// Whether places of it may be transparent.
    #[serde(default)]
    pub alpha: bool,
}

impl Raster {
    /// Of a PNG, JPEG or WebP picture; nothing when its head does not say.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let raster = match bytes {
            [0x89, b'P', b'N', b'G', _, _, _, _, rest @ ..] => png(rest),
            [0xff, 0xd8, rest @ ..] => jpeg(rest),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', rest @ ..] => webp(rest),
            _ => None,
        };
        raster.filter(|raster| raster.width > 0 && raster.height > 0)
    }

    /// How many pixels it has.
    pub const fn pixels(self) -> u64 {
        self.width as u64 * self.height as u64
    }
}

fn be32(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.first_chunk()?))
}

fn be16(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.first_chunk()?))
}

/// `IHDR` comes first; a chunk before the pixels may give a picture without an alpha channel its transparent colour.
fn png(chunks: &[u8]) -> Option<Raster> {
    let head = chunks.get(4..)?.strip_prefix(b"IHDR")?;
    let (width, height, colour) = (be32(head)?, be32(head.get(4..)?)?, *head.get(9)?);
    let mut alpha = matches!(colour, 4 | 6);
    let mut rest = chunks;
    while let (false, Some(length), Some(name)) = (alpha, be32(rest), rest.get(4..8)) {
        if name == b"IDAT" {
            break;
        }
        alpha = name == b"tRNS";
        rest = rest.get(length as usize + 12..).unwrap_or_default();
    }
    Some(Raster { width, height, alpha })
}

/// The frame's segment says how large it is, and the camera's how it was held.
fn jpeg(segments: &[u8]) -> Option<Raster> {
    let mut rest = segments;
    let mut lies_on_its_side = false;
    loop {
        rest = match rest {
            [0xff, after @ ..] if after.first() == Some(&0xff) => after,
            [0xff, 0x01 | 0xd0..=0xd7, after @ ..] => after,
            [0xff, mark, after @ ..] => {
                let length = usize::from(be16(after)?);
                let body = after.get(2..length)?;
                match mark {
                    0xe1 => lies_on_its_side |= orientation(body).is_some_and(|turn| (5..=8).contains(&turn)),
                    // Frames of all codings; the three in between are tables.
                    0xc0..=0xcf if !matches!(mark, 0xc4 | 0xc8 | 0xcc) => {
                        let (height, width) = (be16(body.get(1..)?)?.into(), be16(body.get(3..)?)?.into());
                        let (width, height) = if lies_on_its_side { (height, width) } else { (width, height) };
                        return Some(Raster { width, height, alpha: false });
                    }
                    _ => {}
                }
                after.get(length..)?
            }
            _ => return None,
        };
    }
}

/// The EXIF tag that says how the camera was held: from 5 on it was turned by a quarter.
fn orientation(segment: &[u8]) -> Option<u16> {
    const TAG: u16 = 0x0112;
    let tiff = segment.strip_prefix(b"Exif\0\0")?;
    let little = tiff.starts_with(b"II");
    let short = |at: usize| {
        let pair: [u8; 2] = *tiff.get(at..)?.first_chunk()?;
        Some(if little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) })
    };
    let four: [u8; 4] = *tiff.get(4..)?.first_chunk()?;
    let directory = if little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) } as usize;
    let entries = usize::from(short(directory)?);
    (0..entries).map(|entry| directory + 2 + entry * 12).find(|at| short(*at) == Some(TAG)).and_then(|at| short(at + 8))
}

fn webp(chunks: &[u8]) -> Option<Raster> {
    let (name, body) = (chunks.get(..4)?, chunks.get(8..)?);
    match name {
        // A frame: its tag, its mark, and two times 14 bits.
        b"VP8 " => {
            let rest = body.get(3..)?.strip_prefix(&[0x9d, 0x01, 0x2a])?;
            let side = |at: usize| Some(u32::from(u16::from_le_bytes(*rest.get(at..)?.first_chunk()?) & 0x3fff));
            Some(Raster { width: side(0)?, height: side(2)?, alpha: false })
        }
        b"VP8L" => {
            let bits = u32::from_le_bytes(*body.strip_prefix(&[0x2f])?.first_chunk()?);
            let side = |bits: u32| (bits & 0x3fff) + 1;
            Some(Raster { width: side(bits), height: side(bits >> 14), alpha: bits >> 28 & 1 == 1 })
        }
        b"VP8X" => {
            let [flags, _, _, _, a, b, c, d, e, f] = *body.first_chunk()?;
            let side = |bytes: [u8; 3]| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]) + 1;
            Some(Raster { width: side([a, b, c]), height: side([d, e, f]), alpha: flags & 0x10 != 0 })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(bytes: &[u8]) -> Option<(u32, u32, bool)> {
        Raster::of(bytes).map(|raster| (raster.width, raster.height, raster.alpha))
    }

    /// A PNG with these chunks after its head.
    fn png(colour: u8, more: &[u8]) -> Vec<u8> {
        let head = [&b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x02\0\0\0\x01\0\x08"[..], &[colour], b"\0\0\0crc."].concat();
        [&head, more].concat()
    }

    #[test]
    fn f03_a_head_says_how_large_a_picture_is() {
        let jpeg = b"\xff\xd8\xff\xe0\0\x04..\xff\xff\xc4\0\x03.\xff\xc2\0\x0b\x08\x01\x2c\x02\x58\x03\x01\x22\0";
        let turned = b"\xff\xd8\xff\xe1\0\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0\
                       \xff\xc0\0\x0b\x08\x01\x2c\x02\x58\x03\x01\x22\0";
        let little = b"\xff\xd8\xff\xe1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x03\0\0\0\0\0\0\0\
                       \xff\xc0\0\x0b\x08\x01\x2c\x02\x58\x03\x01\x22\0";
        for (bytes, expected) in [
            (png(2, b"\0\0\0\x01IDATxcrc."), (512, 256, false)),
            (png(6, b""), (512, 256, true)),
            (png(3, b"\0\0\0\x01PLTExcrc.\0\0\0\x01tRNSxcrc.\0\0\0\x01IDATxcrc."), (512, 256, true)),
            (png(3, b"\0\0\0\x01IDATxcrc.\0\0\0\x01tRNSxcrc."), (512, 256, false)),
            (jpeg.to_vec(), (600, 300, false)),
            (turned.to_vec(), (300, 600, false)),
            (little.to_vec(), (600, 300, false)),
            (b"RIFF....WEBPVP8 ....\x30\x01\0\x9d\x01\x2a\x20\x03\x58\x02".to_vec(), (800, 600, false)),
            (b"RIFF....WEBPVP8L....\x2f\x1f\x03\x00\x10".to_vec(), (800, 1, true)),
            (b"RIFF....WEBPVP8X....\x10\0\0\0\x1f\x03\0\x57\x02\0".to_vec(), (800, 600, true)),
        ] {
            assert_eq!(seen(&bytes), Some(expected), "{bytes:?}");
        }
    }

    #[test]
    fn a_head_that_lies_or_is_cut_off_says_nothing() {
        let nothing = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\0\0\0\x01\0\x08\x02\0\0\0crc.";
        for bytes in
            [&b""[..], b"GIF89a", nothing, b"RIFF....WEBPALPH....", b"\xff\xd8\xff\xd9", b"\xff\xd8\xff\xe1\xff\xff"]
        {
            assert_eq!(seen(bytes), None, "{bytes:?}");
        }
        let whole = png(3, b"\0\0\0\x01PLTExcrc.\xff\xff\xff\xfftRNS");
        for length in 0..whole.len() {
            assert!(seen(&whole[..length]).is_none_or(|(width, _, _)| width == 512));
        }
    }
}
