//! Still life: a table before a wall, light from a window, a few things that keep each other company.

use super::{Plan, add};
use crate::sketch::colour::Rgb;
use crate::sketch::ink::{oval, polygon, slab};
use crate::sketch::lexicon::{Mood, Season, Subject, Weather};
use crate::sketch::noise::smooth;
use crate::sketch::stage::{Blend, Setting, Stage};
use crate::sketch::subject::object;

/// The layers of a still life.
pub(crate) fn compose(plan: &mut Plan) {
    add(plan, wall);
    add(plan, window_light);
    add(plan, table);
    add(plan, things);
    add(plan, air);
}

/// The back edge of the table.
fn edge(set: &Setting) -> f32 {
    set.view.h * 0.64
}

/// Colours of the room: wall and table, chosen to agree.
fn room(set: &Setting) -> (Rgb, Rgb) {
    let mut random = set.random("room");
    let palette = &set.palette;
    let (wall_hue, table) = random.pick(&[
        (195.0, (0.66, 0.085, 60.0)),
        (75.0, (0.50, 0.075, 45.0)),
        (20.0, (0.72, 0.06, 75.0)),
        (150.0, (0.60, 0.09, 50.0)),
        (262.0, (0.74, 0.07, 70.0)),
    ]);
    let wall = palette.local(random.range(0.70, 0.86), 0.085, wall_hue);
    (wall, palette.local(table.0, table.1, table.2))
}

/// Whether light falls from the left.
fn from_left(set: &Setting) -> bool {
    set.layout.sun.0 < set.view.w * 0.5
}

/// A plastered wall, lighter where the light falls.
fn wall(stage: &mut Stage<'_>) {
    let set = stage.set;
    let (tone, _) = room(set);
    let noise = set.noise("plaster");
    let (view, unit) = (set.view, set.view.unit);
    let dark = tone.mix(set.palette.shade, 0.42);
    let left = from_left(set);
    stage.rows(0.0, view.h, |y, row| {
        for (x, pixel) in row.iter_mut().enumerate() {
            let u = x as f32 / view.w;
            let t = if left { u } else { 1.0 - u };
            let plaster = noise.fbm(x as f32 / unit * 3.0, y as f32 / unit * 3.0, 4) - 0.5;
            let fall = t * 0.62 + (y as f32 / view.h - 0.35).abs() * 0.35 + plaster * 0.22;
            *pixel = tone.mix(dark, fall.clamp(0.0, 1.0));
        }
    });
}

/// The window's shape on the wall, slanted.
fn window_light(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("window");
    let (view, palette) = (set.view, &set.palette);
    let strength = if set.brief.night() {
        0.14
    } else if set.brief.is(Weather::Rain) {
        0.16
    } else {
        0.42
    };
    let wide = view.unit * random.range(0.20, 0.27);
    let tall = (view.h * 0.44).min(view.unit * 0.5);
    let slant = tall * random.range(0.18, 0.40) * if from_left(set) { 1.0 } else { -1.0 };
    let (x, y) = (view.w * random.range(0.42, 0.58), view.h * 0.09);
    let warm = palette.light;
    stage.vector_as(Blend::Screen, strength, |ink| {
        for column in 0..2 {
            for row in 0..3 {
                let (l, r) = (wide * (column as f32 - 1.0) + wide * 0.035, wide * column as f32 - wide * 0.035);
                let (t, b) = (tall * row as f32 / 3.0 + tall * 0.012, tall * (row + 1) as f32 / 3.0 - tall * 0.012);
                let at = |px: f32, py: f32| (x + px + slant * py / tall, y + py + px * 0.10);
                ink.fill(polygon(&[at(l, t), at(r, t), at(r, b), at(l, b)]), warm);
            }
        }
    });
}

/// The table with its grain and front edge.
fn table(stage: &mut Stage<'_>) {
    let set = stage.set;
    let (_, wood) = room(set);
    let (view, unit) = (set.view, set.view.unit);
    let top = edge(set);
    let front = view.h * 0.93;
    let noise = set.noise("wood");
    let dark = wood.mix(set.palette.shade, 0.55);
    let light = wood.mix(set.palette.light, 0.25);
    let left = from_left(set);
    stage.rows(top, view.h, |y, row| {
        let y = y as f32 + 0.5;
        let near = (y - top) / (view.h - top);
        for (x, pixel) in row.iter_mut().enumerate() {
            let x = x as f32;
            let u = if left { x / view.w } else { 1.0 - x / view.w };
            let grain = noise.fbm(x / unit * 1.6, y / unit * (34.0 - 14.0 * near), 3) - 0.5;
            let mut colour = light
                .mix(wood, smooth(0.0, 0.75, u + near * 0.3))
                .mix(dark, (smooth(0.55, 1.35, u) * 0.55 + grain * 0.42).clamp(0.0, 1.0));
            if y > front {
                colour = colour.mix(dark, 0.55);
            } else if y > front - unit * 0.006 {
                colour = colour.mix(light, 0.6);
            }
            *pixel = colour;
        }
    });
}

/// The company: what was named, and what goes with it.
fn company(set: &Setting) -> Vec<Subject> {
    use Subject as S;
    let kinds = [S::Cup, S::Vase, S::Fruit, S::Bottle, S::Book, S::Candle, S::Flower];
    let mut cast: Vec<Subject> = set
        .brief
        .subjects
        .iter()
        .copied()
        .filter(|s| kinds.contains(s))
        .map(|s| if s == S::Flower { S::Vase } else { s })
        .collect();
    if let Some(first) = cast.iter().position(|s| *s == S::Vase) {
        // "Flowers in a vase" is one thing.
        let mut at = 0;
        cast.retain(|s| {
            at += 1;
            *s != S::Vase || at == first + 1
        });
    }
    cast.truncate(4);
    let wanted = if set.brief.feels(Mood::Minimal) || set.brief.feels(Mood::Sad) { 1 } else { 3 };
    let mut random = set.random("company");
    let friends = if cast.contains(&S::Cup) {
        [S::Book, S::Vase, S::Fruit, S::Candle]
    } else {
        [S::Fruit, S::Vase, S::Bottle, S::Cup]
    };
    let start = random.index(4);
    for i in 0..4 {
        let friend = friends[(start + i) % 4];
        if cast.len() < wanted && !cast.contains(&friend) {
            cast.push(friend);
        }
    }
    cast
}

/// Where the hero stands and how tall a unit is there.
fn spot(set: &Setting, slot: usize) -> ((f32, f32), f32) {
    let mut random = set.random(["slot 0", "slot 1", "slot 2", "slot 3"][slot.min(3)]);
    let view = set.view;
    let space = view.h - edge(set);
    let side = if from_left(set) { 1.0 } else { -1.0 };
    let size = view.h.min(view.w * 1.05).min(view.unit * 0.95);
    let (x, down) = [(0.0, 0.50), (0.21, 0.22), (-0.23, 0.26), (0.36, 0.56)][slot.min(3)];
    let at =
        (view.w * 0.5 + size * (side * x + random.swing() * 0.03), edge(set) + space * (down + random.swing() * 0.04));
    (at, size)
}

/// Draws the things with their shadows, the farthest first.
fn things(stage: &mut Stage<'_>) {
    let set = stage.set;
    let palette = &set.palette;
    let mut cast: Vec<(usize, Subject)> = company(set).into_iter().enumerate().collect();
    cast.sort_by(|a, b| spot(set, a.0).0.1.total_cmp(&spot(set, b.0).0.1));
    let dark = palette.depth(0.95);
    let away = if from_left(set) { 1.0 } else { -1.0 };
    let mut random = set.random("things");
    let white = palette.local(0.95, 0.015, 80.0);
    let glaze = random.pick(&[white, palette.accents[0], palette.accents[1], palette.local(0.45, 0.09, 240.0)]);
    let leaf = palette.local(0.48, 0.10, 145.0);
    for (slot, thing) in cast {
        let ((x, y), size) = spot(set, slot);
        let hero = if slot == 0 { 1.0 } else { 0.9 };
        let (unit, half) = match thing {
            Subject::Cup => (size * 0.30 * hero, 0.66),
            Subject::Vase => (size * 0.52 * hero, 0.18),
            Subject::Fruit => (size * 0.145 * hero, 0.45),
            Subject::Bottle => (size * 0.50 * hero, 0.16),
            Subject::Book => (size * 0.20 * hero, 1.0),
            _ => (size * 0.34 * hero, 0.22),
        };
        let wide = unit * half;
        let shade = palette.shade;
        stage.vector_as(Blend::Multiply, 0.55, |ink| {
            for k in 0..16 {
                let t = k as f32 / 15.0;
                let at = (x + away * wide * (0.20 + 0.42 * t), y + wide * 0.02);
                ink.wash(oval(at, wide * (0.95 + 0.85 * t), wide * (0.10 + 0.16 * t) + unit * 0.012), shade, 0.10);
            }
        });
        stage.vector(|ink| {
            ink.place((x, y), unit, away);
            match thing {
                Subject::Cup => object::cup(ink, glaze, dark, palette.local(0.30, 0.06, 50.0), palette.accents[2]),
                Subject::Vase => object::vase(
                    ink,
                    &mut random,
                    if slot == 0 { glaze } else { palette.accents[1] },
                    dark,
                    leaf,
                    [palette.accents[0], palette.accents[2], white],
                ),
                Subject::Bottle => object::bottle(ink, palette.local(0.42, 0.08, 155.0), dark, white),
                Subject::Book => object::books(ink, [palette.accents[1], palette.accents[0]], white, dark),
                Subject::Candle => object::candle(ink, white, dark, palette.own(0.88, 0.15, 80.0)),
                _ => {
                    let own = match set.brief.season {
                        Season::Winter => [(0.72, 0.16, 60.0), (0.75, 0.15, 65.0), (0.70, 0.16, 55.0)],
                        _ => [(0.60, 0.18, 30.0), (0.80, 0.15, 100.0), (0.70, 0.15, 60.0)],
                    };
                    for (i, (dx, dy)) in [(-0.55, -0.06), (0.52, -0.04), (0.0, 0.14)].into_iter().enumerate() {
                        let (l, c, hue) = own[i];
                        ink.place((x + dx * unit * away, y + dy * unit), unit, away);
                        object::fruit(ink, palette.local(l, c, hue), dark, leaf);
                    }
                }
            }
        });
        if thing == Subject::Cup {
            steam(stage, (x, y - unit * 0.84), unit);
        }
        if thing == Subject::Candle {
            let light = palette.own(0.85, 0.13, 75.0);
            stage.glow((x, y - unit * 0.88), size * 0.55, light, 0.55);
            stage.glow((x, y - unit * 0.88), unit * 0.22, light, 0.9);
        }
    }
}

/// Steam: two soft wavering threads.
fn steam(stage: &mut Stage<'_>, (x, y): (f32, f32), size: f32) {
    let mut random = stage.set.random("steam");
    let light = stage.set.palette.light;
    for thread in [-0.14, 0.12] {
        let phase = random.unit() * 6.0;
        for i in 0..44 {
            let t = i as f32 / 44.0;
            let sway = (phase + t * 6.5).sin() * size * 0.10 * (0.25 + t);
            let at = (x + thread * size + sway, y - size * 1.05 * t);
            stage.glow(at, size * (0.05 + 0.10 * t), light, 0.20 * (1.0 - t) * smooth(0.0, 0.12, t));
        }
    }
}

/// Warm air over everything: the room in one light.
fn air(stage: &mut Stage<'_>) {
    let set = stage.set;
    let (view, light) = (set.view, set.palette.light);
    let corner = if from_left(set) { 0.0 } else { view.w };
    let strength = if set.brief.night() { 0.0 } else { 0.30 };
    stage.glow((corner, 0.0), view.unit * 1.1, light, strength);
    let dark = set.palette.shade;
    stage.vector_as(Blend::Multiply, 0.25, |ink| ink.wash(slab(0.0, view.h * 0.93, view.w, view.h), dark, 0.6));
}
