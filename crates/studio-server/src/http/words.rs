//! What a job says, as a stream (server-sent events): deltas numbered by the output offset, so that a reader who comes back
//! with `Last-Event-ID` misses nothing and sees nothing twice. The last event comes once the job's settlement is durable.
//!
//! | event | data | id |
//! | --- | --- | --- |
//! | `start` | the job: its name, model and links | none |
//! | `status` | where it stands, while it says nothing | none |
//! | `delta` | `offset` where it begins, and one of `text`, `reasoning`, `toolCall` | the offset where it ends |
//! | `reset` | what was shown is void, for this reason; all of it follows anew | the beginning |
//! | `end` | how it ended: status, finish reason, usage, cost, error | `end` |

use super::{auth::still_good, call::Caller, present, refusal::Refusal};
use crate::{
    alarm::Alarm,
    app::App,
    news::Listener,
    settings::{HEARTBEAT, KEY_MEMORY, LOOK_ANYWAY},
    work::live::{Live, State},
};
use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderName, HeaderValue, header};
use serde_json::{Value, json};
use std::{convert::Infallible, sync::Arc};
use studio_core::{
    catalog::DEFAULT_TOTAL_LIMIT,
    job::{Job, Status},
    words::{Segment, Voice},
};
use tokio::{sync::watch, time::Instant};

/// The id of the event after which nothing comes.
const END: &str = "end";
/// The total limit of a stream, in milliseconds (finding 5).
const TIMEOUT: HeaderName = HeaderName::from_static("x-timeout-ms");

/// Where a reader is: an offset in an epoch of the job. Its text is one number, which in the first epoch, where nearly all
/// stay, is the offset itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    epoch: u32,
    offset: u64,
}

impl Place {
    /// Nothing was read yet.
    pub(super) const BEGINNING: Self = Self { epoch: 0, offset: 0 };
    const OFFSET_BITS: u32 = 32;

    fn id(self) -> u64 {
        (u64::from(self.epoch) << Self::OFFSET_BITS) + self.offset
    }

    /// Reads an event's id, which was given as `field`; nothing for that of the last event. Anything else is none of ours.
    pub(super) fn parse(field: &str, text: &str) -> Result<Option<Self>, Refusal> {
        if text.trim() == END {
            return Ok(None);
        }
        let bad = || Refusal::invalid_field(field, "must be the id of an event of this stream");
        let id: u64 = text.trim().parse().map_err(|_| bad())?;
        let epoch = u32::try_from(id >> Self::OFFSET_BITS).map_err(|_| bad())?;
        Ok(Some(Self { epoch, offset: id & u64::from(u32::MAX) }))
    }
}

struct Reader {
    app: Arc<App>,
    caller: Caller,
    news: Listener,
    job: Job,
    place: Place,
    live: Option<(Arc<Live>, watch::Receiver<State>)>,
    /// The version of the job that was last told of.
    told: u64,
    heartbeat_at: Instant,
    look_at: Instant,
    check_at: Instant,
    alarm: Alarm,
    step: Step,
}

/// What is to be sent next.
enum Step {
    Greet,
    Follow,
    Over,
}

/// What woke the reader.
enum Woken {
    Live,
    Job(Arc<Job>),
    Time,
    Leave,
}

/// The stream of what `job` says, for a reader who is at `place`.
pub(super) fn follow(app: Arc<App>, caller: Caller, job: Job, place: Place) -> Response {
    let limit = app.catalog.find(&job.model).map_or(DEFAULT_TOTAL_LIMIT, |model| model.total_limit);
    // Listen first, look after: a change in between is seen by one of the two.
    let news = app.news.listen(job.id);
    let now = Instant::now();
    let reader = Reader {
        app,
        caller,
        news,
        job,
        place,
        live: None,
        told: 0,
        heartbeat_at: now + HEARTBEAT,
        look_at: now,
        check_at: now + KEY_MEMORY,
        alarm: Alarm::at(now),
        step: Step::Greet,
    };
    let body = Body::from_stream(stream::unfold(reader, |mut reader| async move {
        let bytes = reader.next().await?;
        Some((Ok::<_, Infallible>(bytes), reader))
    }));
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // Proxies that buffer would hold words back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    headers.insert(TIMEOUT, HeaderValue::from(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)));
    response
}

fn event(name: &str, id: Option<&str>, data: &Value) -> Bytes {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    Bytes::from(format!("{id}event: {name}\ndata: {data}\n\n"))
}

impl Reader {
    /// The next bytes to send; nothing ends the stream.
    async fn next(&mut self) -> Option<Bytes> {
        match self.step {
            Step::Greet => {
                self.step = Step::Follow;
                // A browser that loses the stream comes back after a second.
                let start = event("start", None, &present::accepted(&self.job));
                return Some([&b"retry: 1000\n\n"[..], &start].concat().into());
            }
            Step::Over => return None,
            Step::Follow => {}
        }
        loop {
            // Before anything is said: a reader who is slower than what is told is looked at, too.
            let now = Instant::now();
            if now >= self.check_at {
                self.check_at = now + KEY_MEMORY;
                if !still_good(&self.app, &self.caller).await {
                    return None;
                }
            }
            if let Some(bytes) = self.say().await {
                self.heartbeat_at = Instant::now() + HEARTBEAT;
                return Some(bytes);
            }
            match self.woken().await {
                Woken::Live => {}
                Woken::Job(job) => self.note(Some(&job)),
                Woken::Leave => return None,
                Woken::Time => {
                    let now = Instant::now();
                    if self.live.is_none() && now >= self.look_at {
                        self.look_at = now + LOOK_ANYWAY;
                        let job = self.app.store.job_for_work(self.job.id).await.ok().flatten();
                        self.note(job.as_ref());
                    }
                    if now >= self.heartbeat_at {
                        self.heartbeat_at = now + HEARTBEAT;
                        return Some(Bytes::from_static(b": still here\n\n"));
                    }
                }
            }
        }
    }

    fn note(&mut self, job: Option<&Job>) {
        if let Some(job) = job.filter(|job| job.version > self.job.version) {
            self.job = job.clone();
        }
    }

    /// What can be said now.
    async fn say(&mut self) -> Option<Bytes> {
        if self.live.is_none()
            && let Some(live) = self.app.lives.find(self.job.id)
        {
            let follower = live.follow();
            self.live = Some((live, follower));
        }
        if let Some((live, follower)) = &mut self.live {
            // The state first: what it tells of is in the log.
            let state = follower.borrow_and_update().clone();
            let (epoch, end) = (live.epoch, live.end());
            if let Some(reset) = self.place.reset(epoch, end) {
                return Some(reset);
            }
            self.place.offset = live.beginning(self.place.offset);
            let segments = live.part(self.place.offset);
            if !segments.is_empty() {
                return Some(self.place.deltas(&segments));
            }
            match state {
                State::Saying(_) => return None,
                State::Settled(job) => {
                    self.note(Some(&job));
                    self.live = None;
                    return Some(self.end());
                }
                State::Left => {
                    self.live = None;
                    // Only the store knows how it stands.
                    self.look_at = Instant::now();
                }
            }
        }
        if self.job.status.is_terminal() {
            return self.say_kept().await;
        }
        self.say_status().await
    }

    /// What is kept of an answer that nobody says any more, and how it ended.
    async fn say_kept(&mut self) -> Option<Bytes> {
        // An error here may pass; it is looked at again in a moment.
        let part = self.app.store.said_after(self.job.id, self.job.epoch, self.place.offset).await.ok()?;
        if let Some(reset) = self.place.reset(self.job.epoch, part.end) {
            return Some(reset);
        }
        self.place.offset = part.begins;
        let segments = part.segments;
        if !segments.is_empty() {
            return Some(self.place.deltas(&segments));
        }
        Some(self.end())
    }

    /// Where the job stands, while it says nothing.
    async fn say_status(&mut self) -> Option<Bytes> {
        if self.told >= self.job.version {
            return None;
        }
        self.told = self.job.version;
        let position = match self.job.status {
            Status::Queued => self.app.store.queue_position(self.job.id).await.ok().flatten(),
            _ => None,
        };
        if self.job.status == Status::Unknown {
            // It may take a person to find out; a stream can't wait for that.
            self.step = Step::Over;
        }
        let status = event("status", None, &present::standing(&self.job, position));
        if self.job.status == Status::Unknown {
            // A browser that comes back by itself need not do so every second.
            return Some([&status[..], b"retry: 60000\n\n"].concat().into());
        }
        Some(status)
    }

    fn end(&mut self) -> Bytes {
        self.step = Step::Over;
        event("end", Some(END), &present::ending(&self.job))
    }

    async fn woken(&mut self) -> Woken {
        let mut next = self.heartbeat_at.min(self.check_at);
        // While an answer is being said, all there is to know comes with it.
        if self.live.is_none() {
            next = next.min(self.look_at);
        }
        self.alarm.no_later_than(next);
        let live = async {
            match &mut self.live {
                // Its sender lives as long as we hold the answer, so an error can't be.
                Some((_, follower)) => drop(follower.changed().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = live => Woken::Live,
            job = self.news.hear() => Woken::Job(job),
            () = self.alarm.ring() => Woken::Time,
            () = self.app.giving_up.cancelled() => Woken::Leave,
        }
    }
}

impl Place {
    /// Whether what the reader has seen is of another epoch, or more than there is: then all of it is void. The event that
    /// says so.
    fn reset(&mut self, epoch: u32, end: u64) -> Option<Bytes> {
        if self.epoch == epoch && self.offset <= end {
            return None;
        }
        let read_nothing = *self == Self::BEGINNING;
        let reason = if self.epoch == epoch { "not_kept" } else { "said_anew" };
        *self = Self { epoch, offset: 0 };
        if read_nothing {
            // Nothing to take back.
            return None;
        }
        Some(event("reset", Some(&self.id().to_string()), &json!({ "reason": reason, "offset": 0 })))
    }

    /// The events of what was said next.
    fn deltas(&mut self, segments: &[Segment]) -> Bytes {
        let mut text = String::new();
        for segment in segments {
            let offset = self.offset;
            self.offset += segment.text.len() as u64;
            let said = match &segment.voice {
                Voice::Text => json!({ "offset": offset, "text": segment.text }),
                Voice::Reasoning => json!({ "offset": offset, "reasoning": segment.text }),
                Voice::ToolCall { index, id, name } => json!({
                    "offset": offset,
                    "toolCall": { "index": index, "id": id, "name": name, "arguments": segment.text },
                }),
            };
            text.push_str(&format!("id: {}\nevent: delta\ndata: {said}\n\n", self.id()));
        }
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_one_number_which_in_the_first_epoch_is_the_offset() {
        let place = Place { epoch: 0, offset: 512 };
        assert_eq!(place.id(), 512);
        for place in [place, Place { epoch: 3, offset: 7 }, Place::BEGINNING] {
            assert_eq!(Place::parse("id", &place.id().to_string()).unwrap(), Some(place));
        }
        assert_eq!(Place::parse("id", " end").unwrap(), None);
        for bad in ["", "x", "-1", "1.5", "99999999999999999999"] {
            assert!(Place::parse("id", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_void_is_taken_back_once() {
        let mut place = Place { epoch: 0, offset: 100 };
        let text = |bytes: Option<Bytes>| bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert_eq!(place.reset(0, 100), None);
        assert!(text(place.reset(0, 99)).is_some_and(|text| text.contains("not_kept") && text.contains("id: 0\n")));
        assert_eq!((place, place.reset(0, 99)), (Place::BEGINNING, None));
        place.offset = 5;
        assert!(text(place.reset(2, 99)).is_some_and(|text| text.contains("said_anew")));
        assert_eq!(place, Place { epoch: 2, offset: 0 });
        let mut fresh = Place::BEGINNING;
        assert_eq!((fresh.reset(1, 9), fresh.epoch), (None, 1), "nothing to take back");
    }
}
