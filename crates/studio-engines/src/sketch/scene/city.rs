//! The city: rows of towers in the haze, lit windows, signs, and a street or river that mirrors them.

use super::{Plan, add, sky, water};
use crate::sketch::colour::Rgb;
use crate::sketch::ink::{disc, pillow, polygon, slab};
use crate::sketch::lexicon::{Time, Tint, Weather};
use crate::sketch::noise::smooth;
use crate::sketch::random::Random;
use crate::sketch::stage::{Blend, Setting, Stage};
use crate::sketch::subject;

/// How many rows of houses.
const ROWS: usize = 4;

/// The layers of a city.
pub(crate) fn compose(set: &Setting, plan: &mut Plan) {
    sky::compose(set, plan);
    if dark(set) {
        add(plan, skyglow);
    }
    for row in 0..ROWS {
        add(plan, move |stage| towers(stage, row));
        add(plan, move |stage| haze(stage, row));
    }
    if neon(set) {
        add(plan, signs);
    }
    add(plan, street);
    add(plan, embankment);
    subject::on_ground(set, plan, 0.04);
    subject::foreground(set, plan);
}

fn dark(set: &Setting) -> bool {
    matches!(set.brief.time, Time::Night | Time::Dusk)
}

fn neon(set: &Setting) -> bool {
    set.brief.tinted(Tint::Neon) || (set.brief.night() && set.brief.is(Weather::Rain))
}

/// The town's own light on the sky.
fn skyglow(stage: &mut Stage<'_>) {
    let set = stage.set;
    let neon = neon(set);
    let (a, b) = if neon {
        (set.palette.own(0.55, 0.2, 340.0), set.palette.own(0.55, 0.13, 215.0))
    } else {
        (set.palette.own(0.65, 0.12, 60.0), set.palette.haze)
    };
    let horizon = set.layout.horizon;
    let strength = if neon { 0.62 } else { 0.30 };
    let w = set.view.w;
    let noise = set.noise("skyglow");
    let slant = set.random("skyglow").sign();
    stage.rows(0.0, set.view.h, |y, row| {
        let up = ((horizon - y as f32) / horizon).clamp(0.0, 1.0);
        let fall = (1.0 - up).powi(2) * strength;
        for (x, pixel) in row.iter_mut().enumerate() {
            let t = (x as f32 / w - 0.5) * slant + 0.5;
            let cloud = 0.7 + 0.6 * (noise.fbm(x as f32 / w * 3.0, up * 4.0, 2) - 0.5);
            *pixel = pixel.screen(a.mix(b, t), fall * cloud);
        }
    });
}

/// One house of a row.
struct Tower {
    left: f32,
    right: f32,
    top: f32,
    crown: usize,
}

/// The houses of a row, left to right; deterministic, so that windows and signs find the same houses.
fn row_of(set: &Setting, row: usize) -> (Vec<Tower>, Random) {
    const LABELS: [&str; ROWS] = ["towers 0", "towers 1", "towers 2", "towers 3"];
    let mut random = set.random(LABELS[row.min(ROWS - 1)]);
    let near = row as f32 / (ROWS - 1) as f32;
    let unit = set.view.unit;
    let ground = set.layout.horizon;
    let mut towers = Vec::new();
    let mut x = -unit * 0.05;
    let centre = set.view.w * set.random("downtown").range(0.3, 0.7);
    while x < set.view.w {
        let wide = unit * random.range(0.035, 0.085) * (0.75 + 0.75 * near);
        // Downtown is tall, the outskirts low.
        let d = (x - centre) / (set.view.w * 0.32);
        let downtown = 1.0 / (1.0 + d * d);
        let tall = ground.min(unit * 1.1)
            * random.range(0.20, 0.52)
            * (0.55 + 0.75 * downtown)
            * [1.28, 1.12, 0.90, 0.55][row.min(3)];
        towers.push(Tower { left: x, right: x + wide, top: ground - tall, crown: random.index(7) });
        x += wide * random.range(0.92, 1.25) + if random.chance(0.15) { wide * 0.5 } else { 0.0 };
    }
    (towers, random)
}

/// Paints a row of houses and their windows.
fn towers(stage: &mut Stage<'_>, row: usize) {
    let set = stage.set;
    let (towers, mut random) = row_of(set, row);
    let near = row as f32 / (ROWS - 1) as f32;
    let ground = set.layout.horizon + 2.0;
    let palette = &set.palette;
    let wall =
        palette.fade(palette.local(0.44, 0.05, 265.0), 0.72 - 0.66 * near).mix(palette.shade, 0.10 + 0.45 * near);
    let dark = dark(set);
    let foot = palette.fade(wall, 0.35 * (1.0 - near));
    let sunny = wall.mix(palette.light, if dark { 0.07 } else { 0.18 });
    let from_left = set.layout.sun.0 < set.view.w * 0.5;
    let warm = [palette.own(0.88, 0.11, 82.0), palette.own(0.82, 0.13, 65.0), palette.own(0.90, 0.05, 230.0)];
    let neon = [palette.own(0.72, 0.22, 345.0), palette.own(0.82, 0.13, 205.0)];
    let neon_city = neon_share(set);
    let pane = palette.sky.at(0.5).mix(wall, 0.55);
    let (pitch, lit_share) = (set.view.unit * (0.0090 + 0.0070 * near), if dark { 0.20 + 0.26 * near } else { 0.0 });
    stage.vector(|ink| {
        for tower in &towers {
            let (l, r, t) = (tower.left, tower.right, tower.top);
            let tone = wall.scale(random.range(0.90, 1.08));
            ink.blend(slab(l, t, r, ground), ((l, t), tone), ((l, ground), foot));
            crown(ink, tower, tone);
            let (a, b) = if from_left { (l, l + (r - l) * 0.22) } else { (r - (r - l) * 0.22, r) };
            ink.wash(slab(a, t, b, ground), sunny, 0.55);
            if row == 0 {
                continue;
            }
            let columns = (((r - l) / pitch) as usize).max(2);
            let gap = (r - l) / columns as f32;
            let floors = (((ground - t) / (gap * 1.5)) as usize).min(70);
            let strips = random.chance(0.25);
            for floor in 0..floors {
                let y = t + gap * (0.8 + 1.5 * floor as f32);
                let busy = random.unit();
                for column in 0..columns {
                    let x = l + gap * (column as f32 + 0.2);
                    let lit = random.unit() < lit_share * (0.5 + busy);
                    let wide = if strips { gap * 0.98 } else { gap * 0.58 };
                    let window = slab(x, y, x + wide, y + gap * 0.72);
                    if lit {
                        let colour = if random.unit() < neon_city { random.pick(&neon) } else { random.pick(&warm) };
                        ink.wash(window, colour, random.range(0.55, 1.0) * (0.45 + 0.55 * near));
                    } else if !dark || random.chance(0.25) {
                        ink.wash(window, pane, if dark { 0.22 } else { 0.55 });
                    }
                }
            }
        }
    });
}

fn neon_share(set: &Setting) -> f32 {
    if neon(set) { 0.34 } else { 0.03 }
}

/// What stands on a roof.
fn crown(ink: &mut crate::sketch::ink::Ink<'_, '_>, tower: &Tower, tone: Rgb) {
    let (l, r, t) = (tower.left, tower.right, tower.top);
    let (w, m) = (r - l, (l + r) * 0.5);
    match tower.crown {
        0 => ink.fill(slab(m - w * 0.03, t - w * 0.9, m + w * 0.03, t + 1.0), tone),
        1 => ink.fill(polygon(&[(l, t + 0.5), (m, t - w * 0.6), (r, t + 0.5)]), tone),
        2 => {
            ink.fill(slab(l + w * 0.18, t - w * 0.35, r - w * 0.18, t + 1.0), tone);
            ink.fill(slab(l + w * 0.36, t - w * 0.62, r - w * 0.36, t + 1.0), tone);
            ink.fill(slab(m - w * 0.02, t - w * 1.2, m + w * 0.02, t), tone);
        }
        3 => ink.fill(polygon(&[(l, t + 0.5), (l, t - w * 0.4), (r, t + 0.5)]), tone),
        4 => {
            // A water tank on legs.
            ink.fill(slab(l + w * 0.25, t - w * 0.42, l + w * 0.62, t - w * 0.14), tone);
            ink.fill(
                polygon(&[(l + w * 0.22, t - w * 0.42), (l + w * 0.435, t - w * 0.60), (l + w * 0.65, t - w * 0.42)]),
                tone,
            );
            ink.fill(slab(l + w * 0.28, t - w * 0.16, l + w * 0.33, t + 1.0), tone);
            ink.fill(slab(l + w * 0.54, t - w * 0.16, l + w * 0.59, t + 1.0), tone);
        }
        5 => ink.fill(disc((m, t), w * 0.34), tone),
        _ => {}
    }
}

/// Air between the rows.
fn haze(stage: &mut Stage<'_>, row: usize) {
    let set = stage.set;
    let horizon = set.layout.horizon;
    let haze = set.palette.haze;
    let thick = if set.brief.is(Weather::Fog) { 0.75 } else { 0.38 } * (1.0 - row as f32 * 0.24);
    let reach = horizon.min(set.view.unit) * 0.55;
    stage.rows(horizon - reach, horizon + 2.0, |y, row| {
        let t = smooth(horizon - reach, horizon, y as f32);
        for pixel in row.iter_mut() {
            *pixel = pixel.mix(haze, t * t * thick);
        }
    });
}

/// Neon signs on the near houses, with their glow.
fn signs(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("signs");
    let palette = &set.palette;
    let colours = [
        palette.own(0.70, 0.24, 345.0),
        palette.own(0.82, 0.14, 205.0),
        palette.own(0.80, 0.17, 75.0),
        palette.own(0.68, 0.22, 310.0),
    ];
    let unit = set.view.unit;
    let mut found = Vec::new();
    for row in 2..ROWS {
        for tower in row_of(set, row).0 {
            if random.chance(0.55) {
                let tall = unit * random.range(0.03, 0.10);
                let wide = unit * random.range(0.010, 0.018);
                let upright = random.chance(0.7);
                let (half_w, half_h) = if upright { (wide, tall) } else { (tall * 0.6, wide) };
                let x = tower.left + (tower.right - tower.left) * random.range(0.15, 0.85);
                let y = (tower.top + tall * 1.2 + random.unit() * unit * 0.12).min(set.layout.horizon - half_h);
                found.push((x, y, half_w, half_h, random.pick(&colours)));
            }
        }
    }
    for &(x, y, _, half_h, colour) in &found {
        stage.glow((x, y), unit * 0.10 + half_h, colour, 0.55);
    }
    let ground = palette.shade;
    stage.vector(|ink| {
        for &(x, y, hw, hh, colour) in &found {
            ink.wash(pillow(x - hw, y - hh, x + hw, y + hh, hw.min(hh) * 0.4), ground, 0.85);
            let line = hw.min(hh) * 0.22;
            ink.stroke(
                pillow(x - hw, y - hh, x + hw, y + hh, hw.min(hh) * 0.4),
                line,
                colour.mix(Rgb::new(1.0, 1.0, 1.0), 0.35),
                1.0,
            );
            // Glyph-like strokes; no real script.
            let cells = ((hh.max(hw) / hw.min(hh)) as usize).max(1);
            for cell in 0..cells {
                let t = (cell as f32 + 0.5) / cells as f32 * 2.0 - 1.0;
                let (cx, cy) = if hh > hw { (x, y + t * hh * 0.88) } else { (x + t * hw * 0.88, y) };
                let s = hw.min(hh) * 0.45;
                for _ in 0..2 {
                    let bar = random.range(-s, s);
                    let shape = if random.chance(0.5) {
                        slab(cx - s, cy + bar - line * 0.4, cx + s, cy + bar + line * 0.4)
                    } else {
                        slab(cx + bar - line * 0.4, cy - s, cx + bar + line * 0.4, cy + s)
                    };
                    ink.fill(shape, colour.mix(Rgb::new(1.0, 1.0, 1.0), 0.5));
                }
            }
        }
    });
}

/// The wet street or the river: lights drawn out into long streaks.
fn street(stage: &mut Stage<'_>) {
    let set = stage.set;
    let wet = set.brief.is(Weather::Rain) || set.brief.is(Weather::Storm);
    let deep = set.palette.shade.mix(set.palette.sky.at(0.4), 0.35);
    let (mirror, chop) = if wet { (0.92, 0.48) } else { (0.75, 0.5) };
    let glitter = if wet || set.brief.is(Weather::Fog) { 0.0 } else { 0.4 };
    water::paint(stage, water::Surface { line: set.layout.horizon, deep, mirror, chop, glitter });
    // Smear downwards: each row keeps a part of the one above.
    let keep = if dark(set) { 0.86 } else { 0.55 };
    let mut above: Vec<Rgb> = Vec::new();
    stage.rows(set.layout.horizon, set.view.h, |_, row| {
        if above.len() == row.len() {
            for (pixel, old) in row.iter_mut().zip(&above) {
                let brighter = old.luma() > pixel.luma();
                *pixel = pixel.mix(*old, if brighter { keep } else { keep * 0.6 });
            }
        }
        above.clear();
        above.extend_from_slice(row);
    });
}

/// A dark quay with lamps along the waterline.
fn embankment(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("embankment");
    let (unit, line) = (set.view.unit, set.layout.horizon);
    let tone = set.palette.depth(0.92);
    let light = set.palette.own(0.92, 0.09, 80.0);
    let step = unit * random.range(0.10, 0.15);
    let tall = unit * 0.035;
    let mut lamps = Vec::new();
    let mut x = step * random.unit();
    while x < set.view.w {
        lamps.push(x);
        x += step;
    }
    stage.vector(|ink| {
        ink.fill(slab(-2.0, line - unit * 0.007, set.view.w + 2.0, line + unit * 0.006), tone);
        for x in &lamps {
            ink.fill(slab(x - unit * 0.0012, line - tall, x + unit * 0.0012, line), tone);
        }
    });
    if dark(set) {
        for x in lamps {
            stage.glow((x, line - tall), unit * 0.05, light, 0.8);
            stage.glow((x, line - tall), unit * 0.009, light, 1.0);
            stage.region([x - unit * 0.008, line, x + unit * 0.008, line + unit * 0.16], |px, py, pixel| {
                let t = (py - line) / (unit * 0.16);
                let d = (px - x) / (unit * 0.008);
                *pixel = pixel.screen(light, (1.0 - t) * (1.0 - t) * (1.0 - d * d).max(0.0) * 0.35);
            });
        }
    }
    stage.vector_as(Blend::Over, 0.5, |ink| {
        ink.fill(slab(-2.0, line + unit * 0.004, set.view.w + 2.0, line + unit * 0.008), set.palette.shade);
    });
}
