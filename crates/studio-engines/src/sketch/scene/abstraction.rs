//! Pictures of nothing: paper waves, flowing marble, Bauhaus tiles, brush fields, orbs.
//!
//! The mood chooses the form; without a mood the words' hash does, so that each unknown prompt has a form of its own.

use super::{Plan, add};
use crate::sketch::colour::{Ramp, Rgb};
use crate::sketch::ink::{curve, disc, polygon, slab};
use crate::sketch::lexicon::{Mood, Style};
use crate::sketch::noise::smooth;
use crate::sketch::stage::{Blend, Setting, Stage};

/// The layers of an abstract picture.
pub(crate) fn compose(set: &Setting, plan: &mut Plan) {
    let brief = &set.brief;
    let hash = brief.hash;
    let form = if brief.styled(Style::Geometric) || brief.styled(Style::Cubist) {
        2
    } else if brief.feels(Mood::Angry) || brief.feels(Mood::Chaotic) {
        3
    } else if brief.feels(Mood::Calm) || brief.feels(Mood::Sad) {
        [0, 4][hash as usize % 2]
    } else if brief.feels(Mood::Minimal) {
        4
    } else if brief.feels(Mood::Dreamy) || brief.feels(Mood::Mysterious) {
        1
    } else if brief.feels(Mood::Joyful) {
        [2, 3][hash as usize % 2]
    } else {
        hash as usize % 5
    };
    match form {
        0 => {
            add(plan, ground);
            for row in 0..7 {
                add(plan, move |stage| paper(stage, row));
            }
        }
        1 => add(plan, marble),
        2 => add(plan, tiles),
        3 => {
            add(plan, ground);
            for pass in 0..3 {
                add(plan, move |stage| strokes(stage, pass));
            }
        }
        _ => {
            add(plan, ground);
            add(plan, orbs);
        }
    }
}

/// The picture's own scale of colours, dark to light.
fn ramp(set: &Setting) -> Ramp {
    let palette = &set.palette;
    let night = set.brief.night() || set.brief.feels(Mood::Mysterious);
    let dark = palette.own(0.24, 0.06, 275.0).mix(palette.pure[1], 0.35).scale(if night { 0.7 } else { 1.0 });
    let light = palette.pure[4].mix(palette.own(0.96, 0.02, 90.0), 0.4);
    if set.brief.feels(Mood::Angry) || set.brief.feels(Mood::Chaotic) {
        let black = palette.own(0.16, 0.04, 20.0);
        return Ramp::new(&[
            black.lab(),
            palette.pure[1].scale(0.55).lab(),
            palette.pure[0].lab(),
            palette.pure[2].lab(),
            light.lab(),
        ]);
    }
    Ramp::new(&[dark.lab(), palette.pure[1].lab(), palette.pure[0].lab(), palette.pure[2].lab(), light.lab()])
}

/// A soft diagonal gradient.
fn ground(stage: &mut Stage<'_>) {
    let set = stage.set;
    let (view, ramp) = (set.view, ramp(set));
    let noise = set.noise("ground");
    let loud = set.brief.feels(Mood::Angry) || set.brief.feels(Mood::Chaotic);
    let (low, high) = if loud { (0.0, 0.35) } else { (0.72, 1.0) };
    stage.rows(0.0, view.h, |y, row| {
        for (x, pixel) in row.iter_mut().enumerate() {
            let n = noise.fbm(x as f32 / view.unit * 1.4, y as f32 / view.unit * 1.4, 3) - 0.5;
            let t = (y as f32 / view.h * 0.75 + x as f32 / view.w * 0.25 + n * 0.5).clamp(0.0, 1.0);
            *pixel = ramp.at(high + (low - high) * t);
        }
    });
}

/// One sheet of cut paper with a wavy edge and its shadow on the sheet behind.
fn paper(stage: &mut Stage<'_>, row: usize) {
    const LABELS: [&str; 7] = ["paper 0", "paper 1", "paper 2", "paper 3", "paper 4", "paper 5", "paper 6"];
    let set = stage.set;
    let mut random = set.random("paper");
    let (view, ramp) = (set.view, ramp(set));
    let noise = set.noise(LABELS[row.min(6)]);
    if row == 0 {
        // A disc low behind the sheets: sun or moon, as you like.
        let r = view.short * random.range(0.13, 0.20);
        let at = (view.w * random.range(0.28, 0.72), view.h * random.range(0.24, 0.34));
        let tone = set.palette.pure[0];
        stage.glow(at, r * 2.6, set.palette.light, 0.4);
        stage.vector(|ink| {
            ink.blend(disc(at, r), ((at.0, at.1 - r), tone.mix(set.palette.light, 0.55)), ((at.0, at.1 + r), tone))
        });
    }
    let t = row as f32 / 6.0;
    let base = view.h * (0.34 + 0.60 * t);
    let waves = [0.9, 1.4][random.index(2)];
    let outline: Vec<f32> = (0..stage.width)
        .map(|x| base + view.unit * 0.105 * (1.0 - 0.25 * t) * noise.line(x as f32 / view.unit * waves + 0.35 * t, 2))
        .collect();
    let cast = view.unit * 0.045;
    let shadow: Vec<f32> = outline.iter().map(|y| y - cast).collect();
    let under = stage.set.palette.shade;
    let edges = outline.clone();
    // The shadow: darkest at the edge, gone at its reach.
    let top = shadow.iter().copied().fold(f32::INFINITY, f32::min);
    stage.rows(top, view.h, |y, row| {
        for (pixel, edge) in row.iter_mut().zip(&edges) {
            let d = edge - y as f32;
            if d > -1.0 && d < cast {
                let k = 1.0 - (d / cast).clamp(0.0, 1.0);
                *pixel = pixel.mix(under, k * k * 0.30);
            }
        }
    });
    let (a, b) = (ramp.at(0.80 - 0.72 * t), ramp.at(0.70 - 0.70 * t));
    let rim = a.mix(Rgb::new(1.0, 1.0, 1.0), 0.25);
    stage.ridge(&outline, |_, _, depth| {
        let body = a.mix(b, (depth / (view.unit * 0.22)).min(1.0));
        if depth < 1.6 { rim.mix(body, 0.4) } else { body }
    });
}

/// Flowing marble: warped noise through the scale, with fine contour light.
fn marble(stage: &mut Stage<'_>) {
    let set = stage.set;
    let (view, ramp) = (set.view, ramp(set));
    let mut random = set.random("marble");
    let (a, b, c) = (set.noise("marble a"), set.noise("marble b"), set.noise("marble c"));
    let scale = random.range(1.1, 1.9) / view.unit;
    let bend = random.range(1.2, 2.2);
    let octaves = set.octaves(4);
    let step = set.step() * 0.75;
    let warp_x = stage.field(view.h, step, |x, y| a.warped(x * scale, y * scale, 3, bend) - 0.5);
    let warp_y = stage.field(view.h, step, |x, y| b.warped(x * scale + 5.0, y * scale, 3, bend) - 0.5);
    let height = stage.field(view.h, step, |x, y| {
        let (u, v) = (warp_x.at(x, y), warp_y.at(x, y));
        c.fbm(x * scale * 0.9 + bend * u, y * scale * 0.9 + bend * v, octaves)
    });
    let light = set.palette.light;
    let bands = random.range(11.0, 17.0);
    let eps = step * 1.5;
    stage.rows(0.0, view.h, |y, row| {
        let y = y as f32;
        for (x, pixel) in row.iter_mut().enumerate() {
            let x = x as f32;
            let h = height.at(x, y);
            let slope = (h - height.at(x - eps, y - eps)) / eps * view.unit;
            // Agate: each band has its own colour, a soft inner shade and a bright lip.
            let at = h * bands;
            let band = at.floor();
            let within = at - band;
            let tone = (band * 0.618).fract() * 0.55 + smooth(0.25, 0.75, h) * 0.42;
            let next = ((band + 1.0) * 0.618).fract() * 0.55 + smooth(0.25, 0.75, h) * 0.42;
            let colour =
                ramp.at(tone + (next - tone) * smooth(0.90, 1.0, within)).scale(1.0 - 0.22 * smooth(0.45, 0.0, within));
            let lip = smooth(0.86, 0.93, within) * smooth(1.0, 0.95, within);
            let shine = (slope * 0.05).clamp(-0.3, 0.3);
            let lit = if shine > 0.0 { colour.screen(light, shine) } else { colour.scale(1.0 + shine) };
            *pixel = lit.screen(light, lip * 0.28);
        }
    });
}

/// Bauhaus tiles: discs, quarters, bars and triangles on a grid.
fn tiles(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("tiles");
    let (view, palette) = (set.view, &set.palette);
    let cell = view.short / (3 + random.index(3)) as f32;
    let (columns, rows) = ((view.w / cell).ceil() as usize, (view.h / cell).ceil() as usize);
    let paper = palette.own(0.94, 0.02, 85.0);
    let dark = palette.own(0.24, 0.03, 270.0);
    let inks = [palette.pure[0], palette.pure[1], palette.pure[2], dark, paper, palette.pure[3]];
    let off = ((view.w - columns as f32 * cell) * 0.5, (view.h - rows as f32 * cell) * 0.5);
    stage.vector(|ink| {
        ink.fill(slab(-2.0, -2.0, view.w + 2.0, view.h + 2.0), paper);
        for row in 0..rows {
            for column in 0..columns {
                let (x, y) = (off.0 + column as f32 * cell, off.1 + row as f32 * cell);
                let back = random.index(6);
                let fore = inks[(back + 1 + random.index(5)) % 6];
                let extra = inks[(back + 2 + random.index(3)) % 6];
                ink.reset();
                ink.fill(slab(x - 0.3, y - 0.3, x + cell + 0.3, y + cell + 0.3), inks[back]);
                ink.place_turned((x + cell * 0.5, y + cell * 0.5), cell * 0.5, 90.0 * random.index(4) as f32);
                match random.index(7) {
                    0 => {
                        ink.fill(disc((0.0, 0.0), 0.78), fore);
                        ink.fill(disc((0.0, 0.0), 0.36), extra);
                    }
                    1 => ink.fill(quarter(2.0), fore),
                    2 => {
                        for k in 0..4 {
                            ink.fill(quarter(2.0 - 0.5 * k as f32), if k % 2 == 0 { fore } else { inks[back] });
                        }
                    }
                    3 => ink.fill(polygon(&[(-1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]), fore),
                    4 => {
                        for k in 0..4 {
                            let x = -1.0 + 0.5 * k as f32;
                            ink.fill(slab(x, -1.0, x + 0.25, 1.0), fore);
                        }
                    }
                    5 => {
                        ink.fill(half_disc(-1.0), fore);
                        ink.fill(half_disc(0.0), extra);
                    }
                    _ => {
                        for i in 0..9 {
                            ink.fill(disc(((i % 3) as f32 * 0.6 - 0.6, (i / 3) as f32 * 0.6 - 0.6), 0.14), fore);
                        }
                    }
                }
            }
        }
        ink.reset();
    });
    // Printed ink is never quite even.
    let noise = set.noise("print");
    stage.rows(0.0, view.h, |y, row| {
        for (x, pixel) in row.iter_mut().enumerate() {
            let n = noise.fbm(x as f32 / view.unit * 40.0, y as f32 / view.unit * 40.0, 3);
            *pixel = pixel.mix(paper, smooth(0.60, 0.85, n) * 0.35);
        }
    });
}

fn quarter(radius: f32) -> Option<tiny_skia::Path> {
    let mut points = vec![(-1.0, -1.0)];
    points.extend((0..=20).map(|i| {
        let (sin, cos) = (i as f32 / 20.0 * std::f32::consts::FRAC_PI_2).sin_cos();
        (-1.0 + radius * cos, -1.0 + radius * sin)
    }));
    polygon(&points)
}

fn half_disc(top: f32) -> Option<tiny_skia::Path> {
    let points: Vec<(f32, f32)> = (0..=24)
        .map(|i| {
            let (sin, cos) = (i as f32 / 24.0 * std::f32::consts::PI).sin_cos();
            (cos, top + sin)
        })
        .collect();
    polygon(&points)
}

/// Brush strokes along a field; each pass is finer and brighter.
fn strokes(stage: &mut Stage<'_>, pass: usize) {
    let set = stage.set;
    let mut random = set.random(["strokes 0", "strokes 1", "strokes 2"][pass.min(2)]);
    let (view, ramp) = (set.view, ramp(set));
    let flow = set.noise("flow");
    let tone = set.noise("tone");
    let wild = if set.brief.feels(Mood::Angry) || set.brief.feels(Mood::Chaotic) { 2.3 } else { 1.2 };
    let area = view.w * view.h / (view.unit * view.unit);
    let (count, width) = [(300.0, 0.034), (520.0, 0.016), (420.0, 0.0065)][pass.min(2)];
    stage.vector(|ink| {
        for _ in 0..((count * area) as usize).min(3000) {
            let (mut x, mut y) = (random.range(-0.05, 1.05) * view.w, random.range(-0.05, 1.05) * view.h);
            let t = tone.fbm(x / view.unit * 1.5, y / view.unit * 1.5, 2) + random.swing() * 0.22 + 0.06 * pass as f32;
            let colour = ramp.at(smooth(0.28, 0.98, t)).scale(random.range(0.9, 1.08));
            let mut path = vec![(x, y)];
            for _ in 0..5 + random.index(5) {
                let angle = (flow.fbm(x / view.unit * wild, y / view.unit * wild, 2) - 0.5) * 14.0;
                x += angle.cos() * view.unit * 0.036;
                y += angle.sin() * view.unit * 0.036;
                path.push((x, y));
            }
            let wide = view.unit * width * random.range(0.5, 1.3);
            ink.stroke(curve(&path), wide, colour, 0.92);
            // Bristles: thin lines beside the middle, lighter and darker.
            for k in [-0.28, 0.05, 0.30] {
                let moved: Vec<(f32, f32)> = path.iter().map(|p| (p.0 + k * wide * 0.7, p.1 + k * wide)).collect();
                ink.stroke(curve(&moved), wide * 0.09, colour.scale(if k > 0.0 { 0.84 } else { 1.14 }), 0.6);
            }
        }
    });
}

/// A few great orbs, each a gradient that dissolves into grain on one side, and thin construction lines.
fn orbs(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("orbs");
    let (view, palette) = (set.view, &set.palette);
    let count = if set.brief.feels(Mood::Minimal) { 2 } else { 5 };
    let noise = set.noise("orb grain");
    for i in 0..count {
        let r = view.short * if i == 0 { random.range(0.30, 0.40) } else { random.range(0.09, 0.27) };
        let (cx, cy) = (view.w * random.range(0.18, 0.82), view.h * random.range(0.2, 0.8));
        let (a, b) = (palette.pure[i % 4], palette.pure[(i + 2) % 4].mix(palette.light, 0.25));
        let (dy, dx) = (random.unit() * std::f32::consts::TAU).sin_cos();
        let fade = random.range(0.15, 0.75);
        stage.glow((cx - dx * r * 0.3, cy - dy * r * 0.3), r * 1.7, b, 0.22);
        stage.region([cx - r - 1.0, cy - r - 1.0, cx + r + 2.0, cy + r + 2.0], |x, y, pixel| {
            let (px, py) = ((x - cx) / r, (y - cy) / r);
            let d = px.hypot(py);
            let cover = ((1.0 - d) * r + 0.5).clamp(0.0, 1.0);
            if cover > 0.0 {
                let along = (px * dx + py * dy) * 0.5 + 0.5;
                let grain = noise.lattice(x as i32, y as i32) - 0.5;
                let t = (along + grain * 0.22).clamp(0.0, 1.0);
                let body = a.mix(b, smooth(0.1, 0.9, t));
                // Grain thins the far side out, as a printer's rosin would.
                let alpha = 1.0 - (1.0 - fade) * smooth(0.55, 1.0, along + grain * 0.5);
                let rim = smooth(0.80, 1.0, d) * smooth(0.6, 0.0, along);
                *pixel = pixel.mix(body.scale(1.0 - 0.22 * rim), cover * alpha);
            }
        });
    }
    let line = palette.own(0.25, 0.05, 270.0);
    stage.vector_as(Blend::Over, 0.5, |ink| {
        let (cx, cy) = (view.w * random.range(0.35, 0.65), view.h * random.range(0.35, 0.65));
        for k in 1..5 {
            ink.stroke(disc((cx, cy), view.short * 0.11 * k as f32), view.unit * 0.0014, line, 0.8);
        }
        let tilt = random.swing();
        ink.stroke(
            curve(&[(0.0, cy - tilt * view.h * 0.5), (view.w, cy + tilt * view.h * 0.5)]),
            view.unit * 0.002,
            line,
            1.0,
        );
        ink.fill(disc((cx, cy), view.short * 0.014), line);
    });
}
