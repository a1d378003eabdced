//! Fetches what lies at an address, through the one door out.

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::stream::BoxStream;

/// Where a request may go, by who named the place. Every outbound request says which of these it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A place from our own configuration: a provider's base URL. Any address, for operators run things on their LAN.
    Configured {
        /// The base URL as configured.
        base_url: String,
    },
    /// A worker of ours behind a Unix socket.
    Worker {
        /// The path of its socket.
        socket: std::path::PathBuf,
    },
    /// A place that a user named: public addresses only.
    UserGiven,
    /// A place that a provider named in a reply: public addresses, or the provider's own configured origin.
    ProviderGiven {
        /// The provider's configured origin, such as `http://10.0.0.7:5000`.
        origin: Option<String>,
    },
}

/// Bytes as they come, ended early by an error when they are too many, too slow, or cut off.
pub type Body = BoxStream<'static, Result<Bytes, FetchError>>;

/// Why nothing, or not all, could be fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The text itself is not an address that anything is fetched from. It says nothing about any place, so whoever wrote it
    /// may be told.
    #[error("{0}")]
    Malformed(&'static str),
    /// The address, or one that it redirects to, is not one that this destination may lead to. To tell a user which of the
    /// two, or why, would tell about the network inside.
    #[error("the address is not allowed: {0}")]
    Forbidden(String),
    /// More bytes than allowed.
    #[error("more than {limit} bytes")]
    TooLarge {
        /// The cap, in bytes.
        limit: u64,
    },
    /// Somebody answered, and not with success.
    #[error("it answered {0}")]
    Answered(u16),
    /// No connection, no answer in time, or an answer that broke off.
    #[error("could not be fetched: {0}")]
    Unavailable(String),
}

/// Fetches.
#[async_trait]
pub trait Fetcher: Send + Sync {
    /// Whether [`Fetcher::open`] would try: what can be told from the text alone, without asking anybody.
    fn check(&self, destination: &Destination, url: &str) -> Result<(), FetchError>;

    /// Opens `url`; at most `cap` bytes will come.
    async fn open(&self, destination: &Destination, url: &str, cap: u64) -> Result<Body, FetchError>;
}
