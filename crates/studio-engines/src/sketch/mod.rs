//! `sketch`: the built-in image engine. A prompt becomes a picture, with no network and no weights.
//!
//! The way of a picture: `brief` reads the words (with `lexicon`), `palette` mixes the colours of that hour, weather
//! and mood, `scene` plans layers from back to front (sky, far hills, ..., weather), each layer paints on the `stage`,
//! and `style` finishes it (grain, watercolour, pixels, ...). All chance comes from the seed: the same request gives the
//! same bytes. A picture that is given is changed by the same words in `edit`. To add a place, write a file in `scene/`; a thing, a function in `subject/`; a word, a row in `lexicon`.

mod brief;
mod colour;
mod edit;
mod encode;
mod ink;
mod lexicon;
mod noise;
mod palette;
mod random;
mod scene;
mod stage;
mod style;
mod subject;
#[cfg(test)]
mod tests;
mod weather;

use std::ops::RangeInclusive;

pub use edit::{Edit, edit};
pub use encode::{EncodeError, Format, Picture};

use brief::Brief;
use lexicon::{Scene, Time};
use palette::Palette;
use random::Random;
use stage::{Layout, Pacer, Setting, Stage, View};

/// How long a side of a picture may be, in pixels. Sizes outside are clamped.
pub const SIDE_PX: RangeInclusive<u32> = 64..=2048;

/// How much care to take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quality {
    /// Quick, and good enough for a screen.
    #[default]
    Standard,
    /// More octaves of noise, finer fields, more leaves and stars.
    Hd,
}

/// What to draw.
#[derive(Clone, Debug)]
pub struct Sketch {
    /// The words; any Unicode. Words that are not understood still steer the picture.
    pub prompt: String,
    /// The chance: another seed gives another picture of the same words.
    pub seed: u64,
    /// Width in pixels, see [`SIDE_PX`].
    pub width: u32,
    /// Height in pixels, see [`SIDE_PX`].
    pub height: u32,
    /// How much care to take.
    pub quality: Quality,
}

/// Draws the picture.
///
/// `keep_going` is asked every few milliseconds and told the progress (`0.0..=1.0`, never falling); when it answers
/// `false` the drawing stops and there is no picture.
pub fn draw(sketch: &Sketch, keep_going: &mut dyn FnMut(f32) -> bool) -> Option<Picture> {
    let setting = setting_of(sketch);
    let mut stage = painted(&setting, keep_going)?;
    let pixels = style::quantise(&mut stage)?;
    stage.pacer.reach(1.0);
    if stage.pacer.stopped() {
        return None;
    }
    Picture::from_rgb(setting.view.w as u32, setting.view.h as u32, pixels)
}

/// Decides all that is decided before the first stroke.
fn setting_of(sketch: &Sketch) -> Setting {
    let width = sketch.width.clamp(*SIDE_PX.start(), *SIDE_PX.end());
    let height = sketch.height.clamp(*SIDE_PX.start(), *SIDE_PX.end());
    let brief = Brief::read(&sketch.prompt);
    let key = random::mix(sketch.seed ^ brief.hash);
    let view = View::new(width, height);
    let palette = Palette::new(&brief, key);
    let layout = lay_out(&brief, view, key);
    Setting { brief, palette, view, layout, key, fine: sketch.quality == Quality::Hd }
}

/// Paints the whole picture; nothing when it was told to stop.
fn painted<'a>(setting: &'a Setting, keep_going: &'a mut dyn FnMut(f32) -> bool) -> Option<Stage<'a>> {
    let mut plan = scene::plan(setting);
    plan.extend(style::finish(setting));
    let mut stage = Stage::new(setting, Pacer::new(keep_going));
    let count = plan.len() as f32;
    for (done, layer) in plan.iter().enumerate() {
        stage.pacer.reach(done as f32 / count);
        if stage.pacer.stopped() {
            return None;
        }
        layer(&mut stage);
    }
    (!stage.pacer.stopped()).then_some(stage)
}

/// Chooses where the horizon lies and where sun or moon stand.
fn lay_out(brief: &Brief, view: View, key: u64) -> Layout {
    let mut random = Random::keyed(key, "layout");
    let (low, high) = match brief.scene {
        Scene::Sea => (0.52, 0.66),
        Scene::Desert => (0.56, 0.68),
        Scene::Field => (0.44, 0.58),
        Scene::Sky => (0.84, 0.92),
        Scene::City => (0.74, 0.84),
        Scene::Forest => (0.70, 0.80),
        Scene::Mountains if brief.water => (0.66, 0.74),
        Scene::Mountains => (0.72, 0.82),
        _ => (0.66, 0.76),
    };
    let horizon = view.h * random.range(low, high);
    // Off the middle, near a third: the eye likes it there.
    let side = random.sign();
    let x = view.w * (0.5 + side * random.range(0.08, 0.26));
    let (radius, up) = match brief.time {
        Time::Noon => (random.range(0.045, 0.065), random.range(0.62, 0.78)),
        Time::Dawn => (random.range(0.06, 0.09), random.range(0.18, 0.34)),
        Time::Dusk => (random.range(0.08, 0.13), random.range(0.06, 0.24)),
        Time::Night => (random.range(0.05, 0.085), random.range(0.52, 0.76)),
    };
    let radius = if brief.styled(lexicon::Style::Retro) { 0.2 } else { radius };
    let x = if brief.styled(lexicon::Style::Retro) { view.w * 0.5 } else { x };
    Layout { horizon, sun: (x, horizon * (1.0 - up)), sun_radius: view.short * radius }
}
