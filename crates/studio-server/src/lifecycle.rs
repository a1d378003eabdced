//! From start to stop. Start: put back what the server before us left, then take work. Stop: take no more, let what runs
//! come to its end, leave the rest for the next start, stop the workers.

use crate::{
    app::App,
    http::{router, serve},
    secrets,
    settings::DRAIN,
    work,
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use studio_core::ports::StoreError;
use tokio::{net::TcpListener, time::timeout};

/// How long writes that are under way may take once the rest has given up.
const LAST_WRITES: Duration = Duration::from_secs(5);
/// How long the door may take to close: longer than connections are given to say goodbye.
const DOORS: Duration = Duration::from_secs(6);

/// Makes the server ready to serve on `address`: jobs recovered, loops started.
pub async fn prepare(app: &Arc<App>, address: SocketAddr) -> Result<(), StoreError> {
    // Workers run on this machine; an address that stands for all of it is reached by loopback.
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        std::net::IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
        std::net::IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    };
    app.uploads.reachable_at(format!("http://{}", SocketAddr::new(ip, address.port())));
    secrets::look(app).await?;
    let recovered = work::recover(app).await?;
    if recovered > 0 {
        tracing::info!(jobs = recovered, "jobs that the last run left in the middle are back on their road");
    }
    work::start(app);
    Ok(())
}

/// Serves until `stop` comes, then drains; a second `stop` ends the draining.
pub async fn run<F: Future<Output = ()>>(app: &Arc<App>, listener: TcpListener, mut stop: impl FnMut() -> F) {
    // The door stays open while work drains: workers hand in their outputs through it, and whoever asks is told.
    app.doors.spawn(serve(app.clone(), listener, router(app.clone())));
    stop().await;
    tracing::info!("stopping: no new work is taken; running work may end (once more: leave it for the next start)");
    app.stopping.cancel();
    app.work.close();
    tokio::select! {
        drained = timeout(DRAIN, app.work.wait()) => {
            if drained.is_err() {
                tracing::warn!("some work did not end in time; the next start takes it up");
            }
        }
        () = stop() => tracing::warn!("leaving running work for the next start"),
    }
    app.giving_up.cancel();
    // Everything heeds that at once, or is in the middle of a write that takes a moment.
    if timeout(LAST_WRITES, app.work.wait()).await.is_err() {
        tracing::warn!("some work does not let go; leaving it");
    }
    app.closing.cancel();
    app.doors.close();
    // Connections were given their time already; one that ignores it ends with the process.
    drop(timeout(DOORS, app.doors.wait()).await);
    for worker in &app.workers {
        worker.shut_down().await;
    }
}
