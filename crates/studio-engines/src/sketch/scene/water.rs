//! Water: a mirror with ripples.
//!
//! All that was painted above the waterline is mirrored below it, displaced by ripples that grow towards the viewer and
//! tinted more the steeper one looks down. Whatever scene calls this gets its reflections for nothing.

use crate::sketch::colour::Rgb;
use crate::sketch::noise::smooth;
use crate::sketch::stage::Stage;

/// How a water surface looks.
#[derive(Clone, Copy)]
pub(crate) struct Surface {
    /// The waterline's row.
    pub(crate) line: f32,
    /// The water's own colour near the viewer.
    pub(crate) deep: Rgb,
    /// How clear the mirror is, 0 to 1.
    pub(crate) mirror: f32,
    /// How rough, 0 (glass) to 1 (choppy).
    pub(crate) chop: f32,
    /// The light of sun or moon on the ripples, 0 for none.
    pub(crate) glitter: f32,
}

/// Paints water from its line to the bottom.
pub(crate) fn paint(stage: &mut Stage<'_>, surface: Surface) {
    let set = stage.set;
    let Surface { line, deep, mirror, chop, glitter } = surface;
    let start = (line.max(1.0) as usize).min(stage.height);
    let (w, unit) = (stage.width, set.view.unit);
    let depth = (set.view.h - line).max(1.0);
    let noise = set.noise("ripples");
    let light = set.palette.light;
    let sun = set.layout.sun.0;
    let sun_width = set.layout.sun_radius * 1.1;
    // The picture above is copied row by row: a row below only ever needs one row above.
    let above = stage.canvas[..start * w].to_vec();
    let horizon_tone = set.palette.haze;
    stage.rows(start as f32, set.view.h, |y, row| {
        let down = y as f32 + 0.5 - line;
        let near = (down / depth).clamp(0.0, 1.0);
        // Perspective: ripples are fine at the waterline and broad at our feet.
        let stretch = 0.02 + near * 0.98;
        let fy = (near * 0.9 + 0.05).ln() * 26.0;
        let wide = 7.0 / (unit * (0.12 + 0.88 * stretch));
        let tint = (1.0 - mirror) * 0.5 + near * (0.35 + 0.45 * (1.0 - mirror));
        for (x, pixel) in row.iter_mut().enumerate() {
            let px = x as f32;
            let wave = noise.fbm(px * wide, fy, 2) - 0.5;
            let swell = noise.value(px * wide * 0.23 + 31.0, fy * 0.5) - 0.5;
            let sway = (wave * 0.055 + swell * 0.03) * unit * chop * (0.25 + stretch);
            let lift = (wave * 0.16 + swell * 0.10) * unit * chop * (0.06 + stretch);
            let from_y = (line - 1.0 - down * 0.92 + lift).clamp(0.0, start as f32 - 1.0) as usize;
            let from_x = (px + sway).clamp(0.0, w as f32 - 1.0) as usize;
            let mirrored = above[from_y * w + from_x];
            let facet = (wave * 2.4 + swell).clamp(-1.0, 1.0) * chop;
            let tone = (tint - facet * 0.22).clamp(0.0, 1.0);
            let mut colour = mirrored.mix(deep, tone).mix(horizon_tone, 0.35 * (1.0 - near).powi(8));
            if glitter > 0.0 {
                let reach = sun_width * (0.7 + 1.8 * near);
                let off = (px - sun) / reach;
                let path = 1.0 / (1.0 + off * off * off * off);
                let spark = smooth(0.50, 0.68, noise.fbm(px * wide * 1.7 + 9.0, fy * 1.35, 2) + path * 0.10);
                colour = colour.screen(light, spark * path * glitter);
            }
            *pixel = colour;
        }
    });
}
