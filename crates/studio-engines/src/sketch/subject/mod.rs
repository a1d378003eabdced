//! Subjects: characterful silhouettes in a unit box, feet at the origin, one unit tall, y downwards.
//!
//! Scenes place them with `Ink::place`, which gives position, size and direction; colours come from the palette. The
//! functions here put the named subjects that have no special place of their own into any landscape: on the ground in
//! the middle distance, in the sky, or close to the viewer.

pub(crate) mod animal;
pub(crate) mod aquatic;
pub(crate) mod building;
pub(crate) mod figure;
pub(crate) mod object;
pub(crate) mod plant;
pub(crate) mod vessel;

use super::colour::Rgb;
use super::lexicon::{Scene, Season, Subject, Time, Weather};
use super::scene::{Plan, add};
use super::stage::{Setting, Stage};

/// Animals that sit and face us.
pub(crate) const SITTERS: [Subject; 6] =
    [Subject::Cat, Subject::Dog, Subject::Fox, Subject::Rabbit, Subject::Owl, Subject::Bear];

/// Things that stand in the middle ground: houses, trees, castles, tents, windmills, grazing animals. `lift` moves
/// them up, as a part of the height.
pub(crate) fn on_ground(set: &Setting, plan: &mut Plan, lift: f32) {
    use Subject as S;
    let kinds = [S::House, S::Castle, S::Tree, S::Windmill, S::Tent, S::Deer, S::Horse];
    let named: Vec<Subject> = set.brief.subjects.iter().copied().filter(|s| kinds.contains(s)).take(3).collect();
    for (slot, subject) in named.into_iter().enumerate() {
        add(plan, move |stage| stand(stage, subject, slot, lift));
    }
}

/// Puts one thing on the ground, with its shadow and, at night, its light.
pub(crate) fn stand(stage: &mut Stage<'_>, subject: Subject, slot: usize, lift: f32) {
    let set = stage.set;
    let (palette, view) = (&set.palette, set.view);
    let mut random = set.random("standing");
    let space = view.h - set.layout.horizon;
    // The first goes opposite the sun, the next to the other side.
    let side = if (set.layout.sun.0 > view.w * 0.5) == (slot == 0) { -1.0 } else { 1.0 };
    let x = view.w * (0.5 + side * random.range(0.06, 0.20) + 0.02 * slot as f32);
    let y = set.layout.horizon + space * random.range(0.40, 0.52) - view.h * lift;
    let size = view.short
        * match subject {
            Subject::Castle => 0.36,
            Subject::Tree => 0.46,
            Subject::Windmill => 0.34,
            Subject::Tent => 0.13,
            Subject::Deer | Subject::Horse => 0.24,
            _ => 0.17,
        };
    let dark = palette.depth(0.95);
    let lamps = matches!(set.brief.time, Time::Dusk | Time::Night) || set.brief.is(Weather::Storm);
    let window = if lamps { palette.own(0.90, 0.13, 80.0) } else { palette.sky.at(0.5).mix(dark, 0.45) };
    let wall = palette.local(0.88, 0.03, 75.0);
    let roof = palette.local(0.52, 0.13, 32.0);
    let shade = palette.shade;
    stage.vector_as(super::stage::Blend::Multiply, 0.45, |ink| {
        ink.wash(super::ink::oval((x + size * 0.06 * side, y + size * 0.01), size * 0.5, size * 0.045), shade, 0.9);
    });
    stage.vector(|ink| {
        ink.place((x, y), size, -side);
        match subject {
            Subject::House => building::house(ink, wall, roof, dark, window),
            Subject::Castle => {
                building::castle(ink, palette.local(0.66, 0.03, 60.0), palette.local(0.40, 0.08, 25.0), dark, window)
            }
            Subject::Windmill => building::windmill(ink, wall, palette.haze, dark, 20.0 + 40.0 * random.unit()),
            Subject::Tent => building::tent(ink, palette.accents[0], dark, window),
            Subject::Tree => plant::tree(ink, &mut random, palette.local(0.28, 0.04, 45.0), leaves(set)),
            _ => animal::standing(
                ink,
                subject,
                palette.local(0.36, 0.06, 50.0).mix(dark, 0.4),
                palette.local(0.7, 0.05, 60.0),
            ),
        }
    });
    if lamps && matches!(subject, Subject::House | Subject::Castle | Subject::Tent) {
        stage.glow((x, y - size * 0.25), size * 0.75, palette.own(0.85, 0.13, 70.0), 0.35);
    }
}

/// Crown colours, dark and lit; none in winter.
pub(crate) fn leaves(set: &Setting) -> Option<(Rgb, Rgb)> {
    let palette = &set.palette;
    match set.brief.season {
        Season::Winter => None,
        Season::Autumn => Some((palette.local(0.50, 0.15, 38.0), palette.local(0.74, 0.15, 65.0))),
        Season::Spring => Some((palette.local(0.72, 0.11, 355.0), palette.local(0.90, 0.06, 355.0))),
        Season::Summer => Some((palette.local(0.40, 0.09, 150.0), palette.local(0.62, 0.12, 132.0))),
    }
}

/// Things close to the viewer or in the air before everything: animals, people, balloons, rockets.
pub(crate) fn foreground(set: &Setting, plan: &mut Plan) {
    use Subject as S;
    let airy = [S::Balloon, S::Rocket, S::Bird, S::Butterfly];
    for subject in set.brief.subjects.iter().copied().filter(|s| airy.contains(s)).take(2) {
        add(plan, move |stage| fly(stage, subject));
    }
    // In the desert cacti already have their place.
    let desert = set.brief.scene == Scene::Desert;
    let near = |s: &S| SITTERS.contains(s) || matches!(s, S::Person | S::Robot) || (*s == S::Cactus && !desert);
    let close: Vec<Subject> = set.brief.subjects.iter().copied().filter(near).take(2).collect();
    if !close.is_empty() && matches!(set.brief.scene, Scene::City | Scene::Sea) {
        add(plan, parapet);
    }
    for (slot, subject) in close.into_iter().enumerate() {
        add(plan, move |stage| come_close(stage, subject, slot));
    }
}

fn fly(stage: &mut Stage<'_>, subject: Subject) {
    let set = stage.set;
    let (palette, view) = (&set.palette, set.view);
    let mut random = set.random("flying");
    let dark = palette.depth(0.9);
    let side = if set.layout.sun.0 > view.w * 0.5 { -1.0 } else { 1.0 };
    stage.vector(|ink| match subject {
        Subject::Bird => {
            for i in 0..5 {
                let at =
                    (view.w * (0.5 + side * 0.15 + random.swing() * 0.3), set.layout.horizon * random.range(0.25, 0.7));
                let size = view.short * random.range(0.03, 0.06) * if i == 0 { 2.0 } else { 1.0 };
                super::scene::sky::bird(ink, at, size, random.range(-22.0, 14.0), random.range(0.3, 0.7), dark);
            }
        }
        Subject::Rocket => {
            let at = (view.w * (0.5 + side * 0.14), view.h * 0.55);
            ink.place_turned(at, view.short * 0.36, random.range(12.0, 28.0) * side);
            vessel::rocket(
                ink,
                palette.own(0.93, 0.01, 90.0),
                palette.pure[0],
                palette.shade,
                palette.own(0.82, 0.16, 70.0),
            );
        }
        _ => {
            for i in 0..4 {
                let far = 1.0 - 0.22 * i as f32;
                let at = (
                    view.w * (0.5 + side * (0.12 - 0.26 * i as f32) + random.swing() * 0.12),
                    set.layout.horizon * random.range(0.42, 0.66),
                );
                let (a, b) = (palette.accents[i % 4], palette.accents[(i + 2) % 4].mix(palette.light, 0.4));
                let (a, b) = (palette.fade(a, 0.25 * i as f32), palette.fade(b, 0.25 * i as f32));
                if subject == Subject::Balloon {
                    ink.place(at, view.short * 0.34 * far * far, 1.0);
                    vessel::balloon(ink, a, b, palette.fade(dark, 0.2 * i as f32));
                } else {
                    ink.place_turned((at.0, at.1 + view.h * 0.2), view.short * 0.16 * far, random.range(-35.0, 35.0));
                    animal::butterfly(ink, a, b, dark);
                }
            }
        }
    });
}

/// A low wall to sit on, where a scene has no ground of its own in front.
fn parapet(stage: &mut Stage<'_>) {
    let set = stage.set;
    let (view, unit) = (set.view, set.view.unit);
    let noise = set.noise("parapet");
    let top = view.h * 0.925;
    let (face, edge) = (set.palette.depth(0.9), set.palette.depth(0.9).mix(set.palette.haze, 0.28));
    stage.rows(top, view.h, |y, row| {
        let down = (y as f32 - top) / unit;
        for (x, pixel) in row.iter_mut().enumerate() {
            let grain = noise.fbm(x as f32 / unit * 30.0, y as f32 / unit * 30.0, 2) - 0.5;
            let tone = if down < 0.02 { edge } else { face };
            *pixel = tone.scale(1.0 + 0.25 * grain);
        }
    });
}

fn come_close(stage: &mut Stage<'_>, subject: Subject, slot: usize) {
    let set = stage.set;
    let (palette, view) = (&set.palette, set.view);
    let mut random = set.random("close");
    let side = if (set.layout.sun.0 > view.w * 0.5) == (slot == 0) { -1.0 } else { 1.0 };
    let x = view.w * (0.5 + side * random.range(0.10, 0.24));
    let size = (view.h * 0.42).min(view.short * 0.5);
    let y = view.h * 0.965;
    let shade = palette.shade;
    stage.vector_as(super::stage::Blend::Multiply, 0.5, |ink| {
        ink.fill(super::ink::oval((x, y), size * 0.42, size * 0.05), shade);
    });
    let flip = -side;
    stage.vector(|ink| {
        ink.place((x, y), size, flip);
        match subject {
            Subject::Cactus => {
                plant::cactus(ink, &mut random, palette.local(0.52, 0.09, 150.0), palette.depth(0.9), None)
            }
            Subject::Person => figure::person(ink, palette.depth(0.95), palette.accents[0]),
            Subject::Robot => figure::robot(
                ink,
                palette.local(0.72, 0.03, 230.0),
                palette.depth(0.95),
                palette.own(0.85, 0.14, 190.0),
                palette.accents[0],
            ),
            _ => animal::sitting(ink, subject, coat(set, subject)),
        }
    });
}

/// The coat of an animal in this light; colour words do the rest through the palette.
pub(crate) fn coat(set: &Setting, who: Subject) -> animal::Coat {
    let palette = &set.palette;
    let mut random = set.random("coat");
    let (l, c, hue) = match who {
        Subject::Fox => (0.64, 0.16, 48.0),
        Subject::Owl => (0.50, 0.06, 65.0),
        Subject::Bear => (0.42, 0.06, 50.0),
        Subject::Rabbit => random.pick(&[(0.78, 0.03, 70.0), (0.60, 0.05, 60.0), (0.90, 0.01, 80.0)]),
        Subject::Dog => random.pick(&[(0.70, 0.09, 70.0), (0.48, 0.06, 50.0), (0.60, 0.02, 250.0)]),
        _ => random.pick(&[(0.27, 0.02, 280.0), (0.68, 0.13, 60.0), (0.52, 0.02, 250.0), (0.30, 0.03, 40.0)]),
    };
    animal::Coat {
        fur: palette.local(l, c, hue),
        pale: palette.local((l + 0.25).clamp(0.45, 0.95), c * 0.35, hue),
        dark: palette.local(0.14, 0.02, 280.0),
        eye: palette.own(0.84, 0.16, if who == Subject::Owl { 75.0 } else { random.pick(&[95.0, 130.0, 70.0]) }),
    }
}
