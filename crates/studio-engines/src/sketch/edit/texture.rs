//! Grain for what was diffused: diffusion is smooth, pictures are not. The fine structure of the picture (what is left when its
//! forms are taken away) is copied from where the colours are alike, in overlapping patches that fade into each other.

use super::planes::blurred;
use crate::sketch::{colour::Rgb, random::Random, stage::Pacer};

/// Half a patch, as a part of the shorter side, and in pixels at least and at most.
const PATCH: (f32, usize, usize) = (0.03, 4, 28);
/// Places that are looked at for each patch.
const CANDIDATES: usize = 48;

/// Adds grain to `values` where they are not `known`. False when it was told to stop.
pub(super) fn grain(
    values: &mut [Rgb],
    known: &[bool],
    width: usize,
    random: &mut Random,
    pacer: &mut Pacer<'_>,
) -> bool {
    let height = values.len() / width;
    let reach = ((width.min(height) as f32 * PATCH.0) as usize).clamp(PATCH.1, PATCH.2);
    let size = 2 * reach + 1;
    if width <= size || height <= size {
        return true;
    }
    // Patches of known pixels only, found by counting the unknown ones in each.
    let unknown: Vec<f32> = known.iter().map(|known| if *known { 0.0 } else { 1.0 }).collect();
    let share = blurred(&unknown, width, reach);
    let inside = |x: usize, y: usize| (reach..width - reach).contains(&x) && (reach..height - reach).contains(&y);
    let sources: Vec<u32> =
        (0..values.len()).filter(|i| share[*i] < 1e-4 && inside(i % width, i / width)).map(|i| i as u32).collect();
    if sources.is_empty() {
        return true;
    }
    let forms = soft(values, width, reach / 2 + 1);
    if !pacer.spend(values.len()) {
        return false;
    }
    let mut grains = vec![(Rgb::default(), 0.0_f32); values.len()];
    let window: Vec<f32> = (0..size * size)
        .map(|i| {
            let ease = |at: usize| (std::f32::consts::PI * (at as f32 + 0.5) / size as f32).sin();
            ease(i % size) * ease(i / size)
        })
        .collect();
    let step = reach.max(1);
    for y in (0..height + reach).step_by(step) {
        for x in (0..width + reach).step_by(step) {
            let (cx, cy) = (x.min(width - 1), y.min(height - 1));
            if share[cy * width + cx] <= 0.0 {
                continue;
            }
            if !pacer.spend(size * size * 2) {
                return false;
            }
            let source = nearest(values, &forms, (cx, cy), reach, width, &sources, random);
            lay(&mut grains, values, &forms, known, (cx, cy), source, reach, width, &window);
        }
    }
    for (i, (sum, squares)) in grains.into_iter().enumerate() {
        if !known[i] && squares > 0.0 {
            // By the root of the weights' squares: a mean of patches that have nothing to do with each other would be too smooth.
            let grain = sum.scale(1.0 / squares.sqrt());
            let value = &mut values[i];
            *value = Rgb::new(value.r + grain.r, value.g + grain.g, value.b + grain.b);
        }
    }
    true
}

/// The forms of a picture: each channel blurred.
fn soft(values: &[Rgb], width: usize, reach: usize) -> Vec<Rgb> {
    let plane = |channel: fn(&Rgb) -> f32| blurred(&values.iter().map(channel).collect::<Vec<_>>(), width, reach);
    let (r, g, b) = (plane(|v| v.r), plane(|v| v.g), plane(|v| v.b));
    r.into_iter().zip(g).zip(b).map(|((r, g), b)| Rgb::new(r, g, b)).collect()
}

/// The centre of the known patch whose colours are most like those that were diffused here, the near ones first.
fn nearest(
    values: &[Rgb],
    forms: &[Rgb],
    (x, y): (usize, usize),
    reach: usize,
    width: usize,
    sources: &[u32],
    random: &mut Random,
) -> (usize, usize) {
    let height = values.len() / width;
    let wanted = values[y * width + x];
    let half = (reach / 2) as i64;
    let mut best = (f32::INFINITY, (x, y));
    for _ in 0..CANDIDATES {
        let at = sources[random.index(sources.len())] as usize;
        let (sx, sy) = (at % width, at / width);
        let mut cost = 0.0;
        for (dx, dy) in [(0, 0), (-half, -half), (half, -half), (-half, half), (half, half)] {
            let here = clamped(x, dx, width) + clamped(y, dy, height) * width;
            let there = clamped(sx, dx, width) + clamped(sy, dy, height) * width;
            let (a, b) = (values[here], forms[there]);
            cost += (a.r - b.r).powi(2) + (a.g - b.g).powi(2) + (a.b - b.b).powi(2);
        }
        // What lies on the same height is more often of the same kind.
        let far = sy.abs_diff(y) as f32 / height as f32 + 0.4 * sx.abs_diff(x) as f32 / width as f32;
        let colours = (wanted.luma() - forms[at].luma()).abs();
        let cost = cost + 0.02 * far + 0.05 * colours;
        if cost < best.0 {
            best = (cost, (sx, sy));
        }
    }
    best.1
}

fn clamped(at: usize, by: i64, count: usize) -> usize {
    (at as i64 + by).clamp(0, count as i64 - 1) as usize
}

#[expect(clippy::too_many_arguments, reason = "one patch, from here to there")]
fn lay(
    grains: &mut [(Rgb, f32)],
    values: &[Rgb],
    forms: &[Rgb],
    known: &[bool],
    (x, y): (usize, usize),
    (sx, sy): (usize, usize),
    reach: usize,
    width: usize,
    window: &[f32],
) {
    let (height, size) = (values.len() / width, 2 * reach + 1);
    for dy in 0..size {
        let Some(ty) = (y + dy).checked_sub(reach).filter(|ty| *ty < height) else { continue };
        for dx in 0..size {
            let Some(tx) = (x + dx).checked_sub(reach).filter(|tx| *tx < width) else { continue };
            let (to, from) = (ty * width + tx, (sy + dy - reach) * width + sx + dx - reach);
            if known[to] {
                continue;
            }
            let weight = window[dy * size + dx];
            let (value, form) = (values[from], forms[from]);
            let (sum, squares) = &mut grains[to];
            *sum = Rgb::new(
                sum.r + (value.r - form.r) * weight,
                sum.g + (value.g - form.g) * weight,
                sum.b + (value.b - form.b) * weight,
            );
            *squares += weight * weight;
        }
    }
}
