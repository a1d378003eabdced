//! Accepts connections and speaks HTTP/1.1 on them, with limits on how slow and how many they may be.

use super::network::Peer;
use crate::{
    app::App,
    settings::{HEADER_DEADLINE, WRITE_DEADLINE},
};
use axum::Router;
use http::Request;
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use std::{sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};
use tokio_io_timeout::TimeoutStream;

/// What hyper may buffer of a request's head. More than our own limit on headers, so that ours answers, with a body that
/// says what is wrong.
const HEAD_BUFFER: usize = 128 << 10;
/// What hyper counts as too many headers; more than our own limit, for the same reason.
const HEAD_LINES: usize = 512;
/// A pause after an error of accept: mostly the system is out of file descriptors, and a busy loop would make it worse.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long connections may take to end once the server stops.
const GOODBYE: Duration = Duration::from_secs(5);

/// Serves until the door closes; returns when the last connection has ended or its time is up.
pub async fn serve(app: Arc<App>, listener: TcpListener, router: Router) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(app.connections));
    loop {
        let place = tokio::select! {
            () = app.closing.cancelled() => break,
            place = places.clone().acquire_owned() => place,
        };
        let accepted = tokio::select! {
            () = app.closing.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Answers and events are small and wanted now.
        if stream.set_nodelay(true).is_err() {
            continue;
        }
        // Whoever asks and does not read the answer would hold the connection for ever.
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(WRITE_DEADLINE));
        let stream = Box::pin(stream);
        let router = TowerToHyperService::new(router.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer.ip()));
            router.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_DEADLINE)
            .max_buf_size(HEAD_BUFFER)
            .max_headers(HEAD_LINES)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        app.doors.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    if timeout(GOODBYE, graceful.shutdown()).await.is_err() {
        tracing::warn!("some connections did not end in time");
    }
}
