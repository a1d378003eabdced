//! Space: nebulae, stars, planets with bands, rings and atmospheres.

use super::{Plan, add, sky};
use crate::sketch::colour::{Ramp, Rgb, lch};
use crate::sketch::ink::Spot;
use crate::sketch::lexicon::Mood;
use crate::sketch::noise::smooth;
use crate::sketch::random::Random;
use crate::sketch::stage::{Setting, Stage};
use crate::sketch::subject;

/// The layers of space.
pub(crate) fn compose(set: &Setting, plan: &mut Plan) {
    add(plan, nebula);
    add(plan, sky::stars);
    if !set.brief.feels(Mood::Minimal) {
        add(plan, |stage| planet(stage, 1));
    }
    add(plan, |stage| planet(stage, 0));
    if set.random("space").chance(0.45) {
        add(plan, |stage| planet(stage, 2));
    }
    subject::foreground(set, plan);
}

/// Clouds of gas in two colours, with dark lanes.
fn nebula(stage: &mut Stage<'_>) {
    let set = stage.set;
    let (noise, lanes) = (set.noise("nebula"), set.noise("lanes"));
    let mut random = set.random("nebula");
    let (w, h, unit) = (set.view.w, set.view.h, set.view.unit);
    let hue = random.unit() * 360.0;
    let palette = &set.palette;
    let ground = Ramp::new(&[palette.own(0.10, 0.03, 275.0).lab(), palette.own(0.16, 0.05, 285.0).lab()]);
    let (a, b) = (palette.own(0.60, 0.19, hue), palette.own(0.66, 0.15, hue + random.range(70.0, 150.0)));
    let core = palette.own(0.93, 0.06, hue + 40.0);
    let (scale, octaves, step) = (random.range(1.0, 1.7), set.octaves(5), set.step());
    let tilt = random.swing();
    let centre = (w * random.range(0.3, 0.7), h * random.range(0.3, 0.7));
    let gas = stage.field(h, step, |x, y| noise.warped(x / unit * scale, y / unit * scale, octaves, 2.4));
    let dust = stage.field(h, step, |x, y| lanes.warped(x / unit * scale * 1.6, y / unit * scale * 1.6, 4, 2.0));
    stage.rows(0.0, h, |y, row| {
        let y = y as f32;
        for (x, pixel) in row.iter_mut().enumerate() {
            let x = x as f32;
            let (g, d) = (gas.at(x, y), dust.at(x, y));
            let (dx, dy) = ((x - centre.0) / unit, (y - centre.1) / unit);
            let band = 1.0 / (1.0 + 5.0 * (dy - tilt * dx).powi(2));
            let glow = smooth(0.34, 0.78, g) * (0.25 + 0.9 * band);
            let dark = smooth(0.48, 0.66, d);
            let light = glow * (1.0 - 0.8 * dark);
            let colour = a.mix(b, smooth(0.35, 0.65, d * 0.6 + g * 0.4 + 0.15 * dx));
            let base = ground.at(y / h);
            *pixel = base.screen(colour, light).screen(core, smooth(0.60, 0.86, g) * band * (1.0 - dark) * 0.8);
        }
    });
}

/// How one planet looks.
struct World {
    centre: Spot,
    radius: f32,
    surface: Ramp,
    air: Rgb,
    bands: bool,
    ring: Option<(f32, Rgb)>,
}

/// A planet: 0 the hero, 1 a small far one, 2 a vast limb at the edge.
fn planet(stage: &mut Stage<'_>, which: usize) {
    const LABELS: [&str; 3] = ["planet 0", "planet 1", "planet 2"];
    let set = stage.set;
    let label = LABELS[which.min(2)];
    let mut random = set.random(label);
    let world = world(set, which, &mut random);
    let noise = set.noise(label);
    let (cx, cy) = world.centre;
    let r = world.radius;
    let sun: Spot = (if set.layout.sun.0 < set.view.w * 0.5 { -0.72 } else { 0.72 }, -0.48);
    let tilt = random.range(-0.5, 0.5);
    let octaves = set.octaves(4);
    stage.glow((cx, cy), r * 1.45, world.air, 0.55);
    if let Some((open, colour)) = world.ring {
        ring(stage, &world, tilt, open, colour, false);
    }
    stage.region([cx - r - 1.0, cy - r - 1.0, cx + r + 2.0, cy + r + 2.0], |x, y, pixel| {
        let (dx, dy) = ((x - cx) / r, (y - cy) / r);
        let d2 = dx * dx + dy * dy;
        if d2 < 1.02 {
            let z = (1.0 - d2).max(0.0).sqrt();
            let cover = ((1.0 - d2.sqrt()) * r + 0.5).clamp(0.0, 1.0);
            let (u, v) = (dx + tilt * dy, dy - tilt * dx);
            let tone = if world.bands {
                let swirl = noise.warped(u * 1.6 / (0.5 + z), v * 7.0, octaves, 1.4);
                (v * 0.5 + 0.5) * 0.4 + swirl * 0.75 - 0.05
            } else {
                let k = 1.9 / (0.55 + 0.45 * z);
                smooth(0.28, 0.72, noise.warped(u * k + 9.0, v * k, octaves + 1, 1.3))
            };
            let light = (dx * sun.0 + dy * sun.1 + z * 0.5).max(0.0);
            let day = smooth(0.0, 0.85, light);
            let rim = (1.0 - z).powi(3) * smooth(-0.1, 0.6, light);
            let colour = world.surface.at(tone).scale(0.09 + 0.94 * day).screen(world.air, rim * 0.75);
            *pixel = pixel.mix(colour, cover);
        }
    });
    if let Some((open, colour)) = world.ring {
        ring(stage, &world, tilt, open, colour, true);
    }
}

fn world(set: &Setting, which: usize, random: &mut Random) -> World {
    let (view, palette) = (set.view, &set.palette);
    let side = if set.layout.sun.0 < view.w * 0.5 { 1.0 } else { -1.0 };
    let (centre, radius) = match which {
        0 => (
            (view.w * (0.5 + side * random.range(0.02, 0.16)), view.h * random.range(0.40, 0.56)),
            view.short * random.range(0.20, 0.29),
        ),
        1 => (
            (view.w * (0.5 - side * random.range(0.24, 0.38)), view.h * random.range(0.16, 0.34)),
            view.short * random.range(0.04, 0.075),
        ),
        _ => ((view.w * (0.5 - side * random.range(0.2, 0.5)), view.h + view.unit * 0.78), view.unit * 0.98),
    };
    let hue = random.unit() * 360.0;
    let turn = random.range(30.0, 90.0);
    let c = 0.11;
    let stops = [
        lch(0.36, c, hue),
        lch(0.58, c * 1.2, hue + turn * 0.3),
        lch(0.74, c, hue + turn * 0.6),
        lch(0.90, c * 0.5, hue + turn),
    ];
    let stops = stops.map(|stop| palette.own(stop.l, stop.chroma(), stop.b.atan2(stop.a).to_degrees()).lab());
    let bands = random.chance(0.55) && which != 2;
    let ring =
        (which == 0 && random.chance(0.65)).then(|| (random.range(0.16, 0.34), palette.own(0.84, 0.06, hue + turn)));
    World { centre, radius, surface: Ramp::new(&stops), air: palette.own(0.78, 0.12, hue + turn + 60.0), bands, ring }
}

/// Rings: the half behind or before the planet.
fn ring(stage: &mut Stage<'_>, world: &World, tilt: f32, open: f32, colour: Rgb, front: bool) {
    let set = stage.set;
    let noise = set.noise("ring");
    let (cx, cy) = world.centre;
    let r = world.radius;
    let reach = r * 2.3;
    let (sin, cos) = (-tilt * 0.7).sin_cos();
    let shade = world.surface.at(0.2);
    stage.region([cx - reach, cy - reach, cx + reach, cy + reach], |x, y, pixel| {
        let (dx, dy) = ((x - cx) / r, (y - cy) / r);
        let (u, v) = (dx * cos - dy * sin, (dx * sin + dy * cos) / open);
        if (v > 0.0) != front {
            return;
        }
        let d = u.hypot(v);
        let edge = smooth(1.30, 1.36, d) * smooth(2.20, 2.08, d);
        if edge > 0.0 {
            let groove = 0.30 + 0.70 * noise.fbm(d * 16.0, 1.0, 3);
            let gap = 1.0 - 0.85 * smooth(0.035, 0.015, (d - 1.78).abs());
            // The planet's shadow on the part of the ring behind it.
            let dim = if front { 1.0 } else { 1.0 - 0.6 * smooth(1.15, 0.75, u.abs()) };
            *pixel = pixel.mix(shade.mix(colour, 0.35 + 0.65 * groove).scale(dim), edge * groove * gap * 0.92);
        }
    });
}
