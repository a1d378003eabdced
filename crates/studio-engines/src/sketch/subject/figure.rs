//! Figures: a person seen from behind, and a small robot on its feet.

use crate::sketch::colour::Rgb;
use crate::sketch::ink::{Ink, blob, disc, limb, pillow, polyline};

/// Someone who looks into the picture with us: coat, scarf, head.
pub(crate) fn person(ink: &mut Ink<'_, '_>, tone: Rgb, scarf: Rgb) {
    for side in [-1.0, 1.0] {
        ink.fill(limb((side * 0.045, -0.32), (side * 0.060, 0.0), 0.085, 0.060), tone);
    }
    ink.fill(
        blob(&[
            (0.0, -0.84),
            (0.115, -0.79),
            (0.155, -0.62),
            (0.165, -0.30),
            (0.0, -0.27),
            (-0.165, -0.30),
            (-0.155, -0.62),
            (-0.115, -0.79),
        ]),
        tone,
    );
    ink.fill(disc((0.0, -0.925), 0.075), tone);
    ink.fill(pillow(-0.085, -0.865, 0.085, -0.80, 0.03), scarf);
    ink.fill(blob(&[(0.03, -0.83), (0.20, -0.78), (0.32, -0.70), (0.20, -0.72), (0.05, -0.78)]), scarf.scale(0.85));
}

/// A friendly robot.
pub(crate) fn robot(ink: &mut Ink<'_, '_>, metal: Rgb, dark: Rgb, eye: Rgb, accent: Rgb) {
    let shade = metal.mix(dark, 0.45);
    for side in [-1.0, 1.0] {
        ink.fill(limb((side * 0.09, -0.28), (side * 0.09, -0.02), 0.06, 0.06), shade);
        ink.fill(pillow(side * 0.10 - 0.085, -0.06, side * 0.10 + 0.085, 0.01, 0.03), dark);
        ink.fill(limb((side * 0.20, -0.54), (side * 0.30, -0.26), 0.055, 0.05), shade);
        ink.fill(disc((side * 0.305, -0.235), 0.045), dark);
    }
    ink.blend(pillow(-0.20, -0.62, 0.20, -0.24, 0.07), ((-0.2, -0.4), metal), ((0.22, -0.3), shade));
    ink.fill(pillow(-0.10, -0.52, 0.10, -0.36, 0.025), dark);
    ink.fill(disc((0.0, -0.44), 0.045), accent);
    ink.fill(pillow(-0.05, -0.68, 0.05, -0.60, 0.01), dark);
    ink.blend(pillow(-0.19, -0.94, 0.19, -0.66, 0.08), ((-0.2, -0.8), metal), ((0.2, -0.7), shade));
    ink.fill(pillow(-0.15, -0.88, 0.15, -0.73, 0.06), dark);
    for side in [-1.0, 1.0] {
        ink.fill(disc((side * 0.07, -0.805), 0.038), eye);
    }
    ink.stroke(polyline(&[(0.0, -0.94), (0.0, -1.02)]), 0.016, dark, 1.0);
    ink.fill(disc((0.0, -1.04), 0.028), accent);
}
