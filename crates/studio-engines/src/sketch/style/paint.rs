//! Styles of the hand: watercolour, oil, ink, line.

use super::thumb::Thumb;
use crate::sketch::colour::Rgb;
use crate::sketch::ink::curve;
use crate::sketch::noise::smooth;
use crate::sketch::stage::Stage;

/// Watercolour: colours run a little, gather dark at their edges, and leave the paper white at the rim.
pub(crate) fn watercolour(stage: &mut Stage<'_>) {
    let set = stage.set;
    let (view, unit) = (set.view, set.view.unit);
    let (noise, grainy) = (set.noise("bleed"), set.noise("pigment"));
    let paper = Rgb::new(0.975, 0.965, 0.94);
    let soft = Thumb::new(stage, (unit / 130.0) as usize);
    let wide = Thumb::new(stage, (unit / 45.0) as usize);
    let step = set.step();
    let run_x = stage.field(view.h, step, |x, y| noise.fbm(x / unit * 9.0, y / unit * 9.0, 4) - 0.5);
    let run_y = stage.field(view.h, step, |x, y| noise.fbm(x / unit * 9.0 + 40.0, y / unit * 9.0, 4) - 0.5);
    let reach = unit * 0.035;
    stage.rows(0.0, view.h, |y, row| {
        let y = y as f32;
        for (x, pixel) in row.iter_mut().enumerate() {
            let x = x as f32;
            let (dx, dy) = (run_x.at(x, y), run_y.at(x, y));
            let (sx, sy) = (x + dx * reach, y + dy * reach);
            let near = soft.at(sx, sy);
            let around = wide.at(sx, sy);
            let edge = (near.luma() - around.luma()).abs();
            let pigment = grainy.fbm(x / unit * 160.0, y / unit * 160.0, 2) - 0.5;
            let wash = dx * 0.9 + dy * 0.5;
            // Transparent paint: light places are thin, dark ones never black.
            let thin = near.map(|v| 0.16 + 0.84 * v.powf(0.82)).mix(paper, (0.10 + 0.35 * wash).clamp(0.0, 0.4));
            let dark = 1.0 - (edge * 1.5).min(0.32) - pigment * 0.10 * (1.1 - near.luma());
            let rim = (x.min(view.w - x).min(y).min(view.h - y)) / unit + dx * 0.055 + dy * 0.03;
            let inside = smooth(0.022, 0.034, rim);
            let pool = smooth(0.060, 0.034, rim) * 0.10;
            *pixel = paper.mix(thin.scale(dark - pool), inside).scale(1.0 + pigment * 0.03);
        }
    });
}

/// Oil: brush strokes from coarse to fine that follow the forms.
pub(crate) fn oil(stage: &mut Stage<'_>) {
    let set = stage.set;
    let (view, unit) = (set.view, set.view.unit);
    let noise = set.noise("brush");
    let thumb = Thumb::new(stage, (unit / 170.0) as usize);
    let area = view.w * view.h / (unit * unit);
    for (pass, (count, width, length)) in
        [(1300.0, 0.026, 0.085), (3400.0, 0.0125, 0.046), (5200.0, 0.0062, 0.028)].into_iter().enumerate()
    {
        let mut random = set.random(["oil 0", "oil 1", "oil 2"][pass]);
        stage.vector(|ink| {
            for _ in 0..((count * area) as usize).min(16_000) {
                let (x, y) = (random.unit() * view.w, random.unit() * view.h);
                let (gx, gy) = thumb.slope(x, y);
                let strength = gx.hypot(gy);
                // The finest strokes only go where there is something to say.
                if pass == 2 && strength < 0.035 && random.chance(0.8) {
                    continue;
                }
                let swirl = (noise.fbm(x / unit * 2.2, y / unit * 2.2, 2) - 0.5) * 7.0;
                let angle = if strength > 0.02 { gy.atan2(gx) + std::f32::consts::FRAC_PI_2 } else { swirl };
                let colour = thumb.at(x, y).scale(1.0 + random.swing() * 0.10);
                let colour = Rgb::new(colour.r + random.swing() * 0.02, colour.g, colour.b + random.swing() * 0.02);
                let half = unit * length * 0.5 * random.range(0.6, 1.3);
                let bend = random.swing() * 0.3;
                let (sin, cos) = angle.sin_cos();
                let (sin2, cos2) = (angle + bend).sin_cos();
                let path = [(x - cos * half, y - sin * half), (x, y), (x + cos2 * half, y + sin2 * half)];
                let wide = unit * width * random.range(0.6, 1.2);
                ink.stroke(curve(&path), wide, colour, 0.94);
                if pass < 2 {
                    for k in [-0.3, 0.22] {
                        let moved = path.map(|p| (p.0 - sin * wide * k, p.1 + cos * wide * k));
                        ink.stroke(curve(&moved), wide * 0.12, colour.scale(if k > 0.0 { 0.90 } else { 1.10 }), 0.55);
                    }
                }
            }
        });
    }
}

/// Brightness of each pixel, kept while the canvas is painted over.
fn lumas(stage: &Stage<'_>) -> Vec<f32> {
    stage.canvas.iter().map(|pixel| pixel.luma()).collect()
}

/// How strong an edge is at a pixel (central differences `reach` pixels apart).
fn edge(luma: &[f32], width: usize, height: usize, x: usize, y: usize, reach: usize) -> f32 {
    let at = |x: usize, y: usize| luma[y.min(height - 1) * width + x.min(width - 1)];
    let dx = at(x + reach, y) - at(x.saturating_sub(reach), y);
    let dy = at(x, y + reach) - at(x, y.saturating_sub(reach));
    dx.hypot(dy)
}

/// Ink: washes of few tones, a brushed contour, hatching in the shade.
pub(crate) fn ink(stage: &mut Stage<'_>) {
    let set = stage.set;
    let (view, unit) = (set.view, set.view.unit);
    let luma = lumas(stage);
    let (width, height) = (stage.width, stage.height);
    let noise = set.noise("ink");
    let paper = Rgb::new(0.965, 0.945, 0.90);
    let black = set.palette.own(0.19, 0.025, 270.0);
    let reach = ((unit / 500.0) as usize).max(1);
    let pitch = (unit / 95.0).max(4.0);
    stage.rows(0.0, view.h, |y, row| {
        for (x, pixel) in row.iter_mut().enumerate() {
            let (fx, fy) = (x as f32, y as f32);
            let wet = noise.fbm(fx / unit * 12.0, fy / unit * 12.0, 3) - 0.5;
            let dry = noise.fbm(fx / unit * 70.0, fy / unit * 240.0, 2);
            let tone = luma[y * width + x] + wet * 0.16;
            let wash =
                0.16 * smooth(0.74, 0.70, tone) + 0.26 * smooth(0.50, 0.46, tone) + 0.46 * smooth(0.27, 0.23, tone);
            let hatch = ((fx + fy + wet * pitch * 1.4) / pitch).fract();
            let lines = smooth(0.30, 0.18, (hatch - 0.5).abs() * 2.0)
                * smooth(0.56, 0.40, tone)
                * smooth(0.10, 0.22, tone)
                * 0.45;
            let contour = smooth(0.10, 0.26, edge(&luma, width, height, x, y, reach)) * smooth(0.20, 0.45, dry);
            let cover = (wash * (0.82 + 0.36 * dry)).max(contour * 0.92).max(lines);
            let tint = pixel.mix(black, 0.62);
            *pixel = paper.mix(tint, cover.min(1.0)).scale(1.0 + wet * 0.03);
        }
    });
}

/// Line art: contours on paper, the colours only breathed in.
pub(crate) fn lines(stage: &mut Stage<'_>) {
    let set = stage.set;
    let (view, unit) = (set.view, set.view.unit);
    let luma = lumas(stage);
    let (width, height) = (stage.width, stage.height);
    let noise = set.noise("pencil");
    let paper = Rgb::new(0.985, 0.98, 0.965);
    let line = set.palette.own(0.27, 0.05, 270.0);
    let reach = ((unit / 640.0) as usize).max(1);
    let soft = Thumb::new(stage, (unit / 160.0) as usize);
    stage.rows(0.0, view.h, |y, row| {
        for (x, pixel) in row.iter_mut().enumerate() {
            let (fx, fy) = (x as f32, y as f32);
            let force = 0.75 + 0.5 * noise.fbm(fx / unit * 30.0, fy / unit * 30.0, 2);
            let contour = smooth(0.045, 0.16, edge(&luma, width, height, x, y, reach));
            let flat = soft.at(fx, fy).map(|v| (v * 6.0).round() / 6.0);
            let ground = paper.mix(flat, 0.16);
            *pixel = ground.mix(line, (contour * force).min(1.0));
        }
    });
}
