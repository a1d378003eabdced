//! Sounds that contradict themselves, play for days, or hold something else.

use super::refused;
use crate::good_files::{
    Expected, Sample,
    mp4::{Around, Inside, boxed, file, of},
    sounds::{
        comments, flac_block, flac_frames, flac_header, id3, mp3, mp3_frame, ogg_page, opus_head, riff, tone,
        vorbis_head, vorbis_setup, wav, wav_format,
    },
    webp::chunk,
};
use studio_core::inspection::{
    FileKind::Audio,
    RefusalCode::{Damaged, NotMedia, TooDeep, TooLong, TooManyChunks, Unsupported},
};

pub(super) fn all() -> Vec<Sample> {
    [wavs(), mp3s(), flacs(), oggs(), m4as(), others()].concat()
}

fn wavs() -> Vec<Sample> {
    let of = |number, channels, rate, bits| riff(&[wav_format(number, channels, rate, bits), tone()]);
    let mut longer = wav();
    longer[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut longer_inside = wav();
    longer_inside[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut contradicts = wav();
    contradicts[28] ^= 0x55;
    let slow = riff(&[wav_format(1, 1, 8_000, 8), chunk(b"data", &vec![0x80; 8_000 * 60 * 60 * 4 + 16_000])]);
    vec![
        refused("wav that says it has 4 GiB", Audio, longer, &[Damaged]),
        refused("wav with sound of 4 GiB", Audio, longer_inside, &[Damaged]),
        refused("wav whose header contradicts itself", Audio, contradicts, &[Damaged]),
        refused("wav of 65535 channels", Audio, of(1, 65_535, 8_000, 16), &[Unsupported]),
        refused("wav of no channels", Audio, of(1, 0, 8_000, 16), &[Unsupported]),
        refused("wav of no samples a second", Audio, of(1, 1, 0, 16), &[Unsupported]),
        refused("wav of 4294967295 samples a second", Audio, of(1, 1, u32::MAX, 8), &[Unsupported]),
        refused("wav of 13 bits", Audio, of(1, 1, 8_000, 13), &[Unsupported]),
        refused("wav of an unknown code", Audio, of(0x55, 1, 8_000, 16), &[Unsupported]),
        refused("wav of a long and unknown code", Audio, of(0xfffe, 1, 8_000, 16), &[Unsupported]),
        refused("wav without a format", Audio, riff(&[tone()]), &[Damaged]),
        refused("wav without sound", Audio, riff(&[wav_format(1, 1, 8_000, 16)]), &[Damaged]),
        refused(
            "wav with two formats",
            Audio,
            riff(&[wav_format(1, 1, 8_000, 16), wav_format(1, 1, 8_000, 16), tone()]),
            &[Damaged],
        ),
        refused("wav with two sounds", Audio, riff(&[wav_format(1, 1, 8_000, 16), tone(), tone()]), &[Damaged]),
        refused("wav with a short format", Audio, riff(&[chunk(b"fmt ", &[1, 0]), tone()]), &[Damaged]),
        refused(
            "wav with a flood of chunks",
            Audio,
            riff(&[wav_format(1, 1, 8_000, 16), chunk(b"junk", b"").repeat(20_000), tone()]),
            &[TooManyChunks],
        ),
        refused("wav of four hours and a second", Audio, slow, &[TooLong]),
        Sample::new(
            "wav with a page behind it",
            Audio,
            [&wav()[..], b"<script>"].concat(),
            Expected::Cleaned(&["trailing data"]),
        ),
    ]
}

fn mp3s() -> Vec<Sample> {
    let mut random = fastrand::Rng::with_seed(11);
    let mut noise = |bytes: usize| -> Vec<u8> { std::iter::repeat_with(|| random.u8(..0xfe)).take(bytes).collect() };
    let other_rate = [&[0xff, 0xfb, 0x94, 0x00][..], &[0; 413]].concat();
    let mut huge_tag = id3();
    huge_tag[6..10].copy_from_slice(&[0x7f; 4]);
    let mut bad_tag = id3();
    bad_tag[6] = 0xff;
    let ape = [&mp3()[..], b"APETAGEX", &2_000_u32.to_le_bytes(), &u32::MAX.to_le_bytes(), &[0; 16]].concat();
    vec![
        refused("mp3 of two frames", Audio, mp3_frame().repeat(2), &[Damaged]),
        refused(
            "mp3 of noise behind its first bytes",
            Audio,
            [&[0xff, 0xfb, 0x90, 0][..], &noise(90_000)].concat(),
            &[Damaged],
        ),
        refused("mp3 with a tag of 256 MiB", Audio, [huge_tag, mp3()].concat(), &[Damaged]),
        refused("mp3 with an unreadable tag", Audio, [bad_tag, mp3()].concat(), &[Damaged]),
        refused("mp3 of tags alone", Audio, id3().repeat(500), &[Damaged]),
        refused("mp3 with a tag that reaches before the file", Audio, ape, &[Damaged]),
        refused("mp3 with a script behind its tag", Audio, [id3(), b"<script>".to_vec(), mp3()].concat(), &[Damaged]),
        refused(
            "mp3 whose frames are each of another rate",
            Audio,
            [mp3_frame(), other_rate].concat().repeat(300),
            &[Damaged],
        ),
        refused("mp3 that is mostly noise", Audio, [mp3(), noise(400_000)].concat(), &[Damaged]),
        refused("mp3 with noise between its frames", Audio, [mp3(), noise(50)].concat().repeat(150), &[Damaged]),
        refused("mp3 of five hours", Audio, mp3_frame().repeat(5 * 60 * 60 * 44_100 / 1_152), &[TooLong]),
        Sample::new(
            "mp3 with a page in it",
            Audio,
            [mp3(), b"<script>alert(1)</script>".to_vec(), mp3()].concat(),
            Expected::Cleaned(&["other data"]),
        ),
        Sample::new(
            "mp3 with a page behind it",
            Audio,
            [&mp3()[..], b"<script>"].concat(),
            Expected::Cleaned(&["trailing data"]),
        ),
    ]
}

fn flacs() -> Vec<Sample> {
    let of = |header: &[u8], more: &[u8]| [&b"fLaC"[..], &flac_block(0, false, header), more].concat();
    let end = |frames| [flac_block(1, true, &[0; 4]), flac_frames(frames)].concat();
    let whole = |samples, frames| of(&flac_header(samples), &end(frames));
    let mut channels = flac_header(40_960);
    channels[10..13].fill(0xff);
    let noise = [flac_block(1, true, &[]), b"\xff\xf8noise".repeat(4_000)].concat();
    vec![
        refused("flac that says it has more than it has", Audio, whole(90_000, 10), &[Damaged]),
        refused("flac that says it plays for days", Audio, whole(0xf_ffff_ffff, 10), &[TooLong]),
        refused("flac of 655350 samples a second", Audio, of(&channels, &end(3)), &[Unsupported]),
        refused("flac of noise", Audio, of(&flac_header(40_960), &noise), &[Damaged]),
        refused("flac without frames", Audio, whole(40_960, 0), &[Damaged]),
        refused(
            "flac without a header",
            Audio,
            [&b"fLaC"[..], &flac_block(4, true, &comments(b"", b"")), &flac_frames(9)].concat(),
            &[Damaged],
        ),
        refused(
            "flac with two headers",
            Audio,
            of(&flac_header(40_960), &[flac_block(0, false, &flac_header(1)), end(10)].concat()),
            &[Damaged],
        ),
        refused(
            "flac with a flood of blocks",
            Audio,
            of(&flac_header(40_960), &[flac_block(1, false, &[]).repeat(20_000), end(10)].concat()),
            &[TooManyChunks],
        ),
        refused(
            "flac with a picture of 16 MiB that is not there",
            Audio,
            of(&flac_header(40_960), &[6, 0xff, 0xff, 0xff, 0]),
            &[Damaged],
        ),
        refused("flac with a block that cannot be", Audio, of(&flac_header(40_960), &[0xff, 0, 0, 0, 0]), &[Damaged]),
    ]
}

fn oggs() -> Vec<Sample> {
    let head = || ogg_page(2, 0, 0, &[vorbis_head(1, 8_000)]);
    let silence = || ogg_page(4, 32 * 199, 2, &vec![vec![0]; 200]);
    let second = |said: Vec<u8>, setup: Vec<u8>| [head(), ogg_page(0, 0, 1, &[said, setup]), silence()].concat();
    let told = || comments(b"\x03vorbis", b"\x01");
    let mut wrong = second(told(), vorbis_setup());
    wrong[40] ^= 1;
    let mut huge = told();
    huge[7..11].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut books = vorbis_setup();
    books[7] = 0xff;
    let mut entries = vorbis_setup();
    entries[13..16].fill(0xff);
    let opus = |channels, position| {
        [
            ogg_page(2, 0, 0, &[opus_head(channels)]),
            ogg_page(0, 0, 1, &[comments(b"OpusTags", b"")]),
            ogg_page(4, position, 2, &[vec![0xfc]]),
        ]
        .concat()
    };
    let comment_flood = [
        head(),
        (1..400).flat_map(|number| ogg_page(1, u64::MAX, number, &[]).into_iter().chain(full_page(number))).collect(),
    ]
    .concat();
    vec![
        refused("ogg with a wrong checksum", Audio, wrong, &[Damaged]),
        refused("ogg with comments of 4 GiB", Audio, second(huge, vorbis_setup()), &[Damaged]),
        refused("ogg without comments", Audio, second(b"nothing".to_vec(), vorbis_setup()), &[Damaged]),
        refused("ogg with 256 books that are not there", Audio, second(told(), books), &[Damaged]),
        refused("ogg with a book of 16 million words", Audio, second(told(), entries), &[Damaged]),
        refused(
            "ogg with noise for a setup",
            Audio,
            second(told(), b"\x05vorbis\x07noise that is no setup".to_vec()),
            &[Damaged],
        ),
        refused(
            "ogg of another codec",
            Audio,
            [ogg_page(2, 0, 0, &[b"\x80theora".to_vec()]), silence()].concat(),
            &[Damaged, Unsupported],
        ),
        refused(
            "ogg of speex",
            Audio,
            [ogg_page(2, 0, 0, &[b"Speex   1.2".to_vec()]), ogg_page(0, 0, 1, &[told(), vec![0]]), silence()].concat(),
            &[Unsupported],
        ),
        refused("ogg of one page", Audio, head(), &[Damaged]),
        refused("ogg of two files", Audio, second(told(), vorbis_setup()).repeat(2), &[Unsupported]),
        refused("ogg that says it plays for ever", Audio, opus(2, u64::MAX - 1), &[TooLong]),
        refused("opus of 255 channels", Audio, opus(255, 48_000), &[Unsupported]),
        refused("opus of no channels", Audio, opus(0, 48_000), &[Unsupported]),
        refused("ogg with comments that never end", Audio, comment_flood, &[Damaged, TooLong]),
        Sample::new(
            "opus with a page behind it",
            Audio,
            [&opus(1, 48_312)[..], b"<script>"].concat(),
            Expected::Cleaned(&["comments", "trailing data"]),
        ),
    ]
}

/// A page with a long packet.
fn full_page(number: u32) -> Vec<u8> {
    ogg_page(0, u64::MAX, number, &[vec![b'x'; 255 * 100 + 7]])
}

fn m4as() -> Vec<Sample> {
    let plain = || file(Inside::Sound, &Around::default());
    let around = |in_header: Vec<u8>| file(Inside::Sound, &Around { in_header, ..Around::default() });
    let nested = |depth| (0..depth).fold(Vec::new(), |inner, _| boxed(b"udta", &inner));
    let patched = |name: &[u8; 4], skip: usize, value: [u8; 4]| {
        let mut bytes = plain();
        let at = bytes.windows(4).position(|window| window == name).unwrap_or_default() + 4 + skip;
        bytes[at..at + 4].copy_from_slice(&value);
        bytes
    };
    vec![
        refused("m4a without a header", Audio, boxed(b"ftyp", b"M4A \0\0\0\0"), &[Damaged]),
        refused("m4a with two headers", Audio, [plain(), of(b"moov", &[])].concat(), &[Damaged]),
        refused("m4a with boxes within boxes", Audio, around(nested(40)), &[TooDeep]),
        refused("m4a with a flood of boxes", Audio, around(boxed(b"free", b"").repeat(20_000)), &[TooManyChunks]),
        refused("m4a of 4294967295 lengths", Audio, patched(b"stts", 4, [0xff; 4]), &[Damaged]),
        refused("m4a of 4294967295 places", Audio, patched(b"stco", 4, [0xff; 4]), &[Damaged]),
        refused("m4a of 4294967295 samples", Audio, patched(b"stsz", 8, [0xff; 4]), &[TooManyChunks]),
        refused("m4a with samples of 4 GiB", Audio, patched(b"stsz", 4, [0xff; 4]), &[Damaged]),
        refused("m4a with samples behind its end", Audio, patched(b"stco", 8, [0x7f; 4]), &[Damaged]),
        refused("m4a of 4294967295 runs", Audio, patched(b"stsc", 4, [0xff; 4]), &[Damaged]),
        refused("m4a of an unknown codec", Audio, patched(b"stsd", 12, *b"xxxx"), &[Unsupported]),
        refused("m4a with pictures", Audio, file(Inside::Pictures(8, 8), &Around::default()), &[Unsupported]),
        Sample::new(
            "m4a with a script behind it",
            Audio,
            [&plain()[..], b"<script>alert(1)</script>"].concat(),
            Expected::Cleaned(&["trailing data"]),
        ),
    ]
}

fn others() -> Vec<Sample> {
    let known = |name: &str, bytes: &[u8]| refused(name, Audio, [bytes, &[0x55; 999]].concat(), &[Unsupported]);
    vec![
        known("aiff", b"FORM\0\0\x10\0AIFF"),
        known("midi", b"MThd\0\0\0\x06"),
        known("raw aac", &[0xff, 0xf1, 0x50, 0x80]),
        known("mpeg sound of layer II", &[0xff, 0xfd, 0x90, 0x00]),
        refused("mp3 with free bits", Audio, [0xff, 0xfb, 0x00, 0x00].repeat(99), &[Damaged, NotMedia]),
    ]
}
