//! Pictures, looked at.

use super::*;
use ::image::{AnimationDecoder, Frame};
use std::io::Write;
use studio_core::inspection::FileKind;
use studio_testkit::good_files;

fn open(bytes: &[u8]) -> Source {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    Source::new(file).unwrap()
}

/// Every pixel of every picture in a file, without turning any.
fn pixels(bytes: &[u8]) -> Vec<Vec<u8>> {
    let all = |frames: ::image::Frames<'_>| -> Vec<Vec<u8>> {
        let frames: Vec<Frame> = frames.collect_frames().unwrap();
        frames.into_iter().map(|frame| frame.into_buffer().into_raw()).collect()
    };
    let reader = Cursor::new(bytes);
    match format(bytes).unwrap() {
        ImageFormat::Gif => all(::image::codecs::gif::GifDecoder::new(reader).unwrap().into_frames()),
        ImageFormat::Png => {
            let decoder = ::image::codecs::png::PngDecoder::new(reader).unwrap();
            match decoder.is_apng().unwrap() {
                true => all(decoder.apng().unwrap().into_frames()),
                false => vec![DynamicImage::from_decoder(decoder).unwrap().into_bytes()],
            }
        }
        ImageFormat::WebP => {
            let decoder = ::image::codecs::webp::WebPDecoder::new(reader).unwrap();
            match decoder.has_animation() {
                true => all(decoder.into_frames()),
                false => vec![DynamicImage::from_decoder(decoder).unwrap().into_bytes()],
            }
        }
        other => vec![::image::load_from_memory_with_format(bytes, other).unwrap().into_bytes()],
    }
}

#[test]
fn pixels_stay_as_they_are() {
    let options = Options { kind: FileKind::Image, keep_metadata: false, only_thumbnail: false, tell_peak: false };
    let mut cleaned = 0;
    for good in good_files::all().into_iter().filter(|good| good.kind == FileKind::Image) {
        let source = open(&good.bytes);
        let found = look(&source, options).unwrap();
        let mut clean = Vec::new();
        found.clean.write(&source, &mut clean).unwrap();
        assert_eq!(clean.len() as u64, found.clean.length());
        assert_eq!(pixels(&clean), pixels(&good.bytes), "{}", good.name);
        cleaned += usize::from(clean != good.bytes);
    }
    assert!(cleaned >= 4);
}

#[test]
fn the_minimal_block_says_which_side_is_up() {
    for value in 2..=8 {
        let orientation = Orientation::from_exif(value).unwrap();
        assert_eq!(exif::orientation(&exif::minimal(orientation).unwrap()), orientation);
    }
    assert_eq!(exif::minimal(Orientation::NoTransforms), None);
}
