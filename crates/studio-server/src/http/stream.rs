//! Job events as a stream (server-sent events): whole snapshots numbered by the job's version, so a reader who comes back
//! with `Last-Event-ID` misses nothing and sees nothing twice. Coalescing is allowed; the last snapshot always comes.

use super::{auth::still_good, call::Caller, present};
use crate::{
    app::App,
    news::Listener,
    settings::{HEARTBEAT, KEY_MEMORY, LOOK_ANYWAY},
};
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use std::{convert::Infallible, sync::Arc};
use studio_core::job::Job;
use tokio::time::{Instant, sleep_until};

struct Reader {
    app: Arc<App>,
    caller: Caller,
    news: Listener,
    job: Job,
    /// The version that the reader has seen; 0 before the first.
    seen: u64,
    heartbeat_at: Instant,
    look_at: Instant,
    check_at: Instant,
    first: bool,
}

/// The stream of `job` for a reader who has seen version `seen`.
pub(super) fn events(app: Arc<App>, caller: Caller, news: Listener, job: Job, seen: u64) -> Body {
    let now = Instant::now();
    let reader = Reader {
        app,
        caller,
        news,
        job,
        seen,
        heartbeat_at: now + HEARTBEAT,
        look_at: now + LOOK_ANYWAY,
        check_at: now + KEY_MEMORY,
        first: true,
    };
    Body::from_stream(stream::unfold(reader, |mut reader| async move {
        let bytes = reader.next().await?;
        Some((Ok::<_, Infallible>(bytes), reader))
    }))
}

impl Reader {
    /// The next bytes to send; nothing ends the stream.
    async fn next(&mut self) -> Option<Bytes> {
        if std::mem::take(&mut self.first) {
            // A browser that loses the stream comes back after a second.
            return Some(Bytes::from_static(b"retry: 1000\n\n"));
        }
        loop {
            if Instant::now() >= self.check_at {
                self.check_at = Instant::now() + KEY_MEMORY;
                if !still_good(&self.app, &self.caller).await {
                    return None;
                }
            }
            if self.job.version > self.seen {
                self.seen = self.job.version;
                self.heartbeat_at = Instant::now() + HEARTBEAT;
                return Some(self.snapshot().await);
            }
            if self.job.status.is_terminal() {
                return None;
            }
            let news = tokio::select! {
                job = self.news.hear() => Some(job),
                () = sleep_until(self.heartbeat_at) => {
                    self.heartbeat_at = Instant::now() + HEARTBEAT;
                    return Some(Bytes::from_static(b": still here\n\n"));
                }
                () = sleep_until(self.look_at) => {
                    self.look_at = Instant::now() + LOOK_ANYWAY;
                    self.app.store.job_for_work(self.job.id).await.ok().flatten().map(Arc::new)
                }
                () = sleep_until(self.check_at) => None,
                () = self.app.stopping.cancelled() => return None,
            };
            if let Some(job) = news.filter(|job| job.version > self.job.version) {
                self.job = job.as_ref().clone();
            }
        }
    }

    async fn snapshot(&self) -> Bytes {
        let position = self.app.store.queue_position(self.job.id).await.ok().flatten();
        let job = present::job(&self.job, position);
        Bytes::from(format!("id: {}\nevent: job\ndata: {job}\n\n", self.job.version))
    }
}
