//! HTTP written by hand, on real sockets on 127.0.0.1, so that it can break anywhere; and what its servers have in common.
//!
//! A server runs on a thread of its own, so a test may block. Nothing here sleeps to make a test work.

use anyhow::{Context, Result};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Notify, oneshot},
    task::JoinSet,
};

/// A picture of one pixel.
pub const PNG: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90\x77\x53\xde\0\0\0\x0cIDAT\x78\x9c\
    \x63\xf8\xcf\xc0\0\0\x03\x01\x01\0\xc9\xfe\x92\xef\0\0\0\0IEND\xae\x42\x60\x82";
/// Most bytes of a request's head, and of its body: pictures come in it.
const REQUEST_LIMIT: usize = 64 << 20;
/// How long a test waits for a request that it expects.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server on a free port. Dropped, it is gone, and with it every open connection.
pub(crate) struct Listening {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Listening {
    /// Gives each connection to `answer`.
    pub(crate) fn start<A, F>(answer: A) -> Result<Self>
    where
        A: Fn(TcpStream) -> F + Send + 'static,
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").context("a port")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, answer) => {}
                    _ = stopped => {}
                }
            });
        });
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it is.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It panicked: the test has seen worse by now.
            drop(thread.join());
        }
    }
}

async fn serve<A, F>(listener: std::net::TcpListener, answer: A)
where
    A: Fn(TcpStream) -> F,
    F: Future<Output = Result<()>> + Send + 'static,
{
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        // What is written is sent, however little it is.
        drop(stream.set_nodelay(true));
        // A caller that went away is a caller's business.
        let answered = answer(stream);
        connections.spawn(async move { drop(answered.await) });
        while connections.try_join_next().is_some() {}
    }
}

/// What a server remembers, and a bell for whoever waits for it to change.
pub(crate) struct Watched<T> {
    inner: Mutex<T>,
    /// For tests that wait.
    changed: Condvar,
    /// For connections that wait.
    news: Notify,
}

impl<T> Watched<T> {
    pub(crate) fn new(inner: T) -> Self {
        Self { inner: Mutex::new(inner), changed: Condvar::new(), news: Notify::new() }
    }

    pub(crate) fn look(&self) -> MutexGuard<'_, T> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let answer = change(&mut self.look());
        self.changed.notify_all();
        self.news.notify_waiters();
        answer
    }

    /// A change that no connection waits for: a thousand of them need not wake up for every word of one.
    pub(crate) fn note<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let answer = change(&mut self.look());
        self.changed.notify_all();
        answer
    }

    /// Waits until `done`, for at most `wait`.
    pub(crate) async fn wait_until(&self, wait: Duration, done: impl Fn(&T) -> bool) {
        let waiting = async {
            loop {
                let news = self.news.notified();
                if done(&self.look()) {
                    return;
                }
                news.await;
            }
        };
        // What did not come in time is seen by whoever looks next.
        drop(tokio::time::timeout(wait, waiting).await);
    }

    /// Blocks until `count` of `what` were seen; fails the test when they aren't.
    pub(crate) fn wait_for(&self, what: &str, count: usize, seen: impl Fn(&T) -> usize) {
        let deadline = Instant::now() + PATIENCE;
        let mut inner = self.look();
        while seen(&inner) < count {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{} of {count} {what} came", seen(&inner));
            (inner, _) = self.changed.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// One request.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Their names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The only one of a connection.
    pub(crate) async fn read(stream: &mut TcpStream) -> Result<Self> {
        Self::next(stream, &mut Vec::new()).await?.context("no request")
    }

    /// The next one of a connection; nothing when it ended. `bytes` is what was read of it already.
    pub(crate) async fn next(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Result<Option<Self>> {
        let head_end = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            anyhow::ensure!(bytes.len() < REQUEST_LIMIT, "no head");
            if stream.read_buf(bytes).await? == 0 {
                anyhow::ensure!(bytes.is_empty(), "half a head");
                return Ok(None);
            }
        };
        let head = std::str::from_utf8(&bytes[..head_end])?;
        let mut lines = head.split("\r\n");
        let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
        let (method, path) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
        let headers: BTreeMap<_, _> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let length: usize = headers.get("content-length").map_or(Ok(0), |length| length.parse())?;
        anyhow::ensure!(length < REQUEST_LIMIT, "too long");
        let mut body = bytes.split_off(head_end + 4);
        body.reserve(length.saturating_sub(body.len()));
        while body.len() < length {
            anyhow::ensure!(stream.read_buf(&mut body).await? > 0, "half a body");
        }
        *bytes = body.split_off(length);
        Ok(Some(Self { method, path, headers, body }))
    }
}

/// Answers with JSON.
pub(crate) async fn reply(stream: &mut TcpStream, status: u16, body: &Value) -> Result<()> {
    Ok(stream.write_all(response(status, "application/json", &body.to_string()).as_bytes()).await?)
}

/// Answers with the picture.
pub(crate) async fn reply_png(stream: &mut TcpStream) -> Result<()> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: {}\r\n\r\n", PNG.len());
    stream.write_all(head.as_bytes()).await?;
    Ok(stream.write_all(PNG).await?)
}

/// Answers with `bytes` letters between `before` and `after`, without saying how many.
pub(crate) async fn chunked(stream: &mut TcpStream, before: &[u8], bytes: u64, after: &[u8]) -> Result<()> {
    async fn chunk(stream: &mut TcpStream, text: &[u8]) -> Result<()> {
        stream.write_all(format!("{:x}\r\n", text.len()).as_bytes()).await?;
        stream.write_all(text).await?;
        Ok(stream.write_all(b"\r\n").await?)
    }
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\
                Connection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    chunk(stream, before).await?;
    let block = vec![b'A'; 64 << 10];
    let mut left = bytes;
    while left > 0 {
        let part = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
        chunk(stream, &block[..part]).await?;
        left -= part as u64;
    }
    chunk(stream, after).await?;
    Ok(stream.write_all(b"0\r\n\r\n").await?)
}

/// An answer as it goes over the wire.
pub(crate) fn response(status: u16, media_type: &str, body: &str) -> String {
    response_with(status, media_type, &[], body)
}

/// An answer with headers of its own.
pub(crate) fn response_with(status: u16, media_type: &str, headers: &[(String, String)], body: &str) -> String {
    let length = body.len();
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!(
        "HTTP/1.1 {status} Because\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n{headers}\r\n{body}"
    )
}
