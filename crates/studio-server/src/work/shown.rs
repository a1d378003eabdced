//! The pictures that a request shows to its model: their bytes, read just before they are sent, and the room that they take on
//! their way.

use crate::{
    app::App,
    settings::{PICTURE_ROOM, PICTURE_ROOM_UNIT},
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use std::collections::HashMap;
use studio_core::{
    job::{ContentHash, Job},
    ports::AssetError,
    retry::{Failure, FailureKind},
};
use tokio::sync::SemaphorePermit;

/// Waits until there is room for what `job` shows.
pub(super) async fn room<'a>(app: &'a App, job: &Job) -> Option<SemaphorePermit<'a>> {
    let bytes: u64 = job.input.pictures().iter().map(|picture| picture.bytes).sum();
    let room = u32::try_from(bytes.div_ceil(PICTURE_ROOM_UNIT)).unwrap_or(u32::MAX).min(PICTURE_ROOM);
    // Never closed.
    if room == 0 { None } else { app.picture_room.acquire_many(room).await.ok() }
}

/// The bytes of what `job` shows, as long as it is its owner's.
pub(super) async fn bytes(app: &App, job: &Job) -> Result<HashMap<ContentHash, Bytes>, Failure> {
    let mut shown = HashMap::new();
    for picture in job.input.pictures() {
        // What was taken out of the library meanwhile is not shown to anyone any more, though its bytes may be there still.
        let unreadable = |_| Failure::new(FailureKind::Unavailable, "the library can't be read");
        if app.store.asset(job.owner, picture.asset).await.map_err(unreadable)?.is_none() {
            let message = "a picture that was to be shown was deleted before the work began";
            return Err(Failure::new(FailureKind::Rejected, message));
        }
        if shown.contains_key(&picture.hash) {
            continue;
        }
        let bytes = read(app, picture.hash, picture.bytes).await.map_err(|error| {
            // Nothing was sent, so it can be tried again, unless it never will be there.
            let kind = match error {
                AssetError::Absent => FailureKind::Rejected,
                _ => FailureKind::Unavailable,
            };
            Failure::new(kind, "a picture that was to be shown can't be read")
        })?;
        shown.insert(picture.hash, bytes);
    }
    Ok(shown)
}

async fn read(app: &App, hash: ContentHash, length: u64) -> Result<Bytes, AssetError> {
    let mut reader = app.assets.open(hash, 0..length).await?;
    let mut bytes = BytesMut::new();
    while let Some(more) = reader.next().await {
        bytes.extend_from_slice(&more?);
    }
    Ok(bytes.freeze())
}
