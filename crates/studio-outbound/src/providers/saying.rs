//! An answer that is said piece by piece: its bytes into events, and events, by whoever knows the vendor's words, into
//! pieces. What every such answer has in common is here: how long silence is borne, how much may come, what it means when it
//! breaks off.
//!
//! All pieces that came in one read are given on together. To drop the stream is to close the connection. One that ended as
//! it should is read to its very end, which is on its way already, so that its connection can be used again.

use crate::{
    client::{Body, ReadError},
    event_stream::{Event, EventStream, TooLarge},
    providers::outputs::bad_output,
};
use futures_util::{StreamExt, stream};
use std::{borrow::Cow, time::Duration};
use studio_core::{
    ports::{Piece, Saying},
    retry::{Failure, FailureKind},
    words::Voice,
};
use tokio::time::{Instant, timeout, timeout_at};

/// Most bytes of one stream. Each token comes in a frame of some hundred bytes, so it is far more than any model says.
const STREAM_LIMIT: u64 = 256 << 20;
/// How long an answer that is over is given to end its body.
const LINGER: Duration = Duration::from_millis(100);

/// How long what comes after the last word (what it used, that it is over) is waited for: heartbeats could go on as long as
/// all of it may take.
const AFTERWORDS: Duration = Duration::from_secs(5);

/// How far an answer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Not a word yet.
    Thinking,
    /// In the middle of it.
    Speaking,
    /// All is said; what it used may still come.
    Finished,
    /// Nothing comes any more.
    Over,
}

/// Who understands one answer.
pub(super) trait Listen: Send + 'static {
    /// Takes an event. What was understood before an error is told all the same.
    fn event(&mut self, event: Event<'_>, pieces: &mut Vec<Piece>) -> Result<(), Failure>;

    /// How far it has come.
    fn stage(&self) -> Stage;

    /// Told that nothing more comes after [`Stage::Finished`].
    fn close(&mut self, pieces: &mut Vec<Piece>);
}

/// Reads `body` as events for `listen`. After the first word, this much silence is borne: `idle`. `provider` is named to
/// people.
pub(super) fn saying(provider: &str, body: Body, idle: Duration, listen: impl Listen) -> Saying {
    let reader = Reader {
        provider: provider.to_owned(),
        body: Some(body),
        events: EventStream::default(),
        left: STREAM_LIMIT,
        idle,
        over_by: None,
        failed: None,
        listen,
    };
    stream::unfold(reader, |mut reader| async move { Some((reader.next().await?, reader)) }).boxed()
}

/// An answer that came whole, as if it had been said.
pub(super) fn said(pieces: Vec<Piece>) -> Saying {
    stream::iter([Ok(pieces)]).boxed()
}

/// Adds what was said next; neighbours in one voice are one piece.
pub(super) fn say(pieces: &mut Vec<Piece>, voice: Voice, text: Cow<'_, str>) {
    if text.is_empty() {
        return;
    }
    match pieces.last_mut() {
        Some(Piece::Said(last, said)) if *last == voice => said.push_str(&text),
        _ => pieces.push(Piece::Said(voice, text.into_owned())),
    }
}

impl From<TooLarge> for Failure {
    fn from(_: TooLarge) -> Self {
        bad_output("the provider said more at once than can be taken")
    }
}

struct Reader<L> {
    provider: String,
    /// Dropped, and so closed, as soon as nothing more of it is wanted.
    body: Option<Body>,
    events: EventStream,
    left: u64,
    idle: Duration,
    /// Once all is said: until when what comes after it is waited for.
    over_by: Option<Instant>,
    /// What is told after the pieces that came before it.
    failed: Option<Failure>,
    listen: L,
}

impl<L: Listen> Reader<L> {
    async fn next(&mut self) -> Option<Result<Vec<Piece>, Failure>> {
        let mut pieces = Vec::new();
        while pieces.is_empty() {
            if let Some(failure) = self.failed.take() {
                return Some(Err(failure));
            }
            let body = self.body.as_mut()?;
            if self.listen.stage() == Stage::Over {
                drop(timeout(LINGER, body.next(self.left, STREAM_LIMIT)).await);
                self.body = None;
                return None;
            }
            let next = body.next(self.left, STREAM_LIMIT);
            let read = match self.over_by {
                Some(by) => timeout_at(by, next).await.unwrap_or(Err(ReadError::Silent)),
                None => next.await,
            };
            match read {
                Ok(Some(bytes)) => {
                    self.left = self.left.saturating_sub(bytes.len() as u64);
                    let listen = &mut self.listen;
                    let heard = self.events.feed(&bytes, |event| listen.event(event, &mut pieces));
                    if heard.is_err() && listen.stage() == Stage::Finished {
                        // All had been said; what went wrong after that spoils nothing.
                        self.body = None;
                        listen.close(&mut pieces);
                    } else if let Err(failure) = heard {
                        self.body = None;
                        self.failed = Some(failure);
                    } else if self.listen.stage() >= Stage::Speaking {
                        body.set_idle(self.idle);
                    }
                    let spoke = pieces.iter().any(|piece| matches!(piece, Piece::Said(..)));
                    if self.listen.stage() == Stage::Finished && (spoke || self.over_by.is_none()) {
                        self.over_by = Some(Instant::now() + AFTERWORDS);
                    }
                }
                // Whatever became of the connection: all had been said.
                Ok(None) | Err(_) if self.listen.stage() == Stage::Finished => {
                    self.body = None;
                    self.listen.close(&mut pieces);
                }
                Ok(None) => self.break_off(ReadError::Broken),
                Err(error) => self.break_off(error),
            }
        }
        Some(Ok(pieces))
    }

    fn break_off(&mut self, error: ReadError) {
        self.body = None;
        let (kind, what) = match error {
            ReadError::Broken => (FailureKind::CutOff, "broke off in the middle of its answer"),
            ReadError::Silent if self.listen.stage() == Stage::Thinking => {
                (FailureKind::Timeout, "took the work and did not begin to answer in time")
            }
            ReadError::Silent => (FailureKind::Timeout, "fell silent in the middle of its answer"),
            ReadError::OutOfTime => (FailureKind::Timeout, "took longer to answer than this model may"),
            ReadError::TooLarge { .. } => (FailureKind::BadOutput, "answered with more than can be taken"),
        };
        self.failed = Some(Failure::new(kind, format!("{} {what}", self.provider)));
    }
}
