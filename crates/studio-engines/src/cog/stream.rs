//! A prediction's text as server-sent events, in the words of Cog's own streams.
//!
//! `start` has the id and a status; each `output` has a `chunk` of the text and the `index` that its first piece has in the
//! prediction's `output`; `completed` has the whole prediction, however it ended, and is the last. Chunks, joined, are the
//! text. Every reader starts at its beginning. A chunk is all that was said since the one before it: a reader who keeps up
//! gets each piece at once, a slow one gets many together, and nothing is kept for it but the one text that all share.

use super::{
    object,
    predictions::{Prediction, State},
    said::Said,
};
use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, header};
use serde_json::{Value, json};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::sync::watch;

/// The media type.
const EVENT_STREAM: &str = "text/event-stream";
/// Longest silence. A comment ends it, which nobody reads, but a connection that is gone is found by it.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Whether the caller wants events.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut kinds = accepted.flat_map(|value| value.split(',')).filter_map(|kind| kind.split(';').next());
    kinds.any(|kind| kind.trim().eq_ignore_ascii_case(EVENT_STREAM))
}

/// Tells a prediction from its beginning to its end.
pub(super) fn answer(prediction: Arc<Prediction>) -> Response {
    let body = Body::from_stream(stream::unfold(Reader::new(prediction), |mut reader| async move {
        let bytes = reader.next().await?;
        Some((Ok::<_, Infallible>(bytes), reader))
    }));
    ([(header::CONTENT_TYPE, EVENT_STREAM), (header::CACHE_CONTROL, "no-cache")], body).into_response()
}

enum Next {
    Start,
    Text,
    Nothing,
}

/// Dropped with the connection, and so it is counted out.
struct Reader {
    prediction: Arc<Prediction>,
    said: watch::Receiver<Said>,
    state: watch::Receiver<State>,
    /// How many pieces it has.
    seen: usize,
    next: Next,
}

impl Reader {
    fn new(prediction: Arc<Prediction>) -> Self {
        prediction.reader_came();
        let (said, state) = (prediction.said.subscribe(), prediction.state.subscribe());
        Self { prediction, said, state, seen: 0, next: Next::Start }
    }

    /// The next bytes to send; nothing ends the stream.
    async fn next(&mut self) -> Option<Bytes> {
        match self.next {
            Next::Start => {
                self.next = Next::Text;
                return Some(event("start", &json!({"id": self.prediction.id, "status": "processing"})));
            }
            Next::Text => {}
            Next::Nothing => return None,
        }
        loop {
            // Before the text is looked at: after an end nothing is said.
            let state = self.state.borrow_and_update().clone();
            if let Some(event) = self.output() {
                return Some(event);
            }
            if state.status.is_terminal() {
                self.next = Next::Nothing;
                return Some(event("completed", &object(&self.prediction, &state)));
            }
            // That nothing changes any more can't be: the senders live in the prediction.
            tokio::select! {
                _ = self.said.changed() => {}
                _ = self.state.changed() => {}
                () = tokio::time::sleep(HEARTBEAT) => return Some(Bytes::from_static(b": still here\n\n")),
            }
        }
    }

    /// What was said since the last time.
    fn output(&mut self) -> Option<Bytes> {
        let said = self.said.borrow_and_update();
        let index = std::mem::replace(&mut self.seen, said.pieces());
        (index < said.pieces()).then(|| event("output", &json!({"chunk": said.after(index), "index": index})))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.prediction.reader_left();
    }
}

/// JSON has no line breaks, so every event has one line of data.
fn event(name: &str, data: &Value) -> Bytes {
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}
