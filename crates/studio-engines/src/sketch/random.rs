//! Chance for pictures: a SplitMix64 stream and a stable text hash.
//!
//! Every layer draws from its own stream, keyed by the picture's seed and the layer's name, so that adding a tree to
//! one layer does not move the clouds of another. Nothing here looks at a clock or the system's entropy: the same
//! key always gives the same numbers, on every run and every machine.

/// A small, fast, deterministic stream of numbers (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// A stream for one purpose (`label`) of one picture (`seed`).
    pub(crate) fn keyed(seed: u64, label: &str) -> Self {
        Self { state: mix(seed ^ hash_text(label).rotate_left(17)) }
    }

    /// The next 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.state)
    }

    /// A number in `0.0..1.0`.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / 16_777_216.0
    }

    /// A number in `low..high`.
    pub(crate) fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// A number around zero, `-1.0..1.0`, more often small than large.
    pub(crate) fn swing(&mut self) -> f32 {
        self.unit() - self.unit()
    }

    /// An index below `count` (0 when there is nothing to choose from).
    pub(crate) fn index(&mut self, count: usize) -> usize {
        if count == 0 { 0 } else { (self.bits() % count as u64) as usize }
    }

    /// True with the given probability.
    pub(crate) fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// -1.0 or 1.0.
    pub(crate) fn sign(&mut self) -> f32 {
        if self.chance(0.5) { 1.0 } else { -1.0 }
    }

    /// One of a fixed set.
    pub(crate) fn pick<T: Copy, const N: usize>(&mut self, items: &[T; N]) -> T {
        items[self.index(N)]
    }
}

/// A stable hash of a text (FNV-1a, finished with a strong mix).
pub(crate) fn hash_text(text: &str) -> u64 {
    let folded = text
        .bytes()
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3));
    mix(folded)
}

/// Spreads every input bit over all output bits.
pub(crate) fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}
