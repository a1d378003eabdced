//! Portraits: a head and shoulders before a graphic ground. People are flat and calm; robots have bolts.

use super::{Plan, add};
use crate::sketch::colour::{Ramp, Rgb};
use crate::sketch::ink::{Ink, blob, curve, disc, limb, oval, pillow, polygon, polyline, slab};
use crate::sketch::lexicon::Subject;
use crate::sketch::noise::smooth;
use crate::sketch::random::Random;
use crate::sketch::stage::{Setting, Stage};

/// The layers of a portrait.
pub(crate) fn compose(set: &Setting, plan: &mut Plan) {
    add(plan, ground);
    if set.brief.has(Subject::Robot) {
        add(plan, robot);
    } else {
        add(plan, person);
    }
}

/// A graded wall with a halo of rings or rays, and soft shapes.
fn ground(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("portrait ground");
    let (palette, view) = (&set.palette, set.view);
    let (a, b) = (palette.pure[1], palette.pure[3]);
    let night = set.brief.night();
    let dim = if night { 0.35 } else { 0.9 };
    let ramp = Ramp::new(&[
        a.mix(palette.sky.at(0.3), 0.5).scale(dim).lab(),
        b.mix(palette.sky.at(0.8), 0.5).scale(dim).lab(),
    ]);
    let (cx, cy) = (view.w * 0.5, view.h * 0.43);
    let r = view.short * 0.37;
    let rays = random.chance(0.5);
    let count = 18.0 + random.index(10) as f32 * 2.0;
    let halo = palette.pure[2].mix(palette.light, 0.3);
    let noise = set.noise("portrait ground");
    let tilt = random.range(-0.4, 0.4);
    stage.rows(0.0, view.h, |y, row| {
        let y = y as f32 + 0.5;
        for (x, pixel) in row.iter_mut().enumerate() {
            let x = x as f32 + 0.5;
            let (dx, dy) = (x - cx, y - cy);
            let d = dx.hypot(dy) / r;
            let t = y / view.h
                + tilt * (x / view.w - 0.5)
                + 0.25 * (noise.fbm(x / view.unit * 2.0, y / view.unit * 2.0, 3) - 0.5);
            let mut colour = ramp.at(t);
            let pattern = if rays {
                let turn = dy.atan2(dx) / std::f32::consts::TAU * count;
                smooth(-0.05, 0.05, ((turn + 64.0).fract() - 0.5).abs() - 0.25) * smooth(2.6, 1.0, d)
            } else {
                smooth(0.44, 0.5, (d * 5.5).fract()) * smooth(1.0, 0.94, (d * 5.5).fract()) * smooth(2.5, 1.1, d)
            };
            colour = colour.mix(halo, pattern * 0.22);
            let cover = ((1.0 - d) * r + 0.5).clamp(0.0, 1.0);
            *pixel = colour.mix(halo.mix(palette.pure[0], (dy / r * 0.5 + 0.5).clamp(0.0, 1.0) * 0.7), cover * 0.95);
        }
    });
}

/// Size and place of a bust.
fn bust(set: &Setting) -> ((f32, f32), f32) {
    ((set.view.w * 0.5, set.view.h * 1.0), (set.view.h * 0.86).min(set.view.w * 1.0))
}

/// A robot's bust; shape of head, eyes and antennae by chance.
fn robot(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("robot");
    let (palette, (at, size)) = (&set.palette, bust(set));
    let (l, c, hue) = random.pick(&[
        (0.78, 0.02, 240.0),
        (0.72, 0.09, 200.0),
        (0.80, 0.09, 85.0),
        (0.68, 0.13, 40.0),
        (0.75, 0.06, 160.0),
    ]);
    let metal = palette.own(l, c, hue);
    let dark = palette.own(0.20, 0.03, 265.0);
    let eye = palette.own(0.88, 0.15, random.pick(&[190.0, 150.0, 85.0, 20.0]));
    let accent = palette.pure[0];
    let parts = Parts {
        metal,
        shade: metal.mix(dark, 0.5),
        light: metal.mix(Rgb::new(1.0, 1.0, 1.0), 0.45),
        dark,
        eye,
        accent,
    };
    let head = random.index(3);
    let visor = random.index(3);
    stage.vector(|ink| {
        ink.place(at, size, 1.0);
        robot_body(ink, &parts);
        robot_head(ink, &parts, head, &mut random);
        robot_face(ink, &parts, visor);
    });
    let eyes: &[f32] = if visor == 1 { &[0.0] } else { &[-0.095, 0.095] };
    for x in eyes {
        stage.glow((at.0 + x * size, at.1 - 0.635 * size), size * 0.13, eye, 0.6);
    }
}

struct Parts {
    metal: Rgb,
    shade: Rgb,
    light: Rgb,
    dark: Rgb,
    eye: Rgb,
    accent: Rgb,
}

fn robot_body(ink: &mut Ink<'_, '_>, p: &Parts) {
    for i in 0..4 {
        let y = -0.37 + 0.045 * i as f32;
        ink.blend(pillow(-0.085, y, 0.085, y + 0.036, 0.015), ((-0.09, 0.0), p.shade), ((0.09, 0.0), p.dark));
    }
    for side in [-1.0, 1.0] {
        ink.blend(oval((side * 0.335, -0.085), 0.115, 0.13), ((-0.4, -0.2), p.metal), ((0.45, 0.0), p.shade));
        ink.stroke(oval((side * 0.335, -0.085), 0.075, 0.088), 0.010, p.dark, 0.5);
    }
    let chest = [(-0.30, 0.02), (-0.315, -0.13), (-0.25, -0.205), (0.25, -0.205), (0.315, -0.13), (0.30, 0.02)];
    ink.blend(polygon(&chest), ((-0.3, -0.1), p.metal), ((0.34, 0.0), p.shade));
    ink.wash(polygon(&[(-0.29, -0.135), (-0.245, -0.19), (0.10, -0.19), (0.06, -0.135)]), p.light, 0.35);
    ink.fill(pillow(-0.10, -0.135, 0.10, 0.02, 0.02), p.dark);
    for (i, x) in [-0.055, 0.0, 0.055].into_iter().enumerate() {
        ink.fill(disc((x, -0.085), 0.018), [p.accent, p.eye, p.light][i]);
    }
    for i in 0..3 {
        ink.fill(slab(-0.07, -0.05 + 0.018 * i as f32, 0.07, -0.043 + 0.018 * i as f32), p.shade);
    }
}

fn robot_head(ink: &mut Ink<'_, '_>, p: &Parts, head: usize, random: &mut Random) {
    let radius = [0.06, 0.13, 0.20][head.min(2)];
    // Antennae and ears lie behind the head.
    for x in if random.chance(0.5) { vec![0.0] } else { vec![-0.13, 0.13] } {
        ink.stroke(polyline(&[(x, -0.84), (x * 1.3, -0.955)]), 0.014, p.shade, 1.0);
        ink.fill(disc((x * 1.3, -0.965), 0.026), p.accent);
        ink.fill(disc((x * 1.3 - 0.007, -0.973), 0.009), p.light);
    }
    for side in [-1.0, 1.0] {
        ink.fill(pillow(side * 0.265 - 0.035, -0.70, side * 0.265 + 0.035, -0.53, 0.02), p.shade);
        ink.fill(pillow(side * 0.295 - 0.022, -0.665, side * 0.295 + 0.022, -0.565, 0.015), p.accent);
    }
    ink.blend(pillow(-0.255, -0.86, 0.255, -0.37, radius), ((-0.24, -0.75), p.metal), ((0.30, -0.45), p.shade));
    ink.wash(pillow(-0.215, -0.835, 0.14, -0.80, 0.018), p.light, 0.55);
    ink.stroke(polyline(&[(-0.24, -0.47), (0.24, -0.47)]), 0.005, p.dark, 0.35);
    ink.stroke(polyline(&[(0.0, -0.86), (0.0, -0.745)]), 0.005, p.dark, 0.35);
    for (x, y) in [(-0.205, -0.80), (0.205, -0.80), (-0.205, -0.425), (0.205, -0.425)] {
        ink.fill(disc((x * (1.0 - radius * 0.5), y), 0.011), p.dark.mix(p.metal, 0.35));
    }
}

fn robot_face(ink: &mut Ink<'_, '_>, p: &Parts, visor: usize) {
    let white = Rgb::new(1.0, 1.0, 1.0);
    match visor {
        1 => {
            ink.fill(pillow(-0.20, -0.715, 0.20, -0.555, 0.08), p.dark);
            ink.blend(
                pillow(-0.165, -0.66, 0.165, -0.61, 0.025),
                ((-0.16, 0.0), p.eye),
                ((0.16, 0.0), p.accent.mix(p.eye, 0.4)),
            );
            ink.wash(pillow(-0.15, -0.70, -0.02, -0.685, 0.007), white, 0.35);
        }
        _ => {
            if visor == 2 {
                ink.fill(pillow(-0.205, -0.735, 0.205, -0.535, 0.06), p.dark);
            }
            for x in [-0.095, 0.095] {
                ink.fill(disc((x, -0.635), 0.078), p.dark);
                ink.stroke(disc((x, -0.635), 0.078), 0.014, p.light.mix(p.shade, 0.5), 1.0);
                ink.fill(disc((x, -0.635), 0.046), p.eye);
                ink.fill(disc((x, -0.635), 0.020), white);
                ink.fill(disc((x - 0.022, -0.660), 0.011), white);
            }
        }
    }
    ink.fill(pillow(-0.105, -0.455, 0.105, -0.40, 0.020), p.dark);
    for i in 0..5 {
        let x = -0.080 + 0.04 * i as f32;
        ink.fill(
            pillow(x - 0.012, -0.446, x + 0.012, -0.409, 0.004),
            p.eye.mix(p.dark, if i % 2 == 0 { 0.2 } else { 0.55 }),
        );
    }
}

/// A person: quiet face, shapes rather than lines.
fn person(stage: &mut Stage<'_>) {
    let set = stage.set;
    let mut random = set.random("person");
    let (palette, (at, size)) = (&set.palette, bust(set));
    let (l, c, hue) = random.pick(&[
        (0.84, 0.055, 55.0),
        (0.74, 0.08, 58.0),
        (0.60, 0.085, 55.0),
        (0.46, 0.07, 48.0),
        (0.38, 0.055, 45.0),
    ]);
    let skin = palette.life(l, c, hue);
    let shade = palette.life(l - 0.11, c * 1.15, hue - 12.0);
    let (hl, hc, hh) = random.pick(&[
        (0.20, 0.02, 280.0),
        (0.34, 0.06, 45.0),
        (0.58, 0.13, 50.0),
        (0.78, 0.09, 85.0),
        (0.45, 0.12, 20.0),
    ]);
    let hair = palette.life(hl, hc, hh);
    let line = palette.own(0.22, 0.04, 30.0);
    let cloth = palette.pure[random.index(2)].scale(0.85);
    let trim = palette.pure[2];
    let style = random.index(3);
    let lips = palette.life((l - 0.18).max(0.3), 0.13, 22.0);
    let gaze = random.chance(0.5);
    let dots = random.chance(0.5);
    stage.vector(|ink| {
        ink.place(at, size, random.sign());
        match style {
            0 => ink.fill(
                blob(&[
                    (0.0, -0.90),
                    (0.20, -0.84),
                    (0.27, -0.62),
                    (0.26, -0.36),
                    (0.30, -0.16),
                    (0.12, -0.12),
                    (-0.12, -0.12),
                    (-0.30, -0.16),
                    (-0.26, -0.36),
                    (-0.27, -0.62),
                    (-0.20, -0.84),
                ]),
                hair,
            ),
            1 => {
                ink.fill(disc((0.06, -0.915), 0.095), hair);
                ink.fill(
                    blob(&[
                        (0.0, -0.88),
                        (0.19, -0.80),
                        (0.225, -0.60),
                        (0.17, -0.44),
                        (-0.17, -0.44),
                        (-0.225, -0.60),
                        (-0.19, -0.80),
                    ]),
                    hair,
                );
            }
            _ => ink.fill(
                blob(&[
                    (0.0, -0.89),
                    (0.19, -0.82),
                    (0.22, -0.66),
                    (0.19, -0.50),
                    (-0.19, -0.50),
                    (-0.22, -0.66),
                    (-0.19, -0.82),
                ]),
                hair,
            ),
        }
        ink.fill(
            blob(&[
                (-0.50, 0.08),
                (-0.42, -0.12),
                (-0.22, -0.20),
                (-0.08, -0.25),
                (0.08, -0.25),
                (0.22, -0.20),
                (0.42, -0.12),
                (0.50, 0.08),
            ]),
            cloth,
        );
        ink.fill(polygon(&[(-0.085, -0.44), (0.085, -0.44), (0.095, -0.24), (0.0, -0.14), (-0.095, -0.24)]), shade);
        ink.stroke(
            curve(&[(-0.13, -0.235), (-0.06, -0.155), (0.0, -0.125), (0.06, -0.155), (0.13, -0.235)]),
            0.028,
            trim,
            1.0,
        );
        for side in [-1.0, 1.0] {
            ink.fill(oval((side * 0.178, -0.575), 0.030, 0.052), shade);
        }
        let face = [
            (0.0, -0.80),
            (0.12, -0.775),
            (0.178, -0.66),
            (0.165, -0.52),
            (0.095, -0.405),
            (0.0, -0.365),
            (-0.095, -0.405),
            (-0.165, -0.52),
            (-0.178, -0.66),
            (-0.12, -0.775),
        ];
        ink.fill(blob(&face), skin);
        // The shaded half: a single soft-edged shape gives the head its volume.
        ink.wash(
            blob(&[
                (0.03, -0.79),
                (0.12, -0.775),
                (0.178, -0.66),
                (0.165, -0.52),
                (0.095, -0.405),
                (0.02, -0.367),
                (0.065, -0.47),
                (0.055, -0.54),
                (0.025, -0.60),
                (0.04, -0.70),
            ]),
            shade,
            0.75,
        );
        for side in [-1.0, 1.0] {
            let x = side * 0.078;
            ink.stroke(
                curve(&[(x - 0.042, -0.648), (x, -0.664), (x + 0.042, -0.650)]),
                0.013,
                hair.mix(line, 0.5),
                1.0,
            );
            if gaze {
                ink.fill(
                    blob(&[(x - 0.042, -0.598), (x, -0.622), (x + 0.042, -0.598), (x, -0.580)]),
                    Rgb::new(0.97, 0.96, 0.94),
                );
                ink.fill(disc((x, -0.601), 0.019), line);
                ink.stroke(curve(&[(x - 0.045, -0.597), (x, -0.624), (x + 0.045, -0.597)]), 0.010, line, 1.0);
            } else {
                ink.stroke(curve(&[(x - 0.040, -0.603), (x, -0.588), (x + 0.040, -0.603)]), 0.011, line, 1.0);
            }
            ink.wash(oval((side * 0.105, -0.515), 0.036, 0.022), lips, 0.28);
        }
        ink.stroke(
            curve(&[(0.018, -0.60), (0.030, -0.535), (0.004, -0.515), (-0.014, -0.520)]),
            0.009,
            shade.mix(line, 0.3),
            1.0,
        );
        ink.fill(
            blob(&[(-0.048, -0.456), (-0.014, -0.470), (0.0, -0.464), (0.014, -0.470), (0.048, -0.456), (0.0, -0.432)]),
            lips,
        );
        match style {
            0 => ink.fill(
                blob(&[
                    (0.0, -0.86),
                    (0.16, -0.82),
                    (0.20, -0.62),
                    (0.17, -0.66),
                    (0.08, -0.745),
                    (-0.06, -0.775),
                    (-0.16, -0.66),
                    (-0.195, -0.60),
                    (-0.18, -0.80),
                ]),
                hair,
            ),
            1 => ink.fill(
                blob(&[
                    (0.0, -0.85),
                    (0.15, -0.80),
                    (0.185, -0.64),
                    (0.12, -0.745),
                    (0.0, -0.765),
                    (-0.12, -0.745),
                    (-0.185, -0.64),
                    (-0.15, -0.80),
                ]),
                hair,
            ),
            _ => ink.fill(
                blob(&[
                    (0.02, -0.88),
                    (0.18, -0.82),
                    (0.20, -0.66),
                    (0.165, -0.70),
                    (0.10, -0.72),
                    (-0.02, -0.70),
                    (-0.12, -0.745),
                    (-0.18, -0.64),
                    (-0.19, -0.80),
                ]),
                hair,
            ),
        }
        if dots {
            for side in [-1.0, 1.0] {
                ink.fill(limb((side * 0.185, -0.525), (side * 0.187, -0.485), 0.006, 0.006), trim);
                ink.fill(disc((side * 0.187, -0.470), 0.020), trim);
            }
        }
    });
}
