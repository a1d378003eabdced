//! Takes queued jobs of one provider while it has room: by turns of their owners. Woken when something was queued, when a place became free, and when
//! a job that waited for its next attempt is due.

use super::attempt;
use crate::{app::App, settings::LOOK_ANYWAY};
use std::{sync::Arc, time::Duration};
use studio_core::{
    ports::{Claim, StoreError},
    retry::is_due,
    time::Timestamp,
};

/// Most jobs taken in one commit.
const MOST_AT_ONCE: usize = 16;

/// Runs until the server stops.
pub(super) async fn run(app: Arc<App>, provider: String) {
    let Some(lane) = app.lanes.get(&provider) else { return };
    loop {
        let pause = match activate(&app, &provider).await {
            Ok(pause) => pause,
            Err(error) => {
                tracing::warn!(provider, %error, "queue can't be read; will try again");
                LOOK_ANYWAY
            }
        };
        tokio::select! {
            biased;
            () = app.stopping.cancelled() => return,
            () = lane.rung() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Takes what can be taken; how long to wait for more.
async fn activate(app: &Arc<App>, provider: &str) -> Result<Duration, StoreError> {
    let Some(lane) = app.lanes.get(provider) else { return Ok(LOOK_ANYWAY) };
    if !lane.may_wait() {
        // To look costs less than to take, which is a write.
        let due = app.store.next_run_at(provider).await?;
        if due.is_none_or(|due| !is_due(due, app.now())) {
            return Ok(pause_until(app, due));
        }
    }
    loop {
        let mut permits = Vec::new();
        while permits.len() < MOST_AT_ONCE
            && let Ok(permit) = lane.permits.clone().try_acquire_owned()
        {
            permits.push(permit);
        }
        if permits.is_empty() || app.stopping.is_cancelled() {
            return Ok(LOOK_ANYWAY);
        }
        lane.looking();
        let now = app.now();
        let leases: Vec<_> = permits.iter().map(|_| app.lease()).collect();
        let given = leases.clone();
        let claimed =
            app.store.claim(Claim { provider: provider.to_owned(), leases, per_owner: lane.per_owner, now }).await;
        let jobs = claimed.inspect_err(|_| {
            lane.still_waiting();
            app.attempts.not_begun(given);
        })?;
        let took_all = jobs.len() == permits.len();
        if took_all {
            lane.still_waiting();
        }
        for (job, permit) in jobs.into_iter().zip(permits) {
            // First begun, then told: whoever follows what it says finds it when they hear of it.
            attempt::begin(app, job.clone(), Some(permit));
            app.news.tell(&job);
        }
        if !took_all {
            let due = app.store.next_run_at(provider).await?;
            if due.is_some() {
                lane.still_waiting();
            }
            return Ok(pause_until(app, due));
        }
    }
}

/// How long until something is due. What is due already and was not taken waits for a place of its owner's own to become free,
/// which rings the bell.
fn pause_until(app: &App, due: Option<Timestamp>) -> Duration {
    let pause = due.map(|due| due.since(app.now())).filter(|pause| !pause.is_zero());
    pause.map_or(LOOK_ANYWAY, |pause| pause.clamp(Duration::from_millis(1), LOOK_ANYWAY))
}
