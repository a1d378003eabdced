//! Things for a table: cup, vase, fruit, bottle, book, candle; lit from the left.

use crate::sketch::colour::Rgb;
use crate::sketch::ink::{Ink, blob, curve, disc, limb, oval, pillow, polygon, slab};
use crate::sketch::random::Random;

/// White, for highlights.
const WHITE: Rgb = Rgb::new(1.0, 1.0, 1.0);

/// A cup on its saucer; the liquid's surface shows.
pub(crate) fn cup(ink: &mut Ink<'_, '_>, glaze: Rgb, dark: Rgb, drink: Rgb, band: Rgb) {
    let shade = glaze.mix(dark, 0.42);
    ink.blend(oval((0.0, -0.03), 0.74, 0.10), ((-0.7, 0.0), glaze), ((0.8, 0.0), shade));
    ink.wash(oval((0.0, -0.05), 0.44, 0.055), dark, 0.35);
    ink.stroke(curve(&[(0.40, -0.66), (0.64, -0.66), (0.70, -0.46), (0.58, -0.28), (0.34, -0.26)]), 0.085, shade, 1.0);
    let body = [
        (-0.50, -0.80),
        (-0.49, -0.52),
        (-0.40, -0.22),
        (-0.24, -0.06),
        (0.24, -0.06),
        (0.40, -0.22),
        (0.49, -0.52),
        (0.50, -0.80),
    ];
    ink.blend(polygon(&body), ((-0.45, -0.5), glaze), ((0.55, -0.4), shade));
    ink.wash(polygon(&[(-0.496, -0.62), (-0.485, -0.50), (0.485, -0.50), (0.496, -0.62)]), band, 0.9);
    ink.wash(
        polygon(&[(-0.40, -0.74), (-0.39, -0.50), (-0.33, -0.28), (-0.28, -0.28), (-0.31, -0.50), (-0.32, -0.74)]),
        WHITE,
        0.28,
    );
    ink.fill(oval((0.0, -0.80), 0.50, 0.115), glaze.mix(WHITE, 0.25));
    ink.fill(oval((0.0, -0.79), 0.455, 0.095), shade);
    ink.blend(oval((0.0, -0.775), 0.43, 0.075), ((-0.4, 0.0), drink.mix(WHITE, 0.12)), ((0.4, 0.0), drink));
}

/// A vase with flowers.
pub(crate) fn vase(ink: &mut Ink<'_, '_>, random: &mut Random, glaze: Rgb, dark: Rgb, stem: Rgb, petals: [Rgb; 3]) {
    for i in 0..9 {
        let lean = -34.0 + 8.5 * i as f32 + random.swing() * 5.0;
        let (sin, cos) = lean.to_radians().sin_cos();
        let long = random.range(0.36, 0.58);
        let tip = (sin * long, -0.50 - cos * long);
        ink.stroke(curve(&[(0.0, -0.44), (sin * long * 0.4, -0.50 - cos * long * 0.55), tip]), 0.014, stem, 1.0);
        ink.fill(
            blob(&[
                (tip.0 * 0.4, -0.50 + (tip.1 + 0.5) * 0.4),
                (tip.0 * 0.6 + 0.05, tip.1 * 0.5 - 0.28),
                (tip.0 * 0.75, tip.1 * 0.7 - 0.14),
                (tip.0 * 0.5 - 0.03, tip.1 * 0.5 - 0.26),
            ]),
            stem.scale(0.9),
        );
    }
    for i in 0..9 {
        let lean = (-34.0 + 8.5 * i as f32 + random.swing() * 6.0).to_radians();
        let long = random.range(0.34, 0.60);
        let at = (lean.sin() * long, -0.50 - lean.cos() * long);
        let petal = petals[i % 3];
        let size = random.range(0.055, 0.085);
        for k in 0..8 {
            let (sin, cos) = (k as f32 * 0.785 + lean).sin_cos();
            ink.fill(
                disc((at.0 + cos * size, at.1 + sin * size * 0.85), size * 0.55),
                petal.mix(dark, if sin > 0.0 { 0.16 } else { 0.0 }),
            );
        }
        ink.fill(disc(at, size * 0.42), petals[(i + 1) % 3].mix(dark, 0.25));
    }
    let body = [
        (-0.075, -0.50),
        (-0.085, -0.40),
        (-0.19, -0.24),
        (-0.17, -0.08),
        (-0.10, 0.0),
        (0.10, 0.0),
        (0.17, -0.08),
        (0.19, -0.24),
        (0.085, -0.40),
        (0.075, -0.50),
    ];
    ink.blend(blob(&body), ((-0.16, -0.2), glaze), ((0.20, -0.15), glaze.mix(dark, 0.6)));
    ink.wash(blob(&[(-0.10, -0.34), (-0.14, -0.22), (-0.12, -0.10), (-0.09, -0.20)]), WHITE, 0.4);
    ink.fill(oval((0.0, -0.505), 0.085, 0.018), glaze.mix(dark, 0.5));
}

/// A round fruit with stalk and leaf.
pub(crate) fn fruit(ink: &mut Ink<'_, '_>, skin: Rgb, dark: Rgb, leaf: Rgb) {
    let body = [
        (0.0, -0.86),
        (0.24, -0.92),
        (0.46, -0.72),
        (0.45, -0.36),
        (0.24, -0.03),
        (0.0, -0.04),
        (-0.24, -0.03),
        (-0.45, -0.36),
        (-0.46, -0.72),
        (-0.24, -0.92),
    ];
    ink.blend(blob(&body), ((-0.35, -0.75), skin.mix(WHITE, 0.18)), ((0.45, -0.15), skin.mix(dark, 0.55)));
    ink.wash(oval((-0.20, -0.66), 0.10, 0.14), WHITE, 0.30);
    ink.stroke(curve(&[(0.0, -0.84), (0.02, -0.96), (0.08, -1.04)]), 0.04, dark, 1.0);
    ink.fill(blob(&[(0.05, -0.98), (0.18, -1.12), (0.36, -1.10), (0.22, -0.98)]), leaf);
}

/// A bottle with a label.
pub(crate) fn bottle(ink: &mut Ink<'_, '_>, glass: Rgb, dark: Rgb, label: Rgb) {
    let body = [
        (-0.06, -0.98),
        (0.06, -0.98),
        (0.06, -0.70),
        (0.155, -0.56),
        (0.16, 0.0),
        (-0.16, 0.0),
        (-0.155, -0.56),
        (-0.06, -0.70),
    ];
    ink.blend(polygon(&body), ((-0.14, 0.0), glass), ((0.18, 0.0), glass.mix(dark, 0.65)));
    ink.fill(slab(-0.07, -1.0, 0.07, -0.93), dark);
    ink.blend(slab(-0.158, -0.42, 0.158, -0.16), ((-0.15, 0.0), label), ((0.18, 0.0), label.mix(dark, 0.4)));
    ink.wash(slab(-0.10, -0.36, 0.06, -0.335), dark, 0.6);
    ink.wash(slab(-0.10, -0.30, 0.02, -0.28), dark, 0.4);
    ink.wash(pillow(-0.125, -0.55, -0.095, -0.05, 0.015), WHITE, 0.35);
}

/// Two books lying one on the other, spines towards us.
pub(crate) fn books(ink: &mut Ink<'_, '_>, covers: [Rgb; 2], page: Rgb, dark: Rgb) {
    for (i, cover) in covers.into_iter().enumerate() {
        let (y, half, off) = if i == 0 { (0.0, 1.0, 0.0) } else { (-0.32, 0.84, 0.08) };
        ink.blend(
            pillow(off - half, y - 0.32, off + half, y, 0.06),
            ((off - half, 0.0), cover),
            ((off + half, 0.0), cover.mix(dark, 0.5)),
        );
        ink.wash(pillow(off - half, y - 0.32, off + half, y - 0.25, 0.05), WHITE, 0.15);
        for x in [-0.78, 0.70] {
            ink.wash(slab(off + half * x, y - 0.32, off + half * (x + 0.06), y), page, 0.75);
        }
        ink.wash(slab(off - half * 0.35, y - 0.19, off + half * 0.30, y - 0.13), page, 0.65);
    }
}

/// A candle with its flame at (0, -0.92).
pub(crate) fn candle(ink: &mut Ink<'_, '_>, wax: Rgb, dark: Rgb, flame: Rgb) {
    ink.blend(oval((0.0, -0.02), 0.26, 0.05), ((-0.2, 0.0), dark.mix(wax, 0.4)), ((0.3, 0.0), dark));
    ink.blend(slab(-0.11, -0.70, 0.11, -0.03), ((-0.1, 0.0), wax), ((0.13, 0.0), wax.mix(dark, 0.5)));
    ink.fill(oval((0.0, -0.70), 0.11, 0.028), wax.mix(WHITE, 0.3));
    ink.fill(limb((0.0, -0.70), (0.006, -0.79), 0.016, 0.012), dark);
    ink.fill(blob(&[(0.0, -1.02), (0.045, -0.86), (0.0, -0.77), (-0.045, -0.86)]), flame);
    ink.fill(blob(&[(0.0, -0.92), (0.022, -0.84), (0.0, -0.79), (-0.022, -0.84)]), WHITE);
}
