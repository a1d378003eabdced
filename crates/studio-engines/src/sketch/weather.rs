//! Weather in front of everything: fog, rain, snow, lightning, wind.
//!
//! These layers do not know the scene. Depth is faked by size: near flakes and streaks are large, few and soft.

use super::ink::{curve, polyline};
use super::lexicon::Weather;
use super::noise::smooth;
use super::scene::{Plan, add};
use super::stage::{Blend, Setting, Stage};

/// Adds what the brief asks for.
pub(crate) fn compose(set: &Setting, plan: &mut Plan) {
    let brief = &set.brief;
    if !outdoors(set) {
        return;
    }
    if brief.is(Weather::Fog) {
        add(plan, fog);
    }
    // A storm with snow is a blizzard: neither lightning nor rain.
    let freezing = brief.is(Weather::Snow);
    if brief.is(Weather::Storm) && !freezing {
        add(plan, lightning);
    }
    if (brief.is(Weather::Rain) || brief.is(Weather::Storm)) && !freezing {
        add(plan, rain);
    }
    if brief.is(Weather::Snow) && !brief.is(Weather::Aurora) {
        add(plan, snow);
    }
    if brief.is(Weather::Wind) {
        add(plan, wind);
    }
}

fn outdoors(set: &Setting) -> bool {
    use super::lexicon::Scene as S;
    !matches!(set.brief.scene, S::StillLife | S::Space | S::Underwater | S::Abstract)
}

/// Drifting banks of fog, thicker low down.
fn fog(stage: &mut Stage<'_>) {
    let set = stage.set;
    let noise = set.noise("fog");
    let (h, unit) = (set.view.h, set.view.unit);
    let banks = stage.field(h, set.step() * 2.0, |x, y| noise.warped(x / unit * 1.5, y / unit * 5.0, 4, 1.5));
    let haze = set.palette.haze;
    stage.rows(0.0, h, |y, row| {
        let t = y as f32 / h;
        let band = 0.25 + 0.55 * smooth(0.15, 0.65, t) * smooth(1.25, 0.75, t);
        for (x, pixel) in row.iter_mut().enumerate() {
            let n = banks.at(x as f32, y as f32);
            *pixel = pixel.mix(haze, (band * smooth(0.18, 0.75, n) * 1.15).min(0.92));
        }
    });
}

/// Slanting streaks in two depths.
fn rain(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("rain");
    let storm = set.brief.is(Weather::Storm);
    let (w, h, unit) = (set.view.w, set.view.h, set.view.unit);
    let slant = random.sign() * if storm { random.range(0.25, 0.45) } else { random.range(0.06, 0.16) };
    let light = set.palette.haze.mix(set.palette.light, 0.5);
    let area = w * h / (unit * unit);
    for (count, length, width, alpha) in
        [(420.0, 0.035, 0.0010, 0.26), (150.0, 0.075, 0.0016, 0.30), (36.0, 0.15, 0.0024, 0.20)]
    {
        let count = (count * area * if storm { 1.3 } else { 1.0 }) as usize;
        stage.vector_as(Blend::Screen, 1.0, |ink| {
            for _ in 0..count.min(4000) {
                let (x, y) = (random.range(-0.1, 1.1) * w, random.range(-0.1, 1.0) * h);
                let long = unit * length * random.range(0.6, 1.3);
                let path = polyline(&[(x, y), (x + slant * long, y + long)]);
                ink.stroke(path, (unit * width).max(0.6), light, alpha * random.range(0.5, 1.0));
            }
        });
    }
}

/// Flakes, from dust to soft near discs.
fn snow(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("snow");
    let (w, h, unit) = (set.view.w, set.view.h, set.view.unit);
    let white = set.palette.own(0.98, 0.01, 240.0);
    let area = w * h / (unit * unit);
    let dense = if set.brief.is(Weather::Storm) || set.brief.is(Weather::Wind) { 2.2 } else { 1.0 };
    let count = ((if set.fine { 620.0 } else { 460.0 }) * area * dense) as usize;
    for _ in 0..count.min(4000) {
        let near = random.unit().powi(5);
        let radius = unit * (0.0022 + 0.014 * near);
        let at = (random.unit() * w, random.unit() * h);
        stage.glow(at, radius.max(1.2), white, 0.85 - 0.5 * near);
    }
}

/// A bolt from the clouds, and its flash.
fn lightning(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("lightning");
    let light = set.palette.own(0.95, 0.05, 280.0);
    let (w, unit) = (set.view.w, set.view.unit);
    let ground = set.layout.horizon;
    let away = if set.layout.sun.0 > w * 0.5 { 0.72 } else { 0.28 };
    let mut x = w * (away + random.swing() * 0.1);
    let mut y = ground * 0.05;
    stage.glow((x, ground * 0.25), unit * 0.6, light, 0.45);
    let mut bolt = vec![(x, y)];
    let mut twigs = Vec::new();
    while y < ground * 0.97 {
        let step = ground * random.range(0.04, 0.09);
        x += random.swing() * step * 1.3;
        y += step;
        bolt.push((x, y.min(ground)));
        if random.chance(0.4) {
            let out = random.sign();
            let mut twig = vec![(x, y)];
            let (mut tx, mut ty) = (x, y);
            for _ in 0..3 + random.index(3) {
                tx += out * step * random.range(0.3, 0.9);
                ty += step * random.range(0.3, 0.8);
                twig.push((tx, ty.min(ground)));
            }
            twigs.push(twig);
        }
    }
    for wide in [0.016, 0.007, 0.0025] {
        let strength = if wide > 0.01 {
            0.12
        } else if wide > 0.005 {
            0.35
        } else {
            1.0
        };
        stage.vector_as(Blend::Screen, 1.0, |ink| {
            ink.stroke(polyline(&bolt), unit * wide, light, strength);
            for twig in &twigs {
                ink.stroke(polyline(twig), unit * wide * 0.45, light, strength * 0.7);
            }
        });
    }
}

/// Long curved strokes of moving air.
fn wind(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("wind");
    let (w, h, unit) = (set.view.w, set.view.h, set.view.unit);
    let light = set.palette.haze.mix(set.palette.light, 0.6);
    stage.vector_as(Blend::Screen, 1.0, |ink| {
        for _ in 0..14 {
            let (x, y) = (random.unit() * w, random.range(0.08, 0.85) * h);
            let long = unit * random.range(0.18, 0.45);
            let sway = unit * random.swing() * 0.05;
            let path = curve(&[(x, y), (x + long * 0.33, y - sway), (x + long * 0.66, y + sway), (x + long, y)]);
            ink.stroke(path, unit * random.range(0.0015, 0.0035), light, random.range(0.15, 0.4));
        }
    });
}
