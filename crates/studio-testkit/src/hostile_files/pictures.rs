//! Pictures that unpack to more than anybody has, that contradict themselves, or that are something else, too.

use super::refused;
use crate::good_files::{
    Expected, MAKER, Sample, gif, jpeg,
    png::{self, Picture},
    webp,
};
use studio_core::inspection::{
    FileKind::Image,
    RefusalCode::{BadRatio, Damaged, TooManyChunks, TooManyFrames, TooManyPixels, Unsupported},
};

pub(super) fn all() -> Vec<Sample> {
    [pngs(), apngs(), jpegs(), gifs(), webps(), polyglots(), largest()].concat()
}

/// So many zeros, packed.
fn zeros(bytes: usize) -> Vec<u8> {
    png::pack(&vec![0; bytes])
}

fn end() -> Vec<u8> {
    png::chunk(b"IEND", &[])
}

fn pngs() -> Vec<Sample> {
    let pixels = |packed: &[u8]| png::chunk(b"IDAT", packed);
    let small = |others: &[Vec<u8>]| png::file(&Picture::rgb(8, 8), others);
    let grey = |width, height| png::of(&[png::header(width, height, 0, 0), pixels(&zeros(1 << 20)), end()]);
    let deep_grey = png::chunk(b"IHDR", &[0, 0, 0x27, 0x10, 0, 0, 0x13, 0x88, 16, 6, 0, 0, 0]);
    let text = |name: &[u8; 4], before: &[u8]| small(&[png::chunk(name, &[before, &zeros(32 << 20)].concat())]);
    let mut wrong_sum = small(&[]);
    wrong_sum[20] ^= 1;
    let split: Vec<_> = zeros(9 * 8).iter().map(|byte| pixels(&[*byte])).collect();
    vec![
        refused("png of 60000 x 60000", Image, grey(60_000, 60_000), &[TooManyPixels]),
        refused("png of 2147483647 x 2147483647", Image, grey(0x7fff_ffff, 0x7fff_ffff), &[TooManyPixels]),
        refused("png of 1 x 1000000", Image, grey(1, 1_000_000), &[TooManyPixels]),
        refused("png of 0 x 5", Image, grey(0, 5), &[Damaged]),
        refused(
            "png of 7000 x 7000 zeros",
            Image,
            png::of(&[png::header(7_000, 7_000, 0, 0), pixels(&zeros(7_001 * 7_000)), end()]),
            &[BadRatio],
        ),
        refused(
            "png of 7000 x 7000 that has none",
            Image,
            png::of(&[png::header(7_000, 7_000, 2, 0), pixels(&zeros(10)), end()]),
            &[BadRatio],
        ),
        refused(
            "png of 16 bits, interlaced lies",
            Image,
            png::of(&[deep_grey, pixels(&zeros(1 << 20)), end()]),
            &[BadRatio],
        ),
        refused(
            "png with pixels behind the last",
            Image,
            png::of(&[png::header(8, 8, 0, 0), pixels(&zeros(64 << 20)), end()]),
            &[BadRatio],
        ),
        refused(
            "png with too few pixels",
            Image,
            png::of(&[png::header(80, 80, 0, 0), pixels(&zeros(99)), end()]),
            &[Damaged],
        ),
        refused("png with a text bomb", Image, text(b"zTXt", b"a\0\0"), &[BadRatio]),
        refused("png with an international text bomb", Image, text(b"iTXt", b"a\0\x01\0\0\0"), &[BadRatio]),
        refused("png with a profile bomb", Image, text(b"iCCP", b"a\0\0"), &[BadRatio]),
        refused(
            "png with a flood of chunks",
            Image,
            small(&vec![png::chunk(b"tEXt", b"a\0b"); 20_000]),
            &[TooManyChunks],
        ),
        Sample::new(
            "png with its pixels in many chunks",
            Image,
            png::of(&[png::header(8, 8, 0, 0), split.concat(), end()]),
            Expected::Taken,
        ),
        refused("png with a flood of empty pixels", Image, small(&vec![pixels(&[]); 20_000]), &[TooManyChunks]),
        refused("png with a wrong checksum", Image, wrong_sum, &[Damaged]),
        refused("png without a header", Image, png::of(&[pixels(&zeros(9)), end()]), &[Damaged]),
        refused("png with two headers", Image, small(&[png::header(9, 9, 2, 0)]), &[Damaged]),
        refused("png without pixels", Image, png::of(&[png::header(8, 8, 0, 0), end()]), &[Damaged]),
        refused(
            "png without a palette",
            Image,
            png::of(&[png::header(8, 8, 3, 0), pixels(&zeros(72)), end()]),
            &[Damaged],
        ),
        refused(
            "png with impossible colours",
            Image,
            png::of(&[png::header(8, 8, 5, 0), pixels(&zeros(72)), end()]),
            &[Damaged],
        ),
        refused(
            "png with a chunk of 4 GiB",
            Image,
            [png::of(&[png::header(8, 8, 0, 0)]), b"\xff\xff\xff\xffIDATxxxx".to_vec()].concat(),
            &[Damaged],
        ),
        refused(
            "png of noise where pixels should be",
            Image,
            png::of(&[png::header(8, 8, 0, 0), pixels(&[0x5a; 999]), end()]),
            &[Damaged],
        ),
    ]
}

fn apngs() -> Vec<Sample> {
    vec![
        refused("apng of 5000 pictures", Image, png::moving(5_000, 4, 4), &[TooManyFrames]),
        refused(
            "apng that says it has 4294967295 pictures",
            Image,
            png::moving_of(u32::MAX, 1, 4, 4),
            &[TooManyFrames],
        ),
        refused("apng that says less than it has", Image, png::moving_of(1, 2_000, 4, 4), &[TooManyFrames]),
    ]
}

fn jpegs() -> Vec<Sample> {
    let around = |parts: &[Vec<u8>]| [vec![0xff, 0xd8], parts.concat(), vec![0xff, 0xd9]].concat();
    let of = |mark, width, height| {
        around(&[jpeg::divisors(), jpeg::header(mark, width, height), jpeg::codes(), jpeg::scan(0, 63), vec![0; 1_000]])
    };
    let with = |other: Vec<u8>, count| jpeg::file(16, 16, &vec![other; count]);
    let mut twelve_bits = of(0xc1, 16, 16);
    if let Some(depth) = twelve_bits.get_mut(2 + jpeg::divisors().len() + 4) {
        *depth = 12;
    }
    vec![
        refused("jpeg of 65535 x 65535", Image, of(0xc0, 65_535, 65_535), &[TooManyPixels]),
        refused("jpeg of 16384 x 16384", Image, of(0xc0, 16_384, 16_384), &[TooManyPixels]),
        refused("jpeg of 7000 x 7000 in a thousand bytes", Image, of(0xc0, 7_000, 7_000), &[BadRatio]),
        refused("progressive jpeg of 7000 x 7000", Image, of(0xc2, 7_000, 7_000), &[TooManyPixels]),
        refused("jpeg without a height", Image, of(0xc0, 16, 0), &[Damaged]),
        refused("arithmetic jpeg", Image, of(0xc9, 16, 16), &[Unsupported]),
        refused("lossless jpeg", Image, of(0xc3, 16, 16), &[Unsupported]),
        refused("jpeg of 12 bits", Image, twelve_bits, &[Unsupported]),
        refused("jpeg with two headers", Image, with(jpeg::header(0xc0, 8, 8), 1), &[Damaged]),
        refused("jpeg of 5000 scans", Image, jpeg::progressive(1_024, 1_024, 5_000), &[TooManyChunks]),
        refused("jpeg with a flood of codes", Image, with(jpeg::codes(), 20_000), &[TooManyChunks]),
        refused("jpeg with a flood of tables", Image, with(jpeg::divisors(), 20_000), &[TooManyChunks]),
        refused("jpeg with a flood of comments", Image, with(jpeg::segment(0xfe, b"x"), 20_000), &[TooManyChunks]),
        refused("jpeg with a flood of restarts", Image, with(vec![0xff, 0xd0], 20_000), &[TooManyChunks]),
        refused("jpeg with a length of nothing", Image, with(vec![0xff, 0xfe, 0, 0], 1), &[Damaged]),
        refused(
            "jpeg with a length beyond its end",
            Image,
            [&b"\xff\xd8\xff\xe0\xff\xff"[..], &[0; 99]].concat(),
            &[Damaged],
        ),
        refused("jpeg without pixels", Image, around(&[jpeg::divisors(), jpeg::header(0xc0, 16, 16)]), &[Damaged]),
        refused("jpeg without a header", Image, around(&[jpeg::codes(), jpeg::scan(0, 63), vec![0; 9]]), &[Damaged]),
        refused(
            "jpeg without codes",
            Image,
            around(&[jpeg::divisors(), jpeg::header(0xc0, 16, 16), jpeg::scan(0, 63), vec![0; 99]]),
            &[Damaged],
        ),
        Sample::new(
            "jpeg with a hundred scans of a megapixel",
            Image,
            jpeg::progressive(1_024, 1_024, 100),
            Expected::Either,
        ),
        Sample::new(
            "jpeg with an EXIF block that points at itself",
            Image,
            with(jpeg::segment(0xe1, b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x87\x69\0\x04\0\0\0\x01\0\0\0\x08"), 1),
            Expected::Cleaned(&["EXIF"]),
        ),
    ]
}

fn gifs() -> Vec<Sample> {
    let flood = |part: Vec<u8>, count: usize| [gif::header(8, 8), vec![part; count].concat(), vec![0x3b]].concat();
    let nothing = |width, height| [gif::place(width, height), vec![8], gif::blocks(&[0, 3, 2])].concat();
    let of = |width, height, parts: &[Vec<u8>]| [gif::header(width, height), parts.concat(), vec![0x3b]].concat();
    vec![
        refused("gif of 65535 x 65535", Image, of(65_535, 65_535, &[nothing(9, 9)]), &[TooManyPixels]),
        refused("gif of 7000 x 7000 in a few bytes", Image, of(7_000, 7_000, &[nothing(7_000, 7_000)]), &[BadRatio]),
        refused("gif of 1001 pictures", Image, flood(gif::picture(8, 8, 0), 1_001), &[TooManyFrames]),
        refused("gif of 9000 pictures", Image, flood(nothing(8, 8), 9_000), &[TooManyFrames]),
        refused(
            "gif of 999 large pictures",
            Image,
            of(1_000, 1_000, &vec![nothing(1_000, 1_000); 999]),
            &[TooManyFrames],
        ),
        refused(
            "gif of 400 large pictures in a few bytes",
            Image,
            of(1_000, 1_000, &vec![nothing(1_000, 1_000); 400]),
            &[BadRatio],
        ),
        refused("gif with a flood of extensions", Image, flood(gif::delay(1), 20_000), &[TooManyChunks]),
        refused("gif with a flood of comments", Image, flood(vec![0x21, 0xfe, 1, b'x', 0], 20_000), &[TooManyChunks]),
        refused("gif without pictures", Image, flood(gif::delay(1), 1), &[Damaged]),
        refused("gif with a picture outside of it", Image, of(8, 8, &[nothing(9, 9)]), &[Damaged]),
        refused("gif with a picture of no size", Image, of(8, 8, &[nothing(0, 8)]), &[Damaged]),
        refused("gif with an unknown block", Image, of(8, 8, &[vec![0x99]]), &[Damaged]),
        refused(
            "gif with a code of 13 bits",
            Image,
            of(8, 8, &[gif::place(8, 8), vec![13], gif::blocks(&[0; 99])]),
            &[Damaged],
        ),
        refused(
            "gif with a picture of noise",
            Image,
            of(8, 8, &[gif::place(8, 8), vec![2], gif::blocks(&[0xff; 99])]),
            &[Damaged],
        ),
    ]
}

fn webps() -> Vec<Sample> {
    let bits = webp::one_colour;
    let still = |width, height| webp::chunk(b"VP8L", &bits(width, height));
    let mut shorter = webp::lossless(8, 8);
    shorter[4] = 4;
    let mut longer = webp::lossless(8, 8);
    longer[5] = 0xff;
    let lies = |frame: Vec<u8>| webp::of(&[webp::extended(2, 8, 8), webp::chunk(b"ANIM", &[0; 6]), frame]);
    vec![
        refused("webp of 16384 x 16384", Image, webp::lossless(16_384, 16_384), &[TooManyPixels]),
        refused("webp of 5000 x 5000 in a few bytes", Image, webp::lossless(5_000, 5_000), &[BadRatio]),
        refused(
            "webp of 16777216 x 16777216",
            Image,
            webp::of(&[webp::extended(0, 1 << 24, 1 << 24), still(8, 8)]),
            &[TooManyPixels],
        ),
        refused(
            "webp that says it is small",
            Image,
            webp::of(&[webp::extended(0, 8, 8), still(5_000, 5_000)]),
            &[Damaged],
        ),
        refused(
            "webp that says it is large",
            Image,
            webp::of(&[webp::extended(0, 5_000, 5_000), still(8, 8)]),
            &[Damaged],
        ),
        refused("webp with two pictures", Image, webp::of(&[still(8, 8), still(8, 8)]), &[Damaged]),
        refused("webp of 2000 pictures", Image, webp::moving(2_000, 8, 8), &[TooManyFrames]),
        refused("webp of 999 large pictures", Image, webp::moving(999, 1_000, 1_000), &[TooManyFrames]),
        refused("webp of 400 large pictures in a few bytes", Image, webp::moving(400, 1_000, 1_000), &[BadRatio]),
        refused(
            "webp with a picture larger than it says",
            Image,
            lies(webp::frame(8, 8, &bits(5_000, 5_000))),
            &[Damaged],
        ),
        refused("webp with a picture outside of it", Image, lies(webp::frame(90, 90, &bits(90, 90))), &[Damaged]),
        refused("webp with a picture without pixels", Image, lies(webp::chunk(b"ANMF", &[0; 16])), &[Damaged]),
        refused(
            "webp with a flood of chunks",
            Image,
            webp::of(&[webp::extended(0, 8, 8), still(8, 8), vec![webp::chunk(b"junk", b""); 20_000].concat()]),
            &[TooManyChunks],
        ),
        refused("webp shorter than its chunks", Image, shorter, &[Damaged]),
        refused("webp longer than the file", Image, longer, &[Damaged]),
        refused(
            "webp with noise for pixels",
            Image,
            webp::of(&[webp::chunk(b"VP8L", &[&webp::one_colour(64, 64)[..5], &[0x5a; 400]].concat())]),
            &[Damaged],
        ),
        refused(
            "webp with noise for lossy pixels",
            Image,
            {
                webp::of(&[webp::chunk(
                    b"VP8 ",
                    &[&[0x10, 0, 0, 0x9d, 1, 0x2a, 64, 0, 64, 0][..], &[0xaa; 9]].concat(),
                )])
            },
            &[Damaged],
        ),
        refused("webp without chunks", Image, webp::of(&[]), &[Damaged]),
    ]
}

/// Files that are two things at once: what follows the picture, or is hidden in it, must not come out again.
fn polyglots() -> Vec<Sample> {
    const HIDDEN: &[u8] = b"<script>alert(document.cookie)</script>PK\x03\x04\x7fELF#!/bin/sh";
    let cleaned = |name: &str, bytes: Vec<u8>, what| Sample::new(name, Image, bytes, Expected::Cleaned(what));
    let after = |bytes: Vec<u8>| [&bytes[..], HIDDEN, MAKER.as_bytes()].concat();
    vec![
        cleaned("png with a page behind it", after(png::file(&Picture::rgb(9, 9), &[])), &["trailing data"]),
        cleaned("jpeg with a page behind it", after(jpeg::file(16, 16, &[])), &["trailing data"]),
        cleaned("gif with a page behind it", after(gif::file(9, 9, 1, &[])), &["trailing data"]),
        cleaned("webp with a page behind it", after(webp::lossless(9, 9)), &["trailing data"]),
        cleaned(
            "png with a page in a text",
            png::file(&Picture::rgb(9, 9), &[png::chunk(b"tEXt", &[b"Comment\0", HIDDEN].concat())]),
            &["text"],
        ),
        cleaned("jpeg with a page in a comment", jpeg::file(16, 16, &[jpeg::segment(0xfe, HIDDEN)]), &["comments"]),
        cleaned(
            "gif with a page in a comment",
            gif::file(9, 9, 1, &[[&[0x21, 0xfe][..], &gif::blocks(HIDDEN)].concat()]),
            &["comments"],
        ),
        cleaned(
            "webp with a page in a chunk",
            {
                webp::of(&[
                    webp::extended(0, 9, 9),
                    webp::chunk(b"VP8L", &webp::one_colour(9, 9)),
                    webp::chunk(b"html", HIDDEN),
                ])
            },
            &["other chunks"],
        ),
    ]
}

/// As much as is allowed: what these take is what any picture takes at most. A slow machine may end them by the limit of time,
/// so nothing is expected but that they don't break it.
fn largest() -> Vec<Sample> {
    let mut random = fastrand::Rng::with_seed(5);
    let mut noise = |bytes| std::iter::repeat_with(|| random.u8(..)).take(bytes).collect::<Vec<u8>>();
    let of = |name: &str, bytes| Sample::new(format!("largest {name}"), Image, bytes, Expected::Either);
    // One noisy row, and all others with another mix of it.
    let row = noise(8_000 * 3 + 4_000);
    let mut rows = Vec::with_capacity(6_250 * (1 + 8_000 * 3));
    for y in 0..6_250 {
        rows.push(0);
        rows.extend_from_slice(&row[y % 4_000..][..8_000 * 3]);
    }
    let png = png::of(&[png::header(8_000, 6_250, 2, 0), png::chunk(b"IDAT", &png::pack_quickly(&rows)), end()]);
    // Pixels whose codes fill whole bytes, again and again.
    let pixels = gif::codes(2_000).repeat(24_000);
    let gif = [gif::header(8_000, 6_000), gif::place(8_000, 6_000), vec![8], gif::blocks(&pixels), vec![0x3b]].concat();
    let webp = webp::of(&[webp::chunk(b"VP8L", &webp::greens(5_000, 5_000, &noise(100_000).repeat(250)))]);
    vec![
        of("png", png),
        of("jpeg", jpeg::coloured(8_000, 6_248)),
        of("progressive jpeg", jpeg::progressive(4_992, 5_000, 100)),
        of("gif", gif),
        of("webp", webp),
    ]
}
