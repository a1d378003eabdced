//! Fetches what lies at a URL: [`Fetcher`] through the one door out.
//!
//! A place that redirects is followed a few times, each time by the whole rule as if the next address had been named in the first
//! place: it is parsed, resolved and checked anew, https stays https, and nothing of one place is shown to another. A place that
//! answers with anything but success is an error.

use crate::{
    client::{Call, CallError, Door, IDLE_LIMIT, ReadError, Reply},
    destination::redirected,
};
use async_trait::async_trait;
use futures_util::StreamExt;
use reqwest::{
    Method, StatusCode,
    header::{HeaderMap, LOCATION},
};
use std::time::Duration;
use studio_core::ports::{Body, Destination, FetchError, Fetcher};
use tokio::time::Instant;

/// Most redirects that are followed.
const MOST_REDIRECTS: usize = 3;

/// How long one file may take.
struct Limits {
    /// Longest wait for the head of each answer on the way.
    first_byte: Duration,
    /// Longest silence within the file.
    idle: Duration,
    /// Longest that all of it may take, redirects included.
    total: Duration,
}

impl Limits {
    /// What a provider made has cost something, and is waited for; for what a user names, the user waits.
    fn of(destination: &Destination) -> Self {
        let seconds = Duration::from_secs;
        match destination {
            Destination::UserGiven => Self { first_byte: seconds(10), idle: seconds(10), total: seconds(20) },
            _ => Self { first_byte: seconds(30), idle: IDLE_LIMIT, total: seconds(300) },
        }
    }
}

/// Fetches over HTTP.
#[derive(Clone, Default)]
pub struct HttpFetcher {
    door: Door,
}

impl HttpFetcher {
    /// A fetcher that leaves by `door`.
    pub fn new(door: Door) -> Self {
        Self { door }
    }
}

#[async_trait]
impl Fetcher for HttpFetcher {
    fn check(&self, destination: &Destination, url: &str) -> Result<(), FetchError> {
        self.door.check(destination, url).map_err(call_error)
    }

    async fn open(&self, destination: &Destination, url: &str, cap: u64) -> Result<Body, FetchError> {
        let limits = Limits::of(destination);
        let deadline = Instant::now() + limits.total;
        let (mut destination, mut url) = (destination.clone(), url.to_owned());
        let mut redirects = 0;
        loop {
            let call = Call {
                destination: &destination,
                method: Method::GET,
                url: &url,
                headers: HeaderMap::new(),
                body: None,
                first_byte: limits.first_byte,
                idle: limits.idle,
                total: deadline.saturating_duration_since(Instant::now()),
            };
            let reply = self.door.send(call).await.map_err(call_error)?;
            if reply.status.is_success() {
                return Ok(reply.body.stream(cap).map(|chunk| chunk.map_err(read_error)).boxed());
            }
            let Some(location) = location(&reply) else { return Err(FetchError::Answered(reply.status.as_u16())) };
            if redirects == MOST_REDIRECTS {
                return Err(FetchError::Forbidden("it redirects more often than is followed".into()));
            }
            redirects += 1;
            // What a place writes is no word of whoever named the place: not even its form is told to them.
            let next = redirected(&destination, &url, location).map_err(|why| unseen(why.into()))?;
            self.door.check(&next.0, &next.1).map_err(unseen)?;
            (destination, url) = next;
        }
    }
}

/// Where an answer redirects to.
fn location(reply: &Reply) -> Option<&str> {
    let redirects = matches!(
        reply.status,
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    reply.headers.get(LOCATION).filter(|_| redirects)?.to_str().ok()
}

fn call_error(error: CallError) -> FetchError {
    match error {
        CallError::Malformed(why) => FetchError::Malformed(why),
        CallError::Forbidden(why) => FetchError::Forbidden(why.to_owned()),
        other => FetchError::Unavailable(other.to_string()),
    }
}

fn unseen(error: CallError) -> FetchError {
    FetchError::Forbidden(error.to_string())
}

fn read_error(error: ReadError) -> FetchError {
    match error {
        ReadError::TooLarge { limit } => FetchError::TooLarge { limit },
        other => FetchError::Unavailable(other.to_string()),
    }
}
