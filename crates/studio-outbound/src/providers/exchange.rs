//! One call to a provider: what came back, read whole or yet to be read as a stream, or what its absence means for a submit.

use crate::client::{Body, Call, CallError, Door, ReadError, Reply};
use bytes::Bytes;
use reqwest::{
    StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, RETRY_AFTER},
};
use std::time::Duration;
use studio_core::{job::Job, secret::Secret};

/// Most bytes of a reply that may hold outputs. Base64 makes four of three, so 48 MiB of pictures; larger ones go by
/// upload.
const REPLY_LIMIT: u64 = 64 << 20;
/// Most bytes of a refusal that are read.
const REFUSAL_LIMIT: u64 = 64 << 10;

/// An answer, read.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Bytes,
}

/// An answer that may come piece by piece.
pub(super) enum Opened {
    /// It does: a success, with events to read.
    Events(Body),
    /// It came as a whole.
    Whole(Answer),
    /// A success, but neither events nor JSON; nothing of it was read.
    Other,
}

/// Why there is no answer, by what it means for a submit.
#[derive(Debug, Clone, Copy)]
pub(super) enum Trouble {
    /// Nothing was sent.
    NotSent,
    /// It may have arrived.
    Lost,
    /// It did arrive and was taken: the answer began as a success, and broke.
    Taken,
    /// The total limit passed.
    OutOfTime,
    /// The answer is larger than allowed.
    TooLarge,
}

/// Sends a call and reads the answer.
pub(super) async fn exchange(door: &Door, call: Call<'_>) -> Result<Answer, Trouble> {
    let reply = door.send(call).await.map_err(Trouble::of)?;
    read(reply, REPLY_LIMIT).await
}

/// Sends a call whose answer may be a stream of events. One that comes whole may have `limit` bytes.
pub(super) async fn open(door: &Door, call: Call<'_>, limit: u64) -> Result<Opened, Trouble> {
    let reply = door.send(call).await.map_err(Trouble::of)?;
    let kind = reply.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        _ if !reply.status.is_success() => {}
        "text/event-stream" => return Ok(Opened::Events(reply.body)),
        // Some don't say what it is.
        "" | "application/json" | "text/plain" | "application/octet-stream" => {}
        _ => return Ok(Opened::Other),
    }
    read(reply, limit).await.map(Opened::Whole)
}

async fn read(reply: Reply, limit: u64) -> Result<Answer, Trouble> {
    let (status, retry_after) = (reply.status, retry_after(&reply.headers));
    let limit = if status.is_success() { limit } else { REFUSAL_LIMIT };
    let body = match reply.body.collect(limit).await {
        Ok(body) => body,
        // The status of a refusal says enough, whatever became of its text.
        Err(_) if !status.is_success() => Bytes::new(),
        Err(ReadError::TooLarge { .. }) => return Err(Trouble::TooLarge),
        Err(ReadError::OutOfTime) => return Err(Trouble::OutOfTime),
        Err(ReadError::Silent | ReadError::Broken) => return Err(Trouble::Taken),
    };
    Ok(Answer { status, retry_after, body })
}

impl Trouble {
    fn of(error: CallError) -> Self {
        match error {
            CallError::NotSent | CallError::Malformed(_) | CallError::Forbidden(_) => Self::NotSent,
            CallError::Lost | CallError::Silent => Self::Lost,
            CallError::OutOfTime => Self::OutOfTime,
        }
    }
}

/// Names the request of ours that a call is made for, so that their log and ours can be laid side by side.
pub(super) fn name_request(headers: &mut HeaderMap, job: &Job) {
    if let Ok(name) = HeaderValue::try_from(job.request_text()) {
        headers.insert("x-request-id", name);
    }
}

/// Shows a key as a bearer token, in a header that is never printed.
pub(super) fn show_key(headers: &mut HeaderMap, key: &Secret) -> Result<(), Trouble> {
    let mut value = HeaderValue::try_from(format!("Bearer {}", key.expose())).map_err(|_| Trouble::NotSent)?;
    value.set_sensitive(true);
    headers.insert(AUTHORIZATION, value);
    Ok(())
}

/// Whether a provider repeats the key that it was shown, in what it `said` or in the words that were `read` of it: a text that was
/// shortened may end within the key, and one that was not read yet may write it otherwise.
pub(super) fn repeats(said: &[u8], read: &str, key: Option<&Secret>) -> bool {
    let key = key.map(|key| key.expose().as_bytes()).filter(|key| !key.is_empty());
    key.is_some_and(|key| [said, read.as_bytes()].iter().any(|text| text.windows(key.len()).any(|part| part == key)))
}

/// How long a provider asks us to wait: `retry-after-ms`, or `Retry-After` in seconds or as a date. A date counts from the
/// answer's own `Date`, for that is the clock that it was written by.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(millis) = text("retry-after-ms").and_then(|text| text.parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(millis / 1000.0).ok();
    }
    let asked = text(RETRY_AFTER.as_str())?;
    if let Ok(seconds) = asked.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let until = httpdate::parse_http_date(asked).ok()?;
    let said_at = httpdate::parse_http_date(text(DATE.as_str())?).ok()?;
    Some(until.duration_since(said_at).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_however_it_is_repeated() {
        let key = Secret::new("gsk/hunter2");
        let found = |said: &str, read: &str| repeats(said.as_bytes(), read, Some(&key));
        assert!(found("no such key: gsk/hunter2", "no such key: gsk") && found(r"gsk\/hunter2", "gsk/hunter2"));
        assert!(!found("gsk/hunter", "no such key") && !repeats(b"anything", "", Some(&Secret::new(""))));
        assert!(!repeats(b"gsk/hunter2", "", None));
    }

    #[test]
    fn a_wish_to_wait_is_read_in_all_its_forms() {
        const DAY: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (given, millis) in [
            (&[("retry-after", "7")][..], Some(7000)),
            (&[("retry-after", " 0.5 ")], Some(500)),
            (&[("retry-after-ms", "20"), ("retry-after", "7")], Some(20)),
            (&[("retry-after-ms", "soon"), ("retry-after", "7")], Some(7000)),
            (&[("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT"), ("date", DAY)], Some(10_000)),
            (&[("retry-after", DAY), ("date", "Sun, 06 Nov 1994 09:00:00 GMT")], Some(0)),
            (&[("retry-after", DAY)], None),
            (&[("retry-after", "-1")], None),
            (&[("retry-after", "NaN")], None),
            (&[("retry-after", "1e300")], None),
            (&[("retry-after", "soon")], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in given {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            assert_eq!(retry_after(&headers), millis.map(Duration::from_millis), "{given:?}");
        }
    }
}
