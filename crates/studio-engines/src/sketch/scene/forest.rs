//! The forest: rows of trees that drown in light, trunks close by, rays between them, undergrowth at our feet.

use super::terrain::{firs, hills, roughen};
use super::{Plan, add, sky, water};
use crate::sketch::colour::Rgb;
use crate::sketch::ink::{Spot, curve, oval, polygon};
use crate::sketch::lexicon::{Season, Subject, Time, Weather};
use crate::sketch::noise::smooth;
use crate::sketch::stage::{Blend, Setting, Stage};
use crate::sketch::subject;

/// How many rows of trees stand between us and the light.
const ROWS: usize = 4;

/// The layers of a forest.
pub(crate) fn compose(set: &Setting, plan: &mut Plan) {
    let brief = &set.brief;
    sky::compose(set, plan);
    add(plan, glade);
    for row in 0..ROWS {
        add(plan, move |stage| trees(stage, row));
        if row == 1 {
            add(plan, rays);
        }
    }
    if brief.water {
        add(plan, stream);
    }
    subject::on_ground(set, plan, 0.02);
    add(plan, trunks);
    add(plan, overhang);
    add(plan, undergrowth);
    subject::foreground(set, plan);
}

/// Whether the trees are conifers here.
fn conifers(set: &Setting) -> bool {
    let brief = &set.brief;
    brief.has(Subject::Pine)
        || brief.is(Weather::Snow)
        || brief.season == Season::Winter
        || (brief.season == Season::Summer && set.key.is_multiple_of(2))
}

/// Leaf hue and lightness for the season.
fn leaf(set: &Setting) -> (f32, f32, f32) {
    match set.brief.season {
        Season::Spring => (0.66, 0.12, 128.0),
        Season::Summer => (0.50, 0.10, 145.0),
        Season::Autumn => (0.64, 0.15, 55.0),
        Season::Winter => (0.48, 0.035, 190.0),
    }
}

/// The bright air behind the trees.
fn glade(stage: &mut Stage<'_>) {
    let set = stage.set;
    let (w, h) = (set.view.w, set.view.h);
    let (l, c, hue) = leaf(set);
    let veil = set.palette.fade(set.palette.local((l + 0.2).min(0.9), c * 0.7, hue), 0.45);
    let centre = (set.layout.sun.0, h * 0.48);
    let light = set.palette.light;
    let strength = if set.brief.night() { 0.22 } else { 0.75 };
    let reach = 1.0 / (w.min(h * 1.4) * 0.5).powi(2);
    stage.rows(0.0, h, |y, row| {
        let dy = y as f32 - centre.1;
        let thick = if set.brief.night() { 0.6 } else { 1.0 };
        let veiled = thick * (0.25 + 0.55 * smooth(0.0, h * 0.75, y as f32));
        for (x, pixel) in row.iter_mut().enumerate() {
            let dx = (x as f32 - centre.0) * 1.2;
            let d = (dx * dx + dy * dy) * reach;
            *pixel = pixel.mix(veil, veiled).screen(light, strength * 0.7 / (1.0 + 2.5 * d));
        }
    });
}

/// One row: a treeline on rising ground, paler the farther.
fn trees(stage: &mut Stage<'_>, row: usize) {
    const LABELS: [&str; ROWS] = ["trees 0", "trees 1", "trees 2", "trees 3"];
    let set = stage.set;
    let label = LABELS[row.min(ROWS - 1)];
    let mut random = set.random(label);
    let (unit, h) = (set.view.unit, set.view.h);
    let near = (row as f32 + 0.5) / ROWS as f32;
    let base = set.layout.horizon - h * 0.08 + h * 0.24 * near * near;
    let ground = hills(stage, label, base, unit * 0.03, 1.0);
    let tall = (h * (0.30 + 0.26 * near)).min(unit * (0.34 + 0.40 * near));
    let (l, c, hue) = leaf(set);
    let shift = random.range(-14.0, 14.0);
    let own = set.palette.local(l - 0.06 - 0.10 * near, c, hue + shift);
    let tone = set.palette.fade(own, 0.74 - 0.66 * near).mix(set.palette.shade, 0.40 * near * near);
    let pale = set.palette.fade(tone, 0.55);
    let lit = tone.mix(set.palette.light, 0.16 * (1.0 - near)).mix(own, 0.25);
    let texture = set.noise(label);
    let grain = 40.0 / (unit * (0.5 + near));
    // The floor under this row: litter in patches of light, darker towards us.
    let floor = if set.brief.is(Weather::Snow) {
        set.palette.local(0.90, 0.02, 250.0)
    } else {
        own.mix(set.palette.local(0.42, 0.06, 95.0), 0.4)
    };
    let (near_floor, far_floor) =
        (floor.mix(set.palette.shade, 0.25 + 0.3 * near), set.palette.fade(floor, 0.62 - 0.35 * near));
    let sun = set.layout.sun.0;
    let floor_at = move |x: f32, y: f32, depth: f32| {
        let patch = texture.fbm(x / unit * 5.0, y / unit * 22.0, 2);
        let light = smooth(0.46, 0.66, patch) * 0.5 / (1.0 + ((x - sun) / (unit * 0.35)).powi(2));
        let shade = (depth / (unit * 0.22) + (patch - 0.5) * 0.6).clamp(0.0, 1.0);
        far_floor.mix(near_floor, shade).screen(set.palette.light, light * 0.55)
    };
    // The next row covers what lies below its own ground.
    let bottom = if row + 1 == ROWS { h } else { base + h * 0.14 };
    if conifers(set) {
        let outline = firs(&ground, &mut random, tall, unit * (0.035 + 0.055 * near));
        let snow = (set.brief.is(Weather::Snow))
            .then(|| set.palette.fade(set.palette.local(0.93, 0.02, 250.0), 0.5 - 0.4 * near));
        stage.ridge_down_to(bottom, &outline, |x, y, depth| {
            let foot = ground[(x as usize).min(ground.len() - 1)];
            if y > foot {
                return floor_at(x, y, y - foot);
            }
            let n = texture.fbm(x * grain, y * grain * 0.6, 2);
            let mut colour = tone.mix(lit, smooth(0.5, 0.8, n) * 0.8);
            if let Some(snow) = snow {
                let flake = texture.fbm(x * grain * 1.3, y * grain * 2.4, 2);
                let cap = smooth(0.50, 0.60, flake + 0.16 * (1.0 - depth / (tall * 0.5)));
                colour = colour.mix(snow, cap * 0.75);
            }
            colour.mix(pale, smooth(foot - tall * 0.5, foot, y) * (0.85 - 0.35 * near))
        });
    } else {
        // Broad crowns: a canopy of rounded heaps, dabbed with leaves.
        let wide = unit * (0.10 + 0.10 * near);
        let outline: Vec<f32> = ground
            .iter()
            .enumerate()
            .map(|(x, foot)| {
                let x = x as f32;
                let u = x / wide + row as f32 * 9.7 + 0.35 * texture.line(x / wide, 2);
                let heap = (u * std::f32::consts::PI).sin().abs().sqrt();
                let own = texture.line(x / wide * 0.55, 2);
                let leafy = texture.line(x / wide * 7.0, 3);
                foot - tall * (0.66 + 0.20 * own + 0.15 * heap + 0.055 * leafy)
            })
            .collect();
        stage.ridge_down_to(bottom, &outline, |x, y, depth| {
            let foot = ground[(x as usize).min(ground.len() - 1)];
            if y > foot {
                return floor_at(x, y, y - foot);
            }
            let n = texture.fbm(x * grain * 0.7, y * grain, 2);
            let crown = depth / (tall * 0.5);
            let colour = tone.mix(lit, smooth(0.35, 0.75, n + 0.22 * (0.4 - crown)));
            colour.mix(pale, smooth(foot - tall * 0.55, foot, y) * (0.85 - 0.25 * near))
        });
        // Stems stand under the crowns, thin and pale where they are far.
        let stems = ((set.view.w / unit) * (17.0 - 9.0 * near)) as usize;
        let stem = tone.mix(set.palette.local(0.30, 0.04, 50.0), 0.35).mix(pale, 0.35 * (1.0 - near));
        stage.vector(|ink| {
            for _ in 0..stems.min(80) {
                let x = random.unit() * set.view.w;
                let at = (x as usize).min(outline.len() - 1);
                let half = unit * (0.0022 + 0.0055 * near) * random.range(0.6, 1.5);
                let (top, foot) = (outline[at] + tall * 0.30, ground[at] + unit * 0.012 * random.unit());
                let lean = random.swing() * unit * 0.015;
                ink.blend(
                    polygon(&[
                        (x - half * 1.5, foot),
                        (x + lean - half, top),
                        (x + lean + half, top),
                        (x + half * 1.5, foot),
                    ]),
                    ((x, top), stem),
                    ((x, foot), stem.mix(pale, 0.45)),
                );
            }
        });
        let dabs = ((if set.fine { 900.0 } else { 600.0 }) * (set.view.w / unit)) as usize;
        let bright = own.mix(set.palette.light, 0.22);
        let size = unit * (0.006 + 0.009 * near);
        stage.vector_as(Blend::Over, 0.9 - 0.45 * (1.0 - near), |ink| {
            for _ in 0..dabs.min(2500) {
                let x = random.unit() * set.view.w;
                let top = outline[(x as usize).min(outline.len() - 1)];
                let down = random.unit().powf(1.6);
                let at = (x, top + tall * 0.42 * down);
                let colour = if random.chance(0.55 * (1.0 - down)) {
                    lit.mix(bright, random.unit())
                } else {
                    tone.mix(lit, random.unit() * 0.6)
                };
                ink.wash(oval(at, size * random.range(0.6, 1.5), size * random.range(0.45, 0.9)), colour, 0.9);
            }
        });
    }
}

/// Light between the trees: slanting shafts from the sun's side.
fn rays(stage: &mut Stage<'_>) {
    let set = stage.set;
    if set.brief.is(Weather::Rain) || set.brief.is(Weather::Storm) {
        return;
    }
    let noise = set.noise("rays");
    let (sx, _) = set.layout.sun;
    let source = (sx, -set.view.h * 0.35);
    let light = set.palette.light;
    let strength = if set.brief.night() { 0.12 } else { 0.34 };
    let h = set.view.h;
    stage.rows(0.0, h, |y, row| {
        let dy = y as f32 - source.1;
        let fade = strength * smooth(h, h * 0.25, y as f32);
        for (x, pixel) in row.iter_mut().enumerate() {
            let angle = (x as f32 - source.0) / dy;
            let shaft = smooth(0.48, 0.75, noise.fbm(angle * 14.0, 3.0, 2));
            let centred = 1.0 / (1.0 + 2.2 * angle * angle);
            *pixel = pixel.screen(light, shaft * fade * centred);
        }
    });
}

/// A stream in the glade.
fn stream(stage: &mut Stage<'_>) {
    let set = stage.set;
    let deep = set.palette.local(0.36, 0.06, 200.0);
    let line = set.layout.horizon + set.view.h * 0.05;
    water::paint(stage, water::Surface { line, deep, mirror: 0.8, chop: 0.5, glitter: 0.2 });
}

/// Great trunks close by, with branches that leave the picture.
fn trunks(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("trunks");
    let (w, h, unit) = (set.view.w, set.view.h, set.view.unit);
    let bark = set.palette.depth(0.92).mix(set.palette.local(0.22, 0.04, 50.0), 0.4);
    let rim = bark.mix(set.palette.light, 0.16);
    let count = ((w / unit * 4.0) as usize).clamp(2, 14);
    let sun = set.layout.sun.0;
    let conifers = conifers(set);
    stage.vector(|ink| {
        for i in 0..count {
            let slot = (i as f32 + 0.5 + random.swing() * 0.4) / count as f32;
            // The middle stays open, for the light.
            let x = w * if (slot - sun / w).abs() < 0.10 { slot + 0.16 * (slot - sun / w).signum() } else { slot };
            let close = random.unit().powi(2);
            let wide = unit * (0.012 + 0.030 * close);
            let foot = h * (0.965 + 0.06 * close);
            let lean = random.swing() * wide * 1.5;
            let side = if sun > x { 1.0 } else { -1.0 };
            let flare = wide * 0.9;
            ink.fill(
                polygon(&[
                    (x - wide - flare, foot),
                    (x - wide, foot - wide * 4.0),
                    (x + lean - wide * 0.62, -4.0),
                    (x + lean + wide * 0.62, -4.0),
                    (x + wide, foot - wide * 4.0),
                    (x + wide + flare, foot),
                ]),
                bark,
            );
            ink.wash(
                polygon(&[
                    (x + side * wide * 0.55, foot - wide * 3.0),
                    (x + side * wide, foot - wide * 4.0),
                    (x + lean + side * wide * 0.62, -4.0),
                    (x + lean + side * wide * 0.4, -4.0),
                ]),
                rim,
                0.55,
            );
            for _ in 0..3 + random.index(4) {
                let y = h * random.range(0.02, 0.55);
                let out = random.sign();
                let reach = unit * random.range(0.05, 0.16) * (0.5 + close);
                let drop = if conifers { 0.30 } else { -0.45 };
                let tip = (x + out * reach, y + reach * drop);
                ink.stroke(
                    curve(&[(x, y), (x + out * reach * 0.5, y + reach * drop * 0.3), tip]),
                    wide * 0.22,
                    bark,
                    1.0,
                );
                if conifers {
                    for k in 0..5 {
                        let t = 0.3 + 0.17 * k as f32;
                        let at = (x + out * reach * t, y + reach * drop * t * t);
                        ink.stroke(
                            curve(&[at, (at.0 + out * reach * 0.10, at.1 + reach * 0.26)]),
                            wide * 0.16,
                            bark,
                            1.0,
                        );
                    }
                } else {
                    let twig = (tip.0 + out * reach * 0.3, tip.1 - reach * 0.5);
                    ink.stroke(
                        curve(&[tip, (tip.0 + out * reach * 0.2, tip.1 - reach * 0.1), twig]),
                        wide * 0.10,
                        bark,
                        1.0,
                    );
                }
            }
        }
    });
}

/// Leaves or needled boughs that hang in from above and frame the light.
fn overhang(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("overhang");
    let (w, h, unit) = (set.view.w, set.view.h, set.view.unit);
    let (l, c, hue) = leaf(set);
    let dark = set.palette.depth(0.9).mix(set.palette.local(l * 0.55, c * 0.8, hue), 0.45);
    let lit = dark.mix(set.palette.local(l, c, hue), 0.45).mix(set.palette.light, 0.08);
    let noise = set.noise("overhang");
    let sun = set.layout.sun.0;
    let deep = (h * 0.24).min(unit * 0.26);
    let needles = conifers(set);
    let count = ((if set.fine { 1500.0 } else { 1000.0 }) * (w / unit)) as usize;
    stage.vector(|ink| {
        for _ in 0..count.min(4000) {
            let x = random.unit() * w;
            // Open where the light comes in, dense at the sides.
            let open = ((x - sun).abs() / (w * 0.42)).min(1.0);
            let reach = deep * (0.10 + 0.95 * open * open) * (0.45 + 1.1 * noise.fbm(x / unit * 5.0, 2.0, 3));
            let t = random.unit().powf(1.3);
            let at = (x, reach * t);
            let size = unit * random.range(0.006, 0.014);
            let colour = dark.mix(lit, (t * random.range(0.2, 1.2)).min(1.0));
            if needles {
                ink.stroke(
                    curve(&[at, (at.0 + random.swing() * size * 2.0, at.1 + size * 2.4)]),
                    size * 0.22,
                    colour,
                    0.95,
                );
            } else {
                ink.place_turned(at, size, random.range(0.0, 180.0));
                ink.wash(oval((0.0, 0.0), 1.2, 0.55), colour, 0.95);
                ink.reset();
            }
        }
    });
}

/// Ground, ferns and grass at our feet.
fn undergrowth(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("undergrowth");
    let (w, h, unit) = (set.view.w, set.view.h, set.view.unit);
    let mut ground = hills(stage, "undergrowth", h * 0.95, unit * 0.02, 1.4);
    roughen(&mut ground, set.noise("tufts"), unit * 0.012, unit * 0.02);
    let tone = set.palette.depth(0.95).mix(set.palette.local(0.22, 0.05, 150.0), 0.3);
    let snow = set.brief.is(Weather::Snow).then(|| set.palette.local(0.85, 0.03, 250.0));
    let ground_tone = snow.unwrap_or(tone);
    stage.ridge(&ground, |_, _, depth| ground_tone.mix(tone, (depth / (unit * 0.12)).min(1.0)));
    let density = if set.fine { 110.0 } else { 70.0 };
    let count = (density * (w / unit).max(0.5)) as usize;
    let bright = set.brief.time != Time::Night && snow.is_none();
    let (l, c, hue) = leaf(set);
    let spot = set.palette.local(l, c, hue);
    stage.vector(|ink| {
        for _ in 0..count.min(900) {
            let x = random.unit() * w;
            let foot = ground[(x as usize).min(ground.len() - 1)] + unit * 0.01;
            fern(
                ink,
                (x, foot),
                unit * random.range(0.02, 0.07),
                random.swing(),
                tone.mix(spot, if bright { 0.22 * random.unit() } else { 0.0 }),
            );
        }
    });
}

fn fern(ink: &mut crate::sketch::ink::Ink<'_, '_>, (x, y): Spot, size: f32, lean: f32, colour: Rgb) {
    let tip = (x + lean * size, y - size);
    ink.fill(
        polygon(&[
            (x - size * 0.05, y),
            (x + lean * size * 0.35, y - size * 0.62),
            tip,
            (x + lean * size * 0.42 + size * 0.06, y - size * 0.6),
            (x + size * 0.05, y),
        ]),
        colour,
    );
}
