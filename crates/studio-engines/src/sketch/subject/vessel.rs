//! Boats and ships, rockets and balloons.

use crate::sketch::colour::Rgb;
use crate::sketch::ink::{Ink, blob, disc, polygon, polyline, slab};

/// A small sailing boat.
pub(crate) fn boat(ink: &mut Ink<'_, '_>, hull: Rgb, sail: Rgb, pale: Rgb) {
    ink.fill(polygon(&[(-0.50, -0.16), (0.52, -0.19), (0.36, 0.03), (-0.36, 0.03)]), hull);
    ink.fill(slab(-0.015, -1.06, 0.015, -0.15), hull);
    ink.blend(
        blob(&[(0.03, -1.02), (0.22, -0.70), (0.44, -0.27), (0.20, -0.24), (0.03, -0.25)]),
        ((0.0, -1.0), sail),
        ((0.5, -0.2), pale),
    );
    ink.blend(
        polygon(&[(-0.03, -0.92), (-0.03, -0.26), (-0.40, -0.26)]),
        ((0.0, -0.9), sail.scale(0.92)),
        ((-0.4, -0.2), pale.scale(0.8)),
    );
    ink.fill(polygon(&[(0.0, -1.06), (0.13, -1.03), (0.0, -0.99)]), pale);
    ink.fill(polygon(&[(-0.48, -0.13), (0.49, -0.155), (0.47, -0.125), (-0.46, -0.10)]), pale);
}

/// A steamer.
pub(crate) fn ship(ink: &mut Ink<'_, '_>, hull: Rgb, funnel: Rgb, light: Rgb) {
    ink.fill(polygon(&[(-0.98, -0.24), (1.02, -0.30), (0.84, 0.04), (-0.86, 0.04)]), hull);
    ink.fill(slab(-0.66, -0.40, 0.46, -0.22), hull.mix(light, 0.30));
    ink.fill(slab(-0.50, -0.52, 0.30, -0.39), hull.mix(light, 0.22));
    for x in [-0.36, -0.08, 0.18] {
        ink.fill(polygon(&[(x - 0.07, -0.50), (x - 0.09, -0.80), (x + 0.05, -0.80), (x + 0.07, -0.50)]), funnel);
        ink.fill(slab(x - 0.09, -0.80, x + 0.05, -0.74), hull);
    }
    for i in 0..9 {
        ink.fill(disc((-0.58 + 0.12 * i as f32, -0.31), 0.022), light);
    }
    ink.fill(slab(0.60, -0.86, 0.62, -0.26), hull);
    ink.stroke(polyline(&[(0.61, -0.86), (1.0, -0.30)]), 0.008, hull, 0.8);
    ink.stroke(polyline(&[(0.61, -0.86), (0.24, -0.52)]), 0.008, hull, 0.8);
}

/// A hot-air balloon: striped envelope and basket, the basket's floor at the origin.
pub(crate) fn balloon(ink: &mut Ink<'_, '_>, a: Rgb, b: Rgb, dark: Rgb) {
    let hull = [
        (0.0, -1.0),
        (0.26, -0.93),
        (0.37, -0.70),
        (0.28, -0.45),
        (0.10, -0.24),
        (-0.10, -0.24),
        (-0.28, -0.45),
        (-0.37, -0.70),
        (-0.26, -0.93),
    ];
    ink.blend(blob(&hull), ((-0.3, -0.8), a), ((0.4, -0.5), a.mix(dark, 0.45)));
    for (from, to) in [(0.42, 0.74), (-0.16, 0.16), (-0.74, -0.42)] {
        let edge = |k: f32| [(0.0, -0.995), (0.26 * k, -0.93), (0.37 * k, -0.70), (0.28 * k, -0.45), (0.10 * k, -0.24)];
        let mut points = edge(from).to_vec();
        points.extend(edge(to).iter().rev());
        ink.blend(polygon(&points), ((-0.3, -0.8), b), ((0.4, -0.5), b.mix(dark, 0.45)));
    }
    for x in [-1.0, 1.0] {
        ink.stroke(polyline(&[(x * 0.09, -0.25), (x * 0.055, -0.09)]), 0.008, dark, 0.9);
    }
    ink.fill(polygon(&[(-0.065, -0.10), (0.065, -0.10), (0.05, 0.0), (-0.05, 0.0)]), dark);
}

/// A rocket standing on its flame.
pub(crate) fn rocket(ink: &mut Ink<'_, '_>, body: Rgb, fin: Rgb, dark: Rgb, fire: Rgb) {
    ink.wash(polygon(&[(-0.09, -0.22), (0.09, -0.22), (0.0, 0.22)]), fire, 0.9);
    ink.wash(polygon(&[(-0.05, -0.22), (0.05, -0.22), (0.0, 0.06)]), Rgb::new(1.0, 1.0, 0.9), 0.9);
    ink.fill(polygon(&[(-0.12, -0.50), (-0.28, -0.12), (-0.09, -0.24)]), fin);
    ink.fill(polygon(&[(0.12, -0.50), (0.28, -0.12), (0.09, -0.24)]), fin.mix(dark, 0.4));
    let hull =
        [(0.0, -1.0), (0.11, -0.80), (0.15, -0.55), (0.09, -0.22), (-0.09, -0.22), (-0.15, -0.55), (-0.11, -0.80)];
    ink.blend(blob(&hull), ((-0.12, -0.5), body), ((0.16, -0.5), body.mix(dark, 0.6)));
    ink.fill(polygon(&[(0.0, -1.0), (0.085, -0.84), (-0.085, -0.84)]), fin);
    ink.fill(disc((0.0, -0.62), 0.066), dark);
    ink.fill(disc((-0.008, -0.63), 0.046), Rgb::new(0.62, 0.86, 0.95));
}
