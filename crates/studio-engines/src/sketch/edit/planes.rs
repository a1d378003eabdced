//! Planes of numbers: what a picture's brightness is made of.

/// Box blur in both directions by running sums, so that its reach costs nothing. Beyond the edges nothing counts.
pub(super) fn blurred(plane: &[f32], width: usize, reach: usize) -> Vec<f32> {
    let height = plane.len() / width.max(1);
    let mut across = vec![0.0; plane.len()];
    for (row, out) in plane.chunks_exact(width).zip(across.chunks_exact_mut(width)) {
        let mut sum: f64 = row[..reach.min(width)].iter().map(|v| f64::from(*v)).sum();
        for x in 0..width {
            if let Some(next) = row.get(x + reach) {
                sum += f64::from(*next);
            }
            if x > reach {
                sum -= f64::from(row[x - reach - 1]);
            }
            let count = (x + reach + 1).min(width) - x.saturating_sub(reach);
            out[x] = (sum / count as f64) as f32;
        }
    }
    let mut sums: Vec<f64> = vec![0.0; width];
    let add = |sums: &mut [f64], row: &[f32], sign: f64| {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += sign * f64::from(*value));
    };
    let row = |y: usize| &across[y * width..(y + 1) * width];
    (0..reach.min(height)).for_each(|y| add(&mut sums, row(y), 1.0));
    let mut down = vec![0.0; plane.len()];
    for (y, out) in down.chunks_exact_mut(width).enumerate() {
        if y + reach < height {
            add(&mut sums, row(y + reach), 1.0);
        }
        if y > reach {
            add(&mut sums, row(y - reach - 1), -1.0);
        }
        let count = ((y + reach + 1).min(height) - y.saturating_sub(reach)) as f64;
        out.iter_mut().zip(&sums).for_each(|(out, sum)| *out = (sum / count) as f32);
    }
    down
}

/// The forms of a plane without its fine grain: flat where it is flat, sharp where there is an edge (a guided filter, He and
/// others 2010, guided by the plane itself). `edge` is the contrast that counts as one.
pub(super) fn flattened(plane: &[f32], width: usize, reach: usize, edge: f32) -> Vec<f32> {
    let mean = blurred(plane, width, reach);
    let squares: Vec<f32> = plane.iter().map(|v| v * v).collect();
    let mut scale = blurred(&squares, width, reach);
    drop(squares);
    let mut shift = mean;
    for (scale, shift) in scale.iter_mut().zip(&mut shift) {
        let variance = (*scale - *shift * *shift).max(0.0);
        *scale = variance / (variance + edge * edge);
        *shift *= 1.0 - *scale;
    }
    let (scale, shift) = (blurred(&scale, width, reach), blurred(&shift, width, reach));
    plane.iter().zip(scale.iter().zip(&shift)).map(|(value, (scale, shift))| scale * value + shift).collect()
}

/// How strong the edges of a plane are, 0 where there is none.
pub(super) fn edges(plane: &[f32], width: usize) -> Vec<f32> {
    let height = plane.len() / width.max(1);
    let at = |x: usize, y: usize| plane[y.min(height - 1) * width + x.min(width - 1)];
    let mut edges = Vec::with_capacity(plane.len());
    for y in 0..height {
        for x in 0..width {
            let dx = at(x + 1, y) - at(x.saturating_sub(1), y);
            let dy = at(x, y + 1) - at(x, y.saturating_sub(1));
            edges.push(dx.hypot(dy));
        }
    }
    edges
}

/// How far each chosen pixel is from the nearest that is not chosen, in pixels, and 0 where it is not; beyond the picture
/// nothing counts.
pub(super) fn depth(chosen: &[bool], width: usize) -> Vec<f32> {
    const FAR: f32 = 1e9;
    let (straight, slant) = (1.0_f32, std::f32::consts::SQRT_2);
    let height = chosen.len() / width.max(1);
    let mut depth: Vec<f32> = chosen.iter().map(|chosen| if *chosen { FAR } else { 0.0 }).collect();
    let mut pass = |order: &mut dyn Iterator<Item = (usize, usize)>, back: i64| {
        for (x, y) in order {
            let here = y * width + x;
            if depth[here] == 0.0 {
                continue;
            }
            let near = |dx: i64, dy: i64| {
                let (x, y) = (x as i64 + dx, y as i64 + dy);
                let inside = (0..width as i64).contains(&x) && (0..height as i64).contains(&y);
                inside.then(|| (y as usize) * width + x as usize)
            };
            for (dx, dy, cost) in [(back, 0, straight), (0, back, straight), (back, back, slant), (-back, back, slant)]
            {
                if let Some(other) = near(dx, dy) {
                    depth[here] = depth[here].min(depth[other] + cost);
                }
            }
        }
    };
    pass(&mut (0..height).flat_map(|y| (0..width).map(move |x| (x, y))), -1);
    pass(&mut (0..height).rev().flat_map(|y| (0..width).rev().map(move |x| (x, y))), 1);
    depth
}
