//! A Cog worker that misbehaves on demand: real sockets on 127.0.0.1, HTTP written by hand so that it can break anywhere.
//!
//! It runs on a thread of its own, so a test may block. [`CogWorker::predictions`] tells what really landed, whatever the
//! caller believes. Nothing here sleeps to make a test work: [`CogWorker::hold`] keeps results back until
//! [`CogWorker::release`], and the `wait_for_*` methods wait for what a caller is expected to send.

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
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
const PNG: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90\x77\x53\xde\0\0\0\x0cIDAT\x78\x9c\
    \x63\xf8\xcf\xc0\0\0\x03\x01\x01\0\xc9\xfe\x92\xef\0\0\0\0IEND\xae\x42\x60\x82";
/// Most bytes of a request's head, and of its body.
const REQUEST_LIMIT: usize = 2 << 20;
/// How long a test waits for a request that it expects.
const PATIENCE: Duration = Duration::from_secs(20);

/// What it does with predictions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// Draws one pixel for each picture wanted and answers with data URLs.
    Normal,
    /// Takes predictions at once and can be asked after them (`GET`) and told to stop, as our own engines.
    Async,
    /// As [`Behaviour::Async`], but the answer to the first submission is lost.
    AsyncLosesFirstReply,
    /// As [`Behaviour::Normal`], after this long.
    Slow(Duration),
    /// Takes the prediction and never answers.
    Hang,
    /// Takes the prediction and closes the connection.
    DiesBeforeReply,
    /// Takes the prediction and closes the connection in the middle of its answer.
    DiesMidReply,
    /// Has no room.
    Refuses409,
    /// Refuses the input.
    Rejects422,
    /// Breaks over the prediction.
    ServerError500,
    /// Is not ready yet, as Cog says it while its model loads.
    NotReady503,
    /// Tries and fails, with this error.
    FailedPrediction(String),
    /// Answers with a web page.
    WrongType,
    /// Answers with a text that it calls a picture.
    NotAnImage,
    /// Answers with an output of this many bytes of base64, without saying how many.
    Oversize(u64),
    /// Says that it succeeded, with nothing to show.
    EmptyOutput,
    /// Answers with this URL as its output.
    UrlOutput(String),
    /// Answers with a URL of its own, at which the picture is found on the second try.
    UrlOutputSecondTry,
    /// Takes predictions and then doesn't know them.
    NoSuchPrediction,
}

/// A prediction that it was asked for, read whole, and neither turned away for want of room nor broken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The caller's name for it.
    pub id: String,
    /// What was asked.
    pub input: Value,
    /// Where outputs were to go.
    pub output_file_prefix: Option<String>,
    /// The `Authorization` header that came with it.
    pub authorization: Option<String>,
}

/// The worker. Dropped, it is gone, and with it every open connection.
pub struct CogWorker {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    inner: Mutex<Inner>,
    /// For tests that wait.
    changed: Condvar,
    /// For connections that wait.
    news: Notify,
}

struct Inner {
    behaviour: Behaviour,
    held: bool,
    requests: usize,
    fetched: usize,
    lookups: usize,
    predictions: Vec<Recorded>,
    canceled: Vec<String>,
    /// What was submitted to be asked after; true: told to stop.
    running: BTreeMap<String, (Map<String, Value>, bool)>,
}

impl CogWorker {
    /// Starts one on a free port.
    pub fn start(behaviour: Behaviour) -> Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").context("a port for the worker")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let inner = Inner {
            behaviour,
            held: false,
            requests: 0,
            fetched: 0,
            lookups: 0,
            predictions: Vec::new(),
            canceled: Vec::new(),
            running: BTreeMap::new(),
        };
        let shared = Arc::new(Shared { inner: Mutex::new(inner), changed: Condvar::new(), news: Notify::new() });
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let served = shared.clone();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, served) => {}
                    _ = stopped => {}
                }
            });
        });
        Ok(Self { address, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it is.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What really landed, in order; the same name twice is twice.
    pub fn predictions(&self) -> Vec<Recorded> {
        self.shared.inner().predictions.clone()
    }

    /// How many predictions were sent to it, whatever it did with them.
    pub fn requests(&self) -> usize {
        self.shared.inner().requests
    }

    /// The names that it was told to stop.
    pub fn canceled(&self) -> Vec<String> {
        self.shared.inner().canceled.clone()
    }

    /// From now on it behaves so.
    pub fn set(&self, behaviour: Behaviour) {
        self.shared.change(|inner| inner.behaviour = behaviour);
    }

    /// From now on results are kept back.
    pub fn hold(&self) {
        self.shared.change(|inner| inner.held = true);
    }

    /// Lets all results go, and holds no more.
    pub fn release(&self) {
        self.shared.change(|inner| inner.held = false);
    }

    /// Blocks until so many predictions have landed; fails the test when they don't.
    pub fn wait_for_predictions(&self, count: usize) {
        self.wait_for("predictions", count, |inner| inner.predictions.len());
    }

    /// Blocks until so many submissions came in, refused ones too; fails the test when they don't.
    pub fn wait_for_requests(&self, count: usize) {
        self.wait_for("submissions", count, |inner| inner.requests);
    }

    /// Blocks until it was asked so often after a prediction; fails the test when it isn't.
    pub fn wait_for_lookups(&self, count: usize) {
        self.wait_for("questions", count, |inner| inner.lookups);
    }

    fn wait_for(&self, what: &str, count: usize, seen: impl Fn(&Inner) -> usize) {
        let deadline = Instant::now() + PATIENCE;
        let mut inner = self.shared.inner();
        while seen(&inner) < count {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{} of {count} {what} came", seen(&inner));
            (inner, _) = self.shared.changed.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for CogWorker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It panicked: the test has seen worse by now.
            drop(thread.join());
        }
    }
}

impl Shared {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let answer = change(&mut self.inner());
        self.changed.notify_all();
        self.news.notify_waiters();
        answer
    }

    /// Waits until `done`, for at most `wait`.
    async fn wait_until(&self, wait: Duration, done: impl Fn(&Inner) -> bool) {
        let waiting = async {
            loop {
                let news = self.news.notified();
                if done(&self.inner()) {
                    return;
                }
                news.await;
            }
        };
        // What did not come in time is seen by whoever looks next.
        drop(tokio::time::timeout(wait, waiting).await);
    }
}

async fn serve(listener: std::net::TcpListener, shared: Arc<Shared>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let mut connections = JoinSet::new();
    loop {
        let Ok((mut stream, _)) = listener.accept().await else { continue };
        let shared = shared.clone();
        connections.spawn(async move {
            // A caller that went away is a caller's business.
            drop(answer(&mut stream, &shared).await);
        });
        while connections.try_join_next().is_some() {}
    }
}

/// One request; one connection has no more.
struct Request {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Request {
    async fn read(stream: &mut TcpStream) -> Result<Self> {
        let mut bytes = Vec::new();
        let head_end = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            anyhow::ensure!(bytes.len() < REQUEST_LIMIT && stream.read_buf(&mut bytes).await? > 0, "no head");
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
        while body.len() < length {
            anyhow::ensure!(stream.read_buf(&mut body).await? > 0, "half a body");
        }
        Ok(Self { method, path, headers, body })
    }

    fn prefers(&self, wish: &str) -> bool {
        self.headers.get("prefer").is_some_and(|wishes| wishes.split(',').any(|w| w.trim() == wish))
    }

    fn wait(&self) -> Duration {
        let wishes = self.headers.get("prefer").map_or("", String::as_str);
        let wait = wishes.split(',').find_map(|wish| wish.trim().strip_prefix("wait=")?.parse().ok());
        Duration::from_secs(wait.unwrap_or(0))
    }
}

async fn answer(stream: &mut TcpStream, shared: &Shared) -> Result<()> {
    let request = Request::read(stream).await?;
    let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    match (request.method.as_str(), path.as_slice()) {
        ("GET", ["health-check"]) => reply(stream, 200, &json!({"status": "READY"})).await,
        ("GET", ["outputs", _]) => {
            let first = shared.change(|inner| {
                inner.fetched += 1;
                inner.fetched == 1
            });
            if first {
                reply(stream, 503, &json!({"detail": "not yet"})).await
            } else {
                let head =
                    format!("HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: {}\r\n\r\n", PNG.len());
                stream.write_all(head.as_bytes()).await?;
                Ok(stream.write_all(PNG).await?)
            }
        }
        ("PUT", ["predictions", id]) => put(stream, shared, id, &request).await,
        ("GET", ["predictions", id]) => {
            shared.change(|inner| inner.lookups += 1);
            get(stream, shared, id, request.wait()).await
        }
        ("POST", ["predictions", id, "cancel"]) => {
            let known = shared.change(|inner| {
                let Some((_, stopped)) = inner.running.get_mut(*id) else { return false };
                *stopped = true;
                inner.canceled.push((*id).to_owned());
                true
            });
            if known { reply(stream, 200, &json!({})).await } else { not_found(stream).await }
        }
        _ => not_found(stream).await,
    }
}

async fn put(stream: &mut TcpStream, shared: &Shared, id: &str, request: &Request) -> Result<()> {
    let body: Value = serde_json::from_slice(&request.body)?;
    let input = body["input"].as_object().cloned().unwrap_or_default();
    let behaviour = shared.change(|inner| {
        inner.requests += 1;
        let behaviour = inner.behaviour.clone();
        let repeated = inner.running.contains_key(id);
        if !repeated && !matches!(behaviour, Behaviour::Refuses409 | Behaviour::NotReady503 | Behaviour::ServerError500)
        {
            inner.predictions.push(Recorded {
                id: id.to_owned(),
                input: body["input"].clone(),
                output_file_prefix: body["output_file_prefix"].as_str().map(str::to_owned),
                authorization: request.headers.get("authorization").cloned(),
            });
        }
        behaviour
    });
    let succeeded = |output: Value| json!({"id": id, "status": "succeeded", "output": output, "metrics": {}});
    match behaviour {
        Behaviour::Async | Behaviour::AsyncLosesFirstReply | Behaviour::NoSuchPrediction
            if request.prefers("respond-async") =>
        {
            let is_known = behaviour != Behaviour::NoSuchPrediction;
            let is_first = shared.change(|inner| {
                if is_known {
                    inner.running.entry(id.to_owned()).or_insert((input, false));
                }
                inner.requests == 1
            });
            if is_first && behaviour == Behaviour::AsyncLosesFirstReply {
                return Ok(());
            }
            reply(stream, 202, &json!({"id": id, "status": "starting"})).await
        }
        Behaviour::Normal | Behaviour::Async | Behaviour::AsyncLosesFirstReply | Behaviour::NoSuchPrediction => {
            shared.wait_until(Duration::MAX, |inner| !inner.held).await;
            reply(stream, 200, &succeeded(pictures(&input))).await
        }
        Behaviour::Slow(time) => {
            tokio::time::sleep(time).await;
            reply(stream, 200, &succeeded(pictures(&input))).await
        }
        Behaviour::Hang => {
            // Until the caller goes away.
            while stream.read_buf(&mut Vec::with_capacity(64)).await? > 0 {}
            Ok(())
        }
        Behaviour::DiesBeforeReply => Ok(()),
        Behaviour::DiesMidReply => {
            let text = response(200, "application/json", &succeeded(pictures(&input)).to_string());
            Ok(stream.write_all(&text.as_bytes()[..text.len() - 40]).await?)
        }
        Behaviour::Refuses409 => reply(stream, 409, &json!({"detail": "Already running a prediction"})).await,
        Behaviour::Rejects422 => {
            let detail = json!([{"loc": ["body", "input", "width"], "msg": "must be smaller", "type": "value_error"}]);
            reply(stream, 422, &json!({ "detail": detail })).await
        }
        Behaviour::NotReady503 => reply(stream, 503, &json!({"detail": "Setup has not finished yet"})).await,
        Behaviour::ServerError500 => reply(stream, 500, &json!({"detail": "Internal Server Error"})).await,
        Behaviour::FailedPrediction(error) => {
            reply(stream, 200, &json!({"id": id, "status": "failed", "error": error, "output": null})).await
        }
        Behaviour::WrongType => {
            let page = "<!doctype html><title>Welcome</title><h1>It works!</h1>";
            Ok(stream.write_all(response(200, "text/html", page).as_bytes()).await?)
        }
        Behaviour::NotAnImage => {
            let text = STANDARD.encode("this is no picture");
            reply(stream, 200, &succeeded(json!([format!("data:image/png;base64,{text}")]))).await
        }
        Behaviour::Oversize(bytes) => oversize(stream, bytes).await,
        Behaviour::EmptyOutput => reply(stream, 200, &succeeded(json!([]))).await,
        Behaviour::UrlOutputSecondTry => {
            let host = request.headers.get("host").map_or("", String::as_str);
            reply(stream, 200, &succeeded(json!(format!("http://{host}/outputs/0.png")))).await
        }
        Behaviour::UrlOutput(url) => reply(stream, 200, &succeeded(json!(url))).await,
    }
}

async fn get(stream: &mut TcpStream, shared: &Shared, id: &str, wait: Duration) -> Result<()> {
    let is_over = |inner: &Inner| !inner.held || inner.running.get(id).is_none_or(|(_, stopped)| *stopped);
    shared.wait_until(wait, is_over).await;
    let (found, held) = {
        let inner = shared.inner();
        (inner.running.get(id).cloned(), inner.held)
    };
    match found {
        None => not_found(stream).await,
        Some((_, true)) => reply(stream, 200, &json!({"id": id, "status": "canceled"})).await,
        Some((input, false)) if !held => {
            reply(stream, 200, &json!({"id": id, "status": "succeeded", "output": pictures(&input)})).await
        }
        Some(_) => {
            let running = json!({"id": id, "status": "processing", "stage": "drawing", "progress": 0.5});
            reply(stream, 200, &running).await
        }
    }
}

/// As many pictures as were wanted.
fn pictures(input: &Map<String, Value>) -> Value {
    let count = input.get("num_outputs").and_then(Value::as_u64).unwrap_or(1).min(16);
    let picture = format!("data:image/png;base64,{}", STANDARD.encode(PNG));
    (0..count).map(|_| Value::from(picture.as_str())).collect()
}

async fn oversize(stream: &mut TcpStream, bytes: u64) -> Result<()> {
    async fn chunk(stream: &mut TcpStream, text: &[u8]) -> Result<()> {
        stream.write_all(format!("{:x}\r\n", text.len()).as_bytes()).await?;
        stream.write_all(text).await?;
        Ok(stream.write_all(b"\r\n").await?)
    }
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\
                Connection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    chunk(stream, br#"{"status":"succeeded","output":"data:image/png;base64,"#).await?;
    let block = vec![b'A'; 64 << 10];
    let mut left = bytes;
    while left > 0 {
        let part = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
        chunk(stream, &block[..part]).await?;
        left -= part as u64;
    }
    chunk(stream, b"\"}").await?;
    Ok(stream.write_all(b"0\r\n\r\n").await?)
}

async fn not_found(stream: &mut TcpStream) -> Result<()> {
    reply(stream, 404, &json!({"detail": "Not Found"})).await
}

async fn reply(stream: &mut TcpStream, status: u16, body: &Value) -> Result<()> {
    Ok(stream.write_all(response(status, "application/json", &body.to_string()).as_bytes()).await?)
}

fn response(status: u16, media_type: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Because\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}
