//! Draws what `sketch` makes of pictures that it is given: the picture in the guide to edits. `make edits` runs it.

use image::{Rgb, RgbImage, codecs::jpeg::JpegEncoder, imageops};
use std::{error::Error, fs::File, path::PathBuf};
use studio_engines::sketch::{Edit, Picture, Quality, Sketch, draw, edit};

/// A picture and what becomes of it: prompts with their strengths, the first line without a mask, the second with one.
const GIVEN: (&str, u64) = ("mountains with a lake at noon", 4);
const RESTYLED: [(&str, f32); 3] =
    [("a warm sunset", 0.6), ("watercolour, snow", 0.7), ("a neon city at night in the rain", 1.0)];
const PAINTED: [(&str, f32); 2] = [("remove it", 0.6), ("a red balloon in the sky", 1.0)];
const COLUMNS: u32 = 4;
const WIDTH: u32 = 360;
const HEIGHT: u32 = 260;
const GAP: u32 = 12;
const PAPER: Rgb<u8> = Rgb([250, 249, 247]);

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).map(PathBuf::from).ok_or("say where to: edits docs/edits.jpg")?;
    let mut sheet = RgbImage::from_pixel(COLUMNS * (WIDTH + GAP) + GAP, 2 * (HEIGHT + GAP) + GAP, PAPER);
    let mut put = |picture: RgbImage, place: u32| {
        let small = imageops::resize(&picture, WIDTH, HEIGHT, imageops::FilterType::Triangle);
        let (x, y) = (GAP + place % COLUMNS * (WIDTH + GAP), GAP + place / COLUMNS * (HEIGHT + GAP));
        imageops::replace(&mut sheet, &small, i64::from(x), i64::from(y));
    };
    let given = draw(&sketch(GIVEN.0, GIVEN.1), &mut |_| true).ok_or("stopped")?;
    put(raw(&given)?, 0);
    for (place, (prompt, strength)) in RESTYLED.into_iter().enumerate() {
        put(raw(&changed(&given, None, prompt, strength)?)?, 1 + place as u32);
    }
    let (with_it, mask) = with_a_boat(&given)?;
    put(raw(&with_it)?, 4);
    let mut shown = raw(&with_it)?;
    for (pixel, masked) in shown.pixels_mut().zip(&mask) {
        if *masked {
            *pixel = Rgb([255, 255, 255]);
        }
    }
    put(shown, 5);
    for (place, (prompt, strength)) in PAINTED.into_iter().enumerate() {
        put(raw(&changed(&with_it, Some(&mask), prompt, strength)?)?, 6 + place as u32);
    }
    if path.extension().is_some_and(|extension| extension == "png") {
        return Ok(sheet.save(path)?);
    }
    JpegEncoder::new_with_quality(File::create(path)?, 80).encode_image(&sheet)?;
    Ok(())
}

fn sketch(prompt: &str, seed: u64) -> Sketch {
    Sketch { prompt: prompt.into(), seed, width: WIDTH * 2, height: HEIGHT * 2, quality: Quality::Hd }
}

fn changed(picture: &Picture, mask: Option<&[bool]>, prompt: &str, strength: f32) -> Result<Picture, Box<dyn Error>> {
    let sketch = sketch(prompt, 7);
    Ok(edit(&Edit { sketch: &sketch, picture, mask, strength }, &mut |_| true).ok_or("stopped")?)
}

/// The picture with a thing in its sky that nobody wants there, and a mask over that.
fn with_a_boat(given: &Picture) -> Result<(Picture, Vec<bool>), Box<dyn Error>> {
    let mut picture = raw(given)?;
    let (width, height) = picture.dimensions();
    let (cx, cy, size) = (width as f32 * 0.62, height as f32 * 0.34, height as f32 * 0.13);
    let far = |x: u32, y: u32| (x as f32 - cx).hypot(y as f32 - cy) / size;
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        if far(x, y) < 1.0 {
            *pixel = if (x / 12 + y / 12) % 2 == 0 { Rgb([200, 40, 90]) } else { Rgb([250, 220, 60]) };
        }
    }
    let mask = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| far(x, y) < 1.25).collect();
    Ok((Picture::from_rgb(width, height, picture.into_raw()).ok_or("wrong size")?, mask))
}

fn raw(picture: &Picture) -> Result<RgbImage, Box<dyn Error>> {
    Ok(RgbImage::from_raw(picture.width(), picture.height(), picture.pixels().to_vec()).ok_or("wrong size")?)
}
