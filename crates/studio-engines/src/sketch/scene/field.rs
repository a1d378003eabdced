//! Fields: rolling land, crops in rows or meadows of flowers, large in front and dust of colour far away.

use super::terrain::{firs, hills, roughen};
use super::{Plan, add, sky, water};
use crate::sketch::colour::Rgb;
use crate::sketch::ink::{oval, polygon};
use crate::sketch::lexicon::{Season, Subject, Weather};
use crate::sketch::noise::smooth;
use crate::sketch::stage::{Setting, Stage};
use crate::sketch::subject::{self, plant};

/// The layers of a field.
pub(crate) fn compose(set: &Setting, plan: &mut Plan) {
    let brief = &set.brief;
    sky::compose(set, plan);
    for row in 0..3 {
        add(plan, move |stage| far_hill(stage, row));
    }
    add(plan, meadow);
    if brief.has(Subject::Road) {
        add(plan, road);
    }
    if brief.water {
        add(plan, pond);
    }
    subject::on_ground(set, plan, 0.06);
    if set.brief.subjects.is_empty() && set.random("lone tree").chance(0.6) {
        add(plan, |stage| subject::stand(stage, Subject::Tree, 0, 0.06));
    }
    if brief.season != Season::Winter {
        add(plan, flowers);
    }
    if !brief.night() {
        add(plan, sky::birds);
    }
    subject::foreground(set, plan);
}

/// Grass for the season: lightness, chroma, hue.
fn grass(set: &Setting) -> (f32, f32, f32) {
    match set.brief.season {
        Season::Spring => (0.70, 0.14, 130.0),
        Season::Summer => (0.66, 0.12, 118.0),
        Season::Autumn => (0.68, 0.12, 82.0),
        Season::Winter => (0.90, 0.025, 245.0),
    }
}

/// Distant hills with hedges and woods.
fn far_hill(stage: &mut Stage<'_>, row: usize) {
    const LABELS: [&str; 3] = ["hill 0", "hill 1", "hill 2"];
    let set = stage.set;
    let label = LABELS[row.min(2)];
    let mut random = set.random(label);
    let unit = set.view.unit;
    let distance = [0.68, 0.48, 0.28][row.min(2)];
    let base = set.layout.horizon - unit * (0.05 - 0.035 * row as f32);
    let ground = hills(stage, label, base, unit * (0.085 - 0.015 * row as f32), 0.8 + 0.3 * row as f32);
    let (l, c, hue) = grass(set);
    let palette = &set.palette;
    let cool = 20.0 * (1.0 - row as f32 * 0.4);
    let lit = palette.fade(palette.local(l - 0.06, c * 0.9, hue + cool), distance);
    let dark = palette.fade(palette.local(l - 0.24, c * 0.8, hue + cool + 10.0), distance);
    let wood = palette.fade(palette.local(0.34, 0.07, 150.0), distance * 0.85);
    let noise = set.noise(label);
    let trees = firs(&ground, &mut random, unit * 0.030, unit * 0.016);
    let mut lumps = ground.clone();
    roughen(&mut lumps, noise, unit * 0.022, unit * 0.034);
    let woods: Vec<f32> = (0..ground.len())
        .map(|x| {
            let here = smooth(0.48, 0.56, noise.value(x as f32 / unit * 3.6, 5.0));
            let crown = if noise.value(x as f32 / unit * 1.3, 9.0) > 0.55 { trees[x] } else { lumps[x] };
            ground[x] + 2.0 - (ground[x] + 2.0 - crown) * here
        })
        .collect();
    stage.ridge(&woods, |_, _, _| wood);
    let patch = set.noise("patchwork");
    stage.ridge(&ground, |x, y, depth| {
        let n = patch.fbm(x / unit * 3.0 + row as f32 * 7.0, y / unit * 9.0, 2);
        lit.mix(dark, (smooth(0.40, 0.60, n) * 0.55 + smooth(0.0, unit * 0.14, depth) * 0.5).min(1.0))
    });
}

/// The near meadow, in light and shade, with stripes when it is tilled.
fn meadow(stage: &mut Stage<'_>) {
    let set = stage.set;
    let (unit, view, palette) = (set.view.unit, set.view, &set.palette);
    let mut random = set.random("meadow");
    let base = set.layout.horizon + unit * 0.05;
    let ground = hills(stage, "meadow", base, unit * 0.025, 0.7);
    let (l, c, hue) = grass(set);
    let (lit, dark) = (palette.local(l + 0.05, c, hue - 4.0), palette.local(l - 0.28, c * 0.85, hue + 14.0));
    let air = palette.fade(lit, 0.3);
    let noise = set.noise("meadow light");
    let tilled = !set.brief.has(Subject::Flower) && set.brief.season != Season::Winter;
    let rows = random.chance(0.35) && tilled;
    let vanish = view.w * random.range(0.3, 0.7);
    let space = (view.h - base).max(1.0);
    stage.ridge(&ground, |x, y, depth| {
        let near = (depth / space).clamp(0.0, 1.0);
        let scale = 1.0 / (unit * (0.03 + 0.30 * near));
        let sweep = noise.fbm(x * scale * 0.5, (near + 0.04).ln() * 5.0, 3);
        let blade = noise.value(x * scale * 9.0, y * scale * 2.2);
        let mut shade = smooth(0.35, 0.7, sweep) * 0.6 + (blade - 0.5) * 0.30 + near * 0.30;
        if rows {
            let u = (x - vanish) / (near + 0.05) / unit * 4.2;
            shade += (smooth(0.25, 0.5, (u.fract() + 1.0).fract()) - 0.5) * 0.45;
        }
        air.mix(lit, smooth(0.0, 0.2, near)).mix(dark, shade.clamp(0.0, 1.0))
    });
}

/// A road that winds to the hills.
fn road(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("road");
    let (view, top) = (set.view, set.layout.horizon + set.view.unit * 0.06);
    let sway = view.w * random.range(0.06, 0.16) * random.sign();
    let mut left = Vec::new();
    let mut right = Vec::new();
    for i in 0..=24 {
        let t = i as f32 / 24.0;
        let near = t * t;
        let x = view.w * 0.5 + sway * (t * 5.0).sin() * (0.3 + t);
        let half = view.unit * (0.004 + 0.16 * near);
        let y = top + (view.h * 1.02 - top) * near;
        left.push((x - half, y));
        right.push((x + half, y));
    }
    left.extend(right.iter().rev());
    let tone = set.palette.local(0.80, 0.045, 75.0);
    stage.vector(|ink| {
        ink.blend(polygon(&left), ((0.0, top), set.palette.fade(tone, 0.3)), ((0.0, view.h), tone.scale(0.85)))
    });
}

/// A pond in the foreground.
fn pond(stage: &mut Stage<'_>) {
    let set = stage.set;
    let line = set.layout.horizon + (set.view.h - set.layout.horizon) * 0.5;
    let deep = set.palette.local(0.42, 0.07, 225.0);
    water::paint(stage, water::Surface { line, deep, mirror: 0.85, chop: 0.4, glitter: 0.3 });
}

/// Flowers: far ones are specks, near ones have petals.
fn flowers(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("flowers");
    let (view, palette, unit) = (set.view, &set.palette, set.view.unit);
    let wanted = set.brief.has(Subject::Flower) || set.brief.season == Season::Spring;
    let kinds = [plant::Bloom::Daisy, plant::Bloom::Poppy, plant::Bloom::Tulip, plant::Bloom::Lavender];
    let first = random.index(4);
    let kind = |n: usize| kinds[(first + n) % 4];
    let petals: [Rgb; 4] = [
        palette.accents[0],
        palette.accents[2],
        palette.local(0.95, 0.02, 90.0),
        palette.local(0.66, 0.17, random.pick(&[25.0, 350.0, 305.0])),
    ];
    let heart = palette.local(0.82, 0.15, 85.0);
    let (l, c, hue) = grass(set);
    let stem = palette.local(l - 0.22, c * 0.9, hue + 12.0);
    let top = set.layout.horizon + unit * 0.10;
    let space = view.h * 1.03 - top;
    let drift = set.noise("flower drifts");
    let wide = (view.w / unit).max(0.6);
    let specks = (if wanted { 1500.0 } else { 260.0 } * wide) as usize;
    stage.vector(|ink| {
        for _ in 0..specks.min(5000) {
            let near = random.unit().powf(1.5) * 0.62;
            let (x, y) = (random.unit() * view.w, top + space * near);
            let here = drift.fbm(x / unit * 2.6, near * 9.0, 2);
            if here < 0.44 && random.chance(0.8) {
                continue;
            }
            let which = ((here * 13.0) as usize + random.index(2)) % 4;
            let size = unit * (0.0016 + 0.0105 * near);
            let tone = palette.fade(petals[which], 0.25 * (1.0 - near)).scale(random.range(0.88, 1.05));
            ink.fill(oval((x, y), size, size * 0.72), tone);
        }
    });
    let mut heads: Vec<(f32, f32, usize)> = (0..((if wanted { 150.0 } else { 34.0 }) * wide) as usize)
        .map(|_| {
            let near = 0.42 + 0.66 * random.unit().sqrt();
            let x = random.unit() * view.w;
            let kind = (drift.fbm(x / unit * 1.8, near * 3.0, 2) * 9.0) as usize;
            (near, x, kind)
        })
        .collect();
    heads.sort_by(|a, b| a.0.total_cmp(&b.0));
    let wet = set.brief.is(Weather::Rain);
    stage.vector(|ink| {
        for (near, x, which) in heads {
            let size = unit * 0.17 * near * near * random.range(0.75, 1.2) * if wet { 0.9 } else { 1.0 };
            let foot = top + space * near + size * 0.5;
            ink.place((x, foot), size, 1.0);
            for _ in 0..5 {
                let lean = random.swing() * 0.35;
                let base = random.swing() * 0.4;
                ink.fill(
                    polygon(&[(base - 0.03, 0.1), (base + lean, -random.range(0.4, 0.8)), (base + 0.03, 0.1)]),
                    stem.scale(random.range(0.75, 1.1)),
                );
            }
            let petal = petals[which % 4].scale(random.range(0.92, 1.05));
            plant::flower(ink, &mut random, kind(which % 3), [stem, petal, heart]);
        }
        ink.reset();
    });
}
