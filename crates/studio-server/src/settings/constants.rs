//! Every constant limit of the server, with its unit and what it is for. `docs/limits.md` is written from here.

use std::time::Duration;

/// A limit, as people read it.
#[derive(Debug, Clone, Copy)]
pub enum Shown {
    /// So long.
    Time(Duration),
    /// So many bytes.
    Bytes(u64),
    /// So many.
    Count(u64),
}

/// A constant limit.
#[derive(Debug, Clone, Copy)]
pub struct Constant {
    /// Its name in the program.
    pub name: &'static str,
    /// How much it is.
    pub value: Shown,
    /// What it is for, by its documentation.
    pub about: &'static [&'static str],
}

macro_rules! constants {
    ($($(#[doc = $about:literal])+ $unit:ident $name:ident: $kind:ty = $value:expr;)*) => {
        $($(#[doc = $about])+ pub const $name: $kind = $value;)*
        /// All of them.
        pub const CONSTANTS: &[Constant] =
            &[$(Constant { name: stringify!($name), value: constants!($unit $name), about: &[$($about),+] }),*];
    };
    (Time $name:ident) => { Shown::Time($name) };
    ($unit:ident $name:ident) => { Shown::$unit($name as u64) };
}

constants! {
    /// Longest that HTTP stays open for a caller who waits (design.md, "Answers").
    Time LONGEST_WAIT: Duration = Duration::from_secs(60);
    /// How long HTTP stays open for a picture when the caller doesn't say.
    Time USUAL_WAIT: Duration = Duration::from_secs(30);
    /// Most bytes of a JSON body.
    Bytes JSON_BODY_LIMIT: u64 = 1 << 20;
    /// Most bytes of a JSON body that asks for pictures by a path of the system that this one replaces: they came inside
    /// (design.md, "Bodies").
    Bytes LEGACY_BODY_LIMIT: u64 = 20 << 20;
    /// Lists and objects of a JSON body within each other, at most. A tool's schema of arguments needs the most; the rest is flat.
    Count JSON_DEPTH_LIMIT: usize = 64;
    /// How long a browser may remember what a preflight said.
    Time PREFLIGHT_MEMORY: Duration = Duration::from_secs(600);
    /// How long a browser is to remember to come by https alone.
    Time HTTPS_MEMORY: Duration = Duration::from_secs(365 * 24 * 3600);
    /// Requests of one user that may stay for long at once, such as those that wait for a picture, or follow a job.
    Count AT_ONCE_LIMIT: usize = 100;
    /// Most bytes of one picture that a provider may hand us. The largest honest one (2048², noise, PNG) has about 16 MiB.
    Bytes OUTPUT_LIMIT: u64 = 64 << 20;
    /// Longest that a request body may take to arrive.
    Time BODY_DEADLINE: Duration = Duration::from_secs(30);
    /// Longest that an upload may take, unless configured.
    Time UPLOAD_DEADLINE: Duration = Duration::from_secs(600);
    /// Longest that an upload may pause, unless configured.
    Time UPLOAD_IDLE: Duration = Duration::from_secs(30);
    /// Uploads of one user at once, unless configured.
    Count UPLOADS_AT_ONCE: usize = 4;
    /// Most bytes of a form around an uploaded file: its boundaries, its other fields.
    Bytes FORM_OVERHEAD: u64 = 64 << 10;
    /// Most bytes of the head of a part of a form, or of a field that is no file.
    Bytes FORM_FIELD_LIMIT: usize = 8 << 10;
    /// Files that are looked into at once, each by a process of its own with at most 512 MiB.
    Count INSPECTIONS_AT_ONCE: usize = 2;
    /// Datasets among them: they take long, and leave a place to others.
    Count INSPECTIONS_OF_DATASETS: usize = 1;
    /// Files that may wait for that.
    Count INSPECTIONS_WAITING: usize = 64;
    /// Files of one user that may wait or be looked into at once. A request takes one of these, however many pictures it brings.
    Count INSPECTIONS_OF_ONE: usize = 16;
    /// Requests for small pictures that are not made yet that may wait. One is made at a time, in a place of those above.
    Count THUMBNAILS_WAITING: usize = 32;
    /// Longest that a look into a file may take.
    Time INSPECTION_LIMIT: Duration = Duration::from_secs(30);
    /// The same for an archive or many lines.
    Time INSPECTION_LIMIT_OF_DATASETS: Duration = Duration::from_secs(60);
    /// Most bytes of a small picture.
    Bytes THUMBNAIL_LIMIT: usize = 1 << 20;
    /// Longest that request headers may take to arrive, and an open connection may be idle: a proxy must let go of it sooner.
    Time HEADER_DEADLINE: Duration = Duration::from_secs(10);
    /// Longest that bytes of an answer may wait for their reader without any getting through.
    Time WRITE_DEADLINE: Duration = Duration::from_secs(30);
    /// Longest path and query, in bytes; longer is 414.
    Bytes URI_LIMIT: usize = 8 << 10;
    /// Most bytes of all request headers together; more is 431.
    Bytes HEADERS_LIMIT: usize = 32 << 10;
    /// Most request headers; more is 431.
    Count HEADER_COUNT_LIMIT: usize = 100;
    /// Open connections at once, where the system allows as many files.
    Count CONNECTION_LIMIT: usize = 4096;
    /// Open files that are kept for the store, blobs, workers and providers.
    Count OTHER_FILES: usize = 512;
    /// Silence on an event stream is broken by a comment after this long, so that nothing in between closes it.
    Time HEARTBEAT: Duration = Duration::from_secs(15);
    /// What an answer has said is kept at least this often while it is said (design.md, "Streams").
    Time CHECKPOINT_PERIOD: Duration = Duration::from_millis(500);
    /// And whenever so many bytes were said since.
    Bytes CHECKPOINT_BYTES: u64 = 4 << 10;
    /// Most bytes of an answer for each token that it may have, and on top of that: what says more breaks the limit that it was
    /// sent. Real text has 2 to 5 bytes a token.
    Bytes BYTES_PER_TOKEN: u64 = 64;
    /// See [`BYTES_PER_TOKEN`].
    Bytes BYTES_BESIDE: u64 = 16 << 10;
    /// Most bytes of any answer in words.
    Bytes WORDS_LIMIT: u64 = 4 << 20;
    /// Most bytes of one picture in a message (origin.md, 1.1).
    Bytes PICTURE_LIMIT: u64 = 5 << 20;
    /// Most bytes of all pictures that a request shows together. A request for pictures shows one or two, of any size within.
    Bytes PICTURES_LIMIT: u64 = 20 << 20;
    /// Longest that all pictures of a request which lie at addresses of others may take to be fetched, the wait for a turn included.
    Time PICTURE_FETCH_LIMIT: Duration = Duration::from_secs(20);
    /// Pictures of one user that are fetched from addresses of others at once.
    Count FETCHES_OF_ONE: usize = 4;
    /// Of all users together.
    Count FETCHES_AT_ONCE: usize = 16;
    /// How many units of pictures that requests show may be on their way to providers at once, 64 MiB; each takes about four times
    /// as much memory on its way.
    Count PICTURE_ROOM: u32 = 1024;
    /// The unit of [`PICTURE_ROOM`], in bytes.
    Bytes PICTURE_ROOM_UNIT: u64 = 64 << 10;
    /// How often a stream or a waiting caller looks at the store although nobody told it to: news is a convenience.
    Time LOOK_ANYWAY: Duration = Duration::from_secs(2);
    /// How long a key that was just checked is taken as good: revocation is in force within a second.
    Time KEY_MEMORY: Duration = Duration::from_millis(500);
    /// Keys of one's own that are good at once, for whoever makes them by the API or on the pages.
    Count OWN_KEYS_LIMIT: usize = studio_core::ports::MOST_OWN_KEYS;
    /// How long running work may take to end when the server is asked to stop.
    Time DRAIN: Duration = Duration::from_secs(20);
}

/// Revocation is in force within a second, with as much again for what is on its way.
const _: () = assert!(KEY_MEMORY.as_millis() * 2 <= 1000);
