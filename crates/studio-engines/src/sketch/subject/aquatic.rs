//! Animals of the water: fish, whale, jellyfish.
//!
//! Unlike those on land they are one unit long, not tall, and their middle is at the origin; the jellyfish hangs above it.

use crate::sketch::colour::Rgb;
use crate::sketch::ink::{Ink, blob, curve, disc, oval, polygon};

/// A fish swimming to the right, one unit long.
pub(crate) fn fish(ink: &mut Ink<'_, '_>, body: Rgb, fin: Rgb, dark: Rgb) {
    ink.fill(polygon(&[(-0.30, 0.0), (-0.54, -0.20), (-0.47, 0.0), (-0.54, 0.20)]), fin);
    ink.fill(polygon(&[(-0.10, -0.16), (0.02, -0.33), (0.20, -0.14)]), fin);
    ink.fill(polygon(&[(-0.05, 0.16), (-0.06, 0.29), (0.14, 0.15)]), fin);
    ink.blend(
        blob(&[(-0.34, 0.0), (-0.10, -0.17), (0.20, -0.18), (0.42, -0.05), (0.45, 0.03), (0.20, 0.17), (-0.10, 0.16)]),
        ((0.0, -0.2), body),
        ((0.0, 0.2), body.mix(Rgb::new(1.0, 1.0, 1.0), 0.4)),
    );
    for x in [0.04, -0.12] {
        ink.wash(blob(&[(x, -0.16), (x + 0.05, 0.0), (x, 0.15), (x - 0.05, 0.0)]), fin, 0.75);
    }
    ink.fill(disc((0.30, -0.035), 0.035), Rgb::new(1.0, 1.0, 1.0));
    ink.fill(disc((0.305, -0.035), 0.021), dark);
}

/// A whale swimming to the right, one unit long.
pub(crate) fn whale(ink: &mut Ink<'_, '_>, back: Rgb, belly: Rgb) {
    ink.fill(blob(&[(-0.42, 0.02), (-0.50, -0.10), (-0.62, -0.16), (-0.54, 0.02), (-0.62, 0.14), (-0.48, 0.09)]), back);
    ink.blend(
        blob(&[
            (-0.48, 0.01),
            (-0.20, -0.12),
            (0.15, -0.17),
            (0.42, -0.10),
            (0.52, 0.02),
            (0.42, 0.12),
            (0.15, 0.16),
            (-0.20, 0.09),
        ]),
        ((0.0, -0.15), back.mix(belly, 0.2)),
        ((0.0, 0.1), back),
    );
    ink.wash(
        blob(&[(0.51, 0.035), (0.40, 0.115), (0.15, 0.155), (-0.10, 0.115), (0.10, 0.07), (0.35, 0.05)]),
        belly,
        0.85,
    );
    for i in 0..5 {
        let y = 0.065 + 0.018 * i as f32;
        ink.stroke(curve(&[(0.44 - 0.03 * i as f32, y), (0.20, y + 0.02), (0.04, y + 0.012)]), 0.005, back, 0.7);
    }
    ink.fill(blob(&[(0.16, 0.08), (0.08, 0.24), (-0.04, 0.30), (0.04, 0.10)]), back.scale(0.9));
    ink.fill(disc((0.36, 0.02), 0.011), belly);
}

/// A jellyfish: bell and trailing arms.
pub(crate) fn jellyfish(ink: &mut Ink<'_, '_>, bell: Rgb, light: Rgb, sway: f32) {
    for i in 0..7 {
        let x = -0.18 + 0.06 * i as f32;
        let s = sway * (0.6 + 0.1 * i as f32);
        ink.stroke(
            curve(&[(x, -0.62), (x + s * 0.10, -0.42), (x - s * 0.08, -0.22), (x + s * 0.12, 0.0)]),
            if i % 2 == 0 { 0.012 } else { 0.024 },
            light,
            0.5,
        );
    }
    ink.wash(
        blob(&[
            (0.0, -1.0),
            (0.20, -0.92),
            (0.28, -0.70),
            (0.24, -0.60),
            (0.12, -0.63),
            (0.0, -0.60),
            (-0.12, -0.63),
            (-0.24, -0.60),
            (-0.28, -0.70),
            (-0.20, -0.92),
        ]),
        bell,
        0.78,
    );
    ink.wash(oval((-0.06, -0.84), 0.13, 0.09), light, 0.35);
    ink.wash(oval((0.0, -0.70), 0.14, 0.07), light, 0.25);
}
