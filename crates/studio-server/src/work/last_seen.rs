//! Tells the store now and then when keys and sessions were used last, all at once, and once more when the server stops.

use super::goes_on;
use crate::app::App;
use std::{sync::Arc, time::Duration};

/// How often.
const PERIOD: Duration = Duration::from_secs(10);

/// Runs until the server stops.
pub(super) async fn run(app: Arc<App>) {
    loop {
        let on = goes_on(&app, PERIOD).await;
        if let Err(error) = app.last_seen.tell(&app).await {
            // Nobody counts on it; what is used again is told again.
            tracing::debug!(%error, "when keys and sessions were used can't be told now");
        }
        if !on {
            return;
        }
    }
}
