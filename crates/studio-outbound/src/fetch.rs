//! Fetches what lies at a URL: [`Fetcher`] through the one door out.
//!
//! A place that answers with anything but success is an error, a redirect too: it would lead to a place that nobody
//! checked.

use crate::client::{Call, CallError, Door, IDLE_LIMIT, ReadError};
use async_trait::async_trait;
use futures_util::StreamExt;
use reqwest::{Method, header::HeaderMap};
use std::time::Duration;
use studio_core::ports::{Body, Destination, FetchError, Fetcher};

/// Longest wait for the first byte of a file.
const FIRST_BYTE_LIMIT: Duration = Duration::from_secs(30);
/// Longest that one file may take.
const TOTAL_LIMIT: Duration = Duration::from_secs(300);

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
    async fn open(&self, destination: &Destination, url: &str, cap: u64) -> Result<Body, FetchError> {
        let call = Call {
            destination,
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: None,
            first_byte: FIRST_BYTE_LIMIT,
            idle: IDLE_LIMIT,
            total: TOTAL_LIMIT,
        };
        let reply = self.door.send(call).await.map_err(|error| match error {
            CallError::Forbidden(reason) => FetchError::Forbidden(reason.to_owned()),
            other => FetchError::Unavailable(other.to_string()),
        })?;
        if reply.status.is_redirection() {
            return Err(FetchError::Unavailable("it redirects, which is not followed".into()));
        }
        if !reply.status.is_success() {
            return Err(FetchError::Unavailable(format!("it answered {}", reply.status.as_u16())));
        }
        Ok(reply.body.stream(cap).map(|chunk| chunk.map_err(read_error)).boxed())
    }
}

fn read_error(error: ReadError) -> FetchError {
    match error {
        ReadError::TooLarge { limit } => FetchError::TooLarge { limit },
        other => FetchError::Unavailable(other.to_string()),
    }
}
