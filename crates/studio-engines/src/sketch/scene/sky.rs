//! The sky: gradient, sun or moon, stars, clouds, aurora.
//!
//! Every outdoor scene starts here. Clouds and aurora are slow fields (domain-warped noise) kept on a coarse grid; the
//! sun's glow is part of the gradient, so that everything painted later sits in front of it.

use super::{Plan, add};
use crate::sketch::colour::Rgb;
use crate::sketch::ink::{Ink, polygon};
use crate::sketch::lexicon::{Mood, Style, Subject, Time, Weather};
use crate::sketch::noise::{lerp, smooth};
use crate::sketch::stage::{Setting, Stage};

/// The usual sky for this brief.
pub(crate) fn compose(set: &Setting, plan: &mut Plan) {
    let brief = &set.brief;
    add(plan, gradient);
    let covered = brief.is(Weather::Storm) || brief.is(Weather::Rain) || brief.is(Weather::Fog);
    if brief.night() && !covered || brief.has(Subject::Stars) {
        add(plan, stars);
    }
    if brief.is(Weather::Aurora) {
        add(plan, aurora);
    }
    if !covered && (!brief.is(Weather::Aurora) || brief.has(Subject::Moon)) || brief.has(Subject::Sun) {
        if brief.night() {
            add(plan, moon);
        } else {
            add(plan, sun);
        }
    }
    let calm = brief.feels(Mood::Minimal) || brief.styled(Style::Retro) || brief.is(Weather::Clear);
    if !calm && !brief.is(Weather::Aurora) && !brief.is(Weather::Fog) {
        add(plan, clouds);
    }
    if brief.is(Weather::Rainbow) {
        add(plan, rainbow);
    }
}

/// The bare gradient with the sun's halo.
pub(crate) fn gradient(stage: &mut Stage<'_>) {
    let set = stage.set;
    let (palette, layout) = (&set.palette, set.layout);
    let (wide, strength) = match set.brief.time {
        Time::Noon => (0.30, 0.35),
        Time::Dawn => (0.42, 0.55),
        Time::Dusk => (0.50, 0.70),
        Time::Night => (0.28, 0.30),
    };
    let hidden = set.brief.is(Weather::Storm) || set.brief.is(Weather::Rain) || set.brief.is(Weather::Aurora);
    let strength = if hidden { strength * 0.25 } else { strength };
    let (sx, sy) = layout.sun;
    let scale = 1.0 / (set.view.unit * wide).powi(2);
    let core = 1.0 / (layout.sun_radius * 1.5).powi(2);
    let below = palette.sky.at(1.0);
    let drift = set.noise("sky");
    let bend = stage.field(set.view.h, set.view.unit / 12.0, |x, y| {
        drift.fbm(x / set.view.unit * 1.3, y / set.view.unit * 2.6, 2) - 0.5
    });
    stage.rows(0.0, set.view.h, |y, row| {
        let y = y as f32 + 0.5;
        for (x, pixel) in row.iter_mut().enumerate() {
            let x = x as f32 + 0.5;
            let t = y / layout.horizon + 0.10 * bend.at(x, y);
            let base = if t < 1.0 { palette.sky.at(t) } else { below };
            let d = (x - sx) * (x - sx) + (y - sy) * (y - sy);
            let halo = strength / (1.0 + d * scale) + 0.5 * strength / (1.0 + d * core);
            *pixel = base.screen(palette.light, halo * (0.55 / (1.0 + 0.35 * d * scale)));
        }
    });
}

/// The sun's disc, with slits when the style is retro.
pub(crate) fn sun(stage: &mut Stage<'_>) {
    let set = stage.set;
    let (cx, cy) = set.layout.sun;
    let r = set.layout.sun_radius;
    let retro = set.brief.styled(Style::Retro);
    let light = set.palette.light;
    let (top, low) = match set.brief.time {
        _ if retro => (set.palette.own(0.90, 0.16, 95.0), set.palette.own(0.62, 0.26, 5.0)),
        Time::Dusk => (light, set.palette.own(0.76, 0.18, 48.0)),
        Time::Dawn => (light, set.palette.own(0.90, 0.11, 70.0)),
        _ => (light, light),
    };
    if !retro {
        stage.glow((cx, cy), r * 4.5, light, 0.42);
    }
    stage.region([cx - r - 1.0, cy - r - 1.0, cx + r + 2.0, cy + r + 2.0], |x, y, pixel| {
        let d = ((x - cx) * (x - cx) + (y - cy) * (y - cy)).sqrt();
        let t = ((y - cy) / r + 1.0) * 0.5;
        let mut cover = (r - d + 0.5).clamp(0.0, 1.0);
        if retro && t > 0.45 {
            // Slits grow towards the bottom.
            let band = (t * 11.0).fract();
            cover *= smooth(0.0, 0.08, band - (t - 0.45) * 0.9);
        }
        *pixel = pixel.mix(top.mix(low, t), cover);
    });
}

/// The moon: a disc with seas, waxing or full.
pub(crate) fn moon(stage: &mut Stage<'_>) {
    let set = stage.set;
    let (cx, cy) = set.layout.sun;
    let r = set.layout.sun_radius;
    let noise = set.noise("moon");
    let mut random = set.random("moon");
    let crescent = if random.chance(0.35) { random.range(0.35, 0.8) } else { 3.0 };
    let light = set.palette.light;
    let dark = light.scale(0.80);
    stage.glow((cx, cy), r * 5.0, light, 0.35);
    stage.region([cx - r - 1.0, cy - r - 1.0, cx + r + 2.0, cy + r + 2.0], |x, y, pixel| {
        let (dx, dy) = ((x - cx) / r, (y - cy) / r);
        let cover = ((1.0 - dx.hypot(dy)) * r + 0.5).clamp(0.0, 1.0);
        let bite = ((dx - crescent * 0.75).hypot(dy + crescent * 0.22) - 0.92) * r;
        let seas = smooth(0.45, 0.66, noise.fbm(dx * 1.6 + 4.0, dy * 1.6, 3));
        let colour = light.mix(dark, seas * 0.8);
        *pixel = pixel.mix(colour, cover * (bite + 0.5).clamp(0.06, 1.0));
    });
}

/// Stars, many faint and a few bright, denser along a milky band.
pub(crate) fn stars(stage: &mut Stage<'_>) {
    let set = stage.set;
    let (w, h) = (set.view.w, set.view.h);
    let mut random = set.random("stars");
    let noise = set.noise("milky way");
    let tilt = random.range(0.25, 0.7) * random.sign();
    let offset = random.range(0.25, 0.55);
    let band = |x: f32, y: f32| {
        let d = (y / h - offset - tilt * (x / w - 0.5)) * 3.6;
        1.0 / (1.0 + d * d * d * d * 4.0 + d * d)
    };
    let tone = set.palette.own(0.62, 0.08, 280.0);
    let step = set.step() * 2.0;
    let dust = stage.field(h, step, |x, y| {
        let u = set.view.unit;
        band(x, y) * smooth(0.38, 0.85, noise.warped(x / u * 3.0, y / u * 3.0, 4, 1.6))
    });
    stage.rows(0.0, h, |y, row| {
        for (x, pixel) in row.iter_mut().enumerate() {
            let light = dust.at(x as f32, y as f32);
            *pixel = pixel.screen(tone, light * 0.5);
        }
    });
    let density = if set.fine { 420.0 } else { 300.0 };
    let count = (density * (w * h).sqrt() / set.view.unit * (set.view.w.max(h) / set.view.short).sqrt()) as usize;
    for _ in 0..count.min(2500) {
        let (x, y) = (random.unit() * w, random.unit() * h);
        if random.unit() > 0.45 + 0.6 * band(x, y) {
            continue;
        }
        let size = random.unit().powi(6);
        let radius = (0.0009 + 0.0022 * size) * set.view.unit;
        let colour =
            if random.chance(0.3) { set.palette.own(0.93, 0.05, 250.0) } else { set.palette.own(0.97, 0.03, 90.0) };
        let strength = random.range(0.25, 0.9);
        stage.glow((x, y), (radius * 2.0).max(1.3), colour, strength);
        if size > 0.55 {
            stage.glow((x, y), radius * 7.0, colour, 0.35);
        }
    }
}

/// Clouds: warped noise, flattened towards the horizon, lit from the sun's side.
pub(crate) fn clouds(stage: &mut Stage<'_>) {
    let set = stage.set;
    let noise = set.noise("clouds");
    let mut random = set.random("clouds");
    let brief = &set.brief;
    let storm = brief.is(Weather::Storm);
    let cover = if storm {
        0.80
    } else if brief.is(Weather::Rain) {
        0.66
    } else if brief.is(Weather::Cloudy) {
        0.55
    } else {
        random.range(0.34, 0.58)
    };
    let (unit, horizon) = (set.view.unit, set.layout.horizon);
    let octaves = set.octaves(4);
    let scale = random.range(1.1, 1.7);
    let bend = random.range(0.8, 1.8);
    let density = move |x: f32, y: f32| {
        // Far clouds (low in the sky) are seen from the side: thin long streaks.
        let low = (y / horizon).clamp(0.0, 1.0);
        let v = y / unit * lerp(2.0, 5.5, low * low);
        noise.warped(x / unit * scale, v * scale * 0.8, octaves, bend)
    };
    let (sx, sy) = set.layout.sun;
    let edge = 0.76 - 0.42 * cover;
    let step = set.step();
    let reach = unit * 0.035;
    let shape = stage.field(horizon, step, density);
    let palette = &set.palette;
    let bright = match brief.time {
        _ if storm => palette.sky.at(0.95).mix(palette.light, 0.1),
        Time::Night => palette.sky.at(0.9).mix(palette.light, 0.22),
        _ => palette.light.mix(palette.sky.at(0.98), 0.22),
    };
    let dark = match brief.time {
        _ if storm => palette.shade.mix(palette.sky.at(0.3), 0.45),
        Time::Noon => palette.sky.at(0.75).mix(palette.haze, 0.25),
        Time::Dawn => palette.sky.at(0.35),
        Time::Dusk => palette.sky.at(0.25).mix(palette.sky.at(0.55), 0.45),
        Time::Night => palette.sky.at(0.45),
    };
    stage.rows(0.0, horizon, |y, row| {
        let y = y as f32 + 0.5;
        let fade = smooth(1.0, 0.86, y / horizon) * if storm { 1.0 } else { 0.9 };
        for (x, pixel) in row.iter_mut().enumerate() {
            let x = x as f32 + 0.5;
            let d = shape.at(x, y);
            let alpha = smooth(edge, edge + 0.20, d) * fade;
            if alpha > 0.003 {
                let (dx, dy) = (sx - x, sy - y);
                let far = (dx * dx + dy * dy).sqrt() + 1.0;
                let toward = shape.at(x + dx / far * reach, y + dy / far * reach);
                let lit = (0.55 + (d - toward) * 5.0 - (d - edge - 0.1) * 0.9).clamp(0.0, 1.0);
                *pixel = pixel.mix(dark.mix(bright, lit), alpha);
            }
        }
    });
}

/// Northern lights: curtains that hang from wavy lines.
pub(crate) fn aurora(stage: &mut Stage<'_>) {
    let set = stage.set;
    let (noise, view) = (set.noise("aurora"), set.view);
    let mut random = set.random("aurora");
    let curtains: Vec<[f32; 5]> = (0..4)
        .map(|i| {
            let hue = [150.0, 165.0, 190.0, 310.0][i] + random.range(-12.0, 12.0);
            [
                set.layout.horizon * random.range(0.28, 0.74),
                random.range(0.7, 1.5),
                random.range(0.0, 50.0),
                hue,
                random.range(0.6, 1.0),
            ]
        })
        .collect();
    let high = set.palette.own(0.55, 0.19, 315.0);
    for [base, frequency, phase, hue, strength] in curtains {
        let low = set.palette.own(0.86, 0.20, hue);
        let length = set.layout.horizon * 0.52;
        // One column knows its curtain's foot and how bright it is: rays are columns.
        let columns: Vec<(f32, f32)> = (0..stage.width)
            .map(|x| {
                let u = x as f32 / view.unit * frequency + phase;
                let foot = base + noise.line(u, 3) * set.layout.horizon * 0.30;
                let folds = smooth(0.25, 0.85, noise.fbm(u * 2.2, phase, 3));
                let rays = noise.fbm(u * 26.0, phase + 7.0, 3);
                (foot, strength * folds * (0.35 + 1.0 * rays))
            })
            .collect();
        stage.rows(0.0, set.layout.horizon, |y, row| {
            let y = y as f32;
            for (pixel, (foot, power)) in row.iter_mut().zip(&columns) {
                let up = (foot - y) / length;
                if (-0.12..1.0).contains(&up) {
                    let fall = if up < 0.0 { smooth(-0.12, 0.0, up) } else { (1.0 - up) * (1.0 - up) };
                    *pixel = pixel.screen(low.mix(high, smooth(0.05, 0.75, up)), fall * power * 0.85);
                }
            }
        });
    }
}

/// A rainbow, as a faint arc opposite the sun.
fn rainbow(stage: &mut Stage<'_>) {
    let set = stage.set;
    let (w, horizon) = (set.view.w, set.layout.horizon);
    let cx = w - set.layout.sun.0;
    let radius = (w * 0.48).min(horizon * 1.0);
    let wide = radius * 0.16;
    let colours: Vec<Rgb> = (0..7).map(|i| set.palette.own(0.75, 0.16, 20.0 + 45.0 * i as f32)).collect();
    stage.region([cx - radius - 2.0, horizon - radius - 2.0, cx + radius + 2.0, horizon], |x, y, pixel| {
        let d = (radius - (x - cx).hypot(y - horizon)) / wide;
        if (0.0..1.0).contains(&d) {
            let at = d * 6.0;
            let i = (at as usize).min(5);
            let colour = colours[i].mix(colours[i + 1], at - i as f32);
            let edge = smooth(0.0, 0.2, d) * smooth(1.0, 0.8, d);
            *pixel = pixel.screen(colour, 0.45 * edge);
        }
    });
}

/// Birds far off: little checkmarks in a loose group.
pub(crate) fn birds(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("birds");
    let colour = set.palette.depth(0.85);
    let (cx, cy) = (set.view.w * random.range(0.25, 0.75), set.layout.horizon * random.range(0.25, 0.6));
    let count = 4 + random.index(6);
    stage.vector(|ink| {
        for _ in 0..count {
            let at = (cx + random.swing() * set.view.w * 0.22, cy + random.swing() * set.layout.horizon * 0.18);
            let size = set.view.short * random.range(0.012, 0.030);
            bird(ink, at, size, random.range(-18.0, 18.0), random.range(0.2, 0.6), colour);
        }
    });
}

/// One flying bird; `lift` is how high the wings are.
pub(crate) fn bird(ink: &mut Ink<'_, '_>, at: (f32, f32), size: f32, turn: f32, lift: f32, colour: Rgb) {
    ink.place_turned(at, size, turn);
    ink.fill(
        polygon(&[
            (-1.0, -lift),
            (-0.55, -lift - 0.10),
            (-0.12, -0.10),
            (0.0, -0.16),
            (0.12, -0.10),
            (0.60, -lift - 0.14),
            (1.05, -lift),
            (0.55, -lift + 0.02),
            (0.10, 0.12),
            (0.0, 0.22),
            (-0.10, 0.12),
            (-0.50, -lift + 0.04),
        ]),
        colour,
    );
    ink.reset();
}
