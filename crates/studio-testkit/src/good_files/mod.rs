//! Files of every kind that is taken, made by code: small, whole, and with things in them that should not be kept.
//!
//! They are written from the formats' descriptions by the simplest means that there are: pictures of flat squares, silence,
//! a video whose pictures nobody could show. Nobody's rights are in them, and what each of their bytes means is in the source.

pub mod datasets;
pub mod gif;
pub mod jpeg;
pub mod mp4;
pub mod png;
pub mod sounds;
pub mod webm;
pub mod webp;

use studio_core::inspection::{FileKind, RefusalCode};

/// Where the pictures with EXIF say that they were taken: a text to look for in what must not have it.
pub const PLACE: &str = "51 deg 30 min North";
/// Who made them: a text to look for in what must not have it.
pub const MAKER: &str = "Ada of Example Street";

/// A file, and what should be said of it.
#[derive(Debug, Clone)]
pub struct Sample {
    /// What it is, in a few words.
    pub name: String,
    /// As what it is looked at.
    pub kind: FileKind,
    /// The file.
    pub bytes: Vec<u8>,
    /// Whether it is taken, or the codes of which one is said.
    pub expected: Expected,
}

/// What should be said of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// It is taken.
    Taken,
    /// It is taken, and there is a clean copy without this.
    Cleaned(&'static [&'static str]),
    /// It is refused by one of these codes.
    Refused(&'static [RefusalCode]),
    /// Anything may be said of it, as long as something is.
    Either,
}

impl Sample {
    pub(crate) fn new(name: impl Into<String>, kind: FileKind, bytes: Vec<u8>, expected: Expected) -> Self {
        Self { name: name.into(), kind, bytes, expected }
    }
}

/// All of them.
pub fn all() -> Vec<Sample> {
    [pictures(), others()].concat()
}

fn pictures() -> Vec<Sample> {
    let image = |name: &str, bytes, expected| Sample::new(name, FileKind::Image, bytes, expected);
    vec![
        image("plain.png", png::file(&png::Picture::rgb(40, 30), &[]), Expected::Taken),
        image("interlaced.png", png::interlaced(33, 17), Expected::Taken),
        image("see-through.png", png::file(&png::Picture::rgba(400, 300), &[]), Expected::Taken),
        image("told.png", png::told(), Expected::Cleaned(&["EXIF", "other chunks", "text", "time"])),
        image("moving.png", png::moving(12, 16, 16), Expected::Taken),
        image("plain.jpg", jpeg::file(64, 48, &[]), Expected::Taken),
        image("progressive.jpg", jpeg::progressive(64, 48, 3), Expected::Taken),
        image("told.jpg", jpeg::told(), Expected::Cleaned(&["EXIF", "IPTC", "XMP", "comments", "other segments"])),
        image("twice.jpg", jpeg::with_small(), Expected::Cleaned(&["thumbnail"])),
        image("plain.gif", gif::file(20, 10, 1, &[]), Expected::Taken),
        image("moving.gif", gif::told(), Expected::Cleaned(&["XMP", "comments", "other extensions"])),
        image("lossless.webp", webp::lossless(64, 48), Expected::Taken),
        image("lossy.webp", webp::lossy(), Expected::Taken),
        image("told.webp", webp::told(), Expected::Cleaned(&["EXIF", "XMP", "other chunks"])),
        image("moving.webp", webp::moving(5, 32, 24), Expected::Taken),
    ]
}

fn others() -> Vec<Sample> {
    use mp4::{Around, Inside};
    let audio = |name: &str, bytes, expected| Sample::new(name, FileKind::Audio, bytes, expected);
    let video = |name: &str, bytes, expected| Sample::new(name, FileKind::Video, bytes, expected);
    let (pictures, sound, plain) = (Inside::Pictures(320, 240), Inside::Sound, Around::default());
    let in_boxes = &["other boxes", "padding", "tags", "times"];
    vec![
        audio("plain.wav", sounds::wav(), Expected::Taken),
        audio("told.wav", sounds::wav_told(), Expected::Cleaned(&["ID3", "other chunks", "studio's notes", "text"])),
        audio("plain.mp3", sounds::mp3(), Expected::Taken),
        audio("told.mp3", sounds::mp3_told(), Expected::Cleaned(&["APE", "ID3"])),
        audio("plain.flac", sounds::flac(), Expected::Taken),
        audio(
            "told.flac",
            sounds::flac_told(),
            Expected::Cleaned(&["ID3", "comments", "other data", "padding", "pictures"]),
        ),
        audio("told.opus", sounds::opus(), Expected::Cleaned(&["comments"])),
        audio("told.ogg", sounds::vorbis(), Expected::Cleaned(&["comments"])),
        audio("plain.m4a", mp4::file(sound, &plain), Expected::Taken),
        audio("told.m4a", mp4::told(sound), Expected::Cleaned(in_boxes)),
        video("plain.mp4", mp4::file(pictures, &plain), Expected::Taken),
        video("told.mp4", mp4::told(pictures), Expected::Cleaned(in_boxes)),
        video("plain.webm", webm::file(), Expected::Taken),
        video("recorded.webm", webm::recorded(), Expected::Taken),
        video(
            "told.webm",
            webm::told(),
            Expected::Cleaned(&["attachments", "checksums", "padding", "tags", "title and time"]),
        ),
        Sample::new("set.zip", FileKind::Dataset, datasets::archive(), Expected::Taken),
        Sample::new("set.jsonl", FileKind::Dataset, datasets::lines(100), Expected::Taken),
    ]
}

/// An EXIF block, from its byte order on: which side is up, who made it, and where.
pub fn exif(orientation: u8) -> Vec<u8> {
    let entry = |tag: u16, kind: u16, count: usize, value: [u8; 4]| {
        let count = u32::try_from(count).unwrap_or_default();
        [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value].concat()
    };
    let texts = 8 + 2 + 3 * 12 + 4;
    let (maker, place) = ([MAKER.as_bytes(), b"\0"].concat(), [PLACE.as_bytes(), b"\0"].concat());
    let gps = texts + maker.len();
    let at = |offset: usize| u32::try_from(offset).unwrap_or_default().to_be_bytes();
    let mut block = b"MM\0*\0\0\0\x08\0\x03".to_vec();
    block.extend(entry(0x0112, 3, 1, [0, orientation, 0, 0]));
    block.extend(entry(0x013b, 2, maker.len(), at(texts)));
    block.extend(entry(0x8825, 4, 1, at(gps)));
    block.extend([0; 4]);
    block.extend(&maker);
    block.extend(b"\0\x01");
    block.extend(entry(0x001c, 2, place.len(), at(gps + 2 + 12 + 4)));
    block.extend([0; 4]);
    block.extend(place);
    block
}
