//! Draws twelve prompts side by side into one JPEG: the picture in the README. `make contact-sheet` runs it.

use image::{Rgb, RgbImage, codecs::jpeg::JpegEncoder, imageops};
use std::{error::Error, fs::File, path::PathBuf};
use studio_engines::sketch::{Quality, Sketch, draw};

/// What the README says under the picture, in this order.
const PROMPTS: [(&str, u64); 12] = [
    ("a sea at dusk", 3),
    ("a dense forest", 1),
    ("a neon city at night in the rain", 2),
    ("an abstract mood, calm and warm", 4),
    ("snowy mountains under northern lights", 5),
    ("a desert with a lone cactus at noon", 2),
    ("a field of flowers in spring", 3),
    ("a portrait of a robot", 1),
    ("planets and stars", 7),
    ("a cup of coffee on a table", 2),
    ("a cat in front of a sunset", 1),
    ("a lighthouse in a storm", 6),
];
const COLUMNS: u32 = 4;
const WIDTH: u32 = 360;
const HEIGHT: u32 = 300;
const GAP: u32 = 12;
const PAPER: Rgb<u8> = Rgb([250, 249, 247]);

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).map(PathBuf::from).ok_or("say where to: contact-sheet docs/sketch.jpg")?;
    let rows = (PROMPTS.len() as u32).div_ceil(COLUMNS);
    let mut sheet = RgbImage::from_pixel(COLUMNS * (WIDTH + GAP) + GAP, rows * (HEIGHT + GAP) + GAP, PAPER);
    for (index, (prompt, seed)) in PROMPTS.into_iter().enumerate() {
        // Drawn at twice the size and made smaller, as a screen would.
        let sketch = Sketch { prompt: prompt.into(), seed, width: WIDTH * 2, height: HEIGHT * 2, quality: Quality::Hd };
        let picture = draw(&sketch, &mut |_| true).ok_or("stopped")?;
        let large = RgbImage::from_raw(WIDTH * 2, HEIGHT * 2, picture.pixels().to_vec()).ok_or("wrong size")?;
        let small = imageops::resize(&large, WIDTH, HEIGHT, imageops::FilterType::Triangle);
        let (column, row) = (index as u32 % COLUMNS, index as u32 / COLUMNS);
        imageops::replace(
            &mut sheet,
            &small,
            i64::from(GAP + column * (WIDTH + GAP)),
            i64::from(GAP + row * (HEIGHT + GAP)),
        );
    }
    JpegEncoder::new_with_quality(File::create(path)?, 88).encode_image(&sheet)?;
    Ok(())
}
