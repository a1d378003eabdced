//! Sounds: silence, and things about it that should not be kept.

use super::{MAKER, PLACE};
use crate::bits::Bits;

/// A RIFF file of these chunks.
pub fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let content = [b"WAVE", &chunks.concat()[..]].concat();
    [b"RIFF", &u32::try_from(content.len()).unwrap_or(u32::MAX).to_le_bytes()[..], &content].concat()
}

/// The format of a WAV: its number, channels, samples a second, bits of each.
pub fn wav_format(number: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
    let frame = channels.wrapping_mul(bits / 8);
    let parts = [
        &number.to_le_bytes()[..],
        &channels.to_le_bytes(),
        &rate.to_le_bytes(),
        &rate.wrapping_mul(frame.into()).to_le_bytes(),
        &frame.to_le_bytes(),
        &bits.to_le_bytes(),
    ];
    super::webp::chunk(b"fmt ", &parts.concat())
}

/// A second of a tone.
pub fn tone() -> Vec<u8> {
    let samples = (0..8_000_i32).flat_map(|at| ((at % 40 - 20) * 500).to_le_bytes().into_iter().take(2));
    super::webp::chunk(b"data", &samples.collect::<Vec<_>>())
}

/// A second of a tone.
pub fn wav() -> Vec<u8> {
    riff(&[wav_format(1, 1, 8_000, 16), tone()])
}

/// It says who made it.
pub fn wav_told() -> Vec<u8> {
    let list =
        [&b"INFOIART"[..], &u32::try_from(MAKER.len()).unwrap_or_default().to_le_bytes(), MAKER.as_bytes(), b"\0"];
    riff(&[
        wav_format(1, 1, 8_000, 16),
        super::webp::chunk(b"LIST", &list.concat()),
        super::webp::chunk(b"bext", PLACE.as_bytes()),
        tone(),
        super::webp::chunk(b"id3 ", MAKER.as_bytes()),
        super::webp::chunk(b"made", MAKER.as_bytes()),
    ])
}

/// A frame of silence: MPEG-1, layer III, 128 kbit/s, 44,100 samples a second, stereo.
pub fn mp3_frame() -> Vec<u8> {
    let mut frame = vec![0xff, 0xfb, 0x90, 0x00];
    frame.resize(417, 0);
    frame
}

/// Fifty frames of silence.
pub fn mp3() -> Vec<u8> {
    mp3_frame().repeat(50)
}

/// A tag at the start, with a name and a picture.
pub fn id3() -> Vec<u8> {
    let frame = |name: &[u8; 4], text: &[u8]| {
        let length = u32::try_from(text.len()).unwrap_or_default();
        [&name[..], &length.to_be_bytes(), &[0, 0], text].concat()
    };
    let frames =
        [frame(b"TPE1", &[b"\0", MAKER.as_bytes()].concat()), frame(b"TXXX", &[b"\0", PLACE.as_bytes()].concat())];
    let frames = frames.concat();
    let length = frames.len();
    [&b"ID3\x03\0\0\0\0"[..], &[(length >> 7) as u8, (length & 0x7f) as u8], &frames].concat()
}

/// The old tag at the end.
pub fn id3_at_end() -> Vec<u8> {
    let mut tag = [b"TAG", MAKER.as_bytes()].concat();
    tag.resize(128, 0);
    tag
}

/// Tags before and behind.
pub fn mp3_told() -> Vec<u8> {
    let item = [&8_u32.to_le_bytes()[..], &[0; 4], b"Artist\0", &MAKER.as_bytes()[..8]].concat();
    let length = u32::try_from(item.len() + 32).unwrap_or_default();
    let ape = [&item[..], b"APETAGEX", &2_000_u32.to_le_bytes(), &length.to_le_bytes(), &1_u32.to_le_bytes(), &[0; 12]];
    [id3(), mp3(), ape.concat(), id3_at_end()].concat()
}

/// A block of FLAC's metadata.
pub fn flac_block(kind: u8, last: bool, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap_or_default().to_be_bytes();
    [&[kind | if last { 0x80 } else { 0 }][..], &length[1..], content].concat()
}

/// The header: 8,000 samples a second of 16 bits in one channel, in blocks of 4,096.
pub fn flac_header(samples: u64) -> Vec<u8> {
    let mut bits = Bits::highest_first();
    bits.put(4_096, 16).put(4_096, 16).put(0, 48).put(8_000, 20).put(0, 3).put(15, 5).put(samples, 36);
    [bits.bytes(), vec![0; 16]].concat()
}

/// Frames that each have one value for all of their samples.
pub fn flac_frames(frames: u64) -> Vec<u8> {
    let mut all = Vec::new();
    for number in 0..frames {
        let mut bits = Bits::highest_first();
        // Sync, 4,096 samples, 8,000 a second, one channel of 16 bits, its number.
        bits.put(0xfff8, 16).put(0b1100, 4).put(0b0100, 4).put(0, 4).put(0b100, 3).put(0, 1).put(number, 8);
        let head = bits.bytes();
        bits.put(crc(&head, 0x07, 8), 8).put(0, 8).put(number * 7, 16);
        let frame = bits.bytes();
        bits.put(crc(&frame, 0x8005, 16), 16);
        all.extend(bits.bytes());
    }
    all
}

fn crc(bytes: &[u8], polynomial: u64, width: u32) -> u64 {
    bytes.iter().fold(0, |sum, byte| {
        let start = sum ^ u64::from(*byte) << (width - 8);
        (0..8).fold(start, |sum, _| {
            let next = sum << 1;
            (if sum >> (width - 1) & 1 == 1 { next ^ polynomial } else { next }) & ((1 << width) - 1)
        })
    })
}

/// Ten frames.
pub fn flac() -> Vec<u8> {
    [b"fLaC".to_vec(), flac_block(0, true, &flac_header(40_960)), flac_frames(10)].concat()
}

/// It says who made it, and has a picture of it.
pub fn flac_told() -> Vec<u8> {
    [
        b"fLaC".to_vec(),
        flac_block(0, false, &flac_header(40_960)),
        flac_block(4, false, &comments(b"", b"")),
        flac_block(2, false, MAKER.as_bytes()),
        flac_block(1, false, PLACE.as_bytes()),
        flac_block(6, true, MAKER.as_bytes()),
        flac_frames(10),
        id3_at_end(),
    ]
    .concat()
}

/// Vorbis' comments, as FLAC and Ogg have them.
pub fn comments(start: &[u8], end: &[u8]) -> Vec<u8> {
    let text =
        |text: String| [&u32::try_from(text.len()).unwrap_or_default().to_le_bytes()[..], text.as_bytes()].concat();
    let all = [text(format!("ARTIST={MAKER}")), text(format!("LOCATION={PLACE}"))].concat();
    [start, &text("the writer".to_owned()), &2_u32.to_le_bytes(), &all, end].concat()
}

/// A page of an Ogg file with whole packets.
pub fn ogg_page(flags: u8, position: u64, number: u32, packets: &[Vec<u8>]) -> Vec<u8> {
    let mut lengths = Vec::new();
    for packet in packets {
        lengths.extend(vec![255; packet.len() / 255]);
        lengths.push((packet.len() % 255) as u8);
    }
    let head =
        [&b"OggS\0"[..], &[flags], &position.to_le_bytes(), &7_u32.to_le_bytes(), &number.to_le_bytes(), &[0; 4]];
    let mut page = [&head.concat()[..], &[lengths.len() as u8], &lengths, &packets.concat()].concat();
    let sum = crc(&page, 0x04c1_1db7, 32) as u32;
    page[22..26].copy_from_slice(&sum.to_le_bytes());
    page
}

/// The header of Opus.
pub fn opus_head(channels: u8) -> Vec<u8> {
    [&b"OpusHead\x01"[..], &[channels], &312_u16.to_le_bytes(), &48_000_u32.to_le_bytes(), &[0, 0, 0]].concat()
}

/// A second of silence in Opus; it says who made it.
pub fn opus() -> Vec<u8> {
    let silence = vec![vec![0xfc, 0xff, 0xfe]; 50];
    [
        ogg_page(2, 0, 0, &[opus_head(2)]),
        ogg_page(0, 0, 1, &[comments(b"OpusTags", b"")]),
        ogg_page(4, 312 + 48_000, 2, &silence),
    ]
    .concat()
}

/// The header of Vorbis: two block lengths of 64 samples.
pub fn vorbis_head(channels: u8, rate: u32) -> Vec<u8> {
    [&b"\x01vorbis\0\0\0\0"[..], &[channels], &rate.to_le_bytes(), &[0; 12], &[0x66, 1]].concat()
}

/// The smallest setup: one book of two words, a floor and a residue that say nothing.
pub fn vorbis_setup() -> Vec<u8> {
    let mut bits = Bits::lowest_first();
    // One book: one dimension, two entries, not ordered, not sparse, each word of one bit, no values.
    bits.put(0, 8).put(0x56_4342, 24).put(1, 16).put(2, 24).put(0, 2).put(0, 5).put(0, 5).put(0, 4);
    // One time, which means nothing.
    bits.put(0, 6).put(0, 16);
    // One floor of kind 1: no partitions, multiplier 1, 2^4 positions.
    bits.put(0, 6).put(1, 16).put(0, 5).put(0, 2).put(4, 4);
    // One residue of kind 0: from 0 to 0, parts of one, one class with book 0, which has no stages.
    bits.put(0, 6).put(0, 16).put(0, 24).put(0, 24).put(0, 24).put(0, 6).put(0, 8).put(0, 4);
    // One mapping of kind 0: one submap, no coupling.
    bits.put(0, 6).put(0, 16).put(0, 1).put(0, 1).put(0, 2).put(0, 8).put(0, 8).put(0, 8);
    // One mode: short blocks, mapping 0. Then the last bit.
    bits.put(0, 6).put(0, 1).put(0, 16).put(0, 16).put(0, 8).put(1, 1);
    [b"\x05vorbis".to_vec(), bits.bytes()].concat()
}

/// A short silence in Vorbis; it says who made it.
pub fn vorbis() -> Vec<u8> {
    [
        ogg_page(2, 0, 0, &[vorbis_head(1, 8_000)]),
        ogg_page(0, 0, 1, &[comments(b"\x03vorbis", b"\x01"), vorbis_setup()]),
        ogg_page(4, 32 * 199, 2, &vec![vec![0]; 200]),
    ]
    .concat()
}
