//! Videos with lengths and depths that are not.

use super::refused;
use crate::good_files::{
    Expected, Sample,
    mp4::{Around, Inside, boxed, file, of},
    webm,
};
use studio_core::inspection::{
    FileKind::Video,
    RefusalCode::{Damaged, NotMedia, TooDeep, TooLong, TooManyChunks, TooManyPixels, Unsupported},
};

pub(super) fn all() -> Vec<Sample> {
    [mp4s(), webms()].concat()
}

fn mp4s() -> Vec<Sample> {
    let plain = || file(Inside::Pictures(64, 48), &Around::default());
    let around = |in_header: Vec<u8>| file(Inside::Pictures(64, 48), &Around { in_header, ..Around::default() });
    let sized = |length: u32, long: u64| [&length.to_be_bytes()[..], b"free", &long.to_be_bytes(), &[0; 99]].concat();
    let behind = |end: Vec<u8>| [boxed(b"ftyp", b"isom\0\0\0\0"), end].concat();
    let traks = (0..40).fold(Vec::new(), |inner, _| of(b"trak", &[inner]));
    let patched = |name: &[u8; 4], skip: usize, value: [u8; 4]| {
        let mut bytes = plain();
        let at = bytes.windows(4).position(|window| window == name).unwrap_or_default() + 4 + skip;
        bytes[at..at + 4].copy_from_slice(&value);
        bytes
    };
    let run = |count: u32| of(b"moof", &[of(b"traf", &[boxed(b"trun", &[[0; 4], count.to_be_bytes()].concat())])]);
    vec![
        refused(
            "mp4 of 65535 x 65535",
            Video,
            file(Inside::Pictures(65_535, 65_535), &Around::default()),
            &[TooManyPixels],
        ),
        refused("mp4 of 0 x 0", Video, file(Inside::Pictures(0, 0), &Around::default()), &[Damaged]),
        refused("mp4 with a box of no length", Video, behind(sized(0, 0)), &[Damaged]),
        refused("mp4 with a box of four bytes", Video, behind(sized(4, 0)), &[Damaged]),
        refused("mp4 with a box of 2^63 bytes", Video, behind(sized(1, 1 << 63)), &[Damaged]),
        refused("mp4 with a box of 2^64 - 1 bytes", Video, behind(sized(1, u64::MAX)), &[Damaged]),
        refused("mp4 with a long box of nine bytes", Video, behind(sized(1, 9)), &[Damaged]),
        refused(
            "mp4 with a box of no length in its header",
            Video,
            around(vec![0, 0, 0, 0, b'f', b'r', b'e', b'e']),
            &[Damaged],
        ),
        refused(
            "mp4 with boxes within boxes",
            Video,
            around((0..40).fold(Vec::new(), |inner, _| boxed(b"meta", &[vec![0; 4], inner].concat()))),
            &[TooDeep],
        ),
        Sample::new("mp4 with tracks within tracks", Video, around(traks), Expected::Either),
        refused("mp4 with a flood of boxes", Video, around(boxed(b"skip", b"").repeat(30_000)), &[TooManyChunks]),
        refused(
            "mp4 of a thousand tracks",
            Video,
            around(of(b"trak", &[]).repeat(1_000)),
            &[TooManyChunks, Unsupported],
        ),
        refused("mp4 that plays for weeks", Video, patched(b"mvhd", 16, [0x7f; 4]), &[TooLong]),
        refused("mp4 of 4294967295 descriptions", Video, patched(b"stsd", 4, [0xff; 4]), &[Damaged]),
        refused("mp4 of no descriptions", Video, patched(b"stsd", 4, [0; 4]), &[Damaged]),
        refused("mp4 of 4294967295 lengths", Video, patched(b"stts", 4, [0xff; 4]), &[Damaged]),
        refused("mp4 of an unknown codec", Video, patched(b"stsd", 12, *b"\x00\xff<s"), &[Unsupported]),
        refused("mp4 of a header of version 7", Video, patched(b"mvhd", 0, [7, 0, 0, 0]), &[Damaged]),
        refused("mp4 with a run of 4294967295 samples", Video, [plain(), run(u32::MAX)].concat(), &[TooManyChunks]),
        refused("mp4 with samples behind its end", Video, patched(b"stco", 8, [0xff; 4]), &[Damaged]),
        refused("mp4 of sound alone", Video, file(Inside::Sound, &Around::default()), &[Unsupported]),
        refused("mp4 without samples", Video, behind(of(b"moov", &[])), &[Damaged]),
        refused("mp4 that begins otherwise", Video, [boxed(b"free", b""), plain()].concat(), &[Damaged, NotMedia]),
        Sample::new(
            "mp4 with a page behind it",
            Video,
            [&plain()[..], b"<script>alert(1)</script>"].concat(),
            Expected::Cleaned(&["trailing data"]),
        ),
        refused("avi", Video, [&b"RIFF\xff\xff\0\0AVI LIST"[..], &[0; 99]].concat(), &[Unsupported]),
        refused("flash video", Video, [&b"FLV\x01\x05\0\0\0\x09"[..], &[0; 99]].concat(), &[Unsupported]),
    ]
}

fn webms() -> Vec<Sample> {
    let with = |element: Vec<u8>| webm::of(&[webm::info(&[]), webm::track(8, 8, &[]), cluster(), element]);
    fn cluster() -> Vec<u8> {
        webm::element(0x1f43_b675, &webm::blocks(0, 1))
    }
    let nested = (0..5_000).fold(Vec::new(), |inner, _| webm::element(0xe0, &inner[..inner.len().min(100_000)]));
    let endless =
        |id| [webm::header("webm"), webm::endless(0x1853_8067, &webm::endless(id, &[0xec, 0x80].repeat(99)))].concat();
    let flood = [
        webm::header("webm"),
        webm::endless(
            0x1853_8067,
            &[webm::info(&[]), webm::track(8, 8, &[]), webm::endless(0x1f43_b675, &[0xec, 0x80].repeat(1_100_000))]
                .concat(),
        ),
    ];
    vec![
        refused(
            "matroska",
            Video,
            [webm::header("matroska"), webm::element(0x1853_8067, &[])].concat(),
            &[Unsupported],
        ),
        refused("webm without a kind", Video, webm::element(0x1a45_dfa3, &[]), &[Unsupported]),
        refused("webm with a header of unknown length", Video, webm::endless(0x1a45_dfa3, &[0; 99]), &[Damaged]),
        refused(
            "webm of 16777216 x 16777216",
            Video,
            webm::of(&[webm::track(1 << 24, 1 << 24, &[]), cluster()]),
            &[TooManyPixels],
        ),
        refused("webm of 0 x 0", Video, webm::of(&[webm::track(0, 0, &[]), cluster()]), &[Damaged]),
        refused("webm without tracks", Video, webm::of(&[webm::info(&[]), cluster()]), &[Unsupported]),
        refused("webm without pictures", Video, webm::of(&[webm::info(&[]), webm::track(8, 8, &[])]), &[Damaged]),
        Sample::new(
            "webm with elements within elements",
            Video,
            webm::of(&[webm::track(8, 8, &nested), cluster()]),
            Expected::Cleaned(&["other elements"]),
        ),
        refused(
            "webm with a flood of elements",
            Video,
            with(webm::element(0xec, &[]).repeat(20_000)),
            &[TooManyChunks],
        ),
        refused("webm with a flood of blocks", Video, flood.concat(), &[TooManyChunks]),
        refused(
            "webm of a thousand tracks",
            Video,
            webm::of(&[webm::element(0x1654_ae6b, &webm::element(0xae, &[]).repeat(1_000)), cluster()]),
            &[TooManyChunks],
        ),
        refused("webm with tags of unknown length", Video, with(webm::endless(0x1254_c367, &[0; 99])), &[Damaged]),
        refused("webm with a header that never ends", Video, endless(0x1549_a966), &[Damaged]),
        refused("webm with a number of nine bytes", Video, with(vec![0; 99]), &[Damaged]),
        refused(
            "webm with an element of 2^56 bytes",
            Video,
            with(vec![0xec, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe]),
            &[Damaged],
        ),
        refused(
            "webm that plays for ever",
            Video,
            webm::of(&[
                webm::info(&webm::element(0x4489, &1e300_f64.to_be_bytes())),
                webm::track(8, 8, &[]),
                cluster(),
            ]),
            &[TooLong],
        ),
        Sample::new(
            "webm that plays for no number",
            Video,
            webm::of(&[webm::info(&webm::element(0x4489, &f64::NAN.to_be_bytes())), webm::track(8, 8, &[]), cluster()]),
            Expected::Taken,
        ),
        Sample::new(
            "webm with a page behind it",
            Video,
            [&webm::file()[..], b"<script>alert(1)</script>"].concat(),
            Expected::Cleaned(&["trailing data"]),
        ),
        Sample::new(
            "webm with a page in its padding",
            Video,
            with(webm::element(0xec, b"<script>")),
            Expected::Cleaned(&["padding"]),
        ),
    ]
}
