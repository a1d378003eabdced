//! The one reader of answers: bounded in bytes, in silence and in total time. How much silence is borne may change as it is
//! read: who thinks before it speaks is waited for longer than who falls silent in the middle of a word.
//!
//! It never believes a `Content-Length`: a length that is too large is refused at once, and what really comes is counted.

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream};
use std::{
    pin::{Pin, pin},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep_until};

/// Why a body did not arrive whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// More bytes than allowed.
    #[error("more than {limit} bytes")]
    TooLarge {
        /// The cap, in bytes.
        limit: u64,
    },
    /// Nothing came for as long as silence is borne.
    #[error("the answer fell silent")]
    Silent,
    /// The call's total limit passed.
    #[error("the answer took too long")]
    OutOfTime,
    /// The connection was lost, or what came is not HTTP.
    #[error("the answer broke off")]
    Broken,
}

/// The body of an answer that has not been read yet.
#[derive(Debug)]
pub struct Body {
    response: reqwest::Response,
    deadline: Instant,
    idle: Duration,
    /// Set anew only when it rings, or must ring earlier: not for each of many small pieces.
    alarm: Pin<Box<Sleep>>,
}

impl Body {
    pub(crate) fn new(response: reqwest::Response, deadline: Instant, idle: Duration) -> Self {
        let alarm = Box::pin(sleep_until(deadline.min(Instant::now() + idle)));
        Self { response, deadline, idle, alarm }
    }

    /// From now on this much silence is borne.
    pub(crate) fn set_idle(&mut self, idle: Duration) {
        self.idle = idle;
    }

    /// The bytes as they come, at most `cap` of them; after an error nothing more comes.
    pub fn stream(self, cap: u64) -> impl Stream<Item = Result<Bytes, ReadError>> + Send + 'static {
        stream::try_unfold((self, cap), move |(mut body, left)| async move {
            let Some(chunk) = body.next(left, cap).await? else { return Ok(None) };
            let left = left.saturating_sub(chunk.len() as u64);
            Ok(Some((chunk, (body, left))))
        })
    }

    /// All the bytes, at most `cap` of them.
    pub async fn collect(self, cap: u64) -> Result<Bytes, ReadError> {
        let mut all = BytesMut::new();
        let mut chunks = pin!(self.stream(cap));
        while let Some(chunk) = chunks.next().await {
            all.extend_from_slice(&chunk?);
        }
        Ok(all.freeze())
    }

    /// The next bytes, of which `left` of `cap` may still come; nothing at the end.
    pub(crate) async fn next(&mut self, left: u64, cap: u64) -> Result<Option<Bytes>, ReadError> {
        let too_large = ReadError::TooLarge { limit: cap };
        if self.response.content_length().is_some_and(|announced| announced > cap) {
            return Err(too_large);
        }
        // Counted from the moment at which somebody waits for it.
        let silent_at = Instant::now() + self.idle;
        let limit = silent_at.min(self.deadline);
        let read = loop {
            if self.alarm.is_elapsed() || self.alarm.deadline() > limit {
                self.alarm.as_mut().reset(limit);
            }
            tokio::select! {
                biased;
                read = self.response.chunk() => break read,
                () = self.alarm.as_mut() => {
                    if Instant::now() >= limit {
                        return Err(if limit < silent_at { ReadError::OutOfTime } else { ReadError::Silent });
                    }
                }
            }
        };
        let chunk = read.map_err(|_| ReadError::Broken)?;
        match &chunk {
            Some(bytes) if bytes.len() as u64 > left => Err(too_large),
            _ => Ok(chunk),
        }
    }
}
