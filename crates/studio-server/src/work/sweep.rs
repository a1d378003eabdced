//! Once a second: counts what waits, and ends what is past its deadline.

use super::goes_on;
use crate::{
    app::App,
    commands::{Move, move_job},
};
use std::{sync::Arc, time::Duration};
use studio_core::{
    job::{Actor, Event},
    ports::StoreError,
};

const PERIOD: Duration = Duration::from_secs(1);

/// Runs until the server stops.
pub(super) async fn run(app: Arc<App>) {
    loop {
        if let Err(error) = count(&app).await {
            tracing::warn!(%error, "what waits can't be counted; will try again");
        }
        if let Err(error) = activate(&app).await {
            tracing::warn!(%error, "sweep failed; will try again");
        }
        if !goes_on(&app, PERIOD).await {
            return;
        }
    }
}

async fn count(app: &App) -> Result<(), StoreError> {
    app.backlog.counted(app.store.waiting().await?);
    Ok(())
}

async fn activate(app: &App) -> Result<(), StoreError> {
    for id in app.store.overdue(app.now()).await? {
        move_job(app, Move::new(id, Actor::Studio, Event::DeadlinePassed)).await?;
    }
    Ok(())
}
