//! `studio serve`: from flags to a running server, and back.

use crate::{arguments::Serve, config::Config, first_start, log, system, terminal, wiring};
use anyhow::Context;
use std::{net::SocketAddr, time::Instant};
use studio_server::lifecycle;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

/// Where to listen when nothing is configured: only this machine.
pub(crate) const USUAL_ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

/// Runs until it is told to stop.
pub(crate) async fn run(config: Config, arguments: Serve) -> anyhow::Result<()> {
    let started = Instant::now();
    log::start(&config)?;
    if let Err(error) = system::leave_no_core() {
        tracing::warn!(%error, "a crash may leave a copy of our memory behind");
    }
    config.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let wanted = arguments.listen.or(config.listen).unwrap_or(USUAL_ADDRESS);
    // Before anything is opened: a port that is taken should change nothing.
    let listener = TcpListener::bind(wanted).await.with_context(|| {
        format!("can't listen on {wanted}; is another server running? Choose another address with --listen")
    })?;
    let address = listener.local_addr()?;
    let (app, _lock) = wiring::assemble(&config)?;
    lifecycle::prepare(&app, address).await?;
    let first_key = first_start::key(&app, config.data()).await?;
    let setup_link = first_start::setup_link(&app, address, config.data()).await?;
    // Before anyone is told that it is ready: who then tells it to stop must be heard.
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    // Ready means that the door is open: connections that come now wait in its queue until it is served below.
    let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(%address, data = %config.data().display(), ms, "ready");
    terminal::say(&first_start::greeting(address, &first_key, &setup_link));
    let interrupted = tokio::sync::Mutex::new(&mut interrupted);
    let terminated = tokio::sync::Mutex::new(&mut terminated);
    lifecycle::run(&app, listener, || async {
        let (mut interrupted, mut terminated) = (interrupted.lock().await, terminated.lock().await);
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    })
    .await;
    tracing::info!("stopped");
    Ok(())
}
