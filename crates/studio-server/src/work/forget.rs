//! Forgets what is over for longer than it is to be remembered, and removes blobs that nobody names: those of what was
//! forgotten, and those that a crash or a refusal left.
//!
//! A blob stays for a day after anyone gave or named it: a job that names it may just be on its way into the store, and a backup
//! that began before may still have to copy it.

use super::goes_on;
use crate::app::App;
use std::{sync::Arc, time::Duration};
use studio_core::{
    job::ContentHash,
    ports::{Forget, STAYS, StoreError},
};

/// How often it is looked.
const PERIOD: Duration = Duration::from_secs(3600);
/// How many jobs are looked at in one commit.
const AT_ONCE: u32 = 100;
/// Of how many blobs it is forgotten in one commit that they were named.
const BLOBS_AT_ONCE: u32 = 1_000;
/// How many blobs the store is asked after at once.
const ASKED_AT_ONCE: usize = 500;

/// Runs until the server stops.
pub(super) async fn run(app: Arc<App>) {
    loop {
        if let Err(error) = forget(&app).await {
            tracing::warn!(%error, "old jobs can't be forgotten now; will try again");
        }
        if let Err(error) = clear_away(&app).await {
            tracing::warn!(%error, "blobs that nobody names can't be removed now; will try again");
        }
        if !goes_on(&app, PERIOD).await {
            return;
        }
    }
}

async fn forget(app: &App) -> Result<(), StoreError> {
    let Some(kept) = app.retention else { return Ok(()) };
    let now = app.now();
    let over_before = now.minus(kept);
    let (mut all, mut after) = (0, None);
    while !app.stopping.is_cancelled() {
        let forgotten = app.store.forget(Forget { over_before, after, limit: AT_ONCE, now }).await?;
        all += forgotten.jobs;
        // Some of those that were looked at may have to wait, however many: it goes on behind them.
        after = forgotten.last;
        if after.is_none() {
            break;
        }
    }
    if all > 0 {
        tracing::info!(jobs = all, "old jobs are forgotten; what they cost stays in the books");
    }
    Ok(())
}

#[derive(Debug, thiserror::Error)]
enum NotCleared {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Assets(#[from] studio_core::ports::AssetError),
}

async fn clear_away(app: &App) -> Result<(), NotCleared> {
    let since = app.now().minus(STAYS);
    let mut removed = 0_u64;
    for first in 0..=u8::MAX {
        let old: Vec<ContentHash> =
            app.assets.blobs(first).await?.into_iter().filter(|(_, at)| *at < since).map(|(hash, _)| hash).collect();
        for some in old.chunks(ASKED_AT_ONCE) {
            for hash in app.store.unnamed(some.to_vec(), since).await? {
                // Somebody may have given the same bytes a moment ago: then they stay.
                removed += u64::from(app.assets.remove(hash, since).await?);
            }
        }
        if app.stopping.is_cancelled() {
            break;
        }
    }
    // Whose they were is forgotten with them: it decides nothing any more.
    while !app.stopping.is_cancelled() {
        if app.store.forget_blobs(since, BLOBS_AT_ONCE).await? == 0 {
            break;
        }
    }
    if removed > 0 {
        tracing::info!(blobs = removed, "blobs that nobody names are removed");
    }
    Ok(())
}
