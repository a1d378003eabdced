//! The sea: horizon, far coast, mirror or swell, beach, and what sails or stands there.

use super::{Plan, add, sky, terrain, water};
use crate::sketch::colour::Rgb;
use crate::sketch::ink::{Spot, blob, slab};
use crate::sketch::lexicon::{Mood, Style, Subject, Time, Weather};
use crate::sketch::noise::smooth;
use crate::sketch::stage::{Setting, Stage};
use crate::sketch::{style, subject};

/// The layers of a sea.
pub(crate) fn compose(set: &Setting, plan: &mut Plan) {
    let brief = &set.brief;
    sky::compose(set, plan);
    let rough =
        brief.is(Weather::Storm) || brief.is(Weather::Wind) || brief.feels(Mood::Angry) || brief.feels(Mood::Chaotic);
    if !rough && !brief.feels(Mood::Minimal) {
        add(plan, coast);
    }
    if brief.has(Subject::Lighthouse) && !rough {
        add(plan, |stage| lighthouse(stage, false));
    }
    if brief.has(Subject::Island) {
        add(plan, island);
    }
    if brief.styled(Style::Retro) {
        add(plan, style::neon_floor);
    } else {
        add(plan, surface);
    }
    if rough {
        if brief.has(Subject::Lighthouse) {
            add(plan, |stage| lighthouse(stage, true));
        }
        for wave in 0..6 {
            add(plan, move |stage| swell(stage, wave));
            if wave == 2 {
                add(plan, vessels);
            }
        }
    } else {
        add(plan, vessels);
    }
    if brief.has(Subject::Whale) || brief.has(Subject::Fish) {
        add(plan, tail);
    }
    if brief.has(Subject::Palm) {
        add(plan, beach);
        add(plan, palms);
    }
    if !brief.night() && !brief.feels(Mood::Minimal) {
        add(plan, sky::birds);
    }
    subject::foreground(set, plan);
}

/// Far headlands, pale with distance.
fn coast(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("coast");
    let horizon = set.layout.horizon;
    let side = random.sign();
    for step in 0..2 {
        let noise = set.noise(if step == 0 { "coast far" } else { "coast near" });
        let height = set.view.unit * random.range(0.05, 0.11) * (1.0 - 0.3 * step as f32);
        let reach = random.range(0.35, 0.8);
        let outline: Vec<f32> = (0..stage.width)
            .map(|x| {
                let t = x as f32 / set.view.w;
                let t = if (side > 0.0) == (step == 0) { t } else { 1.0 - t };
                let shore = smooth(reach, reach * 0.25, t);
                let rise = 0.55 + 0.45 * noise.line(x as f32 / set.view.unit * 3.0, set.octaves(4));
                horizon + 2.0 - (height * shore * rise).max(if shore > 0.0 { 0.0 } else { -3.0 })
            })
            .collect();
        let tone = set.palette.depth(0.22 + 0.20 * step as f32);
        let foot = set.palette.fade(tone, 0.45);
        stage.ridge(&outline, |_, y, _| tone.mix(foot, ((y - horizon + height) / height).clamp(0.0, 1.0)));
    }
}

/// An island with a crown of trees.
fn island(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("island");
    let (cx, horizon) = (set.view.w * random.range(0.3, 0.7), set.layout.horizon);
    let wide = set.view.unit * random.range(0.18, 0.28);
    let noise = set.noise("island");
    let outline: Vec<f32> = (0..stage.width)
        .map(|x| {
            let t = (x as f32 - cx) / wide;
            let dome = (1.0 - t * t).max(-0.2);
            let crown = noise.fbm(x as f32 / set.view.unit * 30.0, 1.0, 3) * dome.max(0.0);
            horizon + 3.0 - wide * (dome * 0.30 + crown * 0.22)
        })
        .collect();
    let (lit, dark) = (set.palette.local(0.55, 0.10, 140.0), set.palette.local(0.30, 0.06, 165.0));
    let grain = set.noise("island light");
    stage.ridge(&outline, |x, y, depth| {
        let speck = grain.fbm(x / wide * 16.0, y / wide * 16.0, 2);
        lit.mix(dark, (depth / wide * 3.0 + speck * 0.8 - 0.2).clamp(0.0, 1.0))
    });
}

/// The water itself.
fn surface(stage: &mut Stage<'_>) {
    let set = stage.set;
    let palette = &set.palette;
    let brief = &set.brief;
    let dull = brief.is(Weather::Storm) || brief.is(Weather::Rain) || brief.is(Weather::Fog);
    let deep = match brief.time {
        Time::Noon => palette.own(0.45, 0.10, 215.0 + (brief.hash % 30) as f32),
        Time::Dawn => palette.own(0.50, 0.07, 235.0),
        Time::Dusk => palette.sky.at(0.05).mix(palette.shade, 0.35),
        Time::Night => palette.sky.at(0.0).mix(palette.shade, 0.3),
    };
    let deep = if dull { deep.mix(palette.sky.at(0.2), 0.5) } else { deep };
    let calm = brief.feels(Mood::Calm) || brief.feels(Mood::Minimal);
    water::paint(
        stage,
        water::Surface {
            line: set.layout.horizon,
            deep,
            mirror: if brief.time == Time::Noon { 0.45 } else { 0.8 },
            chop: if calm { 0.45 } else { 0.85 },
            glitter: if dull { 0.0 } else { 0.85 },
        },
    );
}

/// One row of storm waves, far (0) to near (5), with foam along the crest.
fn swell(stage: &mut Stage<'_>, row: usize) {
    let set = stage.set;
    let near = (row as f32 + 0.6) / 6.0;
    let label = ["swell 0", "swell 1", "swell 2", "swell 3", "swell 4", "swell 5"][row.min(5)];
    let (noise, unit) = (set.noise(label), set.view.unit);
    let mut random = set.random(label);
    let depth = set.view.h - set.layout.horizon;
    let base = set.layout.horizon + depth * near * near * 0.92 + depth * 0.05;
    let length = unit * (0.10 + 0.36 * near);
    let height = (unit * (0.03 + 0.13 * near)).min(depth * 0.5);
    let phase = random.range(0.0, 6.0);
    let outline: Vec<f32> = (0..stage.width)
        .map(|x| {
            let x = x as f32;
            let u = x / length + phase + 0.9 * noise.line(x / length * 0.45, 2);
            // Sharp crests, wide troughs, each wave of its own size.
            // The crest leans: a slow rise, a fast fall.
            let f = u - u.floor();
            let crest = if f < 0.62 { f / 0.62 } else { (1.0 - f) / 0.38 };
            let own = 0.40 + 0.85 * noise.value(x / length * 0.8, 4.0);
            base - height * (crest * crest * crest * own + 0.22 * noise.line(x / length * 1.3, 4))
        })
        .collect();
    let palette = &set.palette;
    let tone = palette.sky.at(0.35).mix(palette.shade, 0.25 + 0.6 * near);
    let glow = palette.local(0.62, 0.09, 195.0).mix(tone, 0.35);
    let foam = palette.haze.mix(Rgb::new(1.0, 1.0, 1.0), 0.5);
    let fleck = set.noise("foam");
    let scale = 22.0 / (unit * (0.25 + 0.9 * near));
    let crest_top = base - height * 1.1;
    stage.ridge(&outline, |x, y, depth| {
        let t = (depth / height).clamp(0.0, 1.0);
        let body = glow.mix(tone, (t * 1.8).min(1.0));
        let high = 1.0 - ((y - depth - crest_top) / height).clamp(0.0, 1.0);
        let streak = fleck.fbm(x * scale * 0.55 + depth * scale * 0.35, y * scale, 3);
        let edge = smooth(0.10 + 0.14 * high, 0.0, t) * (0.35 + 0.65 * high);
        let lace = smooth(0.56, 0.70, streak + 0.22 * edge) * smooth(0.75, 0.05, t) * (0.2 + 0.8 * high);
        body.mix(foam, (edge * smooth(0.30, 0.55, streak) + lace * 0.8).min(0.95))
    });
}

/// Boats and ships, as named; a small sail when nothing else is there to look at.
fn vessels(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("vessels");
    let brief = &set.brief;
    let (boat, ship) = (brief.has(Subject::Boat), brief.has(Subject::Ship));
    let lonely =
        brief.subjects.iter().all(|s| matches!(s, Subject::Sun | Subject::Moon | Subject::Stars)) && random.chance(0.6);
    if !boat && !ship && !lonely {
        return;
    }
    let depth = set.view.h - set.layout.horizon;
    let size = set.view.short * if boat || ship { random.range(0.17, 0.24) } else { 0.055 };
    let y = set.layout.horizon + depth * if boat || ship { random.range(0.12, 0.24) } else { 0.05 };
    // On the other side than the sun, so that both have room.
    let side = if set.layout.sun.0 > set.view.w * 0.5 { -1.0 } else { 1.0 };
    let x = set.view.w * (0.5 + side * random.range(0.08, 0.26));
    let flip = random.sign();
    let (dark, sail) = (set.palette.depth(0.92), set.palette.light.mix(set.palette.accents[0], 0.25));
    let pale = set.palette.accents[0];
    let mirror = set.palette.shade;
    stage.vector_as(crate::sketch::stage::Blend::Over, 0.35, |ink| {
        for i in 0..9 {
            let t = i as f32 / 9.0;
            let wide = size * (0.5 - 0.35 * t) * random.range(0.7, 1.1);
            let cx = x + random.swing() * size * 0.1;
            ink.fill(slab(cx - wide, y + size * 0.6 * t, cx + wide, y + size * (0.6 * t + 0.03)), mirror);
        }
    });
    stage.vector(|ink| {
        ink.place((x, y), size, flip);
        if ship {
            subject::vessel::ship(ink, dark, pale, sail);
        } else {
            subject::vessel::boat(ink, dark, sail, pale);
        }
    });
}

/// A lighthouse on its rock, with beams when the light is low.
fn lighthouse(stage: &mut Stage<'_>, storm: bool) {
    let set = stage.set;
    let mut random = set.random("lighthouse");
    let side = if set.layout.sun.0 > set.view.w * 0.5 { -1.0 } else { 1.0 };
    let x = set.view.w * (0.5 + side * random.range(0.12, 0.24));
    let size = (set.layout.horizon * 0.62).min(set.view.short * 0.46);
    let ground = set.layout.horizon + if storm { size * 0.12 } else { size * 0.01 };
    let noise = set.noise("rock");
    let rock = set.palette.depth(0.9);
    let wide = size * 0.75;
    let top = ground - size * 0.16;
    let outline: Vec<f32> = (0..stage.width)
        .map(|px| {
            let t = (px as f32 - x) / wide;
            ground + 2.0
                - size
                    * (0.20 * (1.0 - t * t) + 0.07 * noise.line(px as f32 / size * 7.0, 4) * (1.0 - t.abs()).max(0.0))
        })
        .collect();
    let lamp = (x, top - size * 0.80);
    let dark = set.brief.time == Time::Dusk || set.brief.night() || storm;
    let light = set.palette.own(0.95, 0.09, 92.0);
    if dark {
        beams(stage, lamp, light, random.range(-14.0, 14.0));
    }
    let bottom = if storm { set.view.h } else { set.layout.horizon + 1.0 };
    stage.region([x - wide * 1.2, top - size * 0.2, x + wide * 1.2, bottom], |px, py, pixel| {
        let at = outline[(px as usize).min(outline.len() - 1)];
        if py > at {
            let grain = noise.fbm(px / size * 16.0, py / size * 22.0, 3);
            *pixel = pixel.mix(rock.scale(0.75 + 0.6 * grain), (py - at).min(1.0));
        }
    });
    let (wall, band) = (set.palette.local(0.93, 0.02, 80.0), set.palette.local(0.55, 0.19, 28.0));
    stage.vector(|ink| {
        ink.place((x, top + size * 0.04), size, 1.0);
        subject::building::lighthouse(ink, wall, band, set.palette.shade, light);
    });
    if dark {
        stage.glow(lamp, size * 0.55, light, 0.9);
        stage.glow(lamp, size * 0.12, light, 1.0);
    }
}

/// Two opposed cones of light.
fn beams(stage: &mut Stage<'_>, (cx, cy): Spot, light: Rgb, tilt: f32) {
    let (dx, dy) = ((tilt.to_radians()).cos(), (tilt.to_radians()).sin());
    let reach = stage.set.view.w.max(stage.set.view.unit) * 0.9;
    stage.region([0.0, 0.0, stage.set.view.w, stage.set.view.h * 0.8], |x, y, pixel| {
        let (px, py) = (x - cx, y - cy);
        let along = px * dx + py * dy;
        let across = (px * dy - py * dx).abs();
        let spread = along.abs() * 0.13 + 2.0;
        if across < spread {
            let t = across / spread;
            let fade = 1.0 - (along.abs() / reach).min(1.0);
            *pixel = pixel.screen(light, (1.0 - t * t) * fade * fade * 0.55);
        }
    });
}

/// A tail fluke out of the water.
fn tail(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("tail");
    let depth = set.view.h - set.layout.horizon;
    let at = (set.view.w * random.range(0.3, 0.7), set.layout.horizon + depth * 0.35);
    let colour = set.palette.depth(0.95);
    stage.vector(|ink| {
        ink.place(at, set.view.short * 0.16, 1.0);
        ink.fill(
            blob(&[
                (0.10, 0.0),
                (0.07, -0.45),
                (0.30, -0.72),
                (0.62, -0.80),
                (0.45, -0.98),
                (0.08, -0.84),
                (0.0, -0.76),
                (-0.08, -0.84),
                (-0.45, -0.98),
                (-0.62, -0.80),
                (-0.30, -0.72),
                (-0.07, -0.45),
                (-0.10, 0.0),
            ]),
            colour,
        );
    });
}

/// Sand in front, with a line of foam.
fn beach(stage: &mut Stage<'_>) {
    let set = stage.set;
    let depth = set.view.h - set.layout.horizon;
    let base = set.layout.horizon + depth * 0.66;
    let mut outline = terrain::hills(stage, "beach", base, depth * 0.10, 1.1);
    let tilt = set.random("beach").sign() * depth * 0.28;
    for (x, y) in outline.iter_mut().enumerate() {
        *y -= (x as f32 / set.view.w - 0.5) * tilt;
    }
    let (dry, wet) = (set.palette.local(0.86, 0.06, 85.0), set.palette.local(0.60, 0.05, 75.0));
    let foam = set.palette.haze.mix(Rgb::new(1.0, 1.0, 1.0), 0.6);
    let noise = set.noise("sand");
    let unit = set.view.unit;
    stage.ridge(&outline, |x, y, below| {
        let t = below / depth;
        let ripple = noise.fbm(x / unit * 5.0, y / unit * 30.0, 3);
        let sand = wet.mix(dry, smooth(0.03, 0.14, t)).scale(0.93 + 0.14 * ripple);
        let line = smooth(0.030, 0.012, (t - 0.010 - 0.02 * ripple).abs());
        sand.mix(foam, line * 0.9)
    });
}

/// Palms leaning in from one side.
fn palms(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("palms");
    let side = if set.layout.sun.0 > set.view.w * 0.5 { -1.0 } else { 1.0 };
    let tall = (set.view.h * 0.62).min(set.view.unit * 0.75);
    let colour = set.palette.depth(0.95);
    let leaf = set.palette.local(0.42, 0.10, 145.0).mix(colour, if set.brief.time == Time::Noon { 0.1 } else { 0.8 });
    stage.vector(|ink| {
        for i in 0..2 {
            let x = set.view.w * 0.5 + side * (set.view.w * 0.40 - tall * 0.16 * i as f32);
            let size = tall * (1.0 - 0.25 * i as f32);
            ink.place((x, set.view.h * 1.01), size, -side);
            subject::plant::palm(ink, &mut random, colour, leaf);
        }
    });
}
