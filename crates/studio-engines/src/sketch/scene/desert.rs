//! The desert: mesas in the haze, dunes with sharp crests, a sun that means it.

use super::terrain::hills;
use super::{Plan, add, sky};
use crate::sketch::ink::polygon;
use crate::sketch::lexicon::{Mood, Subject, Time};
use crate::sketch::noise::smooth;
use crate::sketch::stage::{Blend, Setting, Stage};
use crate::sketch::subject;

/// The layers of a desert.
pub(crate) fn compose(set: &Setting, plan: &mut Plan) {
    sky::compose(set, plan);
    if !set.brief.feels(Mood::Minimal) {
        add(plan, |stage| mesas(stage, 0));
        add(plan, |stage| mesas(stage, 1));
    }
    for row in 0..4 {
        add(plan, move |stage| dune(stage, row));
    }
    subject::on_ground(set, plan, 0.0);
    if set.brief.has(Subject::Cactus) || set.key.is_multiple_of(3) {
        add(plan, cacti);
    }
    add(plan, stones);
    if !set.brief.night() {
        add(plan, sky::birds);
    }
    subject::foreground(set, plan);
}

/// Table mountains with strata.
fn mesas(stage: &mut Stage<'_>, row: usize) {
    let set = stage.set;
    let label = if row == 0 { "mesas 0" } else { "mesas 1" };
    let mut random = set.random(label);
    let noise = set.noise(label);
    let (unit, base) = (set.view.unit, set.layout.horizon + set.view.unit * 0.02);
    let count = (set.view.w / unit * 2.2) as usize + 2;
    let tables: Vec<(f32, f32, f32)> = (0..count)
        .map(|_| {
            (
                random.unit() * set.view.w,
                unit * random.range(0.05, 0.17),
                unit * random.range(0.06, 0.19) * (1.0 - 0.2 * row as f32),
            )
        })
        .collect();
    let outline: Vec<f32> = (0..stage.width)
        .map(|x| {
            let x = x as f32;
            let rough = noise.line(x / unit * 16.0, 3) * unit * 0.006;
            let rise = tables.iter().fold(0.0_f32, |rise, &(cx, half, tall)| {
                let out = (x - cx).abs() - half;
                // Steep cliff above, skirt of rubble below.
                let cliff = smooth(unit * 0.014, 0.0, out) * tall;
                let skirt = (1.0 - out.max(0.0) / (tall * 1.1)).clamp(0.0, 1.0) * tall * 0.45;
                rise.max(cliff.max(skirt))
            });
            base - rise - rough
        })
        .collect();
    let distance = if row == 0 { 0.62 } else { 0.36 };
    let palette = &set.palette;
    let (lit, dark) = (
        palette.fade(palette.local(0.62, 0.12, 45.0), distance),
        palette.fade(palette.local(0.42, 0.10, 30.0), distance),
    );
    let foot = palette.fade(lit, 0.5);
    stage.ridge(&outline, |x, y, depth| {
        let strata = noise.fbm(x / unit * 1.2, y / unit * 34.0, 2);
        let streak = noise.fbm(x / unit * 26.0, y / unit * 3.0, 2);
        let t = smooth(0.35, 0.65, strata * 0.55 + streak * 0.45);
        lit.mix(dark, t * 0.8).mix(foot, smooth(0.0, unit * 0.20, depth) * 0.6)
    });
}

/// One dune: a crest line that falls to the viewer divides light from shadow.
fn dune(stage: &mut Stage<'_>, row: usize) {
    const LABELS: [&str; 4] = ["dune 0", "dune 1", "dune 2", "dune 3"];
    let set = stage.set;
    let label = LABELS[row.min(3)];
    let mut random = set.random(label);
    let noise = set.noise(label);
    let (unit, palette) = (set.view.unit, &set.palette);
    let near = row as f32 / 3.0;
    let space = set.view.h - set.layout.horizon;
    let base = set.layout.horizon + space * (0.06 + 0.62 * near * near + 0.10 * near);
    let outline = hills(stage, label, base, unit * (0.055 + 0.085 * near), 1.0 - 0.30 * near);
    // The crest wanders down from a summit of the outline.
    let summit = outline.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).map_or(0.0, |(x, _)| x as f32);
    let drift = random.range(0.4, 1.1) * if set.layout.sun.0 < summit { 1.0 } else { -1.0 };
    let distance = 0.45 * (1.0 - near);
    let hot = set.brief.time == Time::Noon;
    let hue = if hot { 72.0 } else { 55.0 };
    let lit = palette.fade(palette.local(0.86, 0.095, hue), distance).mix(palette.light, 0.12);
    let dark = palette.fade(palette.local(if hot { 0.62 } else { 0.46 }, 0.11, hue - 22.0), distance);
    let scale = 1.0 / (unit * (0.010 + 0.016 * near));
    stage.ridge(&outline, |x, y, depth| {
        let crest = summit
            + drift * depth * 1.3
            + noise.line(depth / unit * 3.0 + 2.0, 2) * unit * 0.09 * (depth / unit * 4.0).min(1.0);
        let side = (x - crest) * drift.signum();
        let shadow = smooth(-0.004 * unit, 0.004 * unit + depth * 0.03, side) * smooth(unit * 0.55, unit * 0.1, side);
        let bend = noise.fbm(x / unit * 3.0, y / unit * 3.0, 2) * 7.0;
        let ripple =
            ((y * scale * 1.15 + (x * scale) * 0.12 + bend).sin() * 0.5 + 0.5) * smooth(0.0, unit * 0.05, depth);
        let down = smooth(0.0, unit * 0.30, depth);
        let sand = lit.mix(dark, (0.02 + 0.58 * down + 0.15 * ripple).min(1.0));
        sand.mix(dark, shadow * 0.62 * smooth(unit * 0.6, unit * 0.1, depth))
    });
}

/// Cacti: one hero and some far ones, each with its shadow on the sand.
fn cacti(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("cacti");
    let (view, palette) = (set.view, &set.palette);
    let lone = set.brief.feels(Mood::Sad) || set.brief.feels(Mood::Minimal);
    let side = if set.layout.sun.0 > view.w * 0.5 { -1.0 } else { 1.0 };
    let space = view.h - set.layout.horizon;
    let mut spots = vec![(
        (view.w * (0.5 + side * random.range(0.08, 0.22)), set.layout.horizon + space * 0.66),
        (view.h * 0.46).min(view.unit * 0.5),
    )];
    if !lone {
        for _ in 0..3 {
            let far = random.range(0.2, 0.42);
            spots.push(((random.unit() * view.w, set.layout.horizon + space * far), view.short * far * 0.36));
        }
        spots.reverse();
    }
    let away = (spots.last().map_or(0.0, |spot| spot.0.0) - set.layout.sun.0).signum();
    let reach = if set.brief.time == Time::Noon { 0.45 } else { 1.3 };
    let shade = palette.local(0.5, 0.09, 40.0);
    stage.vector_as(Blend::Multiply, 0.55, |ink| {
        for &((x, y), size) in &spots {
            let (w, y) = (size * 0.07, y + size * 0.05);
            let tip = (x + away * size * reach, y + size * 0.14);
            ink.fill(
                polygon(&[
                    (x - w, y - w * 0.2),
                    (tip.0, tip.1 - w * 0.3),
                    (tip.0, tip.1 + w * 0.3),
                    (x + w, y + w * 0.4),
                ]),
                shade,
            );
        }
    });
    let blooms = set.brief.has(Subject::Flower) || random.chance(0.5);
    stage.vector(|ink| {
        for &((x, y), size) in &spots {
            let far = 1.0 - (size / view.short * 2.2).min(1.0);
            let skin = palette.fade(palette.local(0.52, 0.10, 150.0), 0.5 * far);
            let dark = palette.fade(palette.local(0.26, 0.06, 165.0), 0.4 * far);
            ink.place((x, y), size, away);
            subject::plant::cactus(ink, &mut random, skin, dark, (blooms && far < 0.5).then_some(palette.pure[0]));
        }
    });
}

/// A few stones and dry tufts, for scale.
fn stones(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("stones");
    let (view, palette) = (set.view, &set.palette);
    let space = view.h - set.layout.horizon;
    let (lit, dark) = (palette.local(0.66, 0.07, 50.0), palette.local(0.36, 0.06, 35.0));
    stage.vector(|ink| {
        for _ in 0..16 {
            let t = 0.35 + 0.62 * random.unit();
            let (x, y) = (random.unit() * view.w, set.layout.horizon + space * t);
            let s = view.unit * 0.016 * t * random.range(0.5, 1.5);
            if random.chance(0.55) {
                ink.fill(
                    polygon(&[
                        (x - s, y),
                        (x - s * 0.7, y - s * 0.6),
                        (x + s * 0.1, y - s * 0.85),
                        (x + s * 0.9, y - s * 0.4),
                        (x + s * 1.1, y),
                    ]),
                    dark,
                );
                ink.fill(
                    polygon(&[
                        (x - s * 0.7, y - s * 0.6),
                        (x + s * 0.1, y - s * 0.85),
                        (x + s * 0.1, y - s * 0.3),
                        (x - s * 0.5, y - s * 0.2),
                    ]),
                    lit,
                );
            } else {
                for k in -3..=3 {
                    let lean = k as f32 * 0.35 + random.swing() * 0.2;
                    ink.fill(polygon(&[(x - s * 0.08, y), (x + lean * s, y - s * 1.6), (x + s * 0.08, y)]), dark);
                }
            }
        }
    });
}
