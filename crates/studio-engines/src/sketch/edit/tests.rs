//! What an edit keeps and what it changes.

use super::{diffuse::diffuse, planes, *};
use crate::sketch::{Quality, stage::Pacer};

fn sketch(prompt: &str, seed: u64, width: u32, height: u32) -> Sketch {
    Sketch { prompt: prompt.into(), seed, width, height, quality: Quality::Standard }
}

/// A picture to be changed: a scene of the engine's own.
fn given(width: u32, height: u32) -> Picture {
    crate::sketch::draw(&sketch("mountains with a lake at noon", 3, width, height), &mut |_| true).unwrap()
}

fn changed(prompt: &str, seed: u64, picture: &Picture, mask: Option<&[bool]>, strength: f32) -> Picture {
    let sketch = sketch(prompt, seed, picture.width(), picture.height());
    edit(&Edit { sketch: &sketch, picture, mask, strength }, &mut |_| true).unwrap()
}

/// The mean difference of two pictures, in bytes.
fn difference(a: &Picture, b: &Picture) -> f64 {
    let sum: f64 = a.pixels().iter().zip(b.pixels()).map(|(a, b)| f64::from(a.abs_diff(*b))).sum();
    sum / a.pixels().len() as f64
}

/// How alike the edges of two pictures are: 1 for the same, 0 for pictures that have nothing to do with each other.
fn likeness(a: &Picture, b: &Picture) -> f64 {
    let edges = |picture: &Picture| {
        let luma: Vec<f32> = canvas_of(picture).iter().map(|pixel| pixel.luma()).collect();
        let luma = planes::blurred(&luma, picture.width() as usize, 2);
        let edges = planes::edges(&luma, picture.width() as usize);
        let mean = edges.iter().sum::<f32>() / edges.len() as f32;
        edges.into_iter().map(|edge| f64::from(edge - mean)).collect::<Vec<_>>()
    };
    let (a, b) = (edges(a), edges(b));
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt()
}

/// A round hole in the middle.
fn hole(width: usize, height: usize) -> Vec<bool> {
    let inside = |x: usize, y: usize| {
        let (dx, dy) = (x as f32 / width as f32 - 0.5, y as f32 / height as f32 - 0.5);
        dx.hypot(dy) < 0.25
    };
    (0..width * height).map(|i| inside(i % width, i / width)).collect()
}

fn diffused(width: usize, height: usize, mask: &[bool], colour: impl Fn(usize, usize) -> Rgb) -> f32 {
    let whole: Vec<Rgb> = (0..width * height).map(|i| colour(i % width, i / width)).collect();
    let known: Vec<bool> = mask.iter().map(|chosen| !chosen).collect();
    let mut values: Vec<Rgb> =
        whole.iter().zip(&known).map(|(value, known)| if *known { *value } else { Rgb::new(9.0, -9.0, 0.0) }).collect();
    assert!(diffuse(&mut values, &known, width, &mut Pacer::new(&mut |_| true)));
    let off = |a: &Rgb, b: &Rgb| (a.r - b.r).abs().max((a.g - b.g).abs()).max((a.b - b.b).abs());
    values.iter().zip(&whole).map(|(a, b)| off(a, b)).fold(0.0, f32::max)
}

#[test]
fn one_colour_all_around_fills_a_hole_with_that_colour() {
    for (width, height) in [(64, 64), (301, 117), (1, 9), (9, 1), (3, 200)] {
        let mut mask = hole(width, height);
        mask[width * height / 2] = true;
        let off = diffused(width, height, &mask, |_, _| Rgb::new(0.25, 0.5, 0.75));
        assert!(off < 1e-4, "{width}x{height}: {off}");
    }
}

#[test]
fn a_gradient_goes_on_through_a_hole() {
    for (width, height) in [(128, 128), (400, 250)] {
        let slope = |x: usize, y: usize| {
            let (x, y) = (x as f32 / width as f32, y as f32 / height as f32);
            Rgb::new(x, y, 0.5 * x + 0.5 * y)
        };
        let off = diffused(width, height, &hole(width, height), slope);
        assert!(off < 3.0 / 255.0, "{width}x{height}: {off}");
    }
}

#[test]
fn what_is_not_masked_stays_bit_for_bit() {
    let picture = given(200, 150);
    let mask = hole(200, 150);
    for (prompt, strength) in [("a red balloon", 1.0), ("remove it", 0.6), ("a lighthouse in watercolour", 0.3)] {
        let made = changed(prompt, 7, &picture, Some(&mask), strength);
        let pixels = |picture: &Picture| picture.pixels().chunks_exact(3).map(<[u8]>::to_vec).collect::<Vec<_>>();
        let (before, after) = (pixels(&picture), pixels(&made));
        let kept = (0..mask.len()).filter(|i| !mask[*i]).all(|i| before[i] == after[i]);
        let moved = (0..mask.len()).filter(|i| mask[*i] && before[*i] != after[*i]).count();
        assert!(kept && moved > 2000, "{prompt}: {moved}");
    }
}

#[test]
fn a_hole_has_no_seam() {
    let picture = given(256, 192);
    let mask = hole(256, 192);
    let made = changed("a red balloon", 7, &picture, Some(&mask), 1.0);
    let canvas = canvas_of(&made);
    let step = |a: usize, b: usize| (canvas[a].luma() - canvas[b].luma()).abs();
    let (mut across, mut elsewhere) = (Vec::new(), Vec::new());
    for i in (0..mask.len() - 1).filter(|i| i % 256 != 255) {
        if mask[i] == mask[i + 1] { &mut elsewhere } else { &mut across }.push(step(i, i + 1));
    }
    let mean = |steps: &[f32]| steps.iter().sum::<f32>() / steps.len() as f32;
    assert!(mean(&across) < 3.0 * mean(&elsewhere) + 0.01, "{} {}", mean(&across), mean(&elsewhere));
}

#[test]
fn a_picture_that_is_masked_whole_is_drawn_anew() {
    let picture = given(128, 96);
    let made = changed("a desert at noon", 5, &picture, Some(&[true; 128 * 96]), 1.0);
    let fresh = crate::sketch::draw(&sketch("a desert at noon", 5, 128, 96), &mut |_| true).unwrap();
    assert!(difference(&made, &fresh) < 6.0, "{}", difference(&made, &fresh));
}

#[test]
fn strength_goes_from_the_picture_to_the_prompt() {
    let picture = given(256, 192);
    let by = |strength: f32| changed("a forest at night in the rain", 7, &picture, None, strength);
    let steps: Vec<f64> = [0.0, 0.25, 0.6, 1.0].map(|strength| difference(&by(strength), &picture)).to_vec();
    assert!(steps[0] < 3.0, "nearly the picture: {steps:?}");
    assert!(steps.windows(2).all(|pair| pair[0] + 1.0 < pair[1]), "{steps:?}");
    let fresh = crate::sketch::draw(&sketch("a forest at night in the rain", 7, 256, 192), &mut |_| true).unwrap();
    assert!(difference(&by(1.0), &fresh) < difference(&picture, &fresh) * 0.7);
}

#[test]
fn the_forms_stay_whatever_the_words() {
    let picture = given(256, 192);
    for prompt in ["a warm sunset", "oil painting, angry", "snow", "blue", "qwertz"] {
        let made = changed(prompt, 7, &picture, None, 0.6);
        let (likeness, difference) = (likeness(&picture, &made), difference(&picture, &made));
        assert!(likeness > 0.35 && difference > 6.0, "{prompt}: {likeness} {difference}");
    }
}

#[test]
fn words_move_the_colours_their_way() {
    let picture = given(160, 120);
    let mean = |prompt: &str| {
        let canvas = canvas_of(&changed(prompt, 7, &picture, None, 0.7));
        let sum = canvas.iter().fold([0.0, 0.0, 0.0], |sum, p| [sum[0] + p.r, sum[1] + p.g, sum[2] + p.b]);
        sum.map(|channel: f32| channel / canvas.len() as f32)
    };
    let (red, blue, night, noon) = (mean("red"), mean("blue"), mean("night"), mean("bright noon"));
    assert!(red[0] - red[2] > blue[0] - blue[2] + 0.1, "{red:?} {blue:?}");
    assert!(night[0] + night[1] + night[2] + 0.2 < noon[0] + noon[1] + noon[2], "{night:?} {noon:?}");
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let picture = given(128, 96);
    let mask = hole(128, 96);
    for mask in [None, Some(&mask[..])] {
        let by = |seed: u64| changed("a sea at dusk", seed, &picture, mask, 0.7);
        assert_eq!(by(7), by(7));
        assert_ne!(by(7), by(8));
    }
}

#[test]
fn it_stops_when_it_is_told_to_and_refuses_other_sizes() {
    let picture = given(128, 96);
    let sketch = sketch("a sea", 7, 128, 96);
    for mask in [None, Some(hole(128, 96))] {
        let mut asked = 0;
        let mut stop = |_: f32| {
            asked += 1;
            asked < 3
        };
        let mask = mask.as_deref();
        assert_eq!(edit(&Edit { sketch: &sketch, picture: &picture, mask, strength: 0.6 }, &mut stop), None);
    }
    let whole = given(64, 64);
    assert_eq!(edit(&Edit { sketch: &sketch, picture: &whole, mask: None, strength: 0.6 }, &mut |_| true), None);
    let short = Some(&[true][..]);
    assert_eq!(edit(&Edit { sketch: &sketch, picture: &picture, mask: short, strength: 0.6 }, &mut |_| true), None);
}
