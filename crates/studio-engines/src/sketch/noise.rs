//! Noise: smooth randomness over the plane, and what is made of it.
//!
//! Value noise on a hashed lattice is the grain of everything organic here: clouds, ridges, water, paper. `fbm` sums
//! octaves of it, `warped` bends its own coordinates (which is what makes clouds and marble look like they flow), and
//! `Field` keeps a slow function on a coarse grid so that large pictures need not evaluate it for each pixel.

/// A source of noise; two sources with different seeds are unrelated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noise {
    seed: u32,
}

/// `floor` without a library call (baseline x86-64 has no instruction for it, and this runs often).
fn floor(x: f32) -> i32 {
    let cut = x as i32;
    if x < cut as f32 { cut.wrapping_sub(1) } else { cut }
}

impl Noise {
    /// A source from any 64 bits.
    pub(crate) fn new(bits: u64) -> Self {
        Self { seed: (bits ^ (bits >> 32)) as u32 }
    }

    /// White noise on integer points, `0.0..1.0`.
    pub(crate) fn lattice(self, x: i32, y: i32) -> f32 {
        let mut h = (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77) ^ self.seed;
        h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
        h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
        ((h ^ (h >> 15)) >> 8) as f32 / 16_777_216.0
    }

    /// Smooth noise with features about one unit wide, `0.0..1.0`.
    pub(crate) fn value(self, x: f32, y: f32) -> f32 {
        let (ix, iy) = (floor(x), floor(y));
        let (fx, fy) = (x - ix as f32, y - iy as f32);
        let (ux, uy) = (fx * fx * (3.0 - 2.0 * fx), fy * fy * (3.0 - 2.0 * fy));
        let (jx, jy) = (ix.wrapping_add(1), iy.wrapping_add(1));
        let top = lerp(self.lattice(ix, iy), self.lattice(jx, iy), ux);
        let low = lerp(self.lattice(ix, jy), self.lattice(jx, jy), ux);
        lerp(top, low, uy)
    }

    /// Octaves of noise, each half as strong and twice as fine, `0.0..1.0`.
    ///
    /// Each octave is turned a little so that the lattice never shows.
    pub(crate) fn fbm(self, x: f32, y: f32, octaves: u32) -> f32 {
        let (mut sum, mut total, mut gain) = (0.0, 0.0, 0.5);
        let (mut x, mut y) = (x, y);
        for _ in 0..octaves.max(1) {
            sum += gain * self.value(x, y);
            total += gain;
            gain *= 0.5;
            (x, y) = (1.62 * x - 1.18 * y + 17.3, 1.18 * x + 1.62 * y + 9.1);
        }
        sum / total
    }

    /// Noise of one variable, for outlines: `-1.0..1.0`.
    pub(crate) fn line(self, x: f32, octaves: u32) -> f32 {
        let (mut sum, mut total, mut gain, mut x) = (0.0, 0.0, 0.5, x);
        for octave in 0..octaves.max(1) {
            sum += gain * self.value(x, 13.7 * octave as f32);
            total += gain;
            gain *= 0.5;
            x = x * 2.03 + 5.1;
        }
        sum / total * 2.0 - 1.0
    }

    /// Domain-warped noise: `0.0..1.0`; `bend` of one or two gives smoke, more gives marble.
    pub(crate) fn warped(self, x: f32, y: f32, octaves: u32, bend: f32) -> f32 {
        let u = self.fbm(x + 5.2, y + 1.3, 2) - 0.5;
        let v = self.fbm(x + 9.7, y + 8.3, 2) - 0.5;
        self.fbm(x + bend * u, y + bend * v, octaves)
    }
}

/// A function of the plane kept on a coarse grid and read back smoothly.
pub(crate) struct Field {
    columns: usize,
    step: f32,
    cells: Vec<f32>,
}

impl Field {
    /// Samples `f` (in pixel coordinates) at each `step` pixels over an area. `tick` is told of each row's cells before
    /// they are evaluated; when it answers false the rest stays zero.
    pub(crate) fn sample(
        (width, height): (f32, f32),
        step: f32,
        mut tick: impl FnMut(usize) -> bool,
        f: impl Fn(f32, f32) -> f32,
    ) -> Self {
        let columns = (width / step) as usize + 3;
        let rows = (height / step) as usize + 3;
        let mut cells = vec![0.0; columns * rows];
        for (row, line) in cells.chunks_exact_mut(columns).enumerate() {
            if !tick(columns) {
                break;
            }
            for (column, cell) in line.iter_mut().enumerate() {
                *cell = f(column as f32 * step, row as f32 * step);
            }
        }
        Self { columns, step, cells }
    }

    /// The value at a pixel (bilinear; outside the sampled area the edge continues).
    pub(crate) fn at(&self, x: f32, y: f32) -> f32 {
        let rows = self.cells.len() / self.columns;
        let gx = (x / self.step).clamp(0.0, (self.columns - 2) as f32);
        let gy = (y / self.step).clamp(0.0, (rows - 2) as f32);
        let (ix, iy) = (gx as usize, gy as usize);
        let (fx, fy) = (gx - ix as f32, gy - iy as f32);
        let base = iy.min(rows - 2) * self.columns + ix.min(self.columns - 2);
        let top = lerp(self.cells[base], self.cells[base + 1], fx);
        let low = lerp(self.cells[base + self.columns], self.cells[base + self.columns + 1], fx);
        lerp(top, low, fy)
    }
}

/// `a` at 0, `b` at 1.
pub(crate) fn lerp(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// 0 below `low`, 1 above `high`, and a soft step between.
pub(crate) fn smooth(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
