//! Paints the place that a mask shows. Its ground is what surrounds it, diffused and grained; on that the prompt is painted in
//! the manner of Poisson image editing (Pérez and others, 2003): what it draws keeps its own changes from pixel to pixel, and
//! the difference to the surroundings is diffused over all of it, so that there is no seam to be seen.

use super::{canvas_of, diffuse::diffuse, planes::depth, texture::grain};
use crate::sketch::{
    Picture, Sketch, colour::Rgb, lexicon, noise::smooth, painted, random::Random, setting_of, stage::Pacer,
};

/// How much of the surroundings is drawn around the place: what is cut off at its very edge looks cut off.
const MARGIN: f32 = 0.06;
/// Where the prompt's own paint begins to thin out, as a part of the depth of the place.
const FEATHER: f32 = 0.35;
/// Film grain and dither of what is painted, in bytes.
const DITHER: f32 = 1.0;

pub(super) fn inpaint(
    sketch: &Sketch,
    picture: &Picture,
    mask: &[bool],
    strength: f32,
    keep_going: &mut dyn FnMut(f32) -> bool,
) -> Option<Picture> {
    let width = picture.width() as usize;
    let known: Vec<bool> = mask.iter().map(|chosen| !chosen).collect();
    let mut canvas = canvas_of(picture);
    let setting = setting_of(sketch);
    let mut random = Random::keyed(setting.key, "inpaint");
    {
        let mut ask = |part: f32| keep_going(part * 0.4);
        let mut pacer = Pacer::new(&mut ask);
        let filled = diffuse(&mut canvas, &known, width, &mut pacer);
        pacer.reach(0.6);
        if !filled || !grain(&mut canvas, &known, width, &mut random, &mut pacer) {
            return None;
        }
    }
    // How much of the prompt is painted on the ground.
    let paint = if removes(&sketch.prompt) { 0.0 } else { smooth(0.0, 0.8, strength) };
    if let (true, Some(place)) = (paint > 0.0, Place::of(mask, width)) {
        let mut ask = |part: f32| keep_going(0.4 + part * 0.5);
        let drawn = place.draw(sketch, &mut ask)?;
        let mut ask = |part: f32| keep_going(0.9 + part * 0.1);
        set_in(&mut canvas, drawn, &known, width, paint, &mut Pacer::new(&mut ask))?;
    }
    if !keep_going(1.0) {
        return None;
    }
    let mut bytes = picture.pixels().to_vec();
    for (i, pixel) in canvas.iter().enumerate().filter(|(i, _)| mask[*i]) {
        let dither = random.unit() * DITHER;
        let byte = |v: f32| (v * 255.0 + dither).clamp(0.0, 255.0) as u8;
        bytes[i * 3..i * 3 + 3].copy_from_slice(&[byte(pixel.r), byte(pixel.g), byte(pixel.b)]);
    }
    Picture::from_rgb(picture.width(), picture.height(), bytes)
}

/// Whether the prompt wants the place to be like its surroundings and nothing else.
fn removes(prompt: &str) -> bool {
    let prompt = prompt.to_lowercase();
    let mut words = prompt.split(|c: char| !c.is_alphanumeric());
    words.any(|word| lexicon::REMOVALS.contains(&word))
}

/// The rectangle around what a mask shows, a little larger.
struct Place {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl Place {
    fn of(mask: &[bool], width: usize) -> Option<Self> {
        let height = mask.len() / width;
        let rows = || (0..height).filter(|y| mask[y * width..(y + 1) * width].contains(&true));
        let (top, bottom) = (rows().next()?, rows().next_back()?);
        let columns = || (0..width).filter(|x| (top..=bottom).any(|y| mask[y * width + x]));
        let (left, right) = (columns().next()?, columns().next_back()?);
        let margin = ((right - left).max(bottom - top) as f32 * MARGIN) as usize + 1;
        let (left, top) = (left.saturating_sub(margin), top.saturating_sub(margin));
        let (right, bottom) = ((right + margin + 1).min(width), (bottom + margin + 1).min(height));
        Some(Self { left, top, width: right - left, height: bottom - top })
    }

    /// What the prompt draws there: each pixel of the picture that lies in it.
    fn draw(&self, sketch: &Sketch, keep_going: &mut dyn FnMut(f32) -> bool) -> Option<Drawn<'_>> {
        // Small places are drawn larger and made smaller, for nothing can be told in a few pixels.
        let least = 192.0 / self.width.min(self.height) as f32;
        let most = 2048.0 / self.width.max(self.height) as f32;
        let scale = least.clamp(1.0, most.max(1.0));
        let side = |pixels: usize| ((pixels as f32 * scale) as u32).clamp(64, 2048);
        let sketch = Sketch { width: side(self.width), height: side(self.height), ..sketch.clone() };
        let setting = setting_of(&sketch);
        let stage = painted(&setting, keep_going)?;
        let (width, height) = (stage.width, stage.height);
        Some(Drawn { place: self, canvas: stage.canvas, width, height })
    }
}

struct Drawn<'p> {
    place: &'p Place,
    canvas: Vec<Rgb>,
    width: usize,
    height: usize,
}

impl Drawn<'_> {
    /// The mean of what lies under a pixel of the place.
    fn at(&self, x: usize, y: usize) -> Rgb {
        let span = |at: usize, all: usize, drawn: usize| {
            let scale = drawn as f32 / all as f32;
            let from = ((at as f32 * scale) as usize).min(drawn - 1);
            let to = (((at + 1) as f32 * scale) as usize).clamp(from + 1, drawn);
            from..to
        };
        let (mut sum, mut count) = (Rgb::default(), 0.0);
        for row in span(y, self.place.height, self.height) {
            for column in span(x, self.place.width, self.width) {
                let pixel = self.canvas[row * self.width + column];
                sum = Rgb::new(sum.r + pixel.r, sum.g + pixel.g, sum.b + pixel.b);
                count += 1.0;
            }
        }
        sum.scale(1.0 / count)
    }
}

/// Sets what was drawn into the canvas. Nothing when it was told to stop.
fn set_in(
    canvas: &mut [Rgb],
    drawn: Drawn<'_>,
    known: &[bool],
    width: usize,
    paint: f32,
    pacer: &mut Pacer<'_>,
) -> Option<()> {
    let Place { left, top, width: columns, height: rows } = *drawn.place;
    let index = |i: usize| (top + i / columns) * width + left + i % columns;
    let fresh: Vec<Rgb> = (0..columns * rows).map(|i| drawn.at(i % columns, i / columns)).collect();
    drop(drawn);
    let around: Vec<bool> = (0..columns * rows).map(|i| known[index(i)]).collect();
    // What the surroundings differ by from what is drawn, diffused inwards.
    let mut difference: Vec<Rgb> = (0..columns * rows)
        .map(|i| {
            let (here, fresh) = (canvas[index(i)], fresh[i]);
            Rgb::new(here.r - fresh.r, here.g - fresh.g, here.b - fresh.b)
        })
        .collect();
    let bounded = around.contains(&true);
    if bounded && !diffuse(&mut difference, &around, columns, pacer) {
        return None;
    }
    let inside: Vec<bool> = around.iter().map(|known| !known).collect();
    let depth = depth(&inside, columns);
    let deepest = depth.iter().copied().filter(|depth| *depth < 1e8).fold(1.0_f32, f32::max);
    for i in (0..columns * rows).filter(|i| inside[*i]) {
        let (colour, share) = if bounded {
            let (own, by) = (fresh[i], difference[i]);
            // At the edge all of the difference, so that it can't be seen; deep inside the prompt's own colours come through.
            let inwards = smooth(0.0, FEATHER * deepest, depth[i]);
            let keep = 1.0 - 0.55 * inwards * paint;
            let colour = Rgb::new(own.r + by.r * keep, own.g + by.g * keep, own.b + by.b * keep);
            (colour, paint * smooth(0.0, 0.25 * FEATHER * deepest + 1.0, depth[i]))
        } else {
            (fresh[i], paint)
        };
        let pixel = &mut canvas[index(i)];
        *pixel = pixel.mix(colour, share).map(|v| v.clamp(0.0, 1.0));
    }
    Some(())
}
