//! Pictures that an engine is given: read from a `data:` URI, unpacked within limits, and brought to the size that is wanted.
//!
//! What comes here was looked at before, but only by its head: what it unpacks to is bounded here, by what the decoder may take
//! and by one being unpacked at a time.

use image::{
    DynamicImage, GenericImageView, ImageDecoder, ImageFormat, ImageReader, Limits, Rgb, RgbImage, Rgba, RgbaImage,
    imageops::{self, FilterType},
    metadata::Orientation,
};
use std::{
    io::Cursor,
    sync::{Condvar, Mutex, PoisonError},
    time::Duration,
};

/// Most bytes of a picture as it comes.
pub(crate) const MAX_BYTES: usize = 20 << 20;
/// Most pixels on a side, and most bytes that a decoder may take: 50 million pixels of three or four bytes, and a little.
const MAX_SIDE: u32 = 16_384;
const MAX_MEMORY: u64 = 256 << 20;
/// What is laid under a picture that lets something through.
const PAPER: Rgb<u8> = Rgb([255, 255, 255]);

/// One picture is unpacked at a time: each may take [`MAX_MEMORY`] and as much again to be made smaller.
static UNPACKING: Mutex<()> = Mutex::new(());

/// Unpacks a picture, upright. The error is for the person who sent it.
pub(crate) fn unpacked<T>(bytes: &[u8], then: impl FnOnce(DynamicImage) -> T) -> Result<T, String> {
    let _one = UNPACKING.lock().unwrap_or_else(PoisonError::into_inner);
    let broken = |error: image::ImageError| match error {
        image::ImageError::Limits(_) => "is too large to be unpacked".to_owned(),
        _ => "is damaged: it can't be unpacked".to_owned(),
    };
    let mut reader =
        ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|_| "can't be read".to_owned())?;
    let format = reader.format().filter(|f| matches!(f, ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP));
    let format = format.ok_or("is no PNG, JPEG or WebP picture")?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height, limits.max_alloc) =
        (Some(MAX_SIDE), Some(MAX_SIDE), Some(MAX_MEMORY));
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(broken)?;
    // The decoder keeps to the limit with what it needs itself, not with what it gives.
    if decoder.total_bytes() > MAX_MEMORY {
        return Err("is too large to be unpacked".to_owned());
    }
    // Cameras turn their pictures by a note; other formats that have one are taken as they lie.
    let turned = if format == ImageFormat::Jpeg { decoder.orientation().ok() } else { None };
    let mut picture = DynamicImage::from_decoder(decoder).map_err(broken)?;
    picture.apply_orientation(turned.unwrap_or(Orientation::NoTransforms));
    Ok(then(picture))
}

/// The picture at this size: as it is if it has it, else its middle, made smaller or larger.
pub(crate) fn fitted(picture: DynamicImage, width: u32, height: u32) -> RgbImage {
    let same = picture.dimensions() == (width, height);
    match picture {
        DynamicImage::ImageRgb8(picture) if same => picture,
        DynamicImage::ImageRgb8(picture) => sized(&picture, width, height),
        other => {
            let laid = on_paper(&other.into_rgba8());
            if same { laid } else { sized(&laid, width, height) }
        }
    }
}

fn on_paper(picture: &RgbaImage) -> RgbImage {
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let Rgba([r, g, b, a]) = *picture.get_pixel(x, y);
        let mix = |over: u8, under: u8| {
            let (over, under, a) = (u32::from(over), u32::from(under), u32::from(a));
            ((over * a + under * (255 - a) + 127) / 255) as u8
        };
        Rgb([mix(r, PAPER[0]), mix(g, PAPER[1]), mix(b, PAPER[2])])
    })
}

/// The middle of a picture in the proportions that are wanted, at that size.
fn sized(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
    let (have_w, have_h) = (f64::from(picture.width()), f64::from(picture.height()));
    let scale = (have_w / f64::from(width)).min(have_h / f64::from(height));
    let side = |wanted: u32, have: u32| ((f64::from(wanted) * scale).round() as u32).clamp(1, have);
    let (w, h) = (side(width, picture.width()), side(height, picture.height()));
    let (left, top) = ((picture.width() - w) / 2, (picture.height() - h) / 2);
    let middle = imageops::crop_imm(picture, left, top, w, h);
    if w >= width && h >= height {
        // Without floats between the passes: a large picture would need gigabytes of them.
        imageops::thumbnail(&*middle, width, height)
    } else {
        imageops::resize(&*middle, width, height, FilterType::CatmullRom)
    }
}

/// Which pixels a mask shows, at this size: the transparent ones if any is, else the bright ones.
pub(crate) fn shown_by(mask: DynamicImage, width: u32, height: u32) -> Vec<bool> {
    let mask = mask.into_rgba8();
    let clear = mask.pixels().any(|pixel| pixel[3] < 250);
    let (have_w, have_h) = mask.dimensions();
    let at = |at: u32, wanted: u32, have: u32| (u64::from(2 * at + 1) * u64::from(have) / u64::from(2 * wanted)) as u32;
    let mut shown = Vec::with_capacity(width as usize * height as usize);
    for y in 0..height {
        for x in 0..width {
            let Rgba([r, g, b, a]) = *mask.get_pixel(at(x, width, have_w), at(y, height, have_h));
            let bright = 299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b) >= 128_000;
            shown.push(if clear { a < 128 } else { bright });
        }
    }
    shown
}

/// Room for pictures that are being changed: each takes about sixty bytes a pixel.
static ROOM: (Mutex<u64>, Condvar) = (Mutex::new(ROOM_PIXELS), Condvar::new());
/// Pixels of all of them together: two of the largest that there are, half a gigabyte.
const ROOM_PIXELS: u64 = 2 * 2048 * 2048;
/// How often whoever waits for room is asked whether it still wants it.
const PAUSE: Duration = Duration::from_millis(100);

/// A place in that room.
pub(crate) struct Place(u64);

impl Place {
    /// Waits for room for so many pixels; nothing when nobody wants it any more.
    pub(crate) fn of(pixels: u64, mut keep_going: impl FnMut() -> bool) -> Option<Self> {
        let pixels = pixels.min(ROOM_PIXELS);
        let mut left = ROOM.0.lock().unwrap_or_else(PoisonError::into_inner);
        while *left < pixels {
            if !keep_going() {
                return None;
            }
            left = ROOM.1.wait_timeout(left, PAUSE).unwrap_or_else(PoisonError::into_inner).0;
        }
        *left -= pixels;
        Some(Self(pixels))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *ROOM.0.lock().unwrap_or_else(PoisonError::into_inner) += self.0;
        ROOM.1.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::{Format, Picture};

    fn png(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 4]) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        let picture = RgbaImage::from_fn(width, height, |x, y| Rgba(pixel(x, y)));
        picture.write_to(&mut file, ImageFormat::Png).unwrap();
        file.into_inner()
    }

    #[test]
    fn a_picture_of_the_right_size_is_not_touched() {
        let pixels: Vec<u8> = (0..64 * 48 * 3).map(|i| (i * 7 % 251) as u8).collect();
        let file = Picture::from_rgb(64, 48, pixels.clone()).unwrap().encode(Format::Png).unwrap();
        assert_eq!(unpacked(&file, |picture| fitted(picture, 64, 48)).unwrap().into_raw(), pixels);
    }

    #[test]
    fn another_size_takes_the_middle() {
        let halves = |x: u32, _: u32| if x < 100 { [255, 0, 0, 255] } else { [0, 0, 255, 255] };
        for (width, height) in [(64, 64), (400, 400), (50, 25)] {
            let made = unpacked(&png(200, 100, halves), |picture| fitted(picture, width, height)).unwrap();
            assert_eq!(made.dimensions(), (width, height));
            assert_eq!((made.get_pixel(0, 0)[0], made.get_pixel(width - 1, height - 1)[2]), (255, 255));
        }
        let clear = unpacked(&png(8, 8, |_, _| [0, 0, 0, 0]), |picture| fitted(picture, 8, 8)).unwrap();
        assert_eq!(*clear.get_pixel(3, 3), PAPER);
    }

    #[test]
    fn a_mask_shows_what_is_clear_or_else_what_is_white() {
        let shown = |pixel: fn(u32, u32) -> [u8; 4], width, height| {
            let shown = unpacked(&png(4, 2, pixel), |mask| shown_by(mask, width, height)).unwrap();
            shown.iter().map(|shown| u8::from(*shown)).collect::<Vec<_>>()
        };
        let white = |x: u32, _: u32| if x < 2 { [255, 255, 255, 255] } else { [0, 0, 0, 255] };
        let clear = |x: u32, _: u32| if x < 2 { [0, 0, 0, 0] } else { [255, 255, 255, 255] };
        assert_eq!(shown(white, 4, 2), [1, 1, 0, 0, 1, 1, 0, 0]);
        assert_eq!(shown(clear, 4, 2), [1, 1, 0, 0, 1, 1, 0, 0]);
        assert_eq!(shown(white, 8, 1), [1, 1, 1, 1, 0, 0, 0, 0]);
    }

    #[test]
    fn bombs_and_damage_are_told_and_take_no_memory() {
        // Fifteen megabytes a row, of which nothing follows.
        let mut bomb = png(1, 1, |_, _| [0; 4]);
        bomb[16..24].copy_from_slice(&[0, 0, 0x3f, 0xff, 0, 0, 0x3f, 0xff]);
        let checksum = crc(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&checksum.to_be_bytes());
        assert_eq!(unpacked(&bomb, |_| ()).unwrap_err(), "is too large to be unpacked");
        let mut cut = png(64, 64, |x, y| [x as u8, y as u8, 0, 255]);
        cut.truncate(cut.len() / 2);
        assert!(unpacked(&cut, |_| ()).unwrap_err().contains("damaged"));
        assert!(unpacked(b"GIF89a", |_| ()).is_err());
    }

    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 })
        })
    }

    #[test]
    fn room_is_given_back() {
        let all = Place::of(ROOM_PIXELS, || true).unwrap();
        assert!(Place::of(1, || false).is_none());
        drop(all);
        assert!(Place::of(u64::MAX, || false).is_some());
    }
}
