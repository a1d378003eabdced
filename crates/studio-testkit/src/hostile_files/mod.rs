//! Files that are made to hurt whoever reads them, each with what should be said of it. All are made by code.

mod datasets;
mod pictures;
mod sounds;
mod videos;

use crate::good_files::{self, Expected, Sample};
use studio_core::inspection::{FileKind, RefusalCode};

/// All of them.
pub fn all() -> Vec<Sample> {
    let mut all = [pictures::all(), sounds::all(), videos::all(), datasets::all()].concat();
    all.extend(disguised());
    all.extend(cut_off());
    all
}

/// A file that should be refused by one of these codes.
fn refused(name: impl Into<String>, kind: FileKind, bytes: Vec<u8>, codes: &'static [RefusalCode]) -> Sample {
    Sample::new(name, kind, bytes, Expected::Refused(codes))
}

/// Things that are no media at all, or hide behind the first bytes of some.
fn disguised() -> Vec<Sample> {
    use RefusalCode::{Damaged, NotMedia, Unsupported};
    let mut random = fastrand::Rng::with_seed(7);
    let mut noise = |start: &[u8]| {
        let mut bytes = start.to_vec();
        bytes.extend(std::iter::repeat_with(|| random.u8(..)).take(20_000));
        bytes
    };
    let mut all = Vec::new();
    for kind in FileKind::ALL {
        let named = |what: &str| format!("{what} as {}", kind.as_str());
        let none = &[NotMedia, Unsupported];
        all.extend([
            refused(named("empty"), kind, Vec::new(), none),
            refused(named("one byte"), kind, vec![b'{'], &[NotMedia, Unsupported, RefusalCode::BadEntry, Damaged]),
            refused(named("zeros"), kind, vec![0; 100_000], &[NotMedia, Unsupported, RefusalCode::BadEntry]),
            refused(named("ones"), kind, vec![0xff; 100_000], &[NotMedia, Unsupported, Damaged, RefusalCode::BadEntry]),
            refused(named("elf"), kind, noise(b"\x7fELF\x02\x01\x01"), none),
            refused(named("script"), kind, b"#!/bin/sh\nrm -rf /\n".to_vec(), none),
            refused(named("html"), kind, b"<!DOCTYPE html><script>alert(1)</script>".to_vec(), none),
            refused(named("pdf"), kind, noise(b"%PDF-1.7\n"), none),
            refused(
                named("svg"),
                kind,
                b"<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>".to_vec(),
                none,
            ),
        ]);
    }
    let svg_bomb = format!("<svg><!--{}--></svg>", "<g>".repeat(100_000)).into_bytes();
    let image = |name: &str, bytes, codes| refused(name, FileKind::Image, bytes, codes);
    all.extend([
        image("svg bomb", svg_bomb, &[Unsupported]),
        image("tiff", noise(b"II*\0\x08\0\0\0"), &[Unsupported]),
        image("bmp", noise(b"BM\0\x10\0\0\0\0\0\0"), &[Unsupported]),
        image("heic", noise(b"\0\0\0\x18ftypheic\0\0\0\0"), &[Unsupported]),
        image("avif", noise(b"\0\0\0\x18ftypavif\0\0\0\0"), &[Unsupported]),
        image("random png", noise(b"\x89PNG\r\n\x1a\n"), &[Damaged]),
        image("random jpeg", noise(b"\xff\xd8\xff"), &[Damaged, Unsupported, RefusalCode::TooManyPixels]),
        image("random gif", noise(b"GIF89a"), &[Damaged, RefusalCode::TooManyPixels]),
        image("random webp", noise(b"RIFF\x20\x4e\0\0WEBP"), &[Damaged]),
        image("data before png", [&b"<script>"[..], &good_files::png::told()].concat(), &[NotMedia]),
    ]);
    all
}

/// Every good file, cut off at many places: each must be told to be so.
fn cut_off() -> Vec<Sample> {
    let mut all = Vec::new();
    for good in good_files::all() {
        let length = good.bytes.len();
        for part in [1, 2, 3, 5, 7, 9] {
            let bytes = good.bytes.get(..(length * part / 10).max(13)).unwrap_or_default().to_vec();
            // An MP3 has no end that could be missing, nor has what was recorded while it was sent; a text may end anywhere.
            let expected = if ["mp3", "jsonl", "recorded"].iter().any(|endless| good.name.contains(endless)) {
                Expected::Either
            } else {
                Expected::Refused(&[RefusalCode::Damaged, RefusalCode::NotMedia, RefusalCode::BadEntry])
            };
            all.push(Sample::new(format!("{} cut off after {part} of 10", good.name), good.kind, bytes, expected));
        }
        let bytes = good.bytes.get(..length - 1).unwrap_or_default().to_vec();
        all.push(Sample::new(format!("{} without its last byte", good.name), good.kind, bytes, Expected::Either));
    }
    all
}
