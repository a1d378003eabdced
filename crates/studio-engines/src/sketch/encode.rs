//! The finished picture, and its way into a file.
//!
//! Encoding is deterministic: no timestamps, no metadata, fixed settings. PNG uses the fast deflate mode with adaptive
//! filters: a picture with film grain hardly gets smaller with more effort, only slower.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder};

/// A file format for pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// PNG, lossless.
    Png,
    /// JPEG at high quality.
    Jpeg,
    /// WebP, lossless.
    Webp,
}

impl Format {
    /// The media type, as HTTP names it.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
        }
    }

    /// The usual file extension, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
        }
    }
}

/// The encoder refused the picture.
#[derive(Debug, thiserror::Error)]
#[error("cannot encode the picture as {format:?}")]
pub struct EncodeError {
    format: Format,
    #[source]
    source: image::ImageError,
}

/// A finished picture: 8-bit RGB, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

impl Picture {
    /// A picture from raw RGB bytes; `None` unless there are exactly `width * height * 3` of them.
    #[must_use]
    pub fn from_rgb(width: u32, height: u32, pixels: Vec<u8>) -> Option<Self> {
        (pixels.len() as u64 == u64::from(width) * u64::from(height) * 3).then_some(Self { width, height, pixels })
    }

    /// Width in pixels.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The RGB bytes, row by row from the top left.
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Gives the RGB bytes away.
    #[must_use]
    pub fn into_pixels(self) -> Vec<u8> {
        self.pixels
    }

    /// The picture as a file.
    ///
    /// # Errors
    /// When the encoder refuses (a side of zero, or too large for the format).
    pub fn encode(&self, format: Format) -> Result<Vec<u8>, EncodeError> {
        let mut file = Vec::with_capacity(self.pixels.len() / 2);
        let (width, height, kind) = (self.width, self.height, ExtendedColorType::Rgb8);
        match format {
            Format::Png => PngEncoder::new_with_quality(&mut file, CompressionType::Fast, FilterType::Adaptive)
                .write_image(&self.pixels, width, height, kind),
            Format::Jpeg => JpegEncoder::new_with_quality(&mut file, 92).write_image(&self.pixels, width, height, kind),
            Format::Webp => WebPEncoder::new_lossless(&mut file).write_image(&self.pixels, width, height, kind),
        }
        .map_err(|source| EncodeError { format, source })?;
        Ok(file)
    }
}
