//! Mountains: rows of lit peaks in the air between them, a lake or hills below, firs in front.

use super::terrain::{Look, Peaks, firs, hills, roughen};
use super::{Plan, add, sky, water};
use crate::sketch::lexicon::{Season, Style, Subject, Time, Weather};
use crate::sketch::noise::smooth;
use crate::sketch::stage::{Setting, Stage};
use crate::sketch::{style, subject};

/// The layers of a mountain view.
pub(crate) fn compose(set: &Setting, plan: &mut Plan) {
    let brief = &set.brief;
    sky::compose(set, plan);
    for row in 0..3 {
        add(plan, move |stage| range(stage, row));
        add(plan, move |stage| mist(stage, row));
    }
    if brief.styled(Style::Retro) {
        add(plan, style::neon_floor);
    } else if brief.water {
        add(plan, shore);
        add(plan, lake);
    } else {
        for row in 0..2 {
            add(plan, move |stage| slope(stage, row));
        }
    }
    subject::on_ground(set, plan, 0.0);
    if !brief.styled(Style::Retro) {
        add(plan, front);
    }
    subject::foreground(set, plan);
}

/// One row of peaks: 0 is the farthest.
fn range(stage: &mut Stage<'_>, row: usize) {
    const LABELS: [&str; 3] = ["range 0", "range 1", "range 2"];
    let set = stage.set;
    let (palette, brief) = (&set.palette, &set.brief);
    let label = LABELS[row.min(2)];
    let mut random = set.random(label);
    let horizon = set.layout.horizon;
    let height = (horizon * [0.62, 0.56, 0.34][row.min(2)] * random.range(0.82, 1.1)).min(set.view.unit * 0.75);
    let base = horizon + set.view.unit * 0.02 * row as f32;
    let aspect = set.view.w / height;
    let count = ((aspect * [0.95, 0.85, 1.1][row.min(2)]) as usize).max(2) + random.index(2);
    let peaks = Peaks::raise(stage, label, base, height, count);
    let distance = [0.66, 0.34, 0.14][row.min(2)];
    let winter = brief.season == Season::Winter || brief.is(Weather::Snow);
    let rock = |l: f32| palette.fade(palette.local(l, 0.045, 265.0), distance);
    let green = brief.season == Season::Spring || brief.season == Season::Summer && brief.hash.is_multiple_of(2);
    let rock = if row == 2 && green && !winter {
        (
            palette.fade(palette.local(0.52, 0.08, 140.0), distance),
            palette.fade(palette.local(0.36, 0.06, 160.0), distance),
        )
    } else {
        (rock(0.60), rock(0.37))
    };
    let glow = palette.light.mix(palette.haze, 0.3);
    let warm = matches!(brief.time, Time::Dawn | Time::Dusk);
    let lift = if brief.night() { 0.1 } else { 0.15 };
    let own = if brief.night() { palette.own(0.80, 0.035, 245.0) } else { palette.local(0.97, 0.01, 240.0) };
    let lit = own.mix(glow, if warm { 0.55 } else { lift });
    let dim = if brief.night() { palette.own(0.47, 0.06, 262.0) } else { palette.local(0.74, 0.06, 262.0) };
    let snow = (palette.fade(lit, distance * 0.5), palette.fade(dim, distance * 0.7));
    let snowline = if winter { [0.70, 0.74, 0.85][row.min(2)] } else { [0.46, 0.34, 0.0][row.min(2)] };
    let fog = palette.fade(rock.0, 0.75);
    peaks.paint(stage, label, Look { rock, snow, fog, snowline, height, base });
}

/// Mist that lies between two rows.
fn mist(stage: &mut Stage<'_>, row: usize) {
    const LABELS: [&str; 3] = ["mist 0", "mist 1", "mist 2"];
    let set = stage.set;
    let noise = set.noise(LABELS[row.min(2)]);
    let unit = set.view.unit;
    let centre = set.layout.horizon - unit * (0.10 - 0.05 * row as f32);
    let thick = unit * 0.13;
    let haze = set.palette.haze;
    stage.rows(centre - thick * 1.6, centre + thick * 1.6, |y, row| {
        let d = (y as f32 - centre) / thick;
        for (x, pixel) in row.iter_mut().enumerate() {
            let n = noise.fbm(x as f32 / unit * 2.2, y as f32 / unit * 7.0, 3);
            let bell = (1.0 - (d + (n - 0.5) * 1.6).abs() * 0.62).max(0.0);
            *pixel = pixel.mix(haze, bell * bell * (0.25 + 0.5 * n));
        }
    });
}

/// A wooded shore behind the lake.
fn shore(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("shore");
    let unit = set.view.unit;
    let ground = hills(stage, "shore", set.layout.horizon - unit * 0.012, unit * 0.015, 2.0);
    let outline = firs(&ground, &mut random, unit * 0.075, unit * 0.022);
    let tone = set.palette.fade(set.palette.local(0.34, 0.06, 165.0), 0.22);
    let foot = set.palette.fade(tone, 0.4);
    stage.ridge(&outline, |_, _, depth| tone.mix(foot, smooth(0.0, unit * 0.09, depth) * 0.8));
}

/// The lake.
fn lake(stage: &mut Stage<'_>) {
    let set = stage.set;
    let deep = set.palette.local(0.40, 0.07, 220.0).mix(set.palette.shade, 0.2);
    let glitter = if set.brief.is(Weather::Aurora) { 0.0 } else { 0.35 };
    water::paint(stage, water::Surface { line: set.layout.horizon, deep, mirror: 0.9, chop: 0.38, glitter });
}

/// Rolling slopes under the peaks.
fn slope(stage: &mut Stage<'_>, row: usize) {
    const LABELS: [&str; 2] = ["slope 0", "slope 1"];
    let set = stage.set;
    let unit = set.view.unit;
    let label = LABELS[row.min(1)];
    let mut random = set.random(label);
    let space = set.view.h - set.layout.horizon;
    let base = set.layout.horizon + space * (0.05 + 0.30 * row as f32);
    let mut outline = hills(stage, label, base, unit * 0.05, 1.2 + 0.4 * row as f32);
    roughen(&mut outline, set.noise(label), unit * 0.01, unit * 0.006);
    let winter = set.brief.season == Season::Winter || set.brief.is(Weather::Snow);
    let near = 0.35 - 0.2 * row as f32;
    let own = |l: f32| match (winter, set.brief.season) {
        (true, _) if set.brief.night() => set.palette.own(l + 0.08, 0.05, 255.0),
        (true, _) => set.palette.local(l + 0.36, 0.025, 255.0),
        (_, Season::Autumn) => set.palette.local(l + 0.04, 0.10, 70.0),
        _ => set.palette.local(l, 0.085, 145.0),
    };
    let (lit, dark) = (set.palette.fade(own(0.56), near), set.palette.fade(own(0.38), near));
    let noise = set.noise("slope light");
    stage.ridge(&outline, |x, y, depth| {
        let n = noise.fbm(x / unit * 4.0, y / unit * 11.0, 3);
        lit.mix(dark, (depth / (unit * 0.22) + (n - 0.5) * 1.1).clamp(0.0, 1.0))
    });
    // Woods on the slope, in patches.
    let trees = firs(&outline, &mut random, unit * (0.05 + 0.03 * row as f32), unit * (0.026 + 0.02 * row as f32));
    let patch = set.noise(if row == 0 { "patch 0" } else { "patch 1" });
    let trees: Vec<f32> = trees
        .iter()
        .zip(&outline)
        .enumerate()
        .map(|(x, (tree, ground))| {
            let here = smooth(0.42, 0.55, patch.value(x as f32 / unit * 3.0, 1.0));
            ground + 3.0 - (ground + 3.0 - tree) * here
        })
        .collect();
    let wood = set.palette.fade(set.palette.local(0.30, 0.05, 165.0), near * 0.9);
    let deep = unit * 0.05;
    stage.ridge(&trees, |x, y, depth| {
        let at = (x as usize).min(outline.len() - 1);
        let ground = outline[at];
        let over = smooth(ground + deep * 0.3, ground - 1.0, y);
        let under = lit.mix(dark, (depth / (unit * 0.22)).min(1.0));
        if y > ground {
            let n = noise.fbm(x / unit * 4.0, y / unit * 11.0, 3);
            let grass = lit.mix(dark, ((y - ground) / (unit * 0.22) + (n - 0.5) * 1.1).clamp(0.0, 1.0));
            grass.mix(wood, over * 0.5)
        } else {
            under.mix(wood, 1.0)
        }
    });
}

/// Dark firs in the near corners, which frame the view.
fn front(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("front");
    let (w, h, unit) = (set.view.w, set.view.h, set.view.unit);
    let lean = random.sign();
    let ground: Vec<f32> = (0..stage.width)
        .map(|x| {
            let t = (x as f32 / w - 0.5) * 2.0 * lean;
            let noise = set.noise("front").line(x as f32 / unit * 2.0, 3);
            h * (1.02 - 0.10 * smooth(-0.2, 1.0, t) - 0.05 * smooth(0.4, 1.0, -t)) - unit * 0.015 * noise
        })
        .collect();
    let tone = set.palette.depth(0.93).mix(set.palette.local(0.24, 0.05, 165.0), 0.35);
    let rim = tone.mix(set.palette.haze, 0.14);
    let winter = set.brief.is(Weather::Snow);
    let snow = set.palette.local(0.86, 0.03, 255.0);
    stage.ridge(&ground, |_, _, depth| {
        let t = (depth / (unit * 0.12)).min(1.0);
        if winter { snow.mix(tone, 0.25 + 0.6 * t) } else { rim.mix(tone, t) }
    });
    let count = 6 + random.index(5);
    let spots: Vec<(f32, f32)> = (0..count)
        .map(|_| {
            let t = 0.30 + 0.72 * random.unit().powf(0.6);
            let side = if random.chance(0.72) { lean } else { -lean };
            (w * (0.5 + 0.5 * side * t), unit * random.range(0.16, 0.34) * (0.5 + 0.6 * t))
        })
        .collect();
    let clear = set.brief.has(Subject::House) || set.brief.has(Subject::Tent);
    stage.vector(|ink| {
        for (x, tall) in spots {
            let foot = ground[(x.max(0.0) as usize).min(ground.len() - 1)] + unit * 0.015;
            let tall = if clear { tall * 0.8 } else { tall };
            ink.place((x, foot), tall, 1.0);
            subject::plant::fir(ink, &mut random, tone, winter.then_some(snow));
        }
    });
}
