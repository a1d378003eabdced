//! Things that were built: lighthouse, house, castle, windmill, tent.

use crate::sketch::colour::Rgb;
use crate::sketch::ink::{Ink, polygon, slab};

/// A lighthouse, banded, its lamp at (0, -0.84).
pub(crate) fn lighthouse(ink: &mut Ink<'_, '_>, wall: Rgb, band: Rgb, dark: Rgb, light: Rgb) {
    let half = |t: f32| 0.105 - 0.045 * t;
    let (shade, deep) = (wall.mix(dark, 0.45), band.mix(dark, 0.45));
    for i in 0..6 {
        let (a, b) = (i as f32 / 6.0, (i + 1) as f32 / 6.0);
        let (y0, y1) = (-0.76 * a, -0.76 * b - 0.002);
        let (lit, dim) = if i % 2 == 0 { (wall, shade) } else { (band, deep) };
        let face = polygon(&[(-half(a), y0), (-half(b), y1), (half(b), y1), (half(a), y0)]);
        ink.blend(face, ((-0.06, 0.0), lit), ((0.09, 0.0), dim));
    }
    ink.fill(slab(-0.085, -0.785, 0.085, -0.755), dark);
    ink.fill(slab(-0.048, -0.90, 0.048, -0.785), light);
    for x in [-0.05, -0.018, 0.014, 0.044] {
        ink.fill(slab(x, -0.90, x + 0.007, -0.785), dark);
    }
    ink.fill(polygon(&[(-0.066, -0.90), (0.0, -0.985), (0.066, -0.90)]), band.mix(dark, 0.3));
    ink.fill(slab(-0.004, -1.02, 0.004, -0.97), dark);
    ink.fill(slab(-0.022, -0.08, 0.022, 0.0), dark);
    for y in [-0.28, -0.52] {
        ink.fill(slab(-0.012, y - 0.035, 0.012, y), dark);
    }
}

/// A cottage with a lit window and a chimney.
pub(crate) fn house(ink: &mut Ink<'_, '_>, wall: Rgb, roof: Rgb, dark: Rgb, window: Rgb) {
    let side = wall.mix(dark, 0.35);
    ink.fill(slab(0.30, -0.98, 0.40, -0.60), roof.mix(dark, 0.4));
    ink.fill(polygon(&[(-0.18, 0.03), (-0.18, -0.46), (0.62, -0.46), (0.62, 0.03)]), wall);
    ink.fill(polygon(&[(-0.62, 0.03), (-0.62, -0.46), (-0.40, -0.86), (-0.18, -0.46), (-0.18, 0.03)]), side);
    ink.fill(polygon(&[(-0.44, -0.90), (0.46, -0.90), (0.70, -0.42), (-0.20, -0.42)]), roof);
    ink.fill(
        polygon(&[(-0.44, -0.90), (-0.69, -0.42), (-0.62, -0.40), (-0.40, -0.82), (-0.17, -0.40), (-0.20, -0.46)]),
        roof.mix(dark, 0.3),
    );
    ink.fill(slab(0.34, -0.30, 0.48, 0.03), dark.mix(roof, 0.3));
    for (l, t, r, b) in [(-0.06, -0.30, 0.08, -0.12), (0.15, -0.30, 0.27, -0.12), (-0.47, -0.36, -0.33, -0.16)] {
        ink.fill(slab(l - 0.012, t - 0.012, r + 0.012, b + 0.012), dark.mix(wall, 0.5));
        ink.fill(slab(l, t, r, b), window);
        ink.fill(slab((l + r) * 0.5 - 0.006, t, (l + r) * 0.5 + 0.006, b), dark.mix(wall, 0.5));
    }
}

/// A castle on a height.
pub(crate) fn castle(ink: &mut Ink<'_, '_>, wall: Rgb, roof: Rgb, dark: Rgb, window: Rgb) {
    let towers = [(-0.50, 0.13, 0.50), (0.48, 0.14, 0.56), (-0.20, 0.12, 0.78), (0.20, 0.15, 0.66), (0.02, 0.09, 0.92)];
    ink.blend(
        polygon(&[(-0.62, 0.10), (-0.55, -0.30), (0.55, -0.30), (0.64, 0.10)]),
        ((-0.5, 0.0), wall),
        ((0.6, 0.0), wall.mix(dark, 0.5)),
    );
    for i in 0..12 {
        let x = -0.53 + 0.09 * i as f32;
        ink.fill(slab(x, -0.34, x + 0.05, -0.29), wall.mix(dark, 0.2));
    }
    for (x, half, tall) in towers {
        let body = slab(x - half * 0.5, -tall * 0.74, x + half * 0.5, 0.06);
        ink.blend(body, ((x - half * 0.5, 0.0), wall), ((x + half * 0.5, 0.0), wall.mix(dark, 0.55)));
        ink.fill(
            polygon(&[
                (x - half * 0.68, -tall * 0.73),
                (x, -tall * 0.73 - half * 2.0),
                (x + half * 0.68, -tall * 0.73),
            ]),
            roof,
        );
        for y in [0.60, 0.42] {
            ink.fill(slab(x - 0.013, -tall * y - 0.03, x + 0.013, -tall * y + 0.02), window);
        }
    }
    ink.fill(polygon(&[(-0.07, 0.08), (-0.07, -0.10), (0.0, -0.17), (0.07, -0.10), (0.07, 0.08)]), dark);
}

/// A windmill.
pub(crate) fn windmill(ink: &mut Ink<'_, '_>, wall: Rgb, sail: Rgb, dark: Rgb, turn: f32) {
    let body = polygon(&[(-0.20, 0.02), (-0.12, -0.60), (0.12, -0.60), (0.20, 0.02)]);
    ink.blend(body, ((-0.2, 0.0), wall), ((0.2, 0.0), wall.mix(dark, 0.5)));
    ink.fill(polygon(&[(-0.14, -0.59), (0.0, -0.76), (0.14, -0.59)]), dark);
    ink.fill(slab(-0.05, -0.16, 0.05, 0.02), dark);
    for blade in 0..4 {
        let (sin, cos) = (turn + 90.0 * blade as f32).to_radians().sin_cos();
        let at = |along: f32, across: f32| (along * cos - across * sin, -0.62 + along * sin + across * cos);
        ink.fill(polygon(&[at(0.0, -0.008), at(0.48, -0.008), at(0.48, 0.008), at(0.0, 0.008)]), dark);
        ink.wash(polygon(&[at(0.10, 0.008), at(0.48, 0.008), at(0.48, 0.10), at(0.10, 0.08)]), sail, 0.9);
    }
}

/// A tent with its own light.
pub(crate) fn tent(ink: &mut Ink<'_, '_>, cloth: Rgb, dark: Rgb, glow: Rgb) {
    ink.fill(polygon(&[(-0.20, -0.86), (0.46, -0.80), (0.86, 0.02), (0.30, 0.02)]), cloth.mix(dark, 0.35));
    ink.blend(
        polygon(&[(-0.20, -0.86), (0.32, 0.02), (-0.72, 0.02)]),
        ((-0.2, -0.8), cloth),
        ((-0.2, 0.0), cloth.mix(glow, 0.6)),
    );
    ink.fill(polygon(&[(-0.20, -0.62), (0.0, 0.02), (-0.38, 0.02)]), glow);
}
