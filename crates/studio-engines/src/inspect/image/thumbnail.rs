//! The small picture: JPEG, or PNG where one can see through it.

use super::bounds;
use crate::inspect::refusal::{Looked, damaged};
use image::{
    DynamicImage, ImageEncoder,
    codecs::{
        jpeg::JpegEncoder,
        png::{CompressionType, FilterType, PngEncoder},
    },
};

/// Of 100.
const JPEG_QUALITY: u8 = 80;

/// Its media type and bytes. The picture is small already.
pub(super) fn write(picture: &DynamicImage) -> Looked<(&'static str, Vec<u8>)> {
    debug_assert!(picture.width() <= bounds::THUMBNAIL_SIDE && picture.height() <= bounds::THUMBNAIL_SIDE);
    let mut bytes = Vec::new();
    let pixels = picture.to_rgba8();
    if pixels.pixels().any(|pixel| pixel.0[3] < u8::MAX) {
        PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive)
            .write_image(&pixels, pixels.width(), pixels.height(), image::ExtendedColorType::Rgba8)
            .map_err(damaged)?;
        return Ok(("image/png", bytes));
    }
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY).encode_image(&picture.to_rgb8()).map_err(damaged)?;
    Ok(("image/jpeg", bytes))
}
