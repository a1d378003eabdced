//! Health. Live: the process runs. Ready: requests can be served, which needs the database and the blobs writable. What only
//! makes it slower or smaller, such as a worker that keeps dying, is `degraded` and still 200: no orchestrator should take a
//! server away because of one worker. Asking starts nothing.

use super::json;
use crate::{
    app::App,
    http::{call::Call, table::Answer},
    work::workers::WorkerHealth,
};
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;

pub(in crate::http) fn live(_: Arc<App>, _: Call) -> Answer {
    Box::pin(async move { Ok(json(StatusCode::OK, &json!({ "success": true, "status": "live" }))) })
}

pub(in crate::http) fn ready(app: Arc<App>, _: Call) -> Answer {
    Box::pin(async move { Ok(report(&app).await) })
}

pub(in crate::http) fn health(app: Arc<App>, call: Call) -> Answer {
    ready(app, call)
}

async fn report(app: &App) -> Response {
    let database = part(app.store.check().await.map_err(|error| error.to_string()));
    let blobs = part(app.assets.check().await.map_err(|error| error.to_string()));
    let mut workers = serde_json::Map::new();
    let mut failing = false;
    for worker in &app.workers {
        let word = match worker.health() {
            WorkerHealth::Idle => "idle",
            WorkerHealth::Running => "running",
            WorkerHealth::Failing => "failing",
        };
        failing |= word == "failing";
        workers.insert(worker.name().to_owned(), word.into());
    }
    let ready = database == "ok" && blobs == "ok" && !app.stopping.is_cancelled();
    let status = match (ready, failing) {
        (false, _) => "unavailable",
        (true, true) => "degraded",
        (true, false) => "ready",
    };
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "success": ready,
        "status": status,
        "version": env!("CARGO_PKG_VERSION"),
        "checks": { "database": database, "blobs": blobs, "workers": workers },
        "timestamp": app.now().to_string(),
    });
    json(code, &body)
}

/// One word for anyone; the reason goes to the log, for this route asks nobody who they are.
fn part(checked: Result<(), String>) -> Value {
    match checked {
        Ok(()) => "ok".into(),
        Err(error) => {
            tracing::warn!(error, "not ready");
            "failed".into()
        }
    }
}
