//! The palette: colours for an hour, a weather, a mood and the colour words.
//!
//! Two ideas keep a picture together. *Local colour*: things name their own colour ("grass is green") and `local` puts
//! it into the light of the hour: darker and bluer at night, warmer at dusk. *Grading*: every colour leaves through
//! `grade`, which bends all hues towards the colour words and moods, so that one word tints the whole picture and no
//! layer has to know about it.

use super::brief::Brief;
use super::colour::{Lab, Ramp, Rgb, lch};
use super::lexicon::{Mood, Scene, Style, Time, Tint, Weather};
use super::random::Random;

/// The sky from zenith to horizon, as lightness, chroma and hue.
type Sky = [(f32, f32, f32); 4];

const NOON: [Sky; 3] = [
    [(0.60, 0.13, 250.0), (0.71, 0.11, 242.0), (0.83, 0.075, 228.0), (0.94, 0.035, 205.0)],
    [(0.62, 0.10, 228.0), (0.75, 0.09, 214.0), (0.87, 0.06, 198.0), (0.95, 0.045, 110.0)],
    [(0.56, 0.12, 258.0), (0.70, 0.10, 248.0), (0.84, 0.06, 240.0), (0.95, 0.03, 80.0)],
];
const DAWN: [Sky; 3] = [
    [(0.62, 0.08, 275.0), (0.76, 0.08, 330.0), (0.86, 0.09, 30.0), (0.93, 0.09, 80.0)],
    [(0.66, 0.07, 230.0), (0.80, 0.06, 262.0), (0.88, 0.07, 350.0), (0.94, 0.07, 60.0)],
    [(0.56, 0.09, 250.0), (0.74, 0.07, 222.0), (0.87, 0.08, 100.0), (0.94, 0.10, 85.0)],
];
const DUSK: [Sky; 4] = [
    [(0.30, 0.11, 285.0), (0.47, 0.15, 340.0), (0.68, 0.17, 35.0), (0.87, 0.14, 78.0)],
    [(0.29, 0.08, 258.0), (0.45, 0.10, 285.0), (0.66, 0.15, 10.0), (0.88, 0.11, 60.0)],
    [(0.34, 0.07, 222.0), (0.54, 0.07, 202.0), (0.76, 0.11, 82.0), (0.82, 0.16, 58.0)],
    [(0.36, 0.13, 312.0), (0.53, 0.19, 0.0), (0.71, 0.18, 40.0), (0.90, 0.13, 92.0)],
];
const NIGHT: [Sky; 3] = [
    [(0.14, 0.045, 275.0), (0.20, 0.075, 268.0), (0.29, 0.09, 258.0), (0.43, 0.09, 240.0)],
    [(0.15, 0.06, 295.0), (0.21, 0.09, 290.0), (0.31, 0.11, 302.0), (0.45, 0.11, 325.0)],
    [(0.14, 0.035, 238.0), (0.21, 0.055, 226.0), (0.31, 0.07, 210.0), (0.45, 0.08, 195.0)],
];

/// How colour words and moods bend every colour.
#[derive(Clone, Debug, Default)]
struct Grade {
    /// Hues to bend to: one for shadows, one for lights (equal when one word was given).
    hues: Option<[(f32, f32); 2]>,
    pull: f32,
    chroma: f32,
    lift: f32,
    gain: f32,
    pastel: bool,
}

/// The colours of one picture.
pub(crate) struct Palette {
    /// The sky, zenith (0) to horizon (1).
    pub(crate) sky: Ramp,
    /// The air far away: distant things fade to it.
    pub(crate) haze: Rgb,
    /// Sun or moon.
    pub(crate) light: Rgb,
    /// The deepest shadow; near silhouettes lean to it.
    pub(crate) shade: Rgb,
    /// Colours for things that stand out, already in this light.
    pub(crate) accents: [Rgb; 4],
    /// The same, as if lit by themselves (signs, flowers in the sun, abstract shapes).
    pub(crate) pure: [Rgb; 5],
    /// How bright the day is, 0 to 1.
    pub(crate) exposure: f32,
    ambient: Lab,
    tint: f32,
    grade: Grade,
}

impl Palette {
    /// The palette for a brief; `key` chooses among the variants of an hour.
    pub(crate) fn new(brief: &Brief, key: u64) -> Self {
        let mut random = Random::keyed(key, "palette");
        let grade = Grade::new(brief);
        let mut sky = match brief.time {
            Time::Noon => random.pick(&NOON),
            Time::Dawn => random.pick(&DAWN),
            Time::Dusk => random.pick(&DUSK),
            Time::Night => random.pick(&NIGHT),
        }
        .map(|(l, c, h)| lch(l, c, h));
        if brief.styled(Style::Retro) {
            sky = [lch(0.17, 0.09, 285.0), lch(0.28, 0.15, 300.0), lch(0.48, 0.22, 340.0), lch(0.78, 0.16, 50.0)];
        }
        overcast(&mut sky, brief);
        let (exposure, tint): (f32, f32) = match brief.time {
            Time::Noon => (1.0, 0.06),
            Time::Dawn => (0.86, 0.18),
            Time::Dusk => (0.60, 0.34),
            Time::Night => (0.40, 0.50),
        };
        let dim = if brief.is(Weather::Storm) { 0.82 } else { 1.0 };
        let ambient = sky[1].with_l(0.45 * exposure).saturate(0.9);
        let light = match brief.time {
            Time::Noon => lch(0.99, 0.03, 95.0),
            Time::Dawn => lch(0.97, 0.08, 85.0),
            Time::Dusk => lch(0.93, 0.14, 72.0),
            Time::Night => lch(0.95, 0.025, 100.0),
        };
        let mut palette = Self {
            sky: Ramp::new(&sky.map(|colour| grade.apply(colour))),
            haze: grade.apply(haze(&sky, brief)).rgb(),
            light: grade.apply(light).rgb(),
            shade: Rgb::default(),
            accents: [Rgb::default(); 4],
            pure: [Rgb::default(); 5],
            exposure: exposure * dim,
            ambient,
            tint,
            grade,
        };
        palette.shade = palette.graded(sky[0].with_l(0.15 + 0.05 * exposure).saturate(0.55));
        let base = match (brief.unknown, brief.tints.iter().find_map(hue)) {
            (_, Some((hue, _))) => hue,
            (true, None) => (brief.hash >> 8) as f32 % 360.0,
            (false, None) => random.pick(&[25.0, 45.0, 75.0, 195.0, 250.0, 330.0]),
        };
        // Split complements: related enough to agree, different enough to sing.
        let turns =
            [0.0, random.pick(&[150.0, 180.0, 210.0]), random.range(25.0, 50.0), random.range(-60.0, -30.0), 90.0];
        for (i, turn) in turns.into_iter().enumerate() {
            let own = lch([0.68, 0.62, 0.80, 0.56, 0.88][i], [0.17, 0.13, 0.14, 0.15, 0.07][i], base + turn);
            palette.pure[i] = palette.graded(own);
            let seen = palette.lit(own);
            if let Some(slot) = palette.accents.get_mut(i) {
                *slot = seen;
            }
        }
        palette
    }

    /// A thing's own colour (lightness, chroma, hue), seen in this picture's light.
    pub(crate) fn local(&self, l: f32, c: f32, hue: f32) -> Rgb {
        self.lit(lch(l, c, hue))
    }

    /// A colour that shines by itself: graded, but not dimmed by the hour.
    pub(crate) fn own(&self, l: f32, c: f32, hue: f32) -> Rgb {
        self.graded(lch(l, c, hue))
    }

    /// A colour that a colour word only touches: skin, which must stay skin in a teal picture.
    pub(crate) fn life(&self, l: f32, c: f32, hue: f32) -> Rgb {
        let own = lch(l, c, hue);
        let graded = self.grade.apply(own);
        let share = if self.grade.chroma == 0.0 { 1.0 } else { 0.22 };
        own.mix(graded, share).rgb()
    }

    /// A colour seen through air: 0 near, 1 gone.
    pub(crate) fn fade(&self, colour: Rgb, distance: f32) -> Rgb {
        colour.lab().mix(self.haze.lab(), distance.clamp(0.0, 1.0)).rgb()
    }

    /// Silhouettes, far (0) to near (1): from the haze to the shade, in clean steps.
    pub(crate) fn depth(&self, nearness: f32) -> Rgb {
        self.haze.lab().mix(self.shade.lab(), nearness.clamp(0.0, 1.0)).rgb()
    }

    fn lit(&self, own: Lab) -> Rgb {
        let seen = own.with_l(own.l * (0.25 + 0.75 * self.exposure)).saturate(0.55 + 0.45 * self.exposure);
        self.graded(seen.mix(self.ambient, self.tint))
    }

    fn graded(&self, colour: Lab) -> Rgb {
        self.grade.apply(colour).rgb()
    }
}

/// The air far away: the sky near the horizon, with sand in it over a desert.
fn haze(sky: &[Lab; 4], brief: &Brief) -> Lab {
    let air = sky[3].mix(sky[2], 0.35);
    if brief.scene == Scene::Desert { air.mix(lch(air.l, 0.08, 62.0), 0.6) } else { air }
}

/// Clouds take the colour out of a sky and, in a storm, the light.
fn overcast(sky: &mut [Lab; 4], brief: &Brief) {
    let (grey, dark) = if brief.is(Weather::Storm) {
        (0.62, 0.66)
    } else if brief.is(Weather::Rain) {
        (0.5, 0.86)
    } else if brief.is(Weather::Fog) {
        (0.5, 1.0)
    } else if brief.is(Weather::Snow) && !brief.is(Weather::Aurora) {
        (0.3, 1.0)
    } else {
        return;
    };
    for colour in sky.iter_mut() {
        let cloud = lch(colour.l * dark, 0.025, 245.0);
        *colour = colour.mix(cloud, grey).with_l(colour.l * dark);
    }
}

fn hue(tint: &Tint) -> Option<(f32, f32)> {
    match tint {
        Tint::Hue(hue, chroma) => Some((*hue, *chroma)),
        _ => None,
    }
}

impl Grade {
    fn new(brief: &Brief) -> Self {
        let named: Vec<(f32, f32)> = brief.tints.iter().filter_map(hue).collect();
        let mut grade = Self { pull: 0.6, chroma: 1.0, gain: 1.0, ..Self::default() };
        if let Some(first) = named.first() {
            grade.hues = Some([*first, *named.get(1).unwrap_or(first)]);
        } else if brief.unknown {
            let shadow = (brief.hash >> 8) as f32 % 360.0;
            grade.hues = Some([(shadow, 0.12), (shadow + 40.0 + (brief.hash >> 40) as f32 % 120.0, 0.12)]);
            grade.pull = 0.45;
        }
        for tint in &brief.tints {
            match tint {
                Tint::Warm => grade.lean((52.0, 0.12), 0.62),
                Tint::Cool => grade.lean((240.0, 0.10), 0.62),
                Tint::Grey => grade.chroma = 0.0,
                Tint::Pastel => grade.pastel = true,
                Tint::Vivid | Tint::Neon => grade.chroma *= 1.3,
                Tint::Dark => grade.gain *= 0.74,
                Tint::Bright => grade.lift += 0.08,
                Tint::Hue(..) => {}
            }
        }
        // Grey and a hue together are a toned monochrome: that hue and no other.
        if brief.tinted(Tint::Grey) && !named.is_empty() {
            (grade.chroma, grade.pull) = (0.6, 1.0);
        }
        for mood in &brief.moods {
            match mood {
                Mood::Calm => grade.chroma *= 0.88,
                Mood::Angry => {
                    grade.gain *= 0.9;
                    grade.lean((27.0, 0.20), 0.75);
                }
                Mood::Sad => {
                    grade.chroma *= 0.62;
                    grade.lean((250.0, 0.06), 0.3);
                }
                Mood::Joyful => (grade.chroma, grade.lift) = (grade.chroma * 1.15, grade.lift + 0.03),
                Mood::Mysterious => {
                    grade.gain *= 0.88;
                    grade.lean((285.0, 0.09), 0.35);
                }
                Mood::Dreamy => {
                    grade.lift += 0.05;
                    grade.lean((330.0, 0.09), 0.35);
                }
                Mood::Minimal => grade.chroma *= 0.85,
                Mood::Chaotic => grade.chroma *= 1.12,
            }
        }
        grade
    }

    /// A mild hue, unless a colour word already decided.
    fn lean(&mut self, hue: (f32, f32), pull: f32) {
        if self.hues.is_none() {
            self.hues = Some([hue, hue]);
            self.pull = pull;
        }
    }

    fn apply(&self, colour: Lab) -> Lab {
        let mut graded = colour;
        if let Some([shadow, light]) = self.hues {
            let t = ((colour.l - 0.25) / 0.5).clamp(0.0, 1.0);
            let dark = lch(colour.l, shadow.1.min(0.05 + 0.25 * colour.l), shadow.0);
            let pale = lch(colour.l, light.1 * (1.25 - 0.9 * (colour.l - 0.5).max(0.0) * 1.6), light.0);
            // Near-greys stay nearly grey, so that snow and moonlight survive a colour word.
            let hold = 0.45 + 0.55 * (colour.chroma() / 0.07).min(1.0);
            graded = graded.mix(dark.mix(pale, t), self.pull * hold);
        }
        graded = graded.saturate(self.chroma);
        graded.l = (graded.l * self.gain + self.lift * (1.0 - graded.l)).clamp(0.0, 1.0);
        if self.pastel {
            let chroma = graded.chroma();
            graded.l = 0.52 + 0.45 * graded.l;
            graded = graded.saturate((chroma.min(0.085) + 0.01) / chroma.max(0.02));
        }
        graded
    }
}
