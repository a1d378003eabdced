//! Whether a provider answers, and takes our key: one small question that makes nothing and costs nothing.

use super::exchange::show_key;
use crate::client::{Call, CallError, Door, IDLE_LIMIT};
use reqwest::{Method, StatusCode, header::HeaderMap};
use std::time::Duration;
use studio_core::{ports::Destination, secret::Secret};

/// Longest wait for an answer: someone watches.
const LIMIT: Duration = Duration::from_secs(4);

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// It answers, and did not turn us away. That it has this very question is not needed: some servers don't.
    Answers,
    /// It answers, and does not accept our key.
    Refused,
    /// It answers that something is wrong with it.
    Ailing(u16),
    /// No answer.
    Not(CallError),
}

/// Asks a server that is configured at `base_url` for `path`, which begins with a slash.
pub async fn reach(door: &Door, base_url: &str, path: &str, key: Option<&Secret>) -> Reached {
    let mut headers = HeaderMap::new();
    if key.is_some_and(|key| show_key(&mut headers, key).is_err()) {
        return Reached::Refused;
    }
    let call = Call {
        destination: &Destination::Configured { base_url: base_url.to_owned() },
        method: Method::GET,
        url: &format!("{}{path}", base_url.trim_end_matches('/')),
        headers,
        body: None,
        first_byte: LIMIT,
        idle: IDLE_LIMIT,
        total: LIMIT,
    };
    match door.send(call).await {
        Err(error) => Reached::Not(error),
        Ok(reply) => match reply.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Reached::Refused,
            status if status.is_server_error() => Reached::Ailing(status.as_u16()),
            _ => Reached::Answers,
        },
    }
}
