//! A small copy of the picture, for effects that need to look before they paint.
//!
//! Strokes, shards and blurs read colours from here while the canvas itself is being painted over. A tenth of the size
//! is enough: what these effects want is the local mean, not the pixel.

use crate::sketch::colour::Rgb;
use crate::sketch::stage::Stage;

/// The picture, reduced by a whole factor.
pub(crate) struct Thumb {
    cells: Vec<Rgb>,
    columns: usize,
    rows: usize,
    cell: f32,
}

impl Thumb {
    /// Averages squares of `cell` pixels.
    pub(crate) fn new(stage: &Stage<'_>, cell: usize) -> Self {
        let cell = cell.max(1);
        let (w, h) = (stage.width, stage.height);
        let (columns, rows) = (w.div_ceil(cell), h.div_ceil(cell));
        let mut sums = vec![(Rgb::default(), 0.0_f32); columns * rows];
        for (y, row) in stage.canvas.chunks_exact(w).enumerate() {
            let line = &mut sums[y / cell * columns..][..columns];
            for (pixels, (sum, count)) in row.chunks(cell).zip(line) {
                for pixel in pixels {
                    *sum = Rgb::new(sum.r + pixel.r, sum.g + pixel.g, sum.b + pixel.b);
                    *count += 1.0;
                }
            }
        }
        let cells = sums.into_iter().map(|(sum, count)| sum.scale(1.0 / count.max(1.0))).collect();
        Self { cells, columns, rows, cell: cell as f32 }
    }

    /// The nearest cell's colour.
    pub(crate) fn near(&self, x: f32, y: f32) -> Rgb {
        let column = ((x / self.cell).max(0.0) as usize).min(self.columns - 1);
        let row = ((y / self.cell).max(0.0) as usize).min(self.rows - 1);
        self.cells[row * self.columns + column]
    }

    /// The colour between cells.
    pub(crate) fn at(&self, x: f32, y: f32) -> Rgb {
        let gx = (x / self.cell - 0.5).clamp(0.0, (self.columns - 1) as f32);
        let gy = (y / self.cell - 0.5).clamp(0.0, (self.rows - 1) as f32);
        let (ix, iy) = (gx as usize, gy as usize);
        let (jx, jy) = ((ix + 1).min(self.columns - 1), (iy + 1).min(self.rows - 1));
        let top = self.cells[iy * self.columns + ix].mix(self.cells[iy * self.columns + jx], gx.fract());
        let low = self.cells[jy * self.columns + ix].mix(self.cells[jy * self.columns + jx], gx.fract());
        top.mix(low, gy.fract())
    }

    /// Which way brightness grows, per cell.
    pub(crate) fn slope(&self, x: f32, y: f32) -> (f32, f32) {
        let c = self.cell;
        let luma = |x: f32, y: f32| self.at(x, y).luma();
        (luma(x + c, y) - luma(x - c, y), luma(x, y + c) - luma(x, y - c))
    }
}
