//! Waits for a job as a caller does who keeps HTTP open: until it is over, or unknown, or the caller's patience ends.

use crate::{app::App, settings::LOOK_ANYWAY};
use std::time::Duration;
use studio_core::job::{Job, Status};
use tokio::time::{Instant, sleep_until};

/// Waits at most `patience`; the job as it stands then.
pub async fn wait(app: &App, job: Job, patience: Duration) -> Job {
    let deadline = Instant::now() + patience;
    let mut news = app.news.listen(job.id);
    let mut newest = job;
    loop {
        // Listen first, look after: a change in between is seen by one of the two.
        if let Ok(Some(stored)) = app.store.job_for_work(newest.id).await {
            keep_newer(&mut newest, &stored);
        }
        let look_again = Instant::now() + LOOK_ANYWAY;
        while Instant::now() < look_again.min(deadline) {
            if newest.status.is_terminal() || newest.status == Status::Unknown {
                return newest;
            }
            tokio::select! {
                // What there is to tell is told, even in the moment in which the server stops.
                biased;
                told = news.hear() => keep_newer(&mut newest, &told),
                () = sleep_until(look_again.min(deadline)) => {}
                () = app.stopping.cancelled() => return newest,
            }
        }
        if Instant::now() >= deadline {
            return newest;
        }
    }
}

fn keep_newer(newest: &mut Job, told: &Job) {
    if told.version > newest.version {
        newest.clone_from(told);
    }
}
