//! The clockwork: runs accepted jobs to their end. Loops without arguments, woken by a bell and by time, each safe to run
//! twice; one attempt is one task.

pub mod attempt;
pub mod attempts;
pub mod inspector;
pub mod live;
pub mod uploads;
pub mod workers;

pub(crate) mod collect;
mod dispatch;
mod forget;
mod last_seen;
mod own_key;
mod reconcile;
mod recover;
mod relay;
mod shown;
mod sweep;
mod watch;

pub use recover::recover;

use crate::app::App;
use std::{sync::Arc, time::Duration};

/// Starts the loops. They end when the server stops.
pub fn start(app: &Arc<App>) {
    for (provider, lane) in &app.lanes {
        app.work.spawn(dispatch::run(app.clone(), provider.clone()));
        if lane.provider.capabilities().lookup {
            app.work.spawn(reconcile::run(app.clone(), provider.clone()));
        }
    }
    app.work.spawn(sweep::run(app.clone()));
    app.work.spawn(watch::run(app.clone()));
    app.work.spawn(forget::run(app.clone()));
    app.work.spawn(last_seen::run(app.clone()));
}

/// Waits, and says whether a loop goes on: not once the server stops.
async fn goes_on(app: &App, after: Duration) -> bool {
    app.stopping.run_until_cancelled(tokio::time::sleep(after)).await.is_some()
}
