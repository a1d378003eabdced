//! Animals: one that sits and looks at you, one on four legs, and a butterfly.
//!
//! The sitting one is one body with many ears, tails and snouts: a new animal is a few arms of the matches below.

use crate::sketch::colour::Rgb;
use crate::sketch::ink::{Ink, blob, curve, disc, limb, oval, polygon};
use crate::sketch::lexicon::Subject;
use crate::sketch::noise::lerp;

/// The colours of an animal.
#[derive(Clone, Copy)]
pub(crate) struct Coat {
    /// The fur.
    pub(crate) fur: Rgb,
    /// Belly, cheeks, tail tip.
    pub(crate) pale: Rgb,
    /// Lines, nose, shadow.
    pub(crate) dark: Rgb,
    /// The eyes.
    pub(crate) eye: Rgb,
}

/// An animal that sits and faces us. Cat, dog, fox, rabbit, bear and owl differ in ears, tail and snout.
pub(crate) fn sitting(ink: &mut Ink<'_, '_>, who: Subject, coat: Coat) {
    let Coat { fur, pale, dark, eye } = coat;
    let shade = fur.mix(dark, 0.30);
    let owl = who == Subject::Owl;
    // The tail first: it lies behind.
    match who {
        Subject::Cat => ink.stroke(
            curve(&[(0.16, -0.05), (0.36, -0.04), (0.46, -0.17), (0.40, -0.32), (0.47, -0.42)]),
            0.070,
            shade,
            1.0,
        ),
        Subject::Fox => {
            ink.fill(
                blob(&[
                    (0.12, -0.02),
                    (0.34, 0.02),
                    (0.52, -0.14),
                    (0.56, -0.42),
                    (0.42, -0.36),
                    (0.34, -0.20),
                    (0.18, -0.14),
                ]),
                shade,
            );
            ink.fill(blob(&[(0.56, -0.42), (0.57, -0.28), (0.49, -0.25), (0.44, -0.35)]), pale);
        }
        Subject::Dog => ink.stroke(curve(&[(0.18, -0.06), (0.34, -0.10), (0.42, -0.26)]), 0.055, shade, 1.0),
        Subject::Rabbit => ink.fill(disc((0.24, -0.09), 0.07), pale),
        _ => {}
    }
    let wide = match who {
        Subject::Bear => 1.28,
        Subject::Rabbit => 0.95,
        _ => 1.0,
    };
    let body = [
        (0.0, -0.60),
        (0.14, -0.52),
        (0.21, -0.30),
        (0.265, -0.10),
        (0.20, 0.01),
        (0.0, 0.02),
        (-0.20, 0.01),
        (-0.265, -0.10),
        (-0.21, -0.30),
        (-0.14, -0.52),
    ]
    .map(|(x, y)| (x * wide, y));
    ink.blend(blob(&body), ((-0.22, -0.3), fur), ((0.30, -0.1), shade));
    ink.wash(
        blob(&[
            (0.0, -0.52),
            (0.10 * wide, -0.40),
            (0.11 * wide, -0.18),
            (0.0, -0.06),
            (-0.11 * wide, -0.18),
            (-0.10 * wide, -0.40),
        ]),
        pale,
        0.9,
    );
    if owl {
        for side in [-1.0, 1.0] {
            ink.fill(
                blob(&[
                    (side * 0.14, -0.50),
                    (side * 0.28, -0.36),
                    (side * 0.28, -0.12),
                    (side * 0.17, 0.02),
                    (side * 0.14, -0.24),
                ]),
                shade,
            );
            ink.fill(oval((side * 0.08, 0.02), 0.05, 0.025), eye);
        }
        for row in 0..4 {
            for column in -1..=1 {
                let at = (column as f32 * 0.065, -0.40 + 0.075 * row as f32);
                ink.stroke(
                    curve(&[(at.0 - 0.025, at.1), (at.0, at.1 + 0.022), (at.0 + 0.025, at.1)]),
                    0.010,
                    shade,
                    0.8,
                );
            }
        }
    } else {
        for side in [-1.0, 1.0] {
            ink.fill(limb((side * 0.075, -0.34), (side * 0.085, -0.02), 0.105, 0.085), fur);
            ink.fill(oval((side * 0.088, -0.012), 0.062, 0.034), pale);
            ink.fill(oval((side * 0.20 * wide, -0.012), 0.085, 0.040), shade);
            ink.stroke(curve(&[(side * 0.03, -0.30), (side * 0.035, -0.05)]), 0.008, dark, 0.45);
        }
    }
    ears(ink, who, coat, shade);
    let head: &[(f32, f32)] = match who {
        Subject::Bear | Subject::Owl => &[
            (0.0, -0.90),
            (0.18, -0.84),
            (0.225, -0.70),
            (0.15, -0.57),
            (0.0, -0.53),
            (-0.15, -0.57),
            (-0.225, -0.70),
            (-0.18, -0.84),
        ],
        Subject::Fox => &[
            (0.0, -0.87),
            (0.15, -0.83),
            (0.245, -0.69),
            (0.10, -0.58),
            (0.0, -0.49),
            (-0.10, -0.58),
            (-0.245, -0.69),
            (-0.15, -0.83),
        ],
        Subject::Dog => &[
            (0.0, -0.88),
            (0.14, -0.84),
            (0.18, -0.70),
            (0.12, -0.55),
            (0.0, -0.50),
            (-0.12, -0.55),
            (-0.18, -0.70),
            (-0.14, -0.84),
        ],
        _ => &[
            (0.0, -0.86),
            (0.14, -0.83),
            (0.215, -0.70),
            (0.14, -0.57),
            (0.0, -0.535),
            (-0.14, -0.57),
            (-0.215, -0.70),
            (-0.14, -0.83),
        ],
    };
    ink.blend(blob(head), ((-0.15, -0.8), fur), ((0.24, -0.6), shade));
    face(ink, who, coat);
}

fn ears(ink: &mut Ink<'_, '_>, who: Subject, coat: Coat, shade: Rgb) {
    for side in [-1.0, 1.0] {
        let ear: &[(f32, f32)] = match who {
            Subject::Cat => &[(0.05, -0.83), (0.185, -1.01), (0.215, -0.72)],
            Subject::Fox => &[(0.04, -0.83), (0.20, -1.06), (0.25, -0.71)],
            Subject::Owl => &[(0.05, -0.84), (0.21, -0.98), (0.20, -0.74)],
            _ => &[],
        };
        let at = |k: f32| ear.iter().map(|&(x, y)| (side * lerp(0.15, x, k), lerp(-0.83, y, k))).collect::<Vec<_>>();
        ink.fill(polygon(&at(1.0)), if side > 0.0 { shade } else { coat.fur });
        ink.wash(polygon(&at(0.58)), coat.pale.mix(coat.eye, 0.2), if who == Subject::Owl { 0.0 } else { 0.8 });
        match who {
            Subject::Rabbit => {
                ink.fill(
                    blob(&[
                        (side * 0.04, -0.80),
                        (side * 0.03, -1.12),
                        (side * 0.10, -1.27),
                        (side * 0.16, -1.10),
                        (side * 0.14, -0.80),
                    ]),
                    coat.fur,
                );
                ink.wash(
                    blob(&[
                        (side * 0.07, -0.86),
                        (side * 0.065, -1.10),
                        (side * 0.10, -1.19),
                        (side * 0.13, -1.08),
                        (side * 0.11, -0.86),
                    ]),
                    coat.pale,
                    0.8,
                );
            }
            Subject::Bear => {
                ink.fill(disc((side * 0.16, -0.87), 0.075), shade);
                ink.fill(disc((side * 0.16, -0.87), 0.042), coat.pale);
            }
            Subject::Dog => ink.fill(
                blob(&[
                    (side * 0.10, -0.86),
                    (side * 0.21, -0.84),
                    (side * 0.27, -0.66),
                    (side * 0.22, -0.56),
                    (side * 0.16, -0.70),
                ]),
                coat.dark.mix(coat.fur, 0.4),
            ),
            _ => {}
        }
    }
}

fn face(ink: &mut Ink<'_, '_>, who: Subject, coat: Coat) {
    let Coat { pale, dark, eye, .. } = coat;
    let y = -0.70;
    match who {
        Subject::Owl => {
            for side in [-1.0, 1.0] {
                ink.fill(disc((side * 0.095, y), 0.105), pale);
                ink.fill(disc((side * 0.095, y), 0.068), eye);
                ink.fill(disc((side * 0.095, y), 0.040), dark);
                ink.fill(disc((side * 0.095 - 0.016, y - 0.016), 0.013), Rgb::new(1.0, 1.0, 1.0));
            }
            ink.fill(polygon(&[(-0.028, y + 0.035), (0.028, y + 0.035), (0.0, y + 0.115)]), eye.mix(dark, 0.25));
            return;
        }
        Subject::Fox => {
            for side in [-1.0, 1.0] {
                ink.fill(
                    blob(&[
                        (side * 0.235, y + 0.01),
                        (side * 0.13, y + 0.0),
                        (side * 0.03, y + 0.12),
                        (0.0, y + 0.20),
                        (side * 0.10, y + 0.115),
                    ]),
                    pale,
                );
            }
        }
        Subject::Dog | Subject::Bear => ink.fill(oval((0.0, y + 0.085), 0.082, 0.068), pale),
        _ => ink.wash(oval((0.0, y + 0.085), 0.075, 0.050), pale, 0.75),
    }
    let (rx, ry) = if matches!(who, Subject::Cat) { (0.048, 0.040) } else { (0.030, 0.034) };
    for side in [-1.0, 1.0] {
        let at = (side * 0.092, y - 0.012);
        ink.fill(oval(at, rx, ry), if matches!(who, Subject::Cat) { eye } else { dark });
        ink.fill(oval(at, if matches!(who, Subject::Cat) { 0.014 } else { 0.02 }, ry * 0.88), dark);
        ink.fill(disc((at.0 - 0.010, at.1 - 0.014), 0.009), Rgb::new(1.0, 1.0, 1.0));
    }
    let nose = if who == Subject::Fox { y + 0.165 } else { y + 0.058 };
    ink.fill(blob(&[(-0.026, nose), (0.026, nose), (0.0, nose + 0.028)]), dark);
    ink.stroke(
        curve(&[
            (-0.045, nose + 0.055),
            (-0.016, nose + 0.062),
            (0.0, nose + 0.030),
            (0.016, nose + 0.062),
            (0.045, nose + 0.055),
        ]),
        0.007,
        dark,
        0.8,
    );
    if matches!(who, Subject::Cat | Subject::Rabbit) {
        for side in [-1.0, 1.0] {
            for k in [-1.0, 0.0, 1.0] {
                ink.stroke(
                    curve(&[(side * 0.07, y + 0.08 + 0.012 * k), (side * 0.27, y + 0.075 + 0.040 * k)]),
                    0.005,
                    pale,
                    0.75,
                );
            }
        }
    }
}

/// A slender animal on four legs, looking to the right: a deer with antlers, or a horse with a mane.
pub(crate) fn standing(ink: &mut Ink<'_, '_>, who: Subject, tone: Rgb, rim: Rgb) {
    let horse = who == Subject::Horse;
    for (x, knee, far) in [(-0.23, -0.02, true), (0.16, 0.02, true), (-0.30, -0.03, false), (0.22, 0.015, false)] {
        let colour = if far { tone.mix(rim, 0.12) } else { tone };
        ink.fill(limb((x, -0.42), (x + knee, -0.20), 0.095, 0.040), colour);
        ink.fill(limb((x + knee, -0.22), (x, 0.0), 0.036, 0.030), colour);
        ink.fill(polygon(&[(x - 0.022, 0.0), (x - 0.016, -0.03), (x + 0.02, -0.03), (x + 0.035, 0.0)]), colour);
    }
    ink.fill(
        blob(&[
            (-0.36, -0.52),
            (-0.20, -0.60),
            (0.05, -0.57),
            (0.22, -0.62),
            (0.31, -0.50),
            (0.25, -0.36),
            (0.02, -0.33),
            (-0.22, -0.35),
            (-0.36, -0.40),
        ]),
        tone,
    );
    ink.fill(
        blob(&[
            (0.14, -0.56),
            (0.26, -0.74),
            (0.30, -0.90),
            (0.40, -0.86),
            (0.40, -0.70),
            (0.33, -0.48),
            (0.24, -0.42),
        ]),
        tone,
    );
    ink.fill(
        blob(&[
            (0.29, -0.93),
            (0.38, -0.94),
            (0.50, -0.84),
            (0.555, -0.77),
            (0.51, -0.74),
            (0.40, -0.78),
            (0.31, -0.82),
        ]),
        tone,
    );
    ink.fill(polygon(&[(0.30, -0.90), (0.24, -1.0), (0.35, -0.94)]), tone);
    if horse {
        ink.fill(
            blob(&[(0.33, -0.97), (0.22, -0.88), (0.10, -0.66), (0.08, -0.54), (0.20, -0.62), (0.28, -0.80)]),
            rim.mix(tone, 0.4),
        );
        ink.fill(
            blob(&[(-0.34, -0.54), (-0.46, -0.44), (-0.48, -0.18), (-0.42, -0.10), (-0.39, -0.30), (-0.33, -0.44)]),
            rim.mix(tone, 0.4),
        );
    } else {
        for side in [0.0, 0.06] {
            ink.stroke(
                curve(&[(0.33 + side, -0.93), (0.30 + side * 2.0, -1.08), (0.36 + side * 2.6, -1.26)]),
                0.017,
                tone,
                1.0,
            );
            ink.stroke(
                curve(&[(0.31 + side * 1.8, -1.04), (0.40 + side * 2.4, -1.12), (0.43 + side * 2.4, -1.21)]),
                0.013,
                tone,
                1.0,
            );
            ink.stroke(
                curve(&[(0.32 + side * 2.2, -1.14), (0.24 + side, -1.20), (0.23 + side, -1.28)]),
                0.012,
                tone,
                1.0,
            );
        }
        ink.fill(polygon(&[(-0.35, -0.52), (-0.43, -0.47), (-0.36, -0.42)]), rim);
    }
}

/// A butterfly with open wings.
pub(crate) fn butterfly(ink: &mut Ink<'_, '_>, wing: Rgb, spot: Rgb, dark: Rgb) {
    for side in [-1.0, 1.0] {
        ink.fill(
            blob(&[
                (0.0, -0.5),
                (side * 0.30, -0.95),
                (side * 0.56, -0.90),
                (side * 0.48, -0.55),
                (side * 0.10, -0.42),
            ]),
            wing,
        );
        ink.fill(
            blob(&[
                (0.0, -0.45),
                (side * 0.36, -0.44),
                (side * 0.42, -0.20),
                (side * 0.22, -0.06),
                (side * 0.05, -0.30),
            ]),
            wing.mix(spot, 0.35),
        );
        ink.fill(disc((side * 0.38, -0.76), 0.07), spot);
        ink.fill(disc((side * 0.25, -0.27), 0.05), spot);
        ink.stroke(curve(&[(0.0, -0.64), (side * 0.06, -0.80), (side * 0.13, -0.86)]), 0.014, dark, 1.0);
    }
    ink.fill(oval((0.0, -0.45), 0.032, 0.22), dark);
}
