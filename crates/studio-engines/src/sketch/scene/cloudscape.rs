//! Mostly sky: banks of cumulus in several depths, birds or balloons, a strip of land.

use super::terrain::{hills, roughen};
use super::{Plan, add, sky};
use crate::sketch::lexicon::{Mood, Subject, Weather};
use crate::sketch::noise::smooth;
use crate::sketch::stage::{Setting, Stage};
use crate::sketch::subject;

/// The layers of a cloudscape.
pub(crate) fn compose(set: &Setting, plan: &mut Plan) {
    sky::compose(set, plan);
    if !set.brief.feels(Mood::Minimal) && !set.brief.is(Weather::Clear) {
        for row in 0..4 {
            add(plan, move |stage| bank(stage, row));
        }
    }
    add(plan, land);
    if !set.brief.has(Subject::Bird) {
        add(plan, sky::birds);
    }
    subject::foreground(set, plan);
}

/// One bank of cumulus: heaped billows with a lit rim, melting into haze below.
fn bank(stage: &mut Stage<'_>, row: usize) {
    const LABELS: [&str; 4] = ["bank 0", "bank 1", "bank 2", "bank 3"];
    let set = stage.set;
    let label = LABELS[row.min(3)];
    let mut random = set.random(label);
    let noise = set.noise(label);
    let (unit, view, palette) = (set.view.unit, set.view, &set.palette);
    let near = row as f32 / 3.0;
    let base = view.h * (0.50 + 0.42 * near);
    // A bank is a few broad heaps, scalloped twice: large billows, and small ones upon them.
    let count = (view.w / unit * 2.0) as usize + 2;
    let heaps: Vec<(f32, f32, f32)> = (0..count)
        .map(|_| {
            let wide = unit * random.range(0.12, 0.30);
            (random.range(-0.05, 1.05) * view.w, wide, wide * random.range(0.35, 1.05) * (1.15 - 0.35 * near))
        })
        .collect();
    let billow = |u: f32| (u * std::f32::consts::PI).sin().abs().sqrt();
    let (large, small) = (unit * (0.085 + 0.045 * near), unit * (0.034 + 0.016 * near));
    let phase = random.range(0.0, 9.0);
    let outline: Vec<f32> = (0..stage.width)
        .map(|x| {
            let x = x as f32;
            let heap = heaps.iter().fold(0.0, |sum, &(cx, wide, tall)| {
                let d = (x - cx) / wide;
                sum + tall / (1.0 + d * d * d * d)
            });
            let sway = 0.8 * noise.line(x / unit * 4.0, 2);
            let lumps = 0.36 * large * billow(x / large + phase + sway) + 0.30 * small * billow(x / small + sway * 2.0);
            base - heap.min(unit * 0.34) - lumps - noise.line(x / unit * 26.0, 2) * unit * 0.004
        })
        .collect();
    let light = palette.light.mix(palette.sky.at(0.98), 0.15 + 0.2 * (1.0 - near));
    let body = palette.sky.at(0.95).mix(palette.sky.at(0.45), 0.30 + 0.12 * near);
    let dark = palette.sky.at(0.55).mix(palette.sky.at(0.2), 0.5 * near);
    stage.ridge(&outline, |x, y, depth| {
        let fluff = noise.fbm(x / unit * 9.0, y / unit * 11.0, 3) - 0.5;
        let t = depth / (unit * 0.16) + fluff * 0.8;
        let colour = light.mix(body, smooth(0.02, 0.42, t));
        colour.mix(dark, smooth(0.45, 1.7, t) * 0.8)
    });
}

/// A strip of hills at the bottom.
fn land(stage: &mut Stage<'_>) {
    let set = stage.set;
    let unit = set.view.unit;
    let mut ground = hills(stage, "land", set.view.h * 0.955, unit * 0.03, 1.2);
    roughen(&mut ground, set.noise("land"), unit * 0.012, unit * 0.012);
    let tone = set.palette.depth(0.82).mix(set.palette.local(0.4, 0.07, 150.0), 0.3);
    let rim = set.palette.fade(tone, 0.3);
    stage.ridge(&ground, |_, _, depth| rim.mix(tone, (depth / (unit * 0.05)).min(1.0)));
}
