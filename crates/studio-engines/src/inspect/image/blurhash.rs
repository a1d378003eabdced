//! BlurHash: a picture as a few waves, in about thirty characters, to show until it is there.
//!
//! Written from its public description: components of a discrete cosine transform of the picture in linear light, the
//! average first, each rounded to a few levels and written in base 83.

use image::RgbImage;
use std::f32::consts::PI;

/// Waves across and down.
const ACROSS: usize = 4;
const DOWN: usize = 3;
const DIGITS: &[u8; 83] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~";

/// The hash of a picture, which should be small: every pixel is looked at for every wave.
pub(super) fn of(picture: &RgbImage) -> String {
    let (width, height) = (picture.width().max(1), picture.height().max(1));
    let linear: Vec<f32> = (0..=u8::MAX).map(to_linear).collect();
    let waves = |count: usize, length: u32| -> Vec<Vec<f32>> {
        let wave = |at: usize| (0..length).map(move |x| (PI * at as f32 * x as f32 / length as f32).cos()).collect();
        (0..count).map(wave).collect()
    };
    let (across, down) = (waves(ACROSS, width), waves(DOWN, height));
    let mut sums = [[0.0_f32; 3]; ACROSS * DOWN];
    for (y, row) in picture.rows().enumerate() {
        for (x, pixel) in row.enumerate() {
            let light = pixel.0.map(|value| linear.get(usize::from(value)).copied().unwrap_or_default());
            let weights = down.iter().flat_map(|down| across.iter().map(move |across| (across.get(x), down.get(y))));
            for (sum, (across, down)) in sums.iter_mut().zip(weights) {
                let weight = across.copied().unwrap_or_default() * down.copied().unwrap_or_default();
                for (sum, light) in sum.iter_mut().zip(light) {
                    *sum += weight * light;
                }
            }
        }
    }
    let pixels = width as f32 * height as f32;
    for (at, sum) in sums.iter_mut().enumerate() {
        let scale = if at == 0 { 1.0 } else { 2.0 } / pixels;
        *sum = sum.map(|sum| sum * scale);
    }
    let [average, waves @ ..] = sums;
    let most = waves.iter().flatten().fold(0.0_f32, |most, value| most.max(value.abs()));
    let level = (most * 166.0 - 0.5).floor().clamp(0.0, 82.0);
    let scale = if most > 0.0 { (level + 1.0) / 166.0 } else { 1.0 };

    let mut hash = String::new();
    write(((ACROSS - 1) + (DOWN - 1) * 9) as u32, 1, &mut hash);
    write(if most > 0.0 { level as u32 } else { 0 }, 1, &mut hash);
    let [red, green, blue] = average.map(to_byte);
    write(red << 16 | green << 8 | blue, 4, &mut hash);
    for wave in waves {
        let [red, green, blue] = wave.map(|value| {
            let value = value / scale;
            (value.abs().sqrt().copysign(value) * 9.0 + 9.5).floor().clamp(0.0, 18.0) as u32
        });
        write(red * 19 * 19 + green * 19 + blue, 2, &mut hash);
    }
    hash
}

fn write(value: u32, digits: u32, hash: &mut String) {
    for place in (0..digits).rev() {
        let digit = value / 83_u32.pow(place) % 83;
        hash.push(DIGITS.get(digit as usize).copied().map_or('0', char::from));
    }
}

fn to_linear(value: u8) -> f32 {
    let value = f32::from(value) / 255.0;
    if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

fn to_byte(light: f32) -> u32 {
    let light = light.clamp(0.0, 1.0);
    let value = if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
    (value * 255.0 + 0.5) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn one_colour_has_no_waves() {
        let plain = |colour| of(&RgbImage::from_pixel(32, 24, Rgb(colour)));
        assert_eq!(plain([0, 0, 0]), "L00000fQfQfQfQfQfQfQfQfQfQfQ");
        assert_eq!(plain([255, 255, 255]).get(2..6), Some("TSUA"));
    }

    #[test]
    fn waves_are_told_apart() {
        let dark_to_the_right = of(&RgbImage::from_fn(40, 30, |x, _| Rgb([255 - 6 * x as u8; 3])));
        let dark_below = of(&RgbImage::from_fn(40, 30, |_, y| Rgb([255 - 8 * y as u8; 3])));
        assert_eq!(dark_to_the_right.len(), 28);
        // Behind size, level and average: three waves across, then the first one down. The strongest is the one that has a cause.
        assert_eq!(dark_to_the_right.get(6..8), Some("~q"), "{dark_to_the_right}");
        assert_ne!(dark_to_the_right.get(12..14), Some("~q"), "{dark_to_the_right}");
        assert_eq!(dark_below.get(12..14), Some("~q"), "{dark_below}");
        assert_ne!(dark_below.get(6..8), Some("~q"), "{dark_below}");
    }
}
