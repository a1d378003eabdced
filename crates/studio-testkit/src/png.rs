//! PNG pictures by hand, so that what the studio makes is looked at by something else than what made it: 8 bits a channel, RGB or
//! RGBA, not interlaced.

use anyhow::{Context, Result, ensure};

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Png {
    /// Pixels from left to right.
    pub width: usize,
    /// Pixels from top to bottom.
    pub height: usize,
    /// Bytes of a pixel: 3, or 4 with transparency.
    pub channels: usize,
    /// All of them, row by row.
    pub pixels: Vec<u8>,
}

impl Png {
    /// A picture by a function of its places.
    pub fn new<const N: usize>(width: usize, height: usize, pixel: impl Fn(usize, usize) -> [u8; N]) -> Self {
        let pixels = (0..width * height).flat_map(|i| pixel(i % width, i / width)).collect();
        Self { width, height, channels: N, pixels }
    }

    /// A pixel.
    pub fn at(&self, x: usize, y: usize) -> &[u8] {
        let from = (y * self.width + x) * self.channels;
        &self.pixels[from..from + self.channels]
    }

    /// As a file, not packed.
    pub fn file(&self) -> Vec<u8> {
        let colour = if self.channels == 4 { 6 } else { 2 };
        let (width, height) = (self.width as u32, self.height as u32);
        let head = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, colour, 0, 0, 0]].concat();
        let rows: Vec<u8> = self
            .pixels
            .chunks_exact(self.width * self.channels)
            .flat_map(|row| std::iter::once(0).chain(row.iter().copied()))
            .collect();
        let mut packed = vec![0x78, 0x01];
        let mut blocks = rows.chunks(0xffff).peekable();
        while let Some(block) = blocks.next() {
            let length = block.len() as u16;
            packed.push(u8::from(blocks.peek().is_none()));
            packed.extend([length.to_le_bytes(), (!length).to_le_bytes()].concat());
            packed.extend(block);
        }
        packed.extend(adler(&rows).to_be_bytes());
        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        for (name, data) in [(b"IHDR", &head[..]), (b"IDAT", &packed[..]), (b"IEND", &[][..])] {
            let body = [&name[..], data].concat();
            file.extend((data.len() as u32).to_be_bytes());
            file.extend(&body);
            file.extend(crc32fast::hash(&body).to_be_bytes());
        }
        file
    }

    /// Reads a file.
    pub fn read(file: &[u8]) -> Result<Self> {
        let mut rest = file.strip_prefix(b"\x89PNG\r\n\x1a\n").context("no PNG")?;
        let (mut head, mut packed) = (None, Vec::new());
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let length = u32::from_be_bytes(*length) as usize;
            let data = after.get(4..4 + length).context("a cut chunk")?;
            match &after[..4] {
                b"IHDR" => head = Some(data.to_vec()),
                b"IDAT" => packed.extend_from_slice(data),
                _ => {}
            }
            rest = after.get(length + 8..).context("a cut chunk")?;
        }
        let head = head.filter(|head| head.len() == 13).context("no head")?;
        let side = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]) as usize;
        let channels = match (head[8], head[9], head[12]) {
            (8, 2, 0) => 3,
            (8, 6, 0) => 4,
            other => anyhow::bail!("not a kind that is read here: {other:?}"),
        };
        let (width, height) = (side(0), side(4));
        let rows = inflate(packed.get(2..).context("no pixels")?).context("pixels that can't be unpacked")?;
        ensure!(rows.len() == height * (1 + width * channels), "not as many pixels as it says");
        Ok(Self { width, height, channels, pixels: unfiltered(&rows, width * channels, channels) })
    }
}

fn unfiltered(rows: &[u8], length: usize, channels: usize) -> Vec<u8> {
    let mut pixels: Vec<u8> = Vec::with_capacity(rows.len());
    for row in rows.chunks_exact(length + 1) {
        let start = pixels.len();
        for (x, byte) in row[1..].iter().enumerate() {
            let left = if x >= channels { pixels[start + x - channels] } else { 0 };
            let up = if start > 0 { pixels[start + x - length] } else { 0 };
            let corner = if start > 0 && x >= channels { pixels[start + x - length - channels] } else { 0 };
            let guess = match row[0] {
                1 => left,
                2 => up,
                3 => ((u16::from(left) + u16::from(up)) / 2) as u8,
                4 => paeth(left, up, corner),
                _ => 0,
            };
            pixels.push(byte.wrapping_add(guess));
        }
    }
    pixels
}

fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let guess = i16::from(left) + i16::from(up) - i16::from(corner);
    let off = |byte: u8| (guess - i16::from(byte)).abs();
    if off(left) <= off(up) && off(left) <= off(corner) {
        left
    } else if off(up) <= off(corner) {
        up
    } else {
        corner
    }
}

/// Bits, the lowest first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Option<usize> {
        (0..count).try_fold(0, |value, i| {
            let bit = self.bytes.get(self.at / 8)? >> (self.at % 8) & 1;
            self.at += 1;
            Some(value | usize::from(bit) << i)
        })
    }

    fn symbol(&mut self, code: &Code) -> Option<usize> {
        let (mut value, mut first, mut index) = (0, 0, 0);
        for count in &code.counts[1..] {
            value |= self.take(1)?;
            if value < first + count {
                return code.symbols.get(index + value - first).copied();
            }
            index += count;
            first = (first + count) << 1;
            value <<= 1;
        }
        None
    }
}

/// A Huffman code: how many words of each length, and what they mean, in order.
struct Code {
    counts: [usize; 16],
    symbols: Vec<usize>,
}

impl Code {
    fn new(lengths: &[usize]) -> Self {
        let mut counts = [0; 16];
        lengths.iter().filter(|length| **length > 0).for_each(|length| counts[*length] += 1);
        let of_length = |wanted: usize| (0..lengths.len()).filter(move |symbol| lengths[*symbol] == wanted);
        Self { counts, symbols: (1..16).flat_map(of_length).collect() }
    }
}

/// Unpacks what deflate packed (RFC 1951).
fn inflate(bytes: &[u8]) -> Option<Vec<u8>> {
    const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    let mut bits = Bits { bytes, at: 0 };
    let mut out = Vec::new();
    loop {
        let last = bits.take(1)? == 1;
        match bits.take(2)? {
            0 => {
                let from = bits.at.div_ceil(8);
                let length = usize::from(u16::from_le_bytes(*bytes.get(from..)?.first_chunk()?));
                out.extend_from_slice(bytes.get(from + 4..from + 4 + length)?);
                bits.at = (from + 4 + length) * 8;
            }
            1 => {
                let lengths: Vec<usize> = (0..288)
                    .map(|symbol| match symbol {
                        144..=255 => 9,
                        256..=279 => 7,
                        _ => 8,
                    })
                    .collect();
                block(&mut bits, &mut out, &Code::new(&lengths), &Code::new(&[5; 30]))?;
            }
            2 => {
                let (literals, distances, codes) = (bits.take(5)? + 257, bits.take(5)? + 1, bits.take(4)? + 4);
                let mut lengths = [0; 19];
                for place in ORDER.iter().take(codes) {
                    lengths[*place] = bits.take(3)?;
                }
                let code = Code::new(&lengths);
                let mut lengths: Vec<usize> = Vec::new();
                while lengths.len() < literals + distances {
                    let (value, count) = match bits.symbol(&code)? {
                        16 => (*lengths.last()?, bits.take(2)? + 3),
                        17 => (0, bits.take(3)? + 3),
                        18 => (0, bits.take(7)? + 11),
                        length => (length, 1),
                    };
                    lengths.extend(std::iter::repeat_n(value, count));
                }
                let (literals, distances) = lengths.split_at(literals);
                block(&mut bits, &mut out, &Code::new(literals), &Code::new(distances))?;
            }
            _ => return None,
        }
        if last {
            return Some(out);
        }
    }
}

fn block(bits: &mut Bits<'_>, out: &mut Vec<u8>, literals: &Code, distances: &Code) -> Option<()> {
    loop {
        let symbol = bits.symbol(literals)?;
        match symbol {
            0..=255 => out.push(symbol as u8),
            256 => return Some(()),
            257..=264 => copy(bits, out, distances, symbol - 254)?,
            265..=284 => {
                let extra = (symbol - 261) / 4;
                let length = ((4 + (symbol - 261) % 4) << extra) + 3 + bits.take(extra)?;
                copy(bits, out, distances, length)?;
            }
            _ => copy(bits, out, distances, 258)?,
        }
    }
}

fn copy(bits: &mut Bits<'_>, out: &mut Vec<u8>, distances: &Code, length: usize) -> Option<()> {
    let symbol = bits.symbol(distances)?;
    let distance = if symbol < 4 {
        symbol + 1
    } else {
        let extra = symbol / 2 - 1;
        ((2 + symbol % 2) << extra) + 1 + bits.take(extra)?
    };
    let from = out.len().checked_sub(distance)?;
    (0..length).for_each(|i| out.push(out[from + i]));
    Some(())
}

fn adler(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1, 0), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    b << 16 | a
}
