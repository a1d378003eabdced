//! Below the water line: light from above, reefs in the blue, weed, and those who live there.

use super::terrain::{hills, roughen};
use super::{Plan, add};
use crate::sketch::colour::{Ramp, Rgb};
use crate::sketch::ink::{curve, disc, limb, oval};
use crate::sketch::lexicon::Subject;
use crate::sketch::noise::smooth;
use crate::sketch::stage::{Setting, Stage};
use crate::sketch::subject::aquatic;

/// The layers of a sea below its surface.
pub(crate) fn compose(plan: &mut Plan) {
    add(plan, depths);
    add(plan, |stage| reef(stage, 0));
    add(plan, |stage| shoal(stage, 0));
    add(plan, |stage| reef(stage, 1));
    add(plan, hero);
    add(plan, |stage| shoal(stage, 1));
    add(plan, |stage| reef(stage, 2));
    add(plan, weed);
    add(plan, bubbles);
}

/// Blue that deepens, with shafts of light.
fn depths(stage: &mut Stage<'_>) {
    let set = stage.set;
    let palette = &set.palette;
    let hue = 205.0 + (set.key % 40) as f32;
    let bright = 0.5 + 0.5 * palette.exposure;
    let ramp = Ramp::new(&[
        palette.own(0.90 * bright, 0.08, hue - 20.0).lab(),
        palette.own(0.68 * bright, 0.11, hue - 5.0).lab(),
        palette.own(0.44 * bright, 0.10, hue + 15.0).lab(),
        palette.own(0.24, 0.07, hue + 35.0).lab(),
    ]);
    let noise = set.noise("shafts");
    let (w, h) = (set.view.w, set.view.h);
    let source = (set.layout.sun.0, -h * 0.55);
    let light = palette.own(0.95, 0.06, hue - 40.0);
    let reach = 1.0 / (set.view.unit * 0.55).powi(2);
    stage.rows(0.0, h, |y, row| {
        let (y, t) = (y as f32, y as f32 / h);
        for (x, pixel) in row.iter_mut().enumerate() {
            let x = x as f32;
            let angle = (x - source.0) / (y - source.1);
            let shaft = smooth(0.42, 0.80, noise.fbm(angle * 16.0, t * 0.7, 3));
            let d = ((x - source.0).powi(2) + y * y) * reach;
            let base = ramp.at(t * 1.02 + 0.05 * (noise.fbm(x / w * 2.0, t * 3.0, 2) - 0.5));
            *pixel = base.screen(light, 0.55 / (1.0 + 2.2 * d) + shaft * (1.0 - t).powi(2) * 0.42 / (1.0 + 0.4 * d));
        }
    });
}

fn water(set: &Setting, nearness: f32) -> Rgb {
    let hue = 235.0 + (set.key % 30) as f32;
    set.palette.own(0.50 - 0.34 * nearness, 0.09 - 0.03 * nearness, hue)
}

/// Rocks and corals, far to near.
fn reef(stage: &mut Stage<'_>, row: usize) {
    const LABELS: [&str; 3] = ["reef 0", "reef 1", "reef 2"];
    let set = stage.set;
    let label = LABELS[row.min(2)];
    let mut random = set.random(label);
    let (unit, view) = (set.view.unit, set.view);
    let near = row as f32 / 2.0;
    let mut ground = hills(stage, label, view.h * (0.80 + 0.13 * near), unit * (0.09 - 0.03 * near), 1.3);
    let lean = random.sign();
    for (x, y) in ground.iter_mut().enumerate() {
        // One side rises: a cliff to swim past.
        let t = (x as f32 / view.w - 0.5) * 2.0 * lean;
        *y -= unit * 0.30 * (1.0 - 0.5 * near) * smooth(0.35, 1.0, t);
    }
    roughen(&mut ground, set.noise(label), unit * 0.03, unit * 0.05);
    let tone = water(set, 0.25 + 0.7 * near);
    let rim = tone.mix(water(set, 0.0), 0.45);
    stage.ridge(&ground, |_, _, depth| rim.mix(tone, (depth / (unit * 0.10)).min(1.0)));
    if row == 0 {
        return;
    }
    let count = (view.w / unit * 9.0) as usize + 3;
    let palette = &set.palette;
    stage.vector(|ink| {
        for _ in 0..count {
            let x = random.unit() * view.w;
            let foot = ground[(x as usize).min(ground.len() - 1)] + unit * 0.01;
            let own = palette.pure[random.index(4)].mix(tone, 0.42 + 0.3 * (1.0 - near));
            let size = unit * random.range(0.05, 0.12) * (0.6 + 0.5 * near);
            match random.index(3) {
                0 => {
                    for k in 0..7 {
                        let angle = (-150.0 + 20.0 * k as f32 + random.swing() * 12.0).to_radians();
                        let tip = (x + angle.cos() * size, foot + angle.sin() * size * random.range(0.7, 1.1));
                        ink.fill(limb((x, foot), tip, size * 0.13, size * 0.07), own);
                        ink.fill(disc(tip, size * 0.06), own.mix(palette.light, 0.25));
                    }
                }
                1 => {
                    ink.fill(oval((x, foot), size * 0.55, size * 0.42), own);
                    for k in 0..4 {
                        let r = size * (0.46 - 0.11 * k as f32);
                        ink.stroke(oval((x, foot), r, r * 0.76), size * 0.02, own.scale(0.75), 1.0);
                    }
                }
                _ => {
                    for k in -2..=2 {
                        let at = x + k as f32 * size * 0.18;
                        let tall = size * random.range(0.5, 1.0);
                        ink.stroke(curve(&[(at, foot), (at + size * 0.03, foot - tall)]), size * 0.13, own, 1.0);
                        ink.fill(oval((at + size * 0.03, foot - tall), size * 0.055, size * 0.03), own.scale(0.55));
                    }
                }
            }
        }
    });
}

/// A school of small fish.
fn shoal(stage: &mut Stage<'_>, row: usize) {
    let set = stage.set;
    let mut random = set.random(if row == 0 { "shoal 0" } else { "shoal 1" });
    let view = set.view;
    let (cx, cy) = (view.w * random.range(0.2, 0.8), view.h * random.range(0.22, 0.62));
    let flip = random.sign();
    let tone = if row == 0 { water(set, 0.55) } else { set.palette.pure[2] };
    let (count, size) = if row == 0 { (26, 0.030) } else { (9, 0.060) };
    stage.vector(|ink| {
        for _ in 0..count {
            let at = (cx + random.swing() * view.w * 0.24, cy + random.swing() * view.h * 0.13);
            ink.place(at, view.short * size * random.range(0.7, 1.25), flip);
            aquatic::fish(ink, tone, tone.scale(0.8), set.palette.shade);
        }
    });
}

/// Whoever was named: fish, whale, jellyfish; else a jellyfish by chance.
fn hero(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("hero");
    let (view, palette) = (set.view, &set.palette);
    let at = (view.w * random.range(0.40, 0.60), view.h * random.range(0.42, 0.54));
    let flip = random.sign();
    let brief = &set.brief;
    let glow = palette.own(0.85, 0.10, 320.0);
    let jelly = brief.has(Subject::Jellyfish) || brief.subjects.is_empty();
    if jelly {
        stage.glow((at.0, at.1 - view.short * 0.1), view.short * 0.42, glow, 0.45);
    }
    stage.vector(|ink| {
        if brief.has(Subject::Whale) {
            ink.place_turned(at, view.short * 0.62, random.range(-14.0, 8.0));
            aquatic::whale(ink, water(set, 0.75), palette.own(0.80, 0.03, 230.0));
        }
        if brief.has(Subject::Fish) {
            ink.place(at, view.short * 0.40, flip);
            aquatic::fish(ink, palette.pure[0], palette.pure[2], palette.shade);
        }
        if jelly {
            for i in 0..3 {
                let off = (view.w * 0.16 * (i as f32 - 0.6) * flip, view.h * (random.swing() * 0.14 + 0.12));
                ink.place((at.0 + off.0, at.1 + off.1), view.short * [0.42, 0.24, 0.16][i], 1.0);
                aquatic::jellyfish(
                    ink,
                    palette.own(0.72, 0.15, 330.0 + 25.0 * i as f32),
                    glow,
                    random.range(-1.0, 1.0),
                );
            }
        }
    });
}

/// Weed that sways in front.
fn weed(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("weed");
    let (view, unit) = (set.view, set.view.unit);
    let tone = water(set, 1.0).mix(set.palette.own(0.34, 0.07, 160.0), 0.4);
    let lean = random.sign();
    stage.vector(|ink| {
        for _ in 0..11 {
            let side = if random.chance(0.7) { lean } else { -lean };
            let x = view.w * (0.5 + 0.5 * side * (0.55 + 0.5 * random.unit()));
            let tall = (view.h * random.range(0.25, 0.62)).min(unit * 0.75);
            let sway = unit * random.range(0.015, 0.04);
            let phase = random.unit() * 6.0;
            let spine: Vec<(f32, f32)> = (0..=10)
                .map(|k| {
                    (
                        x + (phase + k as f32 * 0.8).sin() * sway * (0.3 + 0.1 * k as f32),
                        view.h - tall * k as f32 / 10.0,
                    )
                })
                .collect();
            ink.stroke(curve(&spine), unit * 0.006, tone, 1.0);
            for (k, &(px, py)) in spine.iter().enumerate().skip(1) {
                let out = if k % 2 == 0 { 1.0 } else { -1.0 };
                let leaf = unit * 0.055 * (1.0 - 0.05 * k as f32);
                ink.stroke(
                    curve(&[(px, py), (px + out * leaf * 0.7, py - leaf * 0.35), (px + out * leaf, py - leaf)]),
                    unit * 0.010,
                    tone,
                    1.0,
                );
            }
        }
    });
}

/// Bubbles rising.
fn bubbles(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("bubbles");
    let (view, unit) = (set.view, set.view.unit);
    let light = set.palette.own(0.95, 0.03, 210.0);
    stage.vector(|ink| {
        for _ in 0..3 {
            let x = random.unit() * view.w;
            for _ in 0..9 {
                let at = (x + random.swing() * unit * 0.04, random.unit() * view.h * 0.9);
                let r = unit * random.range(0.002, 0.010);
                ink.stroke(disc(at, r), r * 0.22 + 0.4, light, 0.7);
                ink.wash(disc((at.0 - r * 0.3, at.1 - r * 0.3), r * 0.25), light, 0.8);
            }
        }
    });
}
