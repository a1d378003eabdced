//! Pictures: PNG, JPEG, WebP and GIF. The container is walked first, then the picture is decoded.

mod blurhash;
mod exif;
mod gif;
mod jpeg;
mod png;
mod thumbnail;
mod webp;

use super::{
    Found, Options,
    bounds::{self, fair_ratio},
    plan::Plan,
    refusal::{Looked, damaged, refuse},
    source::Source,
};
use ::image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, metadata::Orientation};
use std::io::Cursor;
use studio_core::inspection::{Facts, RefusalCode};

/// What is taken, for people.
const TAKEN: &str = "pictures are PNG, JPEG, WebP or GIF";

/// What the walk through a container found.
struct Walked {
    width: u32,
    height: u32,
    frames: u32,
    /// Pixels of all pictures in one that moves.
    frame_pixels: u64,
    /// How long one that moves plays once, in milliseconds.
    duration_ms: Option<u64>,
    orientation: Orientation,
    clean: Plan,
}

/// The bounds that headers alone are held against, before anything is unpacked.
fn fair_size(width: u32, height: u32) -> Looked<()> {
    if width == 0 || height == 0 {
        return Err(damaged("a picture without pixels"));
    }
    let pixels = u64::from(width) * u64::from(height);
    if width > bounds::SIDE || height > bounds::SIDE || pixels > bounds::PIXELS {
        return refuse(
            RefusalCode::TooManyPixels,
            format!(
                "the picture has {width} x {height} pixels; {} on a side and {} in all are allowed",
                bounds::SIDE,
                bounds::PIXELS
            ),
        );
    }
    Ok(())
}

/// The same for pictures that take longer to decode.
fn fair_slow_size(width: u32, height: u32) -> Looked<()> {
    fair_size(width, height)?;
    if u64::from(width) * u64::from(height) > bounds::SLOW_PIXELS {
        let most = bounds::SLOW_PIXELS;
        return refuse(
            RefusalCode::TooManyPixels,
            format!("the picture has {width} x {height} pixels; {most} are allowed in a progressive JPEG or a WebP"),
        );
    }
    Ok(())
}

/// One more chunk or segment.
fn count_chunk(chunks: &mut u32) -> Looked<()> {
    *chunks += 1;
    if *chunks > bounds::CHUNKS {
        return refuse(RefusalCode::TooManyChunks, format!("the file has more than {} parts", bounds::CHUNKS));
    }
    Ok(())
}

/// One more picture in one that moves.
fn count_frame(frames: &mut u32, frame_pixels: &mut u64, width: u32, height: u32) -> Looked<()> {
    *frames += 1;
    *frame_pixels += u64::from(width) * u64::from(height);
    if *frames > bounds::FRAMES || *frame_pixels > bounds::FRAME_PIXELS {
        return refuse(
            RefusalCode::TooManyFrames,
            format!(
                "{} pictures with {} pixels in all of them are the most in one that moves",
                bounds::FRAMES,
                bounds::FRAME_PIXELS
            ),
        );
    }
    Ok(())
}

/// A range of bytes as numbers; nothing if it ends too early.
fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

/// Tells the format from the first bytes.
fn format(bytes: &[u8]) -> Looked<ImageFormat> {
    match bytes {
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Ok(ImageFormat::Png),
        [0xff, 0xd8, 0xff, ..] => Ok(ImageFormat::Jpeg),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok(ImageFormat::WebP),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Ok(ImageFormat::Gif),
        _ => match known(bytes) {
            Some(name) => refuse(RefusalCode::Unsupported, format!("this is {name}; {TAKEN}")),
            None => refuse(RefusalCode::NotMedia, format!("this is no picture that is known here; {TAKEN}")),
        },
    }
}

/// Pictures that are known and not taken.
fn known(bytes: &[u8]) -> Option<&'static str> {
    let text = bytes.trim_ascii_start();
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let starts = |word: &[u8]| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    let head = text.get(..1024.min(text.len())).unwrap_or_default();
    let says_svg = head.windows(4).any(|window| window.eq_ignore_ascii_case(b"<svg"));
    match bytes {
        _ if starts(b"<svg") || ((starts(b"<?xml") || starts(b"<!")) && says_svg) => Some("an SVG drawing"),
        [b'I', b'I', b'*' | b'+', 0, ..] | [b'M', b'M', 0, b'*' | b'+', ..] => Some("a TIFF"),
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => Some("a BMP"),
        [0, 0, 1 | 2, 0, _, 0, ..] => Some("an icon"),
        [b'8', b'B', b'P', b'S', 0, ..] => Some("a Photoshop file"),
        [0xff, 0x0a, ..] | [0, 0, 0, 0x0c, b'J', b'X', b'L', b' ', ..] => Some("a JPEG XL"),
        [0, 0, 0, 0x0c, b'j', b'P', ..] | [0xff, 0x4f, 0xff, 0x51, ..] => Some("a JPEG 2000"),
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => match brand {
            [b'a', b'v', b'i', b'f' | b's', ..] => Some("an AVIF"),
            [b'h', b'e', ..] | [b'm', b'i', b'f', b'1', ..] | [b'm', b's', b'f', b'1', ..] => Some("a HEIC"),
            _ => None,
        },
        _ => None,
    }
}

/// How large the picture says it is, by its first bytes alone: for the files of an archive. Nothing if they don't say.
pub(super) fn announced(head: &[u8]) -> Option<(u32, u32)> {
    match format(head).ok()? {
        ImageFormat::Png => Some((be32(head, 16)?, be32(head, 20)?)),
        ImageFormat::Gif => Some((le16(head, 6)?.into(), le16(head, 8)?.into())),
        ImageFormat::Jpeg => jpeg::announced(head),
        _ => webp::announced(head),
    }
}

/// As [`announced`], held against the bounds.
pub(super) fn fair_announced(head: &[u8]) -> Looked<()> {
    announced(head).map_or(Ok(()), |(width, height)| fair_size(width, height))
}

/// Looks at a picture.
pub(super) fn look(source: &Source, options: Options) -> Looked<Found> {
    format(&source.head(1024)?)?;
    if source.length() > bounds::IMAGE_BYTES {
        return refuse(
            RefusalCode::TooLong,
            format!("the picture has {} bytes; {} are allowed", source.length(), bounds::IMAGE_BYTES),
        );
    }
    let bytes = source.bytes(0, source.length())?;
    let format = format(&bytes)?;
    let keep = options.keep_metadata;
    let walked = match format {
        ImageFormat::Png => png::walk(&bytes, keep),
        ImageFormat::Jpeg => jpeg::walk(&bytes, keep),
        ImageFormat::Gif => gif::walk(&bytes, keep),
        _ => webp::walk(&bytes, keep),
    }?;
    if !fair_ratio(bytes.len() as u64, walked.frame_pixels) {
        return bad_ratio();
    }
    let mut picture = decode(&bytes, format, &walked)?;
    drop(bytes);
    // Made small before it is turned: turning copies it.
    if picture.width().max(picture.height()) > bounds::THUMBNAIL_SIDE {
        picture = picture.thumbnail(bounds::THUMBNAIL_SIDE, bounds::THUMBNAIL_SIDE);
    }
    picture.apply_orientation(walked.orientation);
    let thumbnail = thumbnail::write(&picture)?;
    let placeholder = Some(blurhash::of(&picture.to_rgb8()));
    let (width, height) = match on_its_side(walked.orientation) {
        true => (walked.height, walked.width),
        false => (walked.width, walked.height),
    };
    let facts = Facts {
        media_type: format.to_mime_type().to_owned(),
        width: Some(width),
        height: Some(height),
        frames: Some(walked.frames),
        duration_ms: walked.duration_ms,
        placeholder,
        ..Facts::default()
    };
    Ok(Found { facts, thumbnail: Some(thumbnail), clean: walked.clean })
}

/// Whether width and height change places when it is shown upright.
fn on_its_side(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH
    )
}

fn bad_ratio<T>() -> Looked<T> {
    refuse(
        RefusalCode::BadRatio,
        format!(
            "the file is so small for the picture in it that it seems made to fill memory; {} bytes from one are allowed",
            bounds::RATIO
        ),
    )
}

/// Decodes the picture, or the first one of one that moves.
fn decode(bytes: &[u8], format: ImageFormat, walked: &Walked) -> Looked<DynamicImage> {
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(bounds::SIDE);
    limits.max_image_height = Some(bounds::SIDE);
    limits.max_alloc = Some(bounds::DECODED_BYTES + (64 << 20));
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(damaged)?;
    if decoder.dimensions() != (walked.width, walked.height) {
        return Err(damaged("its headers contradict each other"));
    }
    let decoded = decoder.total_bytes();
    if decoded > bounds::DECODED_BYTES {
        return refuse(
            RefusalCode::TooManyPixels,
            format!("the picture takes {decoded} bytes when decoded; {} are allowed", bounds::DECODED_BYTES),
        );
    }
    // A GIF has one byte for a pixel, whatever its decoder makes of it.
    let unpacked = if format == ImageFormat::Gif { walked.frame_pixels } else { decoded };
    if !fair_ratio(bytes.len() as u64, unpacked) {
        return bad_ratio();
    }
    DynamicImage::from_decoder(decoder).map_err(damaged)
}

#[cfg(test)]
mod tests;
