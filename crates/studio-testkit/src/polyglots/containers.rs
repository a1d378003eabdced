//! Sounds, films, archives and documents with a page or a script in them.

use super::{Harm, Maker, crc32, join, pictures::riff};

const PAGE: Harm = Harm::Page("text/html");
const LATIN: Harm = Harm::Script("iso-8859-1");

pub(super) fn add(maker: &mut Maker<'_>) {
    sounds(maker);
    films(maker);
    archives(maker);
}

fn wav_part(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let even: &[u8] = if data.len() % 2 == 1 { b"\0" } else { b"" };
    join(&[name, &(data.len() as u32).to_le_bytes(), data, even])
}

/// One channel at 8 kHz, a tenth of a second of nothing.
fn wav(more: &[Vec<u8>]) -> Vec<u8> {
    let format = wav_part(b"fmt ", b"\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0");
    let sound = wav_part(b"data", &[0; 1600]);
    riff(b"WAVE", &[vec![format], more.to_vec(), vec![sound]].concat())
}

/// Frames of nothing: MPEG 1, layer III, 128 kbit/s, 44.1 kHz.
fn mp3_frames() -> Vec<u8> {
    let mut frame = vec![0xff, 0xfb, 0x90, 0xc4];
    frame.resize(417, 0);
    frame.repeat(8)
}

fn sounds(maker: &mut Maker<'_>) {
    maker.add("wav-info", "wav", "audio/wav", PAGE, |w| {
        let info = join(&[b"INFO", &wav_part(b"ICMT", w.html.as_bytes())]);
        wav(&[wav_part(b"LIST", &info)])
    });
    maker.add("wav-unknown-part", "wav", "audio/wav", PAGE, |w| wav(&[wav_part(b"junk", w.html.as_bytes())]));
    // Its samples are the page.
    maker.add("wav-samples", "wav", "audio/wav", PAGE, |w| {
        let format = wav_part(b"fmt ", b"\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0");
        riff(b"WAVE", &[format, wav_part(b"data", w.html.as_bytes())])
    });
    maker.add("wav-script", "wav", "audio/wav", LATIN, |w| {
        join(&[b"RIFF=1/*WAVEfmt ", format!("*/;{}", w.script).as_bytes()])
    });
    maker.add("mp3-title", "mp3", "audio/mpeg", PAGE, |w| {
        let frame = join(&[b"TIT2", &(w.html.len() as u32 + 1).to_be_bytes(), b"\0\0\0", w.html.as_bytes()]);
        let length = frame.len() as u32;
        let seven = [21, 14, 7, 0].map(|shift| (length >> shift & 0x7f) as u8);
        join(&[b"ID3\x03\0\0", &seven, &frame, &mp3_frames()])
    });
    maker.add("mp3-after-its-end", "mp3", "audio/mpeg", PAGE, |w| join(&[&mp3_frames(), w.html.as_bytes()]));
    maker.add("ogg-tags", "ogg", "audio/ogg", PAGE, |w| {
        let words = format!("COMMENT={}", w.html);
        let length = |text: &str| (text.len() as u32).to_le_bytes();
        let tags = join(&[b"OpusTags", &length("us"), b"us", &1_u32.to_le_bytes(), &length(&words), words.as_bytes()]);
        join(&[
            &ogg_page(2, 0, 0, b"OpusHead\x01\x01\0\0\x80\xbb\0\0\0\0\0"),
            &ogg_page(0, 0, 1, &tags),
            &ogg_page(4, 960, 2, b"\xfc\xff\xfe"),
        ])
    });
    maker.add("flac-tags", "flac", "audio/flac", PAGE, |w| {
        let words = format!("COMMENT={}", w.html);
        let length = |text: &str| (text.len() as u32).to_le_bytes();
        let tags = join(&[&length("us"), b"us", &1_u32.to_le_bytes(), &length(&words), words.as_bytes()]);
        let about = join(&[b"\x10\0\x10\0\0\0\0\0\0\0\x01\xf4\0\x70\0\0\0\0", &[0; 16]]);
        let size = (tags.len() as u32).to_be_bytes();
        join(&[b"fLaC\0\0\0\x22", &about, b"\x84", &size[1..], &tags])
    });
}

/// A page of an Ogg stream, with one packet.
fn ogg_page(flags: u8, position: u64, number: u32, packet: &[u8]) -> Vec<u8> {
    let mut lengths = vec![255_u8; packet.len() / 255];
    lengths.push((packet.len() % 255) as u8);
    let head = [b"OggS\0".as_slice(), &[flags], &position.to_le_bytes(), b"\x01\0\0\0", &number.to_le_bytes()];
    let mut page = join(&[&head.concat(), &[0; 4], &[lengths.len() as u8], &lengths, packet]);
    // Ogg's checksum goes the other way round than PNG's.
    let sum = page.iter().fold(0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 24, |crc, _| (crc << 1) ^ if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 })
    });
    page[22..26].copy_from_slice(&sum.to_le_bytes());
    page
}

fn mp4_box(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    join(&[&(data.len() as u32 + 8).to_be_bytes(), name, data])
}

fn films(maker: &mut Maker<'_>) {
    let kind = || mp4_box(b"ftyp", b"isom\0\0\x02\0isomiso2mp41");
    maker.add("mp4-free", "mp4", "video/mp4", PAGE, |w| {
        join(&[&kind(), &mp4_box(b"free", w.html.as_bytes()), &mp4_box(b"mdat", b"")])
    });
    maker.add("mp4-user-data", "mp4", "video/mp4", PAGE, |w| {
        join(&[&kind(), &mp4_box(b"moov", &mp4_box(b"udta", &mp4_box(b"name", w.html.as_bytes())))])
    });
    maker.add("m4a-title", "m4a", "audio/mp4", PAGE, |w| {
        join(&[&mp4_box(b"ftyp", b"M4A \0\0\0\0M4A isom"), &mp4_box(b"moov", &mp4_box(b"meta", w.html.as_bytes()))])
    });
    maker.add("webm-void", "webm", "video/webm", PAGE, |w| {
        let head = b"\x1a\x45\xdf\xa3\x8b\x42\x82\x84webm\x42\x85\x81\x02";
        let length = (w.html.len() as u64) | 1 << 56;
        join(&[head, b"\xec", &length.to_be_bytes(), w.html.as_bytes(), b"\x18\x53\x80\x67\x80"])
    });
    maker.add("avi-page", "avi", "video/x-msvideo", PAGE, |w| riff(b"AVI ", &[wav_part(b"JUNK", w.html.as_bytes())]));
}

/// An archive of one file that is not compressed, with a comment.
pub(super) fn zip(name: &str, bytes: &[u8], comment: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u32).to_le_bytes();
    let sum = crc32(bytes).to_le_bytes();
    let about =
        join(&[b"\x14\0\0\0\0\0\0\0\x21\0", &sum, &length, &length, &(name.len() as u16).to_le_bytes(), b"\0\0"]);
    let entry = join(&[b"PK\x03\x04", &about, name.as_bytes(), bytes]);
    let row = join(&[b"PK\x01\x02\x14\0", &about, &[0; 14][..10], b"\0\0\0\0", name.as_bytes()]);
    let end = join(&[
        b"PK\x05\x06\0\0\0\0\x01\0\x01\0",
        &(row.len() as u32).to_le_bytes(),
        &(entry.len() as u32).to_le_bytes(),
        &(comment.len() as u16).to_le_bytes(),
        comment,
    ]);
    join(&[&entry, &row, &end])
}

fn archives(maker: &mut Maker<'_>) {
    const ZIP: &str = "application/zip";
    maker.add("zip-file", "zip", ZIP, PAGE, |w| zip("index.html", w.html.as_bytes(), b""));
    maker.add("zip-comment", "zip", ZIP, PAGE, |w| zip("a.txt", b"text", w.html.as_bytes()));
    maker.add("zip-name", "zip", ZIP, PAGE, |w| zip(&w.html, b"text", b""));
    maker.add("zip-after-a-page", "zip", ZIP, PAGE, |w| join(&[w.html.as_bytes(), &zip("a.txt", b"text", b"")]));
    maker.add("pdf-page", "pdf", "application/pdf", PAGE, |w| {
        join(&[b"%PDF-1.7\n%", w.html.as_bytes(), b"\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"])
    });
    maker.add("pdf-action", "pdf", "application/pdf", Harm::None, |w| {
        let action = format!("1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS({})>>>>endobj\n", w.script);
        join(&[b"%PDF-1.7\n", action.as_bytes(), b"trailer<</Root 1 0 R>>\n%%EOF"])
    });
    maker.add("swf-page", "swf", "application/x-shockwave-flash", PAGE, |w| {
        join(&[b"FWS\x09\xff\xff\0\0", w.html.as_bytes()])
    });
    maker.add("wasm-page", "wasm", "application/wasm", PAGE, |w| {
        join(&[b"\0asm\x01\0\0\0\0\xff\xff\x03", w.html.as_bytes()])
    });
    maker.add("gzip-page", "gz", "application/gzip", PAGE, |w| {
        join(&[b"\x1f\x8b\x08\x10\0\0\0\0\0\xff", w.html.as_bytes(), b"\0"])
    });
    maker.add("tar-page", "tar", "application/x-tar", PAGE, |w| {
        let mut head = b"index.html".to_vec();
        head.resize(512, 0);
        join(&[&head, w.html.as_bytes()])
    });
}
