//! Pictures with something else in them: where their formats leave room for words, and where they only seem to be pictures.

use super::{Harm, Maker, crc32, join};

const PNG: &str = "image/png";
const JPEG: &str = "image/jpeg";
const WEBP: &str = "image/webp";
const GIF: &str = "image/gif";
const PAGE: Harm = Harm::Page("text/html");
/// Bytes that are no UTF-8 are letters here, and so parts of names in a script.
const LATIN: Harm = Harm::Script("iso-8859-1");

pub(super) fn add(maker: &mut Maker<'_>) {
    pngs(maker);
    jpegs(maker);
    webps(maker);
    others(maker);
}

const PNG_HEAD: &[u8] = b"\x89PNG\r\n\x1a\n";

fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let named = join(&[name, data]);
    join(&[&(data.len() as u32).to_be_bytes(), &named, &crc32(&named).to_be_bytes()])
}

/// As zlib would write it without compressing anything.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65521;
        (a, (a + b) % 65521)
    });
    let length = bytes.len() as u16;
    join(&[b"\x78\x01\x01", &length.to_le_bytes(), &(!length).to_le_bytes(), bytes, &(b << 16 | a).to_be_bytes()])
}

/// A grey picture of one row with these pixels, and with these chunks before them.
fn png_of(pixels: &[u8], chunks: &[Vec<u8>]) -> Vec<u8> {
    let head = join(&[&(pixels.len() as u32).to_be_bytes(), &1_u32.to_be_bytes(), b"\x08\0\0\0\0"]);
    let row = join(&[b"\0", pixels]);
    join(&[PNG_HEAD, &chunk(b"IHDR", &head), &chunks.concat(), &chunk(b"IDAT", &stored(&row)), &chunk(b"IEND", b"")])
}

fn png(chunks: &[Vec<u8>]) -> Vec<u8> {
    png_of(b"\x80", chunks)
}

fn pngs(maker: &mut Maker<'_>) {
    let text = |keyword: &str, words: &str| chunk(b"tEXt", format!("{keyword}\0{words}").as_bytes());
    maker.add("png-text", "png", PNG, PAGE, |w| png(&[text("Comment", &w.html)]));
    maker.add("png-keyword", "png", PNG, PAGE, |w| png(&[text("<script>/*", &format!("*/{}</script>", w.script))]));
    maker.add("png-xmp", "png", PNG, PAGE, |w| {
        let words = format!("XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta>{}{}</x:xmpmeta>", w.svg, w.html);
        png(&[chunk(b"iTXt", words.as_bytes())])
    });
    maker.add("png-exif", "png", PNG, PAGE, |w| {
        png(&[chunk(b"eXIf", &join(&[b"MM\0*\0\0\0\x08\0\0\0\0\0\0", w.html.as_bytes()]))])
    });
    maker.add("png-private-chunk", "png", PNG, PAGE, |w| png(&[chunk(b"juNk", w.html.as_bytes())]));
    maker.add("png-compressed-text", "png", PNG, PAGE, |w| {
        png(&[chunk(b"zTXt", &join(&[b"Comment\0\0", &stored(w.html.as_bytes())]))])
    });
    maker.add("png-profile", "png", PNG, PAGE, |w| {
        png(&[chunk(b"iCCP", &join(&[b"colours\0\0", &stored(w.html.as_bytes())]))])
    });
    // Its pixels are the page: no cleaning of what is beside them takes it away.
    maker.add("png-pixels", "png", PNG, PAGE, |w| png_of(w.html.as_bytes(), &[]));
    maker.add("png-after-its-end", "png", PNG, PAGE, |w| join(&[&png(&[]), w.html.as_bytes()]));
    maker.add("png-then-pdf", "png", PNG, PAGE, |w| join(&[&png(&[]), b"\n%PDF-1.7\n", w.html.as_bytes(), b"\n%%EOF"]));
    maker.add("png-then-zip", "png", PNG, PAGE, |w| {
        join(&[&png(&[]), &super::containers::zip("index.html", w.html.as_bytes(), b"")])
    });
    maker.add("png-mhtml", "png", PNG, Harm::None, |w| {
        let words = format!("From: x\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n{}", w.html);
        png(&[text("Comment", &words)])
    });
    maker.add("png-utf7", "png", PNG, Harm::None, |w| {
        png(&[text("Comment", &format!("+ADw-script+AD4-{}+ADw-/script+AD4-", w.script))])
    });
    maker.add("png-utf16", "png", PNG, Harm::Page("text/html; charset=utf-16le"), |w| {
        // Everything before stands at an even place.
        let before = join(&[b"Comment\0\0", &utf16(&w.html)]);
        png(&[chunk(b"tEXt", &before)])
    });
    maker.add("png-head-only", "png", PNG, PAGE, |w| join(&[PNG_HEAD, b"\0\0\0\0IHDR", w.html.as_bytes()]));
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn segment(mark: u8, data: &[u8]) -> Vec<u8> {
    join(&[&[0xff, mark], &(data.len() as u16 + 2).to_be_bytes(), data])
}

const JFIF: &[u8] = b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0";

/// One grey block of eight by eight pixels, after these segments.
fn jpeg(segments: &[Vec<u8>]) -> Vec<u8> {
    let mut table = vec![0];
    table.extend([1_u8; 64]);
    // One code, of one bit, for "no difference", and one for "nothing more".
    let code = |class: u8| {
        let mut table = vec![class, 1];
        table.extend([0_u8; 15]);
        table.push(0);
        table
    };
    join(&[
        b"\xff\xd8",
        &segments.concat(),
        &segment(0xdb, &table),
        &segment(0xc0, b"\x08\0\x08\0\x08\x01\x01\x11\0"),
        &segment(0xc4, &code(0x00)),
        &segment(0xc4, &code(0x10)),
        &segment(0xda, b"\x01\x01\0\0\x3f\0"),
        // Two bits of nothing, and ones to the end of the byte.
        b"\x3f\xff\xd9",
    ])
}

fn jpegs(maker: &mut Maker<'_>) {
    let app0 = || segment(0xe0, JFIF);
    maker.add("jpeg-comment", "jpg", JPEG, PAGE, |w| jpeg(&[app0(), segment(0xfe, w.html.as_bytes())]));
    maker.add("jpeg-exif", "jpg", JPEG, PAGE, |w| {
        // One entry: ImageDescription, text, so long, from byte 26 on.
        let length = (w.html.len() as u32).to_be_bytes();
        let entry = join(&[b"\x01\x0e\0\x02", &length, &26_u32.to_be_bytes()]);
        let tiff = join(&[b"Exif\0\0MM\0*\0\0\0\x08\0\x01", &entry, b"\0\0\0\0", w.html.as_bytes()]);
        jpeg(&[app0(), segment(0xe1, &tiff)])
    });
    maker.add("jpeg-xmp", "jpg", JPEG, PAGE, |w| {
        let words = format!("http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>{}{}</x:xmpmeta>", w.svg, w.html);
        jpeg(&[app0(), segment(0xe1, words.as_bytes())])
    });
    maker.add("jpeg-iptc", "jpg", JPEG, PAGE, |w| {
        jpeg(&[app0(), segment(0xed, format!("Photoshop 3.0\08BIM\x04\x04\0\0\0\0{}", w.html).as_bytes())])
    });
    maker.add("jpeg-after-its-end", "jpg", JPEG, PAGE, |w| join(&[&jpeg(&[app0()]), w.html.as_bytes()]));
    maker.add("jpeg-utf16", "jpg", JPEG, Harm::Page("text/html; charset=utf-16le"), |w| {
        jpeg(&[app0(), segment(0xfe, &utf16(&w.html))])
    });
    // The length of its first segment is the beginning of a comment: in Latin-1 all of it is a script.
    maker.add("jpeg-script", "jpg", JPEG, LATIN, |w| {
        let length = usize::from(u16::from_be_bytes(*b"/*")) - 2;
        let mut data = JFIF.to_vec();
        data.resize(length, b' ');
        let script = format!("*/=1;{}/*", w.script);
        let first = join(&[b"\xff\xe0/*", &data]);
        join(&[&jpeg(&[first, segment(0xfe, script.as_bytes())]), b"*/"])
    });
    maker.add("jpeg-head-only", "jpg", JPEG, PAGE, |w| join(&[b"\xff\xd8\xff\xe0", w.html.as_bytes()]));
    maker.add("jpeg-thumbnail", "jpg", JPEG, PAGE, |w| {
        let inner = join(&[b"JFXX\0\x10", &jpeg(&[segment(0xfe, w.html.as_bytes())])]);
        jpeg(&[app0(), segment(0xe0, &inner)])
    });
}

fn part(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let even: &[u8] = if data.len() % 2 == 1 { b"\0" } else { b"" };
    join(&[name, &(data.len() as u32).to_le_bytes(), data, even])
}

pub(super) fn riff(kind: &[u8; 4], parts: &[Vec<u8>]) -> Vec<u8> {
    part(b"RIFF", &join(&[kind, &parts.concat()]))
}

/// One pixel, without loss.
const PIXEL: &[u8] = b"\x2f\0\0\0\0\x07\x10\xfd\x8f\xfe\x07\x22\xa2\xff\x01\0";

fn webps(maker: &mut Maker<'_>) {
    let pixel = || part(b"VP8L", PIXEL);
    // Flags, then width and height less one.
    let extended = |flags: u8| part(b"VP8X", &[flags, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    maker.add("webp-exif", "webp", WEBP, PAGE, |w| {
        riff(
            b"WEBP",
            &[extended(0x08), pixel(), part(b"EXIF", &join(&[b"MM\0*\0\0\0\x08\0\0\0\0\0\0", w.html.as_bytes()]))],
        )
    });
    maker.add("webp-xmp", "webp", WEBP, PAGE, |w| {
        let words = format!("<x:xmpmeta>{}{}</x:xmpmeta>", w.svg, w.html);
        riff(b"WEBP", &[extended(0x04), pixel(), part(b"XMP ", words.as_bytes())])
    });
    maker.add("webp-profile", "webp", WEBP, PAGE, |w| {
        riff(b"WEBP", &[extended(0x20), part(b"ICCP", w.html.as_bytes()), pixel()])
    });
    maker.add("webp-unknown-part", "webp", WEBP, PAGE, |w| {
        riff(b"WEBP", &[extended(0), pixel(), part(b"junk", w.html.as_bytes())])
    });
    maker.add("webp-after-its-end", "webp", WEBP, PAGE, |w| join(&[&riff(b"WEBP", &[pixel()]), w.html.as_bytes()]));
    // Its length is the beginning of a comment.
    maker.add("webp-script", "webp", WEBP, LATIN, |w| {
        join(&[b"RIFF=1/*WEBPVP8L", PIXEL, format!("*/;{}", w.script).as_bytes()])
    });
    maker.add("webp-head-only", "webp", WEBP, PAGE, |w| join(&[b"RIFF\xff\xff\0\0WEBP", w.html.as_bytes()]));
}

/// One pixel, after a comment.
fn gif(comment: &[u8]) -> Vec<u8> {
    let blocks: Vec<u8> = comment.chunks(255).flat_map(|part| join(&[&[part.len() as u8], part])).collect();
    join(&[
        b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff\x21\xfe",
        &blocks,
        b"\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0\x3b",
    ])
}

fn others(maker: &mut Maker<'_>) {
    // Of one block, or its lengths would stand in the middle of the page.
    maker.add("gif-comment", "gif", GIF, PAGE, |w| {
        let short = format!("<script>{}</script>", w.script);
        let whole = gif(b"x");
        join(&[&whole[..whole.len() - 1], b"\x21\xfe\x01", short.as_bytes(), b"\0\x3b"])
    });
    maker.add("gif-blocks", "gif", GIF, Harm::None, |w| gif(w.html.as_bytes()));
    maker.add("gif-after-its-end", "gif", GIF, PAGE, |w| join(&[&gif(b"x"), w.html.as_bytes()]));
    maker.add("gif-script", "gif", GIF, LATIN, |w| join(&[b"GIF89a=1;", w.script.as_bytes()]));
    // Width and height are a comment's beginning.
    maker.add("gif-script-in-comment", "gif", GIF, LATIN, |w| {
        join(&[b"GIF89a/*\x01\0\x80\0\0\0\0\0\xff\xff\xff*/=1;", w.script.as_bytes()])
    });
    maker.add("bmp-script", "bmp", "image/bmp", LATIN, |w| join(&[b"BM=1;", w.script.as_bytes()]));
    maker.add("bmp-page", "bmp", "image/bmp", PAGE, |w| join(&[b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0", w.html.as_bytes()]));
    maker.add("ico-page", "ico", "image/x-icon", PAGE, |w| join(&[b"\0\0\x01\0\x01\0\x01\x01", w.html.as_bytes()]));
    maker.add("tiff-page", "tif", "image/tiff", PAGE, |w| join(&[b"II*\0\x08\0\0\0\0\0\0\0\0\0", w.html.as_bytes()]));
    maker.add("avif-page", "avif", "image/avif", PAGE, |w| {
        join(&[b"\0\0\0\x18ftypavif\0\0\0\0avifmif1", w.html.as_bytes()])
    });
}
