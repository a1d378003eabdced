//! What is allowed: of the process, and of a file of each kind. `docs/media.md` tells them; a test holds it to these numbers.

/// Address space of the process, in bytes: its own code, the file, the picture, and room for those who decode.
pub const ADDRESS_SPACE_BYTES: u64 = 512 << 20;
/// Seconds on a processor for a picture, sound or video. The kernel ends the process a second after it asked it to end.
pub const CPU_SECONDS: u64 = 2;
/// Seconds on a processor for a dataset: all of it is unpacked once.
pub const DATASET_CPU_SECONDS: u64 = 20;
/// Files that the process may have open: its three streams, and what the system's own library opens.
pub const OPEN_FILES: u64 = 16;
/// Added to its niceness: the server's answers come before its work.
pub const NICENESS: i32 = 5;

/// Longest picture, in bytes. It is held in memory.
pub const IMAGE_BYTES: u64 = 64 << 20;
/// Most pixels in a picture.
pub const PIXELS: u64 = 50_000_000;
/// Most pixels in a progressive JPEG, whose coefficients are held in memory until its last scan, and in a WebP, which takes
/// twice as long to decode as others.
pub const SLOW_PIXELS: u64 = 25_000_000;
/// Longest side of a picture or video, in pixels.
pub const SIDE: u32 = 16_384;
/// Most bytes of a picture once it is decoded: 16 bits a channel make pixels twice as long.
pub const DECODED_BYTES: u64 = 256 << 20;
/// Most pictures in one that moves.
pub const FRAMES: u32 = 1_000;
/// Most pixels of all pictures in one that moves.
pub const FRAME_PIXELS: u64 = 500_000_000;
/// Most scans in a JPEG. Each may go over every pixel again.
pub const SCANS: u32 = 100;
/// Most bytes of a colour profile or a packed text in a picture, unpacked.
pub const PACKED_TEXT_BYTES: u64 = 4 << 20;

/// Longest picture in a PNG, unpacked, that is unpacked once more to see that nothing follows its last pixel.
pub const COUNTED_BYTES: u64 = 32 << 20;

/// Most chunks, segments, boxes, elements or pages with metadata in a file.
pub const CHUNKS: u32 = 10_000;
/// Most blocks of pictures and sound in a WebM whose clusters don't say how long they are, and most pages in an Ogg file.
pub const BLOCKS: u32 = 1_000_000;
/// Deepest nesting of containers within containers.
pub const NESTING: u32 = 16;

/// How many bytes may come out of one.
pub const RATIO: u64 = 100;
/// How many bytes may come out of however few: a white page is small.
pub const RATIO_FREE_BYTES: u64 = 10 << 20;

/// Longest sound or video, in milliseconds.
pub const DURATION_MS: u64 = 4 * 60 * 60 * 1_000;
/// Most channels of a sound.
pub const CHANNELS: u32 = 8;
/// Fewest samples of a channel in a second.
pub const LEAST_SAMPLE_RATE: u32 = 8_000;
/// Most samples of a channel in a second.
pub const MOST_SAMPLE_RATE: u32 = 192_000;
/// How many samples, of all channels together, are decoded from the start of a sound; then only its last packets.
pub const DECODED_SAMPLES: u64 = 8_000_000;
/// Most tracks in a video.
pub const TRACKS: u32 = 32;
/// Most bytes of a part that is held in memory: an Ogg page's packet, a box of headers.
pub const HEADER_BYTES: u64 = 16 << 20;

/// Most files in an archive.
pub const ENTRIES: u64 = 10_000;
/// Most bytes of an archive, unpacked: as it declares them, and as they are counted.
pub const UNPACKED_BYTES: u64 = 4 << 30;
/// Longest name in an archive, in bytes.
pub const NAME_BYTES: usize = 255;
/// Most lines in a file of lines of JSON.
pub const LINES: u64 = 1_000_000;
/// Longest line, in bytes.
pub const LINE_BYTES: usize = 1 << 20;
/// Deepest lists and objects in a line.
pub const JSON_DEPTH: u32 = 64;

/// Longest side of a thumbnail, in pixels.
pub const THUMBNAIL_SIDE: u32 = 320;

/// Whether so much may come out of so little.
pub(crate) const fn fair_ratio(packed: u64, unpacked: u64) -> bool {
    unpacked <= RATIO_FREE_BYTES.saturating_add(packed.saturating_mul(RATIO))
}
