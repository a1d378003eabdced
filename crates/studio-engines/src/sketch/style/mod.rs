//! Finishing: what happens to the whole picture after it is painted.
//!
//! `finish` plans the passes a style asks for, and the ones every picture gets: a little bloom and a vignette.
//! `quantise` turns floats into bytes, once, with grain and dither so that gradients show no bands.

mod grid;
mod paint;
mod thumb;

pub(crate) use grid::neon_floor;

use super::colour::Rgb;
use super::lexicon::{Scene, Style};
use super::noise::Noise;
use super::scene::{Plan, add};
use super::stage::{Setting, Stage};

/// The finishing layers for this brief.
pub(crate) fn finish(set: &Setting) -> Plan {
    let brief = &set.brief;
    let mut plan = Plan::new();
    add(&mut plan, bloom);
    for style in &brief.styles {
        match style {
            Style::Watercolour => add(&mut plan, paint::watercolour),
            Style::Oil => add(&mut plan, paint::oil),
            Style::Ink => add(&mut plan, paint::ink),
            Style::LineArt => add(&mut plan, paint::lines),
            Style::Pixel => add(&mut plan, grid::pixels),
            Style::LowPoly => add(&mut plan, grid::facets),
            Style::Halftone => add(&mut plan, grid::halftone),
            Style::Cubist if brief.scene != Scene::Abstract => add(&mut plan, grid::cubist),
            Style::Geometric if brief.scene != Scene::Abstract => add(&mut plan, grid::facets),
            Style::Cubist | Style::Geometric | Style::Retro => {}
        }
    }
    // Paper has no dark corners.
    if !brief.styles.iter().any(|s| matches!(s, Style::Watercolour | Style::Ink | Style::LineArt | Style::Pixel)) {
        add(&mut plan, vignette);
    }
    plan
}

/// Bright places spill light around them.
fn bloom(stage: &mut Stage<'_>) {
    let set = stage.set;
    let cell = ((set.view.unit / 128.0) as usize).max(2);
    let (w, h) = (stage.width, stage.height);
    let (columns, rows) = (w.div_ceil(cell), h.div_ceil(cell));
    let mut small = vec![Rgb::default(); columns * rows];
    for (y, row) in stage.canvas.chunks_exact(w).enumerate() {
        let line = &mut small[y / cell * columns..][..columns];
        for (x, pixel) in row.iter().enumerate() {
            let over = (pixel.luma() - 0.62).max(0.0) * 1.6;
            let sum = &mut line[x / cell];
            *sum = Rgb::new(sum.r + pixel.r * over, sum.g + pixel.g * over, sum.b + pixel.b * over);
        }
    }
    let share = 1.0 / (cell * cell) as f32;
    small.iter_mut().for_each(|sum| *sum = sum.scale(share));
    for _ in 0..3 {
        blur(&mut small, columns, rows, 3);
    }
    let strength = if set.brief.night() { 0.55 } else { 0.22 };
    let step = cell as f32;
    stage.rows(0.0, set.view.h, |y, row| {
        let gy = ((y as f32 + 0.5) / step - 0.5).clamp(0.0, (rows - 1) as f32);
        let (iy, fy) = (gy as usize, gy.fract());
        let below = (iy + 1).min(rows - 1);
        for (x, pixel) in row.iter_mut().enumerate() {
            let gx = ((x as f32 + 0.5) / step - 0.5).clamp(0.0, (columns - 1) as f32);
            let (ix, fx) = (gx as usize, gx.fract());
            let right = (ix + 1).min(columns - 1);
            let top = small[iy * columns + ix].mix(small[iy * columns + right], fx);
            let low = small[below * columns + ix].mix(small[below * columns + right], fx);
            *pixel = pixel.screen(top.mix(low, fy), strength);
        }
    });
}

/// Box blur, in both directions.
pub(crate) fn blur(cells: &mut [Rgb], columns: usize, rows: usize, reach: usize) {
    let mut line = Vec::new();
    let mut pass = |count: usize, length: usize, index: &dyn Fn(usize, usize) -> usize| {
        for i in 0..count {
            line.clear();
            line.extend((0..length).map(|j| cells[index(i, j)]));
            for j in 0..length {
                let (from, to) = (j.saturating_sub(reach), (j + reach + 1).min(length));
                let mut sum = Rgb::default();
                for cell in &line[from..to] {
                    sum = Rgb::new(sum.r + cell.r, sum.g + cell.g, sum.b + cell.b);
                }
                cells[index(i, j)] = sum.scale(1.0 / (to - from) as f32);
            }
        }
    };
    pass(rows, columns, &|row, column| row * columns + column);
    pass(columns, rows, &|column, row| row * columns + column);
}

/// Corners a little darker: the eye stays inside.
fn vignette(stage: &mut Stage<'_>) {
    let (w, h) = (stage.set.view.w, stage.set.view.h);
    stage.rows(0.0, h, |y, row| {
        let dy = (y as f32 / h - 0.5) * 2.0;
        for (x, pixel) in row.iter_mut().enumerate() {
            let dx = (x as f32 / w - 0.5) * 2.0;
            let d = dx * dx + dy * dy;
            *pixel = pixel.scale(1.0 - 0.055 * d * d);
        }
    });
}

/// Floats to bytes, with film grain and dither; `None` when stopped.
pub(crate) fn quantise(stage: &mut Stage<'_>) -> Option<Vec<u8>> {
    let noise = Noise::new(stage.set.random("grain").bits());
    let mut bytes = Vec::with_capacity(stage.canvas.len() * 3);
    let width = stage.width;
    let canvas = std::mem::take(&mut stage.canvas);
    for (y, row) in canvas.chunks_exact(width).enumerate() {
        if !stage.pacer.spend(width) {
            return None;
        }
        for (x, pixel) in row.iter().enumerate() {
            let grain = (noise.lattice(x as i32, y as i32) - 0.5) * 3.4 + 0.5;
            let byte = |v: f32| (v * 255.0 + grain).clamp(0.0, 255.0) as u8;
            bytes.extend_from_slice(&[byte(pixel.r), byte(pixel.g), byte(pixel.b)]);
        }
    }
    Some(bytes)
}
