//! WebM: one track of pictures that nobody could show.

use super::{MAKER, PLACE};

/// An element that says how long it is, in eight bytes.
pub fn element(id: u32, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u64 | 1 << 56).to_be_bytes();
    [&number(id)[..], &length, content].concat()
}

/// An element that does not say how long it is.
pub fn endless(id: u32, content: &[u8]) -> Vec<u8> {
    [&number(id)[..], &[0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], content].concat()
}

fn number(id: u32) -> Vec<u8> {
    id.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect()
}

/// The start of every file.
pub fn header(kind: &str) -> Vec<u8> {
    element(0x1a45_dfa3, &[element(0x4286, &[1]), element(0x4282, kind.as_bytes())].concat())
}

/// How long it is, and what else is known.
pub fn info(more: &[u8]) -> Vec<u8> {
    let duration = element(0x4489, &2_000_f64.to_be_bytes());
    element(0x1549_a966, &[element(0x002a_d7b1, &1_000_000_u32.to_be_bytes()), duration, more.to_vec()].concat())
}

/// A track of pictures.
pub fn track(width: u32, height: u32, more: &[u8]) -> Vec<u8> {
    let size = [element(0xb0, &width.to_be_bytes()), element(0xba, &height.to_be_bytes())].concat();
    let parts =
        [element(0xd7, &[1]), element(0x83, &[1]), element(0x86, b"V_VP8"), element(0xe0, &size), more.to_vec()];
    element(0x1654_ae6b, &element(0xae, &parts.concat()))
}

/// What a cluster holds: when it begins, and blocks.
pub fn blocks(time: u16, count: usize) -> Vec<u8> {
    [element(0xe7, &time.to_be_bytes()), element(0xa3, &[0x81, 0, 0, 0x80, 1, 2, 3]).repeat(count)].concat()
}

/// A file of these elements.
pub fn of(elements: &[Vec<u8>]) -> Vec<u8> {
    [header("webm"), element(0x1853_8067, &elements.concat())].concat()
}

/// A whole file.
pub fn file() -> Vec<u8> {
    let cluster = |time| element(0x1f43_b675, &blocks(time, 5));
    of(&[info(&[]), track(320, 240, &[]), cluster(0), cluster(1_000)])
}

/// As browsers record it: nothing says how long it is.
pub fn recorded() -> Vec<u8> {
    let cluster = |time| endless(0x1f43_b675, &blocks(time, 5));
    let info = element(0x1549_a966, &element(0x002a_d7b1, &1_000_000_u32.to_be_bytes()));
    let parts = [info, track(320, 240, &[]), cluster(0), cluster(1_000), cluster(3_000)];
    [header("webm"), endless(0x1853_8067, &parts.concat())].concat()
}

/// It says who made it and where.
pub fn told() -> Vec<u8> {
    let title = element(0x7ba9, MAKER.as_bytes());
    let tag =
        element(0x7373, &element(0x67c8, &[element(0x45a3, b"LOCATION"), element(0x4487, PLACE.as_bytes())].concat()));
    let checksum = [&[0xbf, 0x84][..], &[1, 2, 3, 4]].concat();
    of(&[
        info(&[checksum, title].concat()),
        track(320, 240, &element(0x536e, MAKER.as_bytes())),
        element(0x1f43_b675, &blocks(0, 5)),
        element(0x1254_c367, &tag),
        element(0x1941_a469, MAKER.as_bytes()),
        element(0xec, MAKER.as_bytes()),
    ])
}
