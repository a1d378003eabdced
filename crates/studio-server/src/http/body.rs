//! Reads bodies within their limits, and clears away those that nobody read.

use super::{codes, places::Place, refusal::Refusal};
use crate::settings::{BODY_DEADLINE, JSON_DEPTH_LIMIT};
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, timeout_at};

/// How much of an unread body is cleared away so that its sender can read the answer (design.md, "Bodies").
const DRAIN_BYTES: usize = 4 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(1);

/// Reads at most `limit` bytes.
pub(super) async fn read(body: &mut Body, headers: &HeaderMap, limit: u64) -> Result<Bytes, Refusal> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(Refusal::too_large(limit));
    }
    let deadline = Instant::now() + BODY_DEADLINE;
    let mut bytes = BytesMut::new();
    loop {
        match timeout_at(deadline, body.frame()).await {
            Err(_) => return Err(too_slow()),
            Ok(None) => return Ok(bytes.freeze()),
            Ok(Some(Err(_))) => return Err(broken()),
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    if (bytes.len() + data.len()) as u64 > limit {
                        return Err(Refusal::too_large(limit));
                    }
                    bytes.extend_from_slice(&data);
                }
            }
        }
    }
}

fn too_slow() -> Refusal {
    let message = format!("The body did not arrive within {} s.", BODY_DEADLINE.as_secs());
    Refusal::new(codes::BODY_TOO_SLOW, message)
}

pub(super) fn broken() -> Refusal {
    Refusal::new(codes::BODY_CUT_OFF, "The body ended before it was complete.")
}

/// A JSON body is wanted: checks that it is announced as one (finding 26), in the one encoding that JSON has between systems
/// (RFC 8259, 8.1), and not packed.
pub(super) fn check_json_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let (essence, parameters) = kind.split_once(';').unwrap_or((kind, ""));
    let charset = parameters
        .split(';')
        .filter_map(|parameter| parameter.split_once('='))
        .find_map(|(name, value)| name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"')));
    let plain = headers.get(header::CONTENT_ENCODING).is_none_or(|encoding| encoding.as_bytes() == b"identity");
    if essence.trim().eq_ignore_ascii_case("application/json")
        && charset.is_none_or(|charset| charset.eq_ignore_ascii_case("utf-8"))
        && plain
    {
        return Ok(());
    }
    let message = "Send the body as plain JSON in UTF-8, with Content-Type: application/json and no Content-Encoding.";
    Err(Refusal::new(codes::UNSUPPORTED_MEDIA_TYPE, message))
}

/// Parses JSON (finding 2: a broken body is the sender's fault and says where).
pub(super) fn parse_json(bytes: &[u8]) -> Result<Value, Refusal> {
    if is_too_deep(bytes) {
        let message = format!("Lists and objects may be nested {JSON_DEPTH_LIMIT} deep, no deeper.");
        return Err(Refusal::new(codes::JSON_TOO_DEEP, message).with(json!({ "limitDepth": JSON_DEPTH_LIMIT })));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        Refusal::new(codes::MALFORMED_JSON, format!("The body is not valid JSON: see {place}."))
    })
}

/// Whether lists and objects are nested more deeply than [`JSON_DEPTH_LIMIT`], told without building any of them.
fn is_too_deep(bytes: &[u8]) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                if depth > JSON_DEPTH_LIMIT {
                    return true;
                }
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// Clears away what is left of a body. True: all of it, and the connection can go on. `waiting`: its sender waits for permission.
pub(super) async fn drain(body: &mut Body, waiting: bool) -> bool {
    if body.is_end_stream() {
        return true;
    }
    // They have sent nothing, and will not.
    if waiting {
        return false;
    }
    let deadline = Instant::now() + DRAIN_TIME;
    let mut left = DRAIN_BYTES;
    loop {
        match timeout_at(deadline, body.frame()).await {
            Ok(None) => return true,
            Ok(Some(Ok(frame))) => {
                let length = frame.data_ref().map_or(0, Bytes::len);
                if length > left {
                    return false;
                }
                left -= length;
            }
            Err(_) | Ok(Some(Err(_))) => return false,
        }
    }
}

/// Whether the sender of a body waits for permission to send it. Whoever begins to read gives it.
#[derive(Clone)]
pub(super) struct Waiting(Arc<AtomicBool>);

impl Waiting {
    /// Whether they still do.
    pub(super) fn now(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Whether the sender of a request with these headers waits, as long as nobody has read of its body.
pub(super) fn waits(headers: &HeaderMap) -> bool {
    headers.contains_key(header::EXPECT)
}

/// A body that notes when its sender waits no more.
pub(super) fn watch(body: Body, headers: &HeaderMap) -> (Body, Waiting) {
    let waiting = Waiting(Arc::new(AtomicBool::new(waits(headers))));
    if !waiting.now() {
        return (body, waiting);
    }
    let told = waiting.clone();
    let body = body.map_frame(move |frame| {
        told.0.store(false, Ordering::Relaxed);
        frame
    });
    (Body::new(body), waiting)
}

/// A body that is lent to a handler. What it leaves of it comes back, so that the answer to whoever still sends is not lost.
pub(crate) struct Lent {
    /// Only its owner reads it, so nobody waits for this; it makes a call something that several may look at.
    body: Mutex<Body>,
    back: Back,
}

/// Where a lent body comes back to.
#[derive(Clone, Default)]
pub(super) struct Back(Arc<Mutex<Option<Body>>>);

/// Lends a body.
pub(super) fn lend(body: Body) -> (Lent, Back) {
    let back = Back::default();
    (Lent { body: Mutex::new(body), back: back.clone() }, back)
}

impl Back {
    /// What came back, once nobody has it any more.
    pub(super) fn take(&self) -> Option<Body> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let body = std::mem::take(self.body.get_mut().unwrap_or_else(PoisonError::into_inner));
        *self.back.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
    }
}

impl Lent {
    /// What comes next of it.
    pub(crate) async fn frame(&mut self) -> Option<Result<Frame<Bytes>, axum::Error>> {
        self.body.get_mut().unwrap_or_else(PoisonError::into_inner).frame().await
    }
}

/// A body that holds a place until it is sent, or nobody wants it any more.
pub(super) struct Held {
    body: Body,
    _place: Place,
}

impl Held {
    /// `body`, in a place.
    pub(super) fn new(body: Body, place: Place) -> Self {
        Self { body, _place: place }
    }
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::refusal::RequestIdText;
    use http::StatusCode;
    use studio_core::time::Timestamp;

    #[tokio::test(start_paused = true)]
    async fn f09_a_body_that_does_not_come_is_told_so() {
        let mut body = Body::from_stream(futures_util::stream::pending::<Result<Bytes, axum::Error>>());
        let refusal = read(&mut body, &HeaderMap::new(), 100).await.unwrap_err();
        let response = refusal.into_response(RequestIdText("r"), Timestamp::from_millis(0));
        assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
        let said = response.into_body().collect().await.unwrap().to_bytes();
        let said: Value = serde_json::from_slice(&said).unwrap();
        assert_eq!((&said["success"], &said["error"]), (&Value::Bool(false), &Value::from("body_too_slow")));
        assert_eq!(
            (&said["requestId"], &said["timestamp"]),
            (&Value::from("r"), &Value::from("1970-01-01T00:00:00.000Z"))
        );
    }

    #[test]
    fn depth_is_told_apart_from_brackets_in_texts() {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(
            !is_too_deep(nested(JSON_DEPTH_LIMIT).as_bytes()) && is_too_deep(nested(JSON_DEPTH_LIMIT + 1).as_bytes())
        );
        let flat = format!("[{}]", vec!["[1]"; 1000].join(","));
        let text = format!("{{\"a\":\"\\\"{}\\\\\"}}", "[".repeat(1000));
        assert!(serde_json::from_str::<Value>(&text).is_ok());
        for shallow in [flat, text] {
            assert!(!is_too_deep(shallow.as_bytes()), "{shallow}");
        }
    }
}
