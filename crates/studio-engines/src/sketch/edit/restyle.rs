//! Restyles a whole picture. What the prompt would draw on an empty canvas is drawn first: it is the palette. From the given
//! picture come the forms (brightness without its grain) and, at low strength, the colours; from the palette come colours, by
//! how bright a place is and how high it lies, then weather and style. At full strength the palette is the picture, and the
//! given one its relief.

use super::{
    canvas_of,
    planes::{blurred, edges, flattened},
};
use crate::sketch::{
    Picture, Sketch,
    colour::{Lab, Rgb},
    noise::smooth,
    painted, setting_of,
    stage::{Pacer, Setting, Stage},
    style, weather,
};

/// Steps of brightness, and bands of height, by which colours are looked up.
const STEPS: usize = 48;
const BANDS: usize = 6;

pub(super) fn restyle(
    sketch: &Sketch,
    picture: &Picture,
    strength: f32,
    keep_going: &mut dyn FnMut(f32) -> bool,
) -> Option<Picture> {
    let setting = setting_of(sketch);
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let palette: Vec<Lab> = {
        let mut ask = |part: f32| keep_going(part * 0.5);
        painted(&setting, &mut ask)?.canvas.iter().map(|pixel| pixel.lab()).collect()
    };
    let mut ask = |part: f32| keep_going(0.5 + part * 0.5);
    let mut stage = Stage::new(&setting, Pacer::new(&mut ask));
    stage.canvas = recoloured(&canvas_of(picture), palette, (width, height), strength, &mut stage.pacer)?;
    stage.pacer.reach(0.5);
    finish(&mut stage, &setting, strength)?;
    let pixels = style::quantise(&mut stage)?;
    stage.pacer.reach(1.0);
    (!stage.pacer.stopped()).then(|| Picture::from_rgb(picture.width(), picture.height(), pixels))?
}

/// The picture in the colours of the palette.
fn recoloured(
    given: &[Rgb],
    palette: Vec<Lab>,
    (width, height): (usize, usize),
    strength: f32,
    pacer: &mut Pacer<'_>,
) -> Option<Vec<Rgb>> {
    let own: Vec<Lab> = given.iter().map(|pixel| pixel.lab()).collect();
    let light: Vec<f32> = own.iter().map(|colour| colour.l).collect();
    let unit = width.min(height) as f32;
    let reach = |part: f32| ((unit * part) as usize).max(1);
    let forms = flattened(&light, width, reach(0.012), 0.035 + 0.05 * strength);
    let broad = blurred(&forms, width, reach(0.06));
    let edges = edges(&flattened(&light, width, reach(0.006), 0.04), width);
    if !pacer.spend(given.len() * 4) {
        return None;
    }
    let (seen, wanted) = (Colours::of(&own, width, height), Colours::of(&palette, width, height));
    // How far colours, brightness and, in the end, the drawing itself go.
    let colours = smooth(0.0, 0.75, strength);
    let drawn = smooth(0.62, 1.0, strength);
    let mut canvas = Vec::with_capacity(given.len());
    for (i, own) in own.iter().enumerate() {
        if i % width == 0 && !pacer.spend(width * 2) {
            return None;
        }
        let row = (i / width) as f32 / height as f32;
        let rank = seen.rank(forms[i]);
        let like = wanted.light_at(rank);
        let grain = (light[i] - forms[i]) * (1.0 - 0.55 * colours);
        let l = forms[i] + (like - forms[i]) * 0.62 * colours + grain;
        let ((ta, tb), (sa, sb)) = (wanted.colour_at(rank, row), seen.colour_at(rank, row));
        let (a, b) = (ta + 0.35 * (own.a - sa), tb + 0.35 * (own.b - sb));
        let mut colour = own.mix(Lab { l: own.l, a, b }, 0.92 * colours).with_l(l);
        if drawn > 0.0 {
            // The drawing, with the forms of the picture as its relief, and its edges as lines.
            let relief = (forms[i] - broad[i]) * 1.1;
            let line = smooth(0.05, 0.22, edges[i]) * 0.16;
            let under = palette[i].l * 0.72 + l * 0.28;
            let fresh = palette[i].mix(colour, 0.22).with_l((under + relief * 0.8 - line).clamp(0.0, 1.0));
            colour = colour.mix(fresh, drawn);
        }
        canvas.push(colour.rgb());
    }
    Some(canvas)
}

/// Weather and style over the canvas, as strong as the change is.
fn finish(stage: &mut Stage<'_>, set: &Setting, strength: f32) -> Option<()> {
    let mut plan = Vec::new();
    weather::compose(set, &mut plan);
    plan.extend(style::finish(set));
    let share = smooth(0.03, 0.5, strength);
    if share == 0.0 {
        return Some(());
    }
    let before = stage.canvas.clone();
    for layer in &plan {
        layer(stage);
        if stage.pacer.stopped() {
            return None;
        }
    }
    for (pixel, before) in stage.canvas.iter_mut().zip(before) {
        *pixel = before.mix(*pixel, share);
    }
    Some(())
}

/// Which brightness and which colours a picture has.
struct Colours {
    /// The share of pixels up to each brightness.
    ranks: Vec<f32>,
    /// The mean colour by band of height and by rank.
    means: Vec<(f32, f32)>,
}

impl Colours {
    /// Of every third pixel of every third row: as good as all, and nine times as quick.
    fn of(pixels: &[Lab], width: usize, height: usize) -> Self {
        let places = || (0..height).step_by(3).flat_map(|y| (0..width).step_by(3).map(move |x| (x, y)));
        let mut counts = vec![0.0_f32; 256];
        for (x, y) in places() {
            counts[step(pixels[y * width + x].l)] += 1.0;
        }
        let all: f32 = counts.iter().sum();
        let ranks = counts.iter().scan(0.0, |sum, count| {
            *sum += count / all.max(1.0);
            Some(*sum)
        });
        let mut colours = Self { ranks: ranks.collect(), means: Vec::new() };
        let mut sums = vec![[0.0_f32; 3]; STEPS * BANDS];
        for (x, y) in places() {
            let colour = pixels[y * width + x];
            let rank = ((colours.rank(colour.l) * STEPS as f32) as usize).min(STEPS - 1);
            let band = (y * BANDS / height).min(BANDS - 1);
            let sum = &mut sums[band * STEPS + rank];
            *sum = [sum[0] + colour.a, sum[1] + colour.b, sum[2] + 1.0];
        }
        // Where a band has nothing so bright, what is near in brightness and height says which colour that would have.
        for _ in 0..4 {
            sums = spread(&sums);
        }
        colours.means = sums.iter().map(|[a, b, count]| (a / count.max(1e-6), b / count.max(1e-6))).collect();
        colours
    }

    /// Which share of the picture is darker.
    fn rank(&self, light: f32) -> f32 {
        let at = light.clamp(0.0, 1.0) * 255.0;
        let (low, part) = (at as usize, at.fract());
        let (a, b) = (self.ranks[low], self.ranks[(low + 1).min(255)]);
        a + (b - a) * part
    }

    /// The brightness below which this share of the picture lies.
    fn light_at(&self, rank: f32) -> f32 {
        let at = self.ranks.partition_point(|share| *share < rank).min(255);
        let (low, high) = (if at == 0 { 0.0 } else { self.ranks[at - 1] }, self.ranks[at]);
        let part = if high > low { ((rank - low) / (high - low)).clamp(0.0, 1.0) } else { 1.0 };
        (at as f32 - 1.0 + part).max(0.0) / 255.0
    }

    /// The usual colour of what is so bright and lies so high (0 is the top).
    fn colour_at(&self, rank: f32, row: f32) -> (f32, f32) {
        let place = |at: f32, count: usize| {
            let at = (at * count as f32 - 0.5).clamp(0.0, (count - 1) as f32);
            (at as usize, (at as usize + 1).min(count - 1), at.fract())
        };
        let ((dark, bright, across), (top, low, down)) = (place(rank, STEPS), place(row, BANDS));
        let at = |band: usize, rank: usize| self.means[band * STEPS + rank];
        let mix = |a: (f32, f32), b: (f32, f32), t: f32| (a.0 + (b.0 - a.0) * t, a.1 + (b.1 - a.1) * t);
        mix(mix(at(top, dark), at(top, bright), across), mix(at(low, dark), at(low, bright), across), down)
    }
}

fn step(light: f32) -> usize {
    (light.clamp(0.0, 1.0) * 255.0) as usize
}

/// Each cell with a part of its neighbours.
fn spread(cells: &[[f32; 3]]) -> Vec<[f32; 3]> {
    let at = |band: i64, rank: i64| {
        let inside = (0..BANDS as i64).contains(&band) && (0..STEPS as i64).contains(&rank);
        inside.then(|| cells[band as usize * STEPS + rank as usize])
    };
    (0..cells.len())
        .map(|i| {
            let (band, rank) = ((i / STEPS) as i64, (i % STEPS) as i64);
            let mut sum = cells[i];
            for (db, dr, weight) in [(0, -1, 0.35), (0, 1, 0.35), (-1, 0, 0.12), (1, 0, 0.12)] {
                if let Some(near) = at(band + db, rank + dr) {
                    sum = [sum[0] + near[0] * weight, sum[1] + near[1] * weight, sum[2] + near[2] * weight];
                }
            }
            sum
        })
        .collect()
}
