//! One animal as the hero: before a great disc of sun or moon, on a little hill, framed by plants.

use super::terrain::{hills, roughen};
use super::{Plan, add, sky};
use crate::sketch::ink::{blob, curve, polygon};
use crate::sketch::lexicon::{Season, Subject, Weather};
use crate::sketch::noise::smooth;
use crate::sketch::stage::{Blend, Setting, Stage};
use crate::sketch::subject::{self, SITTERS, animal};

/// The layers of an animal's portrait.
pub(crate) fn compose(set: &Setting, plan: &mut Plan) {
    add(plan, sky::gradient);
    if set.brief.night() {
        add(plan, sky::stars);
    }
    add(plan, disc_behind);
    if set.brief.is(Weather::Cloudy) {
        add(plan, sky::clouds);
    }
    add(plan, far_hills);
    add(plan, leaves);
    add(plan, mound);
    add(plan, hero);
    add(plan, grass);
}

/// Where the hill's top is.
fn ground(set: &Setting) -> f32 {
    set.view.h * 0.87
}

/// The great disc.
fn disc_behind(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("disc");
    let (view, palette) = (set.view, &set.palette);
    let r = view.short * random.range(0.33, 0.40);
    let (cx, cy) = (view.w * (0.5 + random.swing() * 0.08), ground(set) - r * random.range(0.95, 1.15));
    let (top, low) = if set.brief.night() {
        (palette.light, palette.light.mix(palette.sky.at(0.8), 0.35))
    } else {
        (palette.pure[2].mix(palette.light, 0.35), palette.pure[0])
    };
    let noise = set.noise("disc");
    stage.glow((cx, cy), r * 1.8, top, 0.35);
    stage.region([cx - r - 1.0, cy - r - 1.0, cx + r + 2.0, cy + r + 2.0], |x, y, pixel| {
        let d = (x - cx).hypot(y - cy);
        let t = ((y - cy) / r * 0.5 + 0.5 + 0.25 * (noise.fbm(x / r * 2.0, y / r * 2.0, 4) - 0.5)).clamp(0.0, 1.0);
        *pixel = pixel.mix(top.mix(low, t), (r - d + 0.5).clamp(0.0, 1.0));
    });
}

/// Two soft hills.
fn far_hills(stage: &mut Stage<'_>) {
    let set = stage.set;
    let unit = set.view.unit;
    for (label, up, near) in [("creature hill 0", 0.10, 0.30), ("creature hill 1", 0.04, 0.50)] {
        let outline = hills(stage, label, ground(set) - unit * up, unit * 0.05, 1.3);
        let tone = set.palette.depth(near);
        let foot = set.palette.fade(tone, 0.35);
        stage.ridge(&outline, |_, _, depth| tone.mix(foot, smooth(0.0, unit * 0.14, depth)));
    }
}

/// Big leaves or branches from the corners.
fn leaves(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("leaves");
    let (view, unit, palette) = (set.view, set.view.unit, &set.palette);
    let own = match set.brief.season {
        Season::Autumn => palette.local(0.58, 0.14, 50.0),
        Season::Winter => palette.local(0.55, 0.03, 230.0),
        Season::Spring => palette.local(0.60, 0.11, 135.0),
        Season::Summer => palette.local(0.44, 0.09, 155.0),
    };
    stage.vector(|ink| {
        for side in [-1.0_f32, 1.0] {
            for i in 0..8 {
                let root = (view.w * (0.5 + 0.5 * side * random.range(0.72, 1.02)), ground(set) + unit * 0.08);
                let angle = (-90.0 - side * random.range(-22.0, 34.0)).to_radians();
                let long = (unit * random.range(0.24, 0.52)).min(view.h * 0.5);
                let tip = (root.0 + angle.cos() * long, root.1 + angle.sin() * long);
                let tone = palette.fade(own.scale(random.range(0.72, 1.05)), 0.28 * (1.0 - i as f32 / 8.0));
                let (nx, ny) = (-angle.sin() * long * 0.13, angle.cos() * long * 0.13);
                let at =
                    |t: f32, k: f32| (root.0 + (tip.0 - root.0) * t + nx * k, root.1 + (tip.1 - root.1) * t + ny * k);
                ink.fill(blob(&[root, at(0.35, 0.75), at(0.65, 0.85), tip, at(0.65, -0.85), at(0.35, -0.75)]), tone);
                ink.stroke(curve(&[root, at(0.5, 0.06), at(0.94, 0.0)]), long * 0.012, tone.scale(0.72), 0.9);
                for k in 1..6 {
                    let t = k as f32 * 0.15;
                    for out in [-1.0, 1.0] {
                        ink.stroke(curve(&[at(t, 0.0), at(t + 0.13, out * 0.62)]), long * 0.007, tone.scale(0.76), 0.7);
                    }
                }
            }
        }
    });
}

/// The hill the animal sits on.
fn mound(stage: &mut Stage<'_>) {
    let set = stage.set;
    let (view, unit) = (set.view, set.view.unit);
    let mut outline: Vec<f32> = (0..stage.width)
        .map(|x| {
            let t = (x as f32 / view.w - 0.5) * 2.0;
            ground(set) + unit * 0.085 * t * t
        })
        .collect();
    roughen(&mut outline, set.noise("mound"), unit * 0.014, unit * 0.014);
    let winter = set.brief.season == Season::Winter || set.brief.is(Weather::Snow);
    let own = if winter { set.palette.local(0.90, 0.02, 250.0) } else { set.palette.local(0.42, 0.08, 145.0) };
    let dark = set.palette.depth(0.95);
    stage.ridge(&outline, |_, _, depth| own.mix(dark, smooth(0.0, unit * 0.16, depth) * 0.85));
}

/// The animal.
fn hero(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("hero");
    let view = set.view;
    let who = set
        .brief
        .subjects
        .iter()
        .copied()
        .find(|s| SITTERS.contains(s) || matches!(s, Subject::Deer | Subject::Horse))
        .unwrap_or(Subject::Cat);
    let size = (view.h * 0.60).min(view.w * 0.82);
    let size = if who == Subject::Rabbit { size * 0.84 } else { size };
    let at = (view.w * (0.5 + random.swing() * 0.06), ground(set) + view.unit * 0.022);
    let flip = random.sign();
    let shade = set.palette.shade;
    stage.vector_as(Blend::Multiply, 0.55, |ink| {
        ink.fill(crate::sketch::ink::oval(at, size * 0.36, size * 0.035), shade)
    });
    stage.vector(|ink| {
        ink.place(at, size, flip);
        if SITTERS.contains(&who) {
            animal::sitting(ink, who, subject::coat(set, who));
        } else {
            animal::standing(ink, who, set.palette.local(0.42, 0.08, 50.0), set.palette.local(0.75, 0.05, 65.0));
        }
    });
}

/// Blades and little flowers over the feet.
fn grass(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("grass");
    let (view, unit) = (set.view, set.view.unit);
    let winter = set.brief.season == Season::Winter || set.brief.is(Weather::Snow);
    let dark = set.palette.depth(0.95).mix(set.palette.local(0.36, 0.08, 145.0), 0.5);
    let accents = set.palette.accents;
    let count = (view.w / unit * 150.0) as usize;
    stage.vector(|ink| {
        for _ in 0..count.min(1500) {
            let x = random.unit() * view.w;
            let t = (x / view.w - 0.5) * 2.0;
            let y = ground(set) + unit * (0.085 * t * t + 0.035 + 0.12 * random.unit());
            let (tall, lean) = (unit * random.range(0.02, 0.065), random.swing());
            let tone = dark.scale(random.range(0.8, 1.25));
            ink.fill(
                polygon(&[
                    (x - tall * 0.07, y),
                    (x + lean * tall * 0.3, y - tall * 0.6),
                    (x + lean * tall, y - tall),
                    (x + tall * 0.07, y),
                ]),
                tone,
            );
            if !winter && random.chance(0.06) {
                let tip = (x + lean * tall, y - tall);
                ink.fill(crate::sketch::ink::disc(tip, unit * random.range(0.004, 0.008)), accents[random.index(4)]);
            }
        }
    });
}
