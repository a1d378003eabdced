//! Writes bits one by one, for files that are made by hand.

/// Bits in bytes, the first one in the highest or the lowest place of a byte.
#[derive(Debug, Default)]
pub(crate) struct Bits {
    bytes: Vec<u8>,
    used: u32,
    lowest_first: bool,
}

impl Bits {
    /// As JPEG and FLAC write them.
    pub(crate) fn highest_first() -> Self {
        Self::default()
    }

    /// As GIF, WebP and Vorbis write them.
    pub(crate) fn lowest_first() -> Self {
        Self { lowest_first: true, ..Self::default() }
    }

    /// The lowest `count` bits of a value.
    pub(crate) fn put(&mut self, value: u64, count: u32) -> &mut Self {
        for at in 0..count {
            let bit = if self.lowest_first { value >> at } else { value >> (count - 1 - at) } & 1 == 1;
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                let place = self.used % 8;
                *last |= u8::from(bit) << if self.lowest_first { place } else { 7 - place };
            }
            self.used += 1;
        }
        self
    }

    /// The bytes, the last one filled up with zeros.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }
}
