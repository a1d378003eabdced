//! Land: outlines of hills, peaks and treelines, and the light on rock and snow.
//!
//! An outline is one height a column. Peaks are tents with rough edges; which tent a column belongs to is remembered,
//! so that each flank can be lit or shaded as one face, broken up by noise. That is what turns a jagged line into rock.

use crate::sketch::colour::Rgb;
use crate::sketch::noise::{Noise, smooth};
use crate::sketch::random::Random;
use crate::sketch::stage::Stage;

/// A soft rolling outline around `base`.
pub(crate) fn hills(stage: &Stage<'_>, label: &str, base: f32, height: f32, waves: f32) -> Vec<f32> {
    let noise = stage.set.noise(label);
    let unit = stage.set.view.unit;
    (0..stage.width).map(|x| base - height * noise.line(x as f32 / unit * waves, 3)).collect()
}

/// Roughens an outline, as grass or far trees do.
pub(crate) fn roughen(outline: &mut [f32], noise: Noise, wavelength: f32, height: f32) {
    for (x, y) in outline.iter_mut().enumerate() {
        *y -= height * noise.fbm(x as f32 / wavelength, 3.3, 3);
    }
}

/// A row of peaks.
pub(crate) struct Peaks {
    /// The outline: one height a column.
    pub(crate) outline: Vec<f32>,
    /// For each column, the summit (x, y) of the peak it belongs to.
    summit: Vec<(f32, f32)>,
}

impl Peaks {
    /// Raises peaks up to `height` over `base`; `count` of them over the width.
    pub(crate) fn raise(stage: &Stage<'_>, label: &str, base: f32, height: f32, count: usize) -> Self {
        let set = stage.set;
        let mut random = set.random(label);
        let noise = set.noise(label);
        let unit = set.view.unit;
        let w = set.view.w;
        let spacing = w / count.max(1) as f32;
        let tents: Vec<(f32, f32, f32, f32)> = (0..count + 2)
            .map(|i| {
                let x = (i as f32 - 0.5 + random.swing() * 0.45) * spacing;
                let tall = height * random.range(0.42, 1.0);
                (x, tall, random.range(0.55, 1.05), random.range(0.55, 1.05))
            })
            .collect();
        let octaves = set.octaves(4);
        let mut peaks = Self { outline: Vec::new(), summit: Vec::new() };
        for x in 0..stage.width {
            let x = x as f32;
            let mut best = (f32::MIN, (x, base));
            for &(px, tall, left, right) in &tents {
                let slope = if x < px { left } else { right };
                let rise = tall - (x - px).abs() * slope;
                if rise > best.0 {
                    best = (rise, (px, base - tall));
                }
            }
            let rough = noise.line(x / unit * 7.0, octaves) * height * 0.11;
            peaks.outline.push(base - best.0 - rough);
            peaks.summit.push(best.1);
        }
        peaks
    }

    /// Paints the peaks: `rock` and `snow` are each (lit, shaded); `fog` is mixed in towards the foot.
    pub(crate) fn paint(&self, stage: &mut Stage<'_>, label: &str, look: Look) {
        let set = stage.set;
        let noise = set.noise(label);
        let unit = set.view.unit;
        let last = self.summit.len().saturating_sub(1);
        let from_left = if set.layout.sun.0 < set.view.w * 0.5 { 1.0 } else { -1.0 };
        let octaves = set.octaves(3);
        let Look { rock, snow, fog, snowline, height, base } = look;
        let scale = 11.0 / unit;
        stage.ridge(&self.outline, |x, y, depth| {
            let rough = noise.fbm(x * scale, y * scale * 0.7, octaves) - 0.5;
            let shifted = x + rough * (depth * 1.5).min(height * 0.9);
            let (px, py) = self.summit[(shifted.max(0.0) as usize).min(last)];
            let lit = smooth(-0.007 * unit, 0.007 * unit, (px - shifted) * from_left);
            let mut colour = rock.1.mix(rock.0, lit);
            if snowline > 0.0 {
                let below = (y - py) / height + rough * 0.85;
                let cover = smooth(snowline + 0.015, snowline - 0.015, below);
                colour = colour.mix(snow.1.mix(snow.0, lit), cover);
            }
            let foot = ((y - (base - height)) / (height * 1.15)).clamp(0.0, 1.0);
            colour.mix(fog, foot * foot * 0.85)
        });
    }
}

/// The colours of a row of peaks.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    /// Rock in light and in shade.
    pub(crate) rock: (Rgb, Rgb),
    /// Snow in light and in shade.
    pub(crate) snow: (Rgb, Rgb),
    /// The air at the foot.
    pub(crate) fog: Rgb,
    /// How far down from the summits snow lies, as a part of the height; 0 for none.
    pub(crate) snowline: f32,
    /// The height of the row.
    pub(crate) height: f32,
    /// Where its foot is.
    pub(crate) base: f32,
}

/// An outline of conifers standing on `ground`: saw-teeth of varying height.
pub(crate) fn firs(ground: &[f32], random: &mut Random, height: f32, gap: f32) -> Vec<f32> {
    let mut outline = ground.to_vec();
    let mut x = -height;
    let w = ground.len() as f32;
    while x < w + height {
        let tall = height * random.range(0.45, 1.0);
        let half = tall * random.range(0.15, 0.24);
        let foot = ground[(x.max(0.0) as usize).min(ground.len().saturating_sub(1))];
        let tiers = 6.0;
        let from = (x - half).max(0.0) as usize;
        let to = ((x + half).max(0.0) as usize + 1).min(ground.len());
        for (column, line) in outline.iter_mut().enumerate().take(to).skip(from) {
            let side = ((column as f32 + 0.5 - x).abs() / half).min(1.0);
            // Branches: within each tier the edge droops outwards, which gives the toothed flank.
            let tier = side * tiers;
            let droop = (tier.fract() - 0.5) * 0.11;
            let top = foot - tall * (1.0 - side - droop * side.sqrt()).clamp(0.0, 1.0);
            *line = line.min(top);
        }
        x += gap * random.range(0.35, 1.4) * tall / height;
    }
    outline
}
