//! By whose leave something is sent that takes a while. When that ends it breaks off, so that whoever reads knows that it is not all.
//! Streams of events see to it themselves: they are still for long, and must be ended all the same.

use super::{auth::still_may, caller::Caller};
use crate::{app::App, settings::KEY_MEMORY};
use axum::BoxError;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use std::sync::Arc;
use studio_core::{caller::Scope, id::AssetId};
use tokio::time::Instant;

/// How many bytes flow before it is asked again whether they may: much is gone within a second.
const UNASKED_BYTES: usize = 1 << 20;

/// By whose leave something is sent.
pub(super) enum Leave {
    /// Of somebody who may do this.
    Caller(Caller, Scope),
    /// Of a page that shows an asset.
    Page(String, AssetId),
}

/// It has ended.
#[derive(Debug, thiserror::Error)]
#[error("the leave to send it has ended")]
struct Ended;

impl Leave {
    /// What is sent as long as it stands.
    pub(super) fn send<E: Into<BoxError> + Send>(
        self,
        app: Arc<App>,
        bytes: impl Stream<Item = Result<Bytes, E>> + Unpin + Send,
    ) -> impl Stream<Item = Result<Bytes, BoxError>> + Send {
        let asked = Arc::new((app, self));
        while_it_stands(bytes, move || {
            let asked = asked.clone();
            async move { asked.1.stands(&asked.0).await }
        })
    }

    /// Whether it still stands. A store that is busy says nothing against it.
    async fn stands(&self, app: &App) -> bool {
        match self {
            Self::Caller(caller, scope) => still_may(app, caller, *scope).await,
            Self::Page(slug, asset) => match app.store.shared(slug).await {
                Ok(shown) => shown.is_some_and(|(_, shown)| shown.id == *asset),
                Err(_) => true,
            },
        }
    }
}

/// Bytes as long as they may flow: asked again about every half second, and for each mebibyte.
fn while_it_stands<B, E, S, F>(bytes: B, stands: S) -> impl Stream<Item = Result<Bytes, BoxError>> + Send
where
    B: Stream<Item = Result<Bytes, E>> + Unpin + Send,
    E: Into<BoxError> + Send,
    S: Fn() -> F + Send,
    F: Future<Output = bool> + Send,
{
    let begun = (bytes, stands, Instant::now() + KEY_MEMORY, 0);
    stream::try_unfold(begun, |(mut bytes, stands, ask_at, unasked)| async move {
        let Some(next) = bytes.next().await.transpose().map_err(Into::into)? else { return Ok(None) };
        let flows = unasked + next.len();
        if flows < UNASKED_BYTES && Instant::now() < ask_at {
            return Ok(Some((next, (bytes, stands, ask_at, flows))));
        }
        match stands().await {
            true => Ok(Some((next, (bytes, stands, Instant::now() + KEY_MEMORY, 0)))),
            false => Err(Ended.into()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        pin::pin,
        sync::atomic::{AtomicBool, Ordering},
        time::Duration,
    };
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn what_flows_is_asked_after_by_time_and_by_bytes() {
        for (chunk, pause, more) in [(1, KEY_MEMORY, 0), (UNASKED_BYTES / 4, Duration::ZERO, 3)] {
            let stands = AtomicBool::new(true);
            let bytes = stream::repeat_with(|| Ok::<_, BoxError>(Bytes::from(vec![0; chunk])));
            let mut flow = pin!(while_it_stands(bytes, || async { stands.load(Ordering::Relaxed) }));
            for _ in 0..40 {
                assert!(matches!(flow.next().await, Some(Ok(next)) if next.len() == chunk));
                advance(pause).await;
            }
            stands.store(false, Ordering::Relaxed);
            for _ in 0..more {
                assert!(matches!(flow.next().await, Some(Ok(_))), "nobody was asked yet");
            }
            assert!(matches!(flow.next().await, Some(Err(ended)) if ended.is::<Ended>()));
            assert!(flow.next().await.is_none());
        }
    }
}
