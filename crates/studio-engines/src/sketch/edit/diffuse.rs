//! Diffusion: what is known flows into what is not, until every unknown pixel is the mean of its neighbours (Laplace's
//! equation), solved from coarse grids to fine ones.

use crate::sketch::{colour::Rgb, stage::Pacer};

/// Sweeps over the finest grid. What is wrong on a large scale was put right on a coarser one.
const SWEEPS: usize = 14;
/// Sweeps over a grid of a few cells, where all is near.
const MOST_SWEEPS: usize = 60;

/// Fills what is not `known`. Nothing changes when nothing is known; false when it was told to stop.
pub(super) fn diffuse(values: &mut [Rgb], known: &[bool], width: usize, pacer: &mut Pacer<'_>) -> bool {
    if !known.contains(&true) {
        return true;
    }
    let height = values.len() / width.max(1);
    let unknown: Vec<u32> = (0..values.len()).filter(|i| !known[*i]).map(|i| i as u32).collect();
    if unknown.is_empty() {
        return true;
    }
    let small = width.min(height) <= 2;
    if small {
        let start = mean(values, known);
        unknown.iter().for_each(|i| values[*i as usize] = start);
    } else {
        let (columns, rows) = (width.div_ceil(2), height.div_ceil(2));
        let (mut coarse, coarse_known) = halved(values, known, width, columns, rows);
        if !diffuse(&mut coarse, &coarse_known, columns, pacer) {
            return false;
        }
        for i in &unknown {
            let i = *i as usize;
            values[i] = between(&coarse, columns, rows, i % width, i / width);
        }
    }
    let sweeps = (SWEEPS * 512 / width.max(height).max(1)).clamp(SWEEPS, MOST_SWEEPS);
    for sweep in 0..sweeps {
        if !pacer.spend(unknown.len()) {
            return false;
        }
        // There and back, so that nothing leans to one side.
        match sweep % 2 {
            0 => unknown.iter().for_each(|i| relax(values, *i as usize, width, height)),
            _ => unknown.iter().rev().for_each(|i| relax(values, *i as usize, width, height)),
        }
    }
    true
}

/// Makes a pixel the mean of its neighbours; the picture's edge mirrors.
fn relax(values: &mut [Rgb], i: usize, width: usize, height: usize) {
    let (x, y) = (i % width, i / width);
    let left = values[if x > 0 { i - 1 } else { i + usize::from(width > 1) }];
    let right = values[if x + 1 < width { i + 1 } else { i - usize::from(width > 1) }];
    let above = values[if y > 0 { i - width } else { i + if height > 1 { width } else { 0 } }];
    let below = values[if y + 1 < height { i + width } else { i - if height > 1 { width } else { 0 } }];
    values[i] = Rgb::new(
        (left.r + right.r + above.r + below.r) * 0.25,
        (left.g + right.g + above.g + below.g) * 0.25,
        (left.b + right.b + above.b + below.b) * 0.25,
    );
}

fn mean(values: &[Rgb], known: &[bool]) -> Rgb {
    let known: Vec<Rgb> = values.iter().zip(known).filter(|(_, known)| **known).map(|(value, _)| *value).collect();
    let sum = known.iter().fold(Rgb::default(), |sum, v| Rgb::new(sum.r + v.r, sum.g + v.g, sum.b + v.b));
    sum.scale(1.0 / known.len().max(1) as f32)
}

/// Half as large: a cell is known if any of its pixels is, and then their mean.
fn halved(values: &[Rgb], known: &[bool], width: usize, columns: usize, rows: usize) -> (Vec<Rgb>, Vec<bool>) {
    let mut sums = vec![(Rgb::default(), 0.0_f32); columns * rows];
    for (i, (value, known)) in values.iter().zip(known).enumerate() {
        if *known {
            let (sum, count) = &mut sums[(i / width / 2) * columns + i % width / 2];
            *sum = Rgb::new(sum.r + value.r, sum.g + value.g, sum.b + value.b);
            *count += 1.0;
        }
    }
    let known = sums.iter().map(|(_, count)| *count > 0.0).collect();
    (sums.into_iter().map(|(sum, count)| sum.scale(1.0 / count.max(1.0))).collect(), known)
}

/// The value between the cells of a grid half as large.
fn between(coarse: &[Rgb], columns: usize, rows: usize, x: usize, y: usize) -> Rgb {
    let place = |at: usize, count: usize| {
        let at = ((at as f32 + 0.5) * 0.5 - 0.5).clamp(0.0, (count - 1) as f32);
        (at as usize, (at as usize + 1).min(count - 1), at.fract())
    };
    let ((left, right, across), (top, low, down)) = (place(x, columns), place(y, rows));
    let at = |x: usize, y: usize| coarse[y * columns + x];
    at(left, top).mix(at(right, top), across).mix(at(left, low).mix(at(right, low), across), down)
}
