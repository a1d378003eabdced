//! Every setting of the server with its default, its unit and what it is for. `studio.toml`, the environment and flags are
//! read elsewhere (the program) and end here.

use serde::Deserialize;
use std::time::Duration;
use studio_core::limits::{LimitClass, Rate};

/// Longest that HTTP stays open for a caller who waits (design.md, "Answers").
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How long HTTP stays open for a picture when the caller doesn't say.
pub const USUAL_WAIT: Duration = Duration::from_secs(30);
/// Most bytes of a JSON body.
pub const JSON_BODY_LIMIT: u64 = 1 << 20;
/// Most bytes of a JSON body that comes by a path of the system that this one replaces: pictures came inside (design.md,
/// "Bodies").
pub const LEGACY_BODY_LIMIT: u64 = 20 << 20;
/// Lists and objects of a JSON body within each other, at most. A tool's schema of arguments needs the most; the rest is flat.
pub const JSON_DEPTH_LIMIT: usize = 64;
/// How long a browser may remember what a preflight said.
pub const PREFLIGHT_MEMORY: Duration = Duration::from_secs(600);
/// How long a browser is to remember to come by https alone.
pub const HTTPS_MEMORY: Duration = Duration::from_secs(365 * 24 * 3600);
/// Requests of one user that may stay for long at once, such as those that wait for a picture, or follow a job.
pub const AT_ONCE_LIMIT: usize = 100;
/// Most bytes of one picture that a provider may hand us. The largest honest one (2048², noise, PNG) has about 16 MiB.
pub const OUTPUT_LIMIT: u64 = 64 << 20;
/// Longest that a request body may take to arrive.
pub const BODY_DEADLINE: Duration = Duration::from_secs(30);
/// Longest that request headers may take to arrive.
pub const HEADER_DEADLINE: Duration = Duration::from_secs(10);
/// Longest that bytes of an answer may wait for their reader without any getting through.
pub const WRITE_DEADLINE: Duration = Duration::from_secs(30);
/// Longest path and query, in bytes; longer is 414.
pub const URI_LIMIT: usize = 8 << 10;
/// Most bytes of all request headers together; more is 431.
pub const HEADERS_LIMIT: usize = 32 << 10;
/// Most request headers; more is 431.
pub const HEADER_COUNT_LIMIT: usize = 100;
/// Open connections at once, where the system allows as many files.
pub const CONNECTION_LIMIT: usize = 4096;
/// Open files that are kept for the store, blobs, workers and providers.
pub const OTHER_FILES: usize = 512;
/// Silence on an event stream is broken by a comment after this long, so that nothing in between closes it.
pub const HEARTBEAT: Duration = Duration::from_secs(15);
/// What an answer has said is kept at least this often while it is said (design.md, "Streams").
pub const CHECKPOINT_PERIOD: Duration = Duration::from_millis(500);
/// And whenever so many bytes were said since.
pub const CHECKPOINT_BYTES: u64 = 4 << 10;
/// Most bytes of an answer for each token that it may have, and on top of that: what says more breaks the limit that it was
/// sent. Real text has 2 to 5 bytes a token.
pub const BYTES_PER_TOKEN: u64 = 64;
/// See [`BYTES_PER_TOKEN`].
pub const BYTES_BESIDE: u64 = 16 << 10;
/// Most bytes of any answer in words.
pub const WORDS_LIMIT: u64 = 4 << 20;
/// Most bytes of one picture in a message (origin.md, 1.1).
pub const PICTURE_LIMIT: u64 = 5 << 20;
/// Most bytes of all pictures of a conversation together.
pub const PICTURES_LIMIT: u64 = 20 << 20;
/// How many units of pictures of conversations may be on their way to providers at once, 64 MiB; each takes about four times
/// as much memory on its way.
pub const PICTURE_ROOM: u32 = 1024;
/// The unit of [`PICTURE_ROOM`], in bytes.
pub const PICTURE_ROOM_UNIT: u64 = 64 << 10;
/// How often a stream or a waiting caller looks at the store although nobody told it to: news is a convenience.
pub const LOOK_ANYWAY: Duration = Duration::from_secs(2);
/// How long a key that was just checked is taken as good: revocation is in force within a second.
pub const KEY_MEMORY: Duration = Duration::from_millis(500);
/// How long running work may take to end when the server is asked to stop.
pub const DRAIN: Duration = Duration::from_secs(20);

/// How much may be asked for, as configured. What is not said is usual.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitSettings {
    /// [`LimitClass::Generation`]: `10/min`.
    pub generation: Option<Rate>,
    /// [`LimitClass::Chat`]: `60/min`.
    pub chat: Option<Rate>,
    /// [`LimitClass::Status`]: `60/min`.
    pub status: Option<Rate>,
    /// [`LimitClass::Asset`]: `600/min`.
    pub asset: Option<Rate>,
    /// [`LimitClass::Control`]: `600/min`.
    pub control: Option<Rate>,
    /// [`LimitClass::Open`]: `600/min`.
    pub open: Option<Rate>,
    /// Most requests of one user that may stay for long at once.
    pub at_once: Option<usize>,
    /// Most jobs that may wait at a provider.
    pub queued: Option<u64>,
    /// Most of these of one user.
    pub queued_per_user: Option<u64>,
    /// Most connections at once, where the system allows as many files.
    pub connections: Option<usize>,
}

impl LimitSettings {
    /// What is configured for a class.
    pub fn of(&mut self, class: LimitClass) -> &mut Option<Rate> {
        match class {
            LimitClass::Generation => &mut self.generation,
            LimitClass::Chat => &mut self.chat,
            LimitClass::Status => &mut self.status,
            LimitClass::Asset => &mut self.asset,
            LimitClass::Control => &mut self.control,
            LimitClass::Open => &mut self.open,
        }
    }

    /// The limit of a class: configured, or the default.
    pub fn rate(&self, class: LimitClass) -> Rate {
        let configured = match class {
            LimitClass::Generation => self.generation,
            LimitClass::Chat => self.chat,
            LimitClass::Status => self.status,
            LimitClass::Asset => self.asset,
            LimitClass::Control => self.control,
            LimitClass::Open => self.open,
        };
        configured.unwrap_or_else(|| class.default_rate())
    }
}

/// How the outside sees the server.
#[derive(Debug, Clone, Default)]
pub struct Front {
    /// Origins whose pages may read our answers, as browsers write them.
    pub origins: Vec<String>,
    /// Proxies in front of it, whose word on where a request comes from is taken.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// Whether people come by https, so that browsers are to insist on it.
    pub https: bool,
}

/// What a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// Cog's HTTP prediction API.
    Cog,
    /// OpenAI's API.
    #[serde(rename = "openai")]
    OpenAi,
}

/// Settings of one provider.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderSettings {
    /// What it speaks.
    pub kind: Option<ProviderKind>,
    /// Where it is.
    pub base_url: Option<String>,
    /// The key that it wants.
    pub api_key: Option<studio_core::secret::Secret>,
    /// How many jobs it may have at once.
    pub concurrency: Option<usize>,
    /// How many of these may be of one user.
    pub per_user: Option<u32>,
    /// Whether it can be asked after its work, as our own engines can: `GET /predictions/{id}`.
    pub polled: bool,
}
