//! MP4: one track of pictures that nobody could show, or one of AAC's silence.

use super::{MAKER, PLACE};

/// A box.
pub fn boxed(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len() + 8).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], name, content].concat()
}

/// A box of boxes.
pub fn of(name: &[u8; 4], boxes: &[Vec<u8>]) -> Vec<u8> {
    boxed(name, &boxes.concat())
}

fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// What is in the only track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inside {
    /// Pictures of this size.
    Pictures(u16, u16),
    /// Silence.
    Sound,
}

/// What is about the file: which times, what else in it.
#[derive(Debug, Clone, Default)]
pub struct Around {
    /// When it was made, in seconds.
    pub made: u32,
    /// Boxes behind the track.
    pub in_header: Vec<u8>,
    /// Boxes before the samples.
    pub before_samples: Vec<u8>,
}

/// Silence of AAC, one channel: 1,024 samples.
const SILENCE: &[u8] = &[0x00, 0xc8, 0x00, 0x80, 0x23, 0x80];
/// How many samples there are.
const SAMPLES: u32 = 40;

fn sample_description(inside: Inside) -> Vec<u8> {
    let entry = match inside {
        Inside::Pictures(width, height) => {
            let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
            let rest =
                [numbers(&[0x0048_0000, 0x0048_0000, 0]), vec![0, 1], vec![0; 32], vec![0, 24, 0xff, 0xff]].concat();
            let configuration = boxed(b"avcC", &[1, 66, 0, 30, 0xff, 0xe0, 0]);
            boxed(b"avc1", &[&[0, 0, 0, 0, 0, 0, 0, 1][..], &[0; 16], &size, &rest, &configuration].concat())
        }
        Inside::Sound => {
            // Object 0x40 (AAC), sound; low complexity, 44,100 samples a second, one channel.
            let specific = [&[5, 2][..], &[0x12, 0x08]].concat();
            let decoder = [&[4, 17, 0x40, 0x15][..], &[0; 11], &specific].concat();
            let elementary = [&[3, 25, 0, 1, 0][..], &decoder, &[6, 1, 2]].concat();
            let configuration = boxed(b"esds", &[&[0; 4][..], &elementary].concat());
            let head = [&[0, 0, 0, 0, 0, 0, 0, 1][..], &[0; 8], &[0, 1, 0, 16, 0, 0, 0, 0], &numbers(&[44_100 << 16])];
            boxed(b"mp4a", &[&head.concat()[..], &configuration].concat())
        }
    };
    boxed(b"stsd", &[numbers(&[0, 1]), entry].concat())
}

/// The header, if the samples begin there.
fn header(inside: Inside, around: &Around, samples_at: u32) -> Vec<u8> {
    let sample_bytes = u32::try_from(SILENCE.len()).unwrap_or_default();
    let (per_second, each) = if inside == Inside::Sound { (44_100, 1_024) } else { (1_000, 40) };
    let duration = SAMPLES * each;
    let matrix = numbers(&[0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000]);
    let movie = [
        numbers(&[0, around.made, around.made, per_second, duration, 0x1_0000, 0x0100_0000, 0, 0]),
        matrix.clone(),
        vec![0; 24],
        numbers(&[2]),
    ];
    let (width, height) = if let Inside::Pictures(width, height) = inside { (width, height) } else { (0, 0) };
    let track = [
        numbers(&[7, around.made, around.made, 1, 0, duration, 0, 0, 0, 0]),
        matrix,
        numbers(&[u32::from(width) << 16, u32::from(height) << 16]),
    ];
    let (handler, kind) =
        if inside == Inside::Sound { (b"soun", boxed(b"smhd", &[0; 8])) } else { (b"vide", boxed(b"vmhd", &[0; 12])) };
    let tables = of(
        b"stbl",
        &[
            sample_description(inside),
            boxed(b"stts", &numbers(&[0, 1, SAMPLES, each])),
            boxed(b"stsc", &numbers(&[0, 1, 1, SAMPLES, 1])),
            boxed(b"stsz", &numbers(&[0, sample_bytes, SAMPLES])),
            boxed(b"stco", &numbers(&[0, 1, samples_at])),
        ],
    );
    let data = of(b"dinf", &[boxed(b"dref", &[numbers(&[0, 1]), boxed(b"url ", &[0, 0, 0, 1])].concat())]);
    let media = of(
        b"mdia",
        &[
            boxed(b"mdhd", &numbers(&[0, around.made, around.made, per_second, duration, 0x55c4_0000])),
            boxed(b"hdlr", &[&[0; 8][..], handler, &[0; 13]].concat()),
            of(b"minf", &[kind, data, tables]),
        ],
    );
    of(
        b"moov",
        &[
            boxed(b"mvhd", &movie.concat()),
            of(b"trak", &[boxed(b"tkhd", &track.concat()), media]),
            around.in_header.clone(),
        ],
    )
}

/// A whole file.
pub fn file(inside: Inside, around: &Around) -> Vec<u8> {
    let brand = if inside == Inside::Sound { b"M4A \0\0\x02\0M4A isom" } else { b"isom\0\0\x02\0isomavc1" };
    let start = boxed(b"ftyp", brand);
    let before = start.len() + header(inside, around, 0).len() + around.before_samples.len() + 8;
    let header = header(inside, around, u32::try_from(before).unwrap_or_default());
    [start, header, around.before_samples.clone(), boxed(b"mdat", &SILENCE.repeat(SAMPLES as usize))].concat()
}

/// It says who made it, when and where.
pub fn told(inside: Inside) -> Vec<u8> {
    let name = boxed(b"\xa9ART", &boxed(b"data", &[&[0, 0, 0, 1, 0, 0, 0, 0][..], MAKER.as_bytes()].concat()));
    let tags = boxed(b"meta", &[&[0; 4][..], &boxed(b"hdlr", &[0; 25]), &of(b"ilst", &[name])].concat());
    let around = Around {
        made: 3_800_000_000,
        in_header: of(b"udta", &[boxed(b"\xa9xyz", PLACE.as_bytes()), tags]),
        before_samples: [boxed(b"uuid", MAKER.as_bytes()), boxed(b"free", MAKER.as_bytes())].concat(),
    };
    file(inside, &around)
}
