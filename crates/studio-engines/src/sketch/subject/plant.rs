//! Things that grow: firs, palms, broad trees, cacti, flowers.

use crate::sketch::colour::Rgb;
use crate::sketch::ink::{Ink, blob, curve, disc, limb, oval, polygon, slab};
use crate::sketch::random::Random;

/// A fir: a stem and drooping tiers, each a little different.
pub(crate) fn fir(ink: &mut Ink<'_, '_>, random: &mut Random, tone: Rgb, snow: Option<Rgb>) {
    ink.fill(slab(-0.018, -0.2, 0.018, 0.02), tone);
    let tiers = 9;
    let slim = random.range(0.16, 0.22);
    for i in 0..tiers {
        let t = i as f32 / tiers as f32;
        let y = -0.08 - 0.80 * t;
        let half = slim * (1.0 - t).powf(0.85) * random.range(0.86, 1.12) + 0.012;
        let droop = 0.055 * (1.0 - t);
        let lift = 0.16 + 0.03 * t;
        let skew = random.swing() * 0.02;
        ink.fill(
            polygon(&[
                (skew * 0.3, y - lift),
                (half * 0.45, y - 0.03),
                (half + skew, y + droop),
                (half * 0.5, y + droop * 0.35),
                (half * 0.25, y + droop * 0.9),
                (0.0, y + 0.01),
                (-half * 0.28, y + droop * 0.9),
                (-half * 0.55, y + droop * 0.3),
                (-half + skew, y + droop),
                (-half * 0.45, y - 0.03),
            ]),
            tone,
        );
        if let Some(snow) = snow {
            let side = random.sign();
            ink.wash(
                polygon(&[
                    (0.0, y - lift * 0.75),
                    (side * half * 0.5, y - 0.022),
                    (side * half * 0.95, y + droop * 0.85),
                    (side * half * 0.3, y - 0.005),
                ]),
                snow,
                0.8,
            );
        }
    }
}

/// A palm leaning to the right.
pub(crate) fn palm(ink: &mut Ink<'_, '_>, random: &mut Random, trunk: Rgb, leaf: Rgb) {
    let top = (0.20, -0.82);
    ink.stroke(curve(&[(0.0, 0.02), (0.02, -0.30), (0.09, -0.58), top]), 0.030, trunk, 1.0);
    for i in 0..11 {
        let angle = (-200.0 + 22.0 * i as f32 + random.swing() * 8.0).to_radians();
        let long = random.range(0.26, 0.38);
        let (dx, dy) = (angle.cos() * long, angle.sin() * long * 0.7);
        let tip = (top.0 + dx * 1.15, top.1 + dy + long * 0.30);
        let mid = (top.0 + dx * 0.55, top.1 + dy * 0.9);
        ink.stroke(curve(&[top, mid, tip]), 0.012, leaf, 1.0);
        for k in 1..16 {
            let t = k as f32 / 16.0;
            let at = quad(top, (top.0 + dx * 0.6, top.1 + dy * 1.15), tip, t);
            let hang = 0.095 * (1.0 - (t - 0.45).abs() * 1.2);
            ink.fill(
                polygon(&[(at.0 - 0.012, at.1), (at.0 + dx * 0.10 - 0.01, at.1 + hang), (at.0 + 0.014, at.1 - 0.004)]),
                leaf,
            );
        }
    }
}

fn quad(a: (f32, f32), b: (f32, f32), c: (f32, f32), t: f32) -> (f32, f32) {
    let u = 1.0 - t;
    (u * u * a.0 + 2.0 * u * t * b.0 + t * t * c.0, u * u * a.1 + 2.0 * u * t * b.1 + t * t * c.1)
}

/// A broad tree: trunk, boughs and a crown of leaf clouds; bare in winter (no leaf colours).
pub(crate) fn tree(ink: &mut Ink<'_, '_>, random: &mut Random, trunk: Rgb, leaves: Option<(Rgb, Rgb)>) {
    ink.fill(
        polygon(&[(-0.07, 0.03), (-0.035, -0.10), (-0.028, -0.42), (0.028, -0.42), (0.035, -0.10), (0.075, 0.03)]),
        trunk,
    );
    let mut tips = Vec::new();
    for i in 0..7 {
        let angle = (-165.0 + 25.0 * i as f32 + random.swing() * 10.0).to_radians();
        let long = random.range(0.22, 0.36);
        let tip = (angle.cos() * long, -0.46 + angle.sin() * long);
        ink.fill(limb((0.0, -0.36), tip, 0.034, 0.010), trunk);
        for _ in 0..3 {
            let twig = (tip.0 + random.swing() * 0.16, tip.1 - random.unit() * 0.14);
            ink.fill(limb(tip, twig, 0.011, 0.003), trunk);
        }
        tips.push(tip);
    }
    let Some((dark, lit)) = leaves else { return };
    for pass in 0..3 {
        let colour = dark.mix(lit, pass as f32 / 2.0);
        for &(x, y) in &tips {
            for _ in 0..5 {
                let at = (x * 1.02 + random.swing() * 0.15, y - 0.05 - 0.035 * pass as f32 + random.swing() * 0.11);
                ink.wash(disc(at, random.range(0.045, 0.11) * (1.0 - 0.18 * pass as f32)), colour, 0.92);
            }
        }
    }
    for _ in 0..60 {
        let (sin, cos) = (random.unit() * std::f32::consts::TAU).sin_cos();
        let r = random.unit().sqrt();
        let colour = if random.chance(0.5) { lit } else { dark.mix(lit, 0.5) };
        ink.wash(disc((cos * r * 0.42, -0.62 + sin * r * 0.30), random.range(0.010, 0.024)), colour, 0.9);
    }
}

/// A saguaro with ribs and arms.
pub(crate) fn cactus(ink: &mut Ink<'_, '_>, random: &mut Random, skin: Rgb, dark: Rgb, flower: Option<Rgb>) {
    let mut parts = vec![(vec![(0.0, 0.03), (0.0, -0.50), (0.0, -0.93)], 0.15)];
    for (side, low) in [(-1.0, random.range(0.34, 0.46)), (1.0, random.range(0.24, 0.40))] {
        let (out, up) = (random.range(0.20, 0.26), random.range(0.24, 0.36));
        parts.push((
            vec![
                (side * 0.04, -low),
                (side * out * 0.8, -low - 0.02),
                (side * out, -low - 0.12),
                (side * out, -low - up),
            ],
            0.105,
        ));
    }
    for (line, width) in &parts {
        ink.stroke(curve(line), *width, skin, 1.0);
    }
    for (line, width) in &parts {
        let moved: Vec<_> = line.iter().map(|(x, y)| (x + width * 0.26, *y)).collect();
        ink.stroke(curve(&moved), width * 0.42, dark, 0.55);
        for k in [-0.26, 0.0, 0.26] {
            let rib: Vec<_> = line.iter().map(|(x, y)| (x + width * k, *y)).collect();
            ink.stroke(curve(&rib), width * 0.045, dark, 0.55);
        }
        if let (Some(colour), Some(end)) = (flower, line.last()) {
            for k in [-0.25, 0.0, 0.25] {
                ink.fill(disc((end.0 + width * k, end.1 - width * 0.48), width * 0.16), colour);
            }
        }
    }
}

/// Which flower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bloom {
    /// Petals around a heart.
    Daisy,
    /// A closed cup.
    Tulip,
    /// An open bowl.
    Poppy,
    /// A spike of many small ones.
    Lavender,
}

/// One flower on its stem, its head near (lean, -1).
pub(crate) fn flower(ink: &mut Ink<'_, '_>, random: &mut Random, kind: Bloom, colours: [Rgb; 3]) {
    let [stem, petal, heart] = colours;
    let lean = random.swing() * 0.22;
    let top = (lean, -0.86);
    ink.stroke(curve(&[(0.0, 0.05), (lean * 0.2, -0.40), top]), 0.026, stem, 1.0);
    let side = random.sign();
    ink.fill(blob(&[(0.0, -0.10), (side * 0.12, -0.30), (side * 0.20, -0.52), (side * 0.07, -0.38)]), stem);
    let dark = petal.scale(0.82);
    match kind {
        Bloom::Daisy => {
            for i in 0..11 {
                let (sin, cos) = (i as f32 * 0.571).sin_cos();
                let tip = (top.0 + cos * 0.17, top.1 + sin * 0.13);
                ink.fill(limb(top, tip, 0.03, 0.085), if i % 2 == 0 { petal } else { petal.mix(dark, 0.35) });
                ink.fill(disc(tip, 0.042), if i % 2 == 0 { petal } else { petal.mix(dark, 0.35) });
            }
            ink.fill(oval(top, 0.062, 0.052), heart);
        }
        Bloom::Tulip => {
            let (x, y) = top;
            ink.fill(
                blob(&[
                    (x, y + 0.10),
                    (x + 0.13, y),
                    (x + 0.12, y - 0.20),
                    (x, y - 0.12),
                    (x - 0.12, y - 0.20),
                    (x - 0.13, y),
                ]),
                dark,
            );
            ink.fill(blob(&[(x, y + 0.11), (x + 0.08, y - 0.02), (x, y - 0.24), (x - 0.08, y - 0.02)]), petal);
        }
        Bloom::Poppy => {
            let (x, y) = top;
            ink.fill(oval((x, y - 0.05), 0.17, 0.13), dark);
            ink.fill(
                blob(&[(x - 0.18, y - 0.08), (x - 0.08, y + 0.09), (x + 0.02, y + 0.02), (x - 0.03, y - 0.10)]),
                petal,
            );
            ink.fill(
                blob(&[(x + 0.18, y - 0.08), (x + 0.08, y + 0.09), (x - 0.02, y + 0.02), (x + 0.03, y - 0.10)]),
                petal,
            );
            ink.fill(oval((x, y - 0.04), 0.045, 0.036), heart.scale(0.3));
        }
        Bloom::Lavender => {
            for i in 0..12 {
                let t = i as f32 / 12.0;
                let at = (lean * (0.55 + 0.5 * t) + if i % 2 == 0 { 0.03 } else { -0.03 }, -0.52 - 0.50 * t);
                ink.fill(oval(at, 0.05 * (1.1 - 0.6 * t), 0.042), if i % 3 == 0 { dark } else { petal });
            }
        }
    }
}
