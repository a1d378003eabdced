//! A Cog worker that misbehaves on demand: real sockets on 127.0.0.1, HTTP written by hand so that it can break anywhere.
//!
//! [`CogWorker::predictions`] tells what really landed, whatever the caller believes. Nothing here sleeps to make a test
//! work: [`CogWorker::hold`] keeps results back until [`CogWorker::release`], and the `wait_for_*` methods wait for what a
//! caller is expected to send.

use crate::raw_http::{Listening, PNG, Request, Watched, chunked, reply, reply_png, response};
use anyhow::Result;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

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
    /// The `X-Request-Id` header that came with it.
    pub request_id: Option<String>,
}

/// The worker. Dropped, it is gone, and with it every open connection.
pub struct CogWorker {
    listening: Listening,
    shared: Arc<Shared>,
}

type Shared = Watched<Inner>;

struct Inner {
    behaviour: Behaviour,
    held: bool,
    requests: usize,
    fetched: usize,
    lookups: usize,
    predictions: Vec<Recorded>,
    canceled: Vec<String>,
    /// The names of all submissions, whatever it did with them.
    submissions: Vec<String>,
    /// What was submitted to be asked after; true: told to stop.
    running: BTreeMap<String, (Map<String, Value>, bool)>,
}

impl CogWorker {
    /// Starts one on a free port.
    pub fn start(behaviour: Behaviour) -> Result<Self> {
        let shared = Arc::new(Watched::new(Inner {
            behaviour,
            held: false,
            requests: 0,
            fetched: 0,
            lookups: 0,
            predictions: Vec::new(),
            canceled: Vec::new(),
            submissions: Vec::new(),
            running: BTreeMap::new(),
        }));
        let served = shared.clone();
        let listening = Listening::start(move |mut stream| {
            let shared = served.clone();
            async move { answer(&mut stream, &shared).await }
        })?;
        Ok(Self { listening, shared })
    }

    /// Where it is.
    pub fn base_url(&self) -> String {
        self.listening.origin()
    }

    /// What really landed, in order; the same name twice is twice.
    pub fn predictions(&self) -> Vec<Recorded> {
        self.shared.look().predictions.clone()
    }

    /// How many predictions were sent to it, whatever it did with them.
    pub fn requests(&self) -> usize {
        self.shared.look().requests
    }

    /// The names that it was told to stop.
    pub fn canceled(&self) -> Vec<String> {
        self.shared.look().canceled.clone()
    }

    /// The names of all submissions, in order, whatever it did with them; the same name twice is twice.
    pub fn submissions(&self) -> Vec<String> {
        self.shared.look().submissions.clone()
    }

    /// Whether it can tell what became of a prediction.
    pub fn knows(&self, name: &str) -> bool {
        self.shared.look().running.contains_key(name)
    }

    /// What it would send a bill for if it charged for each picture that it made: of every prediction that landed the pictures
    /// that were wanted, or none if it was stopped. What [`Behaviour`]s say that fail or refuse is not told apart here.
    pub fn bill(&self) -> BTreeMap<String, u64> {
        let inner = self.shared.look();
        let pictures = |landed: &Recorded| match inner.running.get(&landed.id) {
            Some((_, true)) => 0,
            _ => landed.input["num_outputs"].as_u64().unwrap_or(1),
        };
        inner.predictions.iter().map(|landed| (landed.id.clone(), pictures(landed))).collect()
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
        self.shared.wait_for("predictions", count, |inner| inner.predictions.len());
    }

    /// Blocks until so many submissions came in, refused ones too; fails the test when they don't.
    pub fn wait_for_requests(&self, count: usize) {
        self.shared.wait_for("submissions", count, |inner| inner.requests);
    }

    /// Blocks until it was asked so often after a prediction; fails the test when it isn't.
    pub fn wait_for_lookups(&self, count: usize) {
        self.shared.wait_for("questions", count, |inner| inner.lookups);
    }
}

/// How long a caller wishes to wait.
fn wait(request: &Request) -> Duration {
    let wishes = request.headers.get("prefer").map_or("", String::as_str);
    let wait = wishes.split(',').find_map(|wish| wish.trim().strip_prefix("wait=")?.parse().ok());
    Duration::from_secs(wait.unwrap_or(0))
}

fn prefers(request: &Request, wish: &str) -> bool {
    request.headers.get("prefer").is_some_and(|wishes| wishes.split(',').any(|w| w.trim() == wish))
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
            if first { reply(stream, 503, &json!({"detail": "not yet"})).await } else { reply_png(stream).await }
        }
        ("PUT", ["predictions", id]) => put(stream, shared, id, &request).await,
        ("GET", ["predictions", id]) => {
            shared.change(|inner| inner.lookups += 1);
            get(stream, shared, id, wait(&request)).await
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
        inner.submissions.push(id.to_owned());
        let behaviour = inner.behaviour.clone();
        let repeated = inner.running.contains_key(id);
        if !repeated && !matches!(behaviour, Behaviour::Refuses409 | Behaviour::NotReady503 | Behaviour::ServerError500)
        {
            inner.predictions.push(Recorded {
                id: id.to_owned(),
                input: body["input"].clone(),
                output_file_prefix: body["output_file_prefix"].as_str().map(str::to_owned),
                authorization: request.headers.get("authorization").cloned(),
                request_id: request.headers.get("x-request-id").cloned(),
            });
        }
        behaviour
    });
    let succeeded = |output: Value| json!({"id": id, "status": "succeeded", "output": output, "metrics": {}});
    match behaviour {
        Behaviour::Async | Behaviour::AsyncLosesFirstReply | Behaviour::NoSuchPrediction
            if prefers(request, "respond-async") =>
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
        Behaviour::Oversize(bytes) => {
            chunked(stream, br#"{"status":"succeeded","output":"data:image/png;base64,"#, bytes, b"\"}").await
        }
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
        let inner = shared.look();
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

async fn not_found(stream: &mut TcpStream) -> Result<()> {
    reply(stream, 404, &json!({"detail": "Not Found"})).await
}
