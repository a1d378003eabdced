//! Styles that cut the picture into cells: pixels, facets, shards, printed dots.

use super::thumb::Thumb;
use crate::sketch::colour::Rgb;
use crate::sketch::ink::polygon;
use crate::sketch::noise::smooth;
use crate::sketch::stage::Stage;

/// Pixel art: big square pixels, few tones, ordered dither.
pub(crate) fn pixels(stage: &mut Stage<'_>) {
    const BAYER: [[f32; 4]; 4] =
        [[0.0, 8.0, 2.0, 10.0], [12.0, 4.0, 14.0, 6.0], [3.0, 11.0, 1.0, 9.0], [15.0, 7.0, 13.0, 5.0]];
    let cell = ((stage.set.view.unit / 110.0).round() as usize).max(2);
    let thumb = Thumb::new(stage, cell);
    stage.rows(0.0, stage.set.view.h, |y, row| {
        for (x, pixel) in row.iter_mut().enumerate() {
            let (cx, cy) = (x / cell, y / cell);
            let shift = (BAYER[cy % 4][cx % 4] / 16.0 - 0.47) * 0.55;
            let colour = thumb.near(x as f32, y as f32);
            // A little more contrast first: small pictures need it.
            *pixel = colour.map(|v| (((v - 0.5) * 1.12 + 0.5) * 9.0 + shift).round().clamp(0.0, 9.0) / 9.0);
        }
    });
}

/// Low poly: a jittered net of triangles, each one flat colour, each catching the light a little differently.
pub(crate) fn facets(stage: &mut Stage<'_>) {
    shards(stage, if stage.set.fine { 34.0 } else { 27.0 }, 0.0, 0.0);
}

/// Cubist: large shards which see the picture from shifted places, with dark joints.
pub(crate) fn cubist(stage: &mut Stage<'_>) {
    shards(stage, 19.0, 0.035, 0.0022);
}

fn shards(stage: &mut Stage<'_>, across: f32, shift: f32, joint: f32) {
    let set = stage.set;
    let mut random = set.random("shards");
    let (view, unit) = (set.view, set.view.unit);
    let cell = unit / across;
    let thumb = Thumb::new(stage, (cell / 7.0) as usize);
    let (columns, rows) = ((view.w / cell) as usize + 3, (view.h / cell) as usize + 3);
    let points: Vec<(f32, f32)> = (0..columns * rows)
        .map(|i| {
            let (column, row) = (i % columns, i / columns);
            let stagger = if row % 2 == 0 { 0.0 } else { 0.5 };
            (
                (column as f32 - 1.0 + stagger + random.swing() * 0.42) * cell,
                (row as f32 - 1.0 + random.swing() * 0.42) * cell,
            )
        })
        .collect();
    let dark = set.palette.shade;
    stage.vector(|ink| {
        for row in 0..rows - 1 {
            for column in 0..columns - 1 {
                let at = |c: usize, r: usize| points[r * columns + c];
                let [a, b, c, d] = [at(column, row), at(column + 1, row), at(column, row + 1), at(column + 1, row + 1)];
                let pair = if row % 2 == 0 { [[a, b, c], [b, d, c]] } else { [[a, b, d], [a, d, c]] };
                for corners in pair {
                    let centre = corners.iter().fold((0.0, 0.0), |sum, p| (sum.0 + p.0 / 3.0, sum.1 + p.1 / 3.0));
                    let look = (centre.0 + random.swing() * shift * unit, centre.1 + random.swing() * shift * unit);
                    let mut colour = thumb.at(look.0, look.1);
                    for p in corners {
                        let mid = ((look.0 + p.0) * 0.5, (look.1 + p.1) * 0.5);
                        colour = colour.mix(thumb.at(mid.0, mid.1), 0.2);
                    }
                    let tone = colour.scale(1.0 + random.swing() * 0.075);
                    let path = polygon(&corners);
                    if shift > 0.0 {
                        let far = thumb.at(corners[0].0, corners[0].1).mix(tone, 0.4).scale(0.88);
                        ink.blend(path.clone(), (corners[1], tone.scale(1.06)), (corners[0], far));
                        ink.stroke(path, unit * joint, dark, 0.8);
                    } else {
                        // Neighbours overlap by a hair, or the ground would shine through the joints.
                        ink.stroke(path.clone(), 1.0, tone, 1.0);
                        ink.fill(path, tone);
                    }
                }
            }
        }
    });
}

/// Halftone: few flat colours and black dots that grow with darkness.
pub(crate) fn halftone(stage: &mut Stage<'_>) {
    let set = stage.set;
    let pitch = (set.view.unit / 105.0).max(3.5);
    let thumb = Thumb::new(stage, (pitch * 0.5) as usize);
    let ink = set.palette.own(0.20, 0.03, 275.0);
    let (sin, cos) = 0.52_f32.sin_cos();
    stage.rows(0.0, set.view.h, |y, row| {
        let y = y as f32;
        for (x, pixel) in row.iter_mut().enumerate() {
            let x = x as f32;
            let (u, v) = ((x * cos - y * sin) / pitch, (x * sin + y * cos) / pitch);
            let (fu, fv) = (u - u.floor() - 0.5, v - v.floor() - 0.5);
            let luma = thumb.at(x, y).luma();
            let flat = pixel.map(|c| {
                let lifted = 0.22 + 0.85 * c;
                (lifted * 5.0).round() / 5.0
            });
            let radius = (1.0 - luma * 1.15).clamp(0.0, 1.0).sqrt() * 0.66;
            let cover = smooth(-0.7 / pitch, 0.7 / pitch, radius - fu.hypot(fv));
            *pixel = flat.mix(ink, cover * 0.92).map(|c| c.min(1.0));
        }
    });
}

/// A neon floor in perspective, for pictures of the eighties that never were.
pub(crate) fn neon_floor(stage: &mut Stage<'_>) {
    let set = stage.set;
    let (view, palette) = (set.view, &set.palette);
    let line = set.layout.horizon;
    let depth = (view.h - line).max(1.0);
    let (dark, far) = (palette.own(0.14, 0.08, 290.0), palette.own(0.34, 0.16, 320.0));
    let neon = palette.own(0.72, 0.25, 340.0);
    let glow = palette.own(0.80, 0.13, 210.0);
    stage.rows(line, view.h, |y, row| {
        let t = ((y as f32 + 0.5 - line) / depth).max(0.002);
        let z = 1.0 / t;
        let rung = ((z * 1.6).fract() - 0.5).abs() * 2.0;
        let wide_y = (0.020 * z / t.sqrt() / depth * 40.0).min(0.9);
        let across = smooth(1.0 - wide_y - 0.04, 1.0, rung) * smooth(0.0, 0.05, t);
        for (x, pixel) in row.iter_mut().enumerate() {
            let u = (x as f32 - view.w * 0.5) / view.unit * z * 1.3;
            let rail = ((u - u.floor()) - 0.5).abs() * 2.0;
            let down = smooth(1.0 - 0.06 - 0.02 * z, 1.0, rail) * smooth(0.01, 0.10, t);
            let base: Rgb = far.mix(dark, t.sqrt());
            let power = across.max(down);
            *pixel = base.screen(neon.mix(glow, 1.0 - t), power * 0.95).screen(neon, 0.35 * (1.0 - t).powi(6));
        }
    });
}
