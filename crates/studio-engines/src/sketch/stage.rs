//! The stage: the canvas with everything a layer needs to paint on it.
//!
//! A layer is a function `Fn(&mut Stage)`. It reads the `Setting` (what to draw, in which colours, where the horizon
//! is) and paints through a few brushes: `rows` and `region` (each pixel by a function), `ridge` (all below an
//! outline), `glow` (soft light) and `vector` (shapes, see `ink.rs`). The `Pacer` asks the caller now and then whether
//! to go on; once told to stop, every brush is dry and does nothing, so layers need no error handling of their own.

use tiny_skia::Pixmap;

use super::brief::Brief;
use super::colour::Rgb;
use super::ink::Ink;
use super::noise::{Field, Noise};
use super::palette::Palette;
use super::random::Random;

/// The sizes by which a composition is laid out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    /// Width in pixels.
    pub(crate) w: f32,
    /// Height in pixels.
    pub(crate) h: f32,
    /// The shorter side: what must not outgrow the picture is measured in it.
    pub(crate) short: f32,
    /// A length between the sides, leaning to the short one: wavelengths, strokes and distances.
    pub(crate) unit: f32,
}

impl View {
    /// The view of a picture.
    pub(crate) fn new(width: u32, height: u32) -> Self {
        let (w, h) = (width as f32, height as f32);
        let short = w.min(h);
        Self { w, h, short, unit: short * (w.max(h) / short).powf(0.3) }
    }
}

/// Where the great things are; chosen once a picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// The horizon's row, in pixels.
    pub(crate) horizon: f32,
    /// The centre of sun or moon, in pixels.
    pub(crate) sun: (f32, f32),
    /// Its radius.
    pub(crate) sun_radius: f32,
}

/// Everything that is decided before the first stroke.
pub(crate) struct Setting {
    /// What the prompt asks for.
    pub(crate) brief: Brief,
    /// Its colours.
    pub(crate) palette: Palette,
    /// The picture's measures.
    pub(crate) view: View,
    /// Where horizon and sun are.
    pub(crate) layout: Layout,
    /// The key of all chance: seed and prompt together.
    pub(crate) key: u64,
    /// High quality: more octaves, more detail.
    pub(crate) fine: bool,
}

impl Setting {
    /// A stream of chance for one layer.
    pub(crate) fn random(&self, label: &str) -> Random {
        Random::keyed(self.key, label)
    }

    /// A source of noise for one layer.
    pub(crate) fn noise(&self, label: &str) -> Noise {
        Noise::new(self.random(label).bits())
    }

    /// Octaves of noise: a base, and one more in high quality.
    pub(crate) fn octaves(&self, base: u32) -> u32 {
        base + u32::from(self.fine)
    }

    /// The grid step for slow fields: about a thousandth of the picture, never below two pixels.
    pub(crate) fn step(&self) -> f32 {
        (self.view.unit / if self.fine { 400.0 } else { 256.0 }).max(2.0)
    }
}

/// Asks the caller, often enough, whether to go on.
pub(crate) struct Pacer<'k> {
    keep_going: &'k mut dyn FnMut(f32) -> bool,
    progress: f32,
    stopped: bool,
    debt: usize,
}

impl<'k> Pacer<'k> {
    /// Work (in pixels touched) between two questions: a few milliseconds.
    const BUDGET: usize = 60_000;

    /// A pacer for one drawing.
    pub(crate) fn new(keep_going: &'k mut dyn FnMut(f32) -> bool) -> Self {
        Self { keep_going, progress: 0.0, stopped: false, debt: 0 }
    }

    /// Notes work about to be done; false when the caller no longer wants it.
    pub(crate) fn spend(&mut self, pixels: usize) -> bool {
        self.debt += pixels;
        if self.debt >= Self::BUDGET {
            self.ask();
        }
        !self.stopped
    }

    /// Notes how far the picture is.
    pub(crate) fn reach(&mut self, progress: f32) {
        self.progress = progress.clamp(self.progress, 1.0);
        self.ask();
    }

    /// Whether the caller said stop.
    pub(crate) fn stopped(&self) -> bool {
        self.stopped
    }

    fn ask(&mut self) {
        self.debt = 0;
        if !self.stopped && !(self.keep_going)(self.progress) {
            self.stopped = true;
        }
    }
}

/// How shapes meet what is under them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blend {
    /// Cover it.
    Over,
    /// Add light to it.
    Screen,
    /// Shade it.
    Multiply,
}

/// The canvas and its brushes.
pub(crate) struct Stage<'a> {
    /// What was decided.
    pub(crate) set: &'a Setting,
    /// The pixels, row by row.
    pub(crate) canvas: Vec<Rgb>,
    /// Width in pixels.
    pub(crate) width: usize,
    /// Height in pixels.
    pub(crate) height: usize,
    /// The caller's patience.
    pub(crate) pacer: Pacer<'a>,
    overlay: Option<Pixmap>,
}

impl<'a> Stage<'a> {
    /// An empty canvas.
    pub(crate) fn new(set: &'a Setting, pacer: Pacer<'a>) -> Self {
        let (width, height) = (set.view.w as usize, set.view.h as usize);
        let overlay = Pixmap::new(width as u32, height as u32);
        Self { set, canvas: vec![Rgb::default(); width * height], width, height, pacer, overlay }
    }

    /// Paints whole rows `from..to` by a function of the row number.
    pub(crate) fn rows(&mut self, from: f32, to: f32, mut paint: impl FnMut(usize, &mut [Rgb])) {
        let from = from.max(0.0) as usize;
        let to = (to.max(0.0) as usize).min(self.height);
        for y in from..to {
            if !self.pacer.spend(self.width) {
                return;
            }
            paint(y, &mut self.canvas[y * self.width..(y + 1) * self.width]);
        }
    }

    /// Paints each pixel of a rectangle (given by its corners, clipped to the canvas).
    pub(crate) fn region(&mut self, area: [f32; 4], mut paint: impl FnMut(f32, f32, &mut Rgb)) {
        let [left, top, right, bottom] = area;
        let left = left.max(0.0) as usize;
        let right = (right.max(0.0).ceil() as usize).min(self.width);
        if left >= right {
            return;
        }
        self.rows(top, bottom.ceil(), |y, row| {
            for (x, pixel) in (left..right).zip(&mut row[left..right]) {
                paint(x as f32 + 0.5, y as f32 + 0.5, pixel);
            }
        });
    }

    /// Keeps a slow function of the plane on a grid of `step` pixels, from the top down to `bottom`.
    pub(crate) fn field(&mut self, bottom: f32, step: f32, f: impl Fn(f32, f32) -> f32) -> Field {
        // A cell costs about as much as six painted pixels.
        let pacer = &mut self.pacer;
        Field::sample((self.set.view.w, bottom), step, |cells| pacer.spend(cells * 6), f)
    }

    /// A round soft light.
    pub(crate) fn glow(&mut self, (cx, cy): (f32, f32), radius: f32, light: Rgb, strength: f32) {
        let scale = 1.0 / (radius * radius).max(1.0);
        self.region([cx - radius, cy - radius, cx + radius, cy + radius], |x, y, pixel| {
            let d = ((x - cx) * (x - cx) + (y - cy) * (y - cy)) * scale;
            if d < 1.0 {
                let fall = (1.0 - d) * (1.0 - d);
                *pixel = pixel.screen(light, fall * fall * strength);
            }
        });
    }

    /// Fills all below an outline (one height a column) with a colour that may depend on the pixel and on its depth
    /// below the outline. Edges are smoothed by distance, so steep flanks are as clean as flat ones.
    pub(crate) fn ridge(&mut self, outline: &[f32], colour: impl FnMut(f32, f32, f32) -> Rgb) {
        self.ridge_down_to(self.set.view.h, outline, colour);
    }

    /// Like `ridge`, but only down to a row that something else will cover anyway.
    pub(crate) fn ridge_down_to(&mut self, bottom: f32, outline: &[f32], mut colour: impl FnMut(f32, f32, f32) -> Rgb) {
        let top = outline.iter().copied().fold(f32::INFINITY, f32::min) - 2.0;
        let soft: Vec<f32> = (0..outline.len())
            .map(|x| {
                let slope = (outline[(x + 1).min(outline.len() - 1)] - outline[x.saturating_sub(1)]) * 0.5;
                1.0 / (1.0 + slope * slope).sqrt()
            })
            .collect();
        self.rows(top, bottom, |y, row| {
            let y = y as f32 + 0.5;
            for (x, pixel) in row.iter_mut().enumerate() {
                let depth = y - outline[x];
                let cover = depth * soft[x] + 0.5;
                if cover > 0.0 {
                    *pixel = pixel.mix(colour(x as f32 + 0.5, y, depth.max(0.0)), cover.min(1.0));
                }
            }
        });
    }

    /// Draws shapes over the picture.
    pub(crate) fn vector(&mut self, draw: impl FnOnce(&mut Ink<'_, 'a>)) {
        self.vector_as(Blend::Over, 1.0, draw);
    }

    /// Draws shapes with a blend and an opacity for all of them together.
    pub(crate) fn vector_as(&mut self, blend: Blend, opacity: f32, draw: impl FnOnce(&mut Ink<'_, 'a>)) {
        if self.pacer.stopped() {
            return;
        }
        // The overlay is taken out while in use, so that the canvas can be painted from it.
        let Some(mut overlay) = self.overlay.take() else { return };
        let mut ink = Ink::new(&mut overlay, &mut self.pacer);
        draw(&mut ink);
        let area = ink.touched();
        let width = self.width;
        let [left, _, right, _] = area.map(|edge| edge.max(0.0) as usize);
        let right = right.min(width);
        let pixels = overlay.pixels_mut();
        if left < right {
            self.rows(area[1], area[3], |y, row| {
                let shapes = &mut pixels[y * width + left..y * width + right];
                for (pixel, shape) in row[left..right].iter_mut().zip(shapes) {
                    let alpha = f32::from(shape.alpha()) / 255.0;
                    if alpha > 0.0 {
                        let colour = Rgb::new(
                            f32::from(shape.red()) / 255.0,
                            f32::from(shape.green()) / 255.0,
                            f32::from(shape.blue()) / 255.0,
                        );
                        *pixel = blended(*pixel, colour, alpha, blend, opacity);
                        *shape = tiny_skia::PremultipliedColorU8::TRANSPARENT;
                    }
                }
            });
        }
        self.overlay = Some(overlay);
    }
}

/// `colour` is premultiplied by `alpha`.
fn blended(under: Rgb, colour: Rgb, alpha: f32, blend: Blend, opacity: f32) -> Rgb {
    let keep = 1.0 - alpha * opacity;
    match blend {
        Blend::Over => Rgb::new(
            under.r * keep + colour.r * opacity,
            under.g * keep + colour.g * opacity,
            under.b * keep + colour.b * opacity,
        ),
        Blend::Screen => under.screen(colour, opacity),
        Blend::Multiply => {
            let shade = |u: f32, c: f32| u * (keep + c * opacity);
            Rgb::new(shade(under.r, colour.r), shade(under.g, colour.g), shade(under.b, colour.b))
        }
    }
}
