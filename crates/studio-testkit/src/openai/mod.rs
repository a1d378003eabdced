//! OpenAI's API on the wire, as strict as the real one, and misbehaving on demand: pictures, and chats that are said piece
//! by piece.
//!
//! [`OpenAi::requests`] tells what came, [`OpenAi::made`] and [`OpenAi::chats`] what would have been billed, whatever the
//! caller believes. [`OpenAi::hold`] keeps answers back until [`OpenAi::release`]; [`OpenAi::let_go`] lets chats go on by so
//! many pieces.

mod answer;
mod chat;
mod edit;
mod image;
mod trick;

pub use trick::Trick;

pub use crate::raw_http::PNG as PICTURE;

use crate::raw_http::{Listening, Request, Watched, reply_png, response_with};
use anyhow::Result;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tokio::{io::AsyncWriteExt, net::TcpStream};

/// The key that it accepts.
pub const KEY: &str = "sk-proj-emulated0123456789";

/// What it does with requests that are as they should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// Answers with pictures of one pixel in base64, and chats with numbered words.
    Normal,
    /// Chats in this way; pictures are normal. A message may ask for more tricks: see [`Trick`].
    Chat(Vec<Trick>),
    /// Answers with addresses of its own, as servers that imitate the API do.
    UrlOutput,
    /// Refuses its key, and repeats it as it does so.
    BadKey401,
    /// Has no room for the first request, with these headers; then it is normal.
    Busy429Once(Vec<(String, String)>),
    /// The account has nothing left.
    InsufficientQuota,
    /// The prompt is against its rules.
    ModerationBlocked,
    /// Breaks, in this way: 500, 502, 503, ...
    Fails(u16),
    /// Does the work and closes the connection.
    DiesBeforeReply,
    /// Does the work and closes the connection in the middle of its answer.
    DiesMidReply,
    /// Answers with a web page.
    Html,
    /// Answers with JSON of the wrong shape.
    WrongTypes,
    /// Answers with this many bytes of base64, without saying how many; chats with this many bytes in one line.
    Oversize(u64),
}

/// Tokens by its own count, as its bill has them: of the prompt, of these cached, of the answer, of these for reasoning.
pub type Billed = (u64, u64, u64, u64);

/// A chat that it took: what really left it, whatever the caller believes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChatRecord {
    /// The request's headers, their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The request's body.
    pub body: Value,
    /// All text of the answer that was written to the socket.
    pub said: String,
    /// How many pieces were written: of thought, of text, of calls.
    pub pieces: u64,
    /// All of it was written, to the end of the answer.
    pub finished: bool,
    /// The caller went away before that.
    pub hung_up: bool,
    /// What it sends a bill for: the whole prompt, and each piece that was written.
    pub billed: Billed,
}

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its path.
    pub path: String,
    /// Its headers, their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Its body; null when it was no JSON. Of a form: its `fields`, and its `files` in base64.
    pub body: Value,
}

/// The API. Dropped, it is gone, and with it every open connection.
pub struct OpenAi {
    listening: Listening,
    shared: Arc<Shared>,
}

type Shared = Watched<Inner>;

struct Inner {
    behaviour: Behaviour,
    held: bool,
    requests: Vec<Recorded>,
    made: u64,
    /// Of each request for pictures that was done, the caller's name for it, and how many.
    pictures: Vec<(String, u64)>,
    connections: usize,
    chats: Vec<ChatRecord>,
    /// How far chats may go while it holds, in pieces.
    allowed: u64,
    /// Keys that it accepts.
    keys: BTreeSet<String>,
    /// Bodies of chats that it has turned away for want of room.
    turned_away: BTreeSet<String>,
}

/// An error in the API's own words: its status, its code, the parameter that it is about, and a sentence.
struct Refusal(u16, &'static str, Option<String>, String);

impl Refusal {
    fn body(&self) -> Value {
        let Self(_, code, param, message) = self;
        let kind = if *code == "insufficient_quota" { code } else { "invalid_request_error" };
        json!({ "error": { "message": message, "type": kind, "param": param, "code": code } })
    }
}

impl OpenAi {
    /// Starts one on a free port.
    pub fn start(behaviour: Behaviour) -> Result<Self> {
        let shared = Arc::new(Watched::new(Inner {
            behaviour,
            held: false,
            requests: Vec::new(),
            made: 0,
            pictures: Vec::new(),
            connections: 0,
            chats: Vec::new(),
            allowed: 0,
            keys: BTreeSet::from([KEY.to_owned()]),
            turned_away: BTreeSet::new(),
        }));
        let served = shared.clone();
        let listening = Listening::start(move |mut stream| {
            let shared = served.clone();
            async move {
                shared.note(|inner| inner.connections += 1);
                let mut read = Vec::new();
                while let Some(request) = Request::next(&mut stream, &mut read).await? {
                    if answer(&mut stream, &shared, &request).await? == Then::Close {
                        break;
                    }
                }
                Ok(())
            }
        })?;
        Ok(Self { listening, shared })
    }

    /// Where its API begins.
    pub fn base_url(&self) -> String {
        format!("{}/v1", self.listening.origin())
    }

    /// What came, in order, refused or not.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.look().requests.clone()
    }

    /// How many pictures it made: what it would send a bill for.
    pub fn made(&self) -> u64 {
        self.shared.look().made
    }

    /// Of each request for pictures that it did, the caller's name for it and how many it made: the lines of its bill.
    pub fn pictures(&self) -> Vec<(String, u64)> {
        self.shared.look().pictures.clone()
    }

    /// From now on it behaves so.
    pub fn set(&self, behaviour: Behaviour) {
        self.shared.change(|inner| inner.behaviour = behaviour);
    }

    /// The chats that it took, in order.
    pub fn chats(&self) -> Vec<ChatRecord> {
        self.shared.look().chats.clone()
    }

    /// How many connections were opened to it.
    pub fn connections(&self) -> usize {
        self.shared.look().connections
    }

    /// From now on it accepts this key, too, and nobody may see it.
    pub fn accept(&self, key: &str) {
        crate::canaries::plant(key);
        self.shared.change(|inner| inner.keys.insert(key.to_owned()));
    }

    /// From now on it refuses this key.
    pub fn refuse(&self, key: &str) {
        self.shared.change(|inner| inner.keys.remove(key));
    }

    /// From now on answers are kept back; of a stream, its pieces.
    pub fn hold(&self) {
        self.shared.change(|inner| (inner.held, inner.allowed) = (true, 0));
    }

    /// Lets every stream, those to come too, say so many pieces more, and holds what comes after them. The end of an answer
    /// counts as a piece.
    pub fn let_go(&self, pieces: u64) {
        self.shared.change(|inner| inner.allowed += pieces);
    }

    /// Lets all answers go, and holds no more.
    pub fn release(&self) {
        self.shared.change(|inner| inner.held = false);
    }

    /// Blocks until so many requests came in; fails the test when they don't.
    pub fn wait_for_requests(&self, count: usize) {
        self.shared.wait_for("requests", count, |inner| inner.requests.len());
    }

    /// Waits until so many pieces were said in all chats together.
    pub async fn said(&self, pieces: u64) -> Result<()> {
        let shared = self.shared.clone();
        let count = usize::try_from(pieces)?;
        let said =
            |inner: &Inner| usize::try_from(inner.chats.iter().map(|chat| chat.pieces).sum::<u64>()).unwrap_or(0);
        Ok(tokio::task::spawn_blocking(move || shared.wait_for("pieces", count, said)).await?)
    }

    /// Blocks until so many chats are as they should be; fails the test when they don't get there.
    pub fn wait_for_chats(&self, count: usize, is_so: impl Fn(&ChatRecord) -> bool) {
        self.shared.wait_for("chats", count, |inner| inner.chats.iter().filter(|chat| is_so(chat)).count());
    }
}

/// What becomes of a connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// It takes another request.
    Keep,
    /// It is closed.
    Close,
}

async fn answer(stream: &mut TcpStream, shared: &Shared, request: &Request) -> Result<Then> {
    if request.method == "GET" && request.path.starts_with("/pictures/") {
        reply_png(stream).await?;
        return Ok(Then::Close);
    }
    let is_edit = request.path == "/v1/images/edits";
    let form = is_edit.then(|| edit::read(request));
    let body: Value = match &form {
        Some(form) => form.as_ref().ok().cloned().unwrap_or_default(),
        None => serde_json::from_slice(&request.body).unwrap_or_default(),
    };
    let behaviour = shared.change(|inner| {
        inner.requests.push(Recorded {
            path: request.path.clone(),
            headers: request.headers.clone(),
            body: body.clone(),
        });
        let behaviour = inner.behaviour.clone();
        if matches!(behaviour, Behaviour::Busy429Once(_)) {
            inner.behaviour = Behaviour::Normal;
        }
        behaviour
    });
    let refusal = match (check_caller(shared, request), request.method.as_str(), request.path.as_str()) {
        (Err(refusal), ..) => refusal,
        (Ok(()), "POST", "/v1/images/generations") => match image::check(&body) {
            Ok(count) => {
                image::answer(stream, shared, request, behaviour, count).await?;
                return Ok(Then::Close);
            }
            Err(refusal) => refusal,
        },
        (Ok(()), "POST", "/v1/images/edits") => {
            match form.unwrap_or(Ok(Value::Null)).and_then(|form| edit::check(&form)) {
                Ok(count) => {
                    image::answer(stream, shared, request, behaviour, count).await?;
                    return Ok(Then::Close);
                }
                Err(refusal) => refusal,
            }
        }
        (Ok(()), "POST", "/v1/chat/completions") => match chat::check(&body) {
            Ok(()) => return answer::chat(stream, shared, request, body, behaviour).await,
            Err(refusal) => refusal,
        },
        (Ok(()), method, path) => {
            Refusal(404, "unknown_url", None, format!("Unknown request URL: {method} {path}. See http://x/docs."))
        }
    };
    refuse(stream, &refusal, &[]).await?;
    Ok(Then::Close)
}

async fn refuse(stream: &mut TcpStream, refusal: &Refusal, headers: &[(String, String)]) -> Result<()> {
    let text = response_with(refusal.0, "application/json", headers, &refusal.body().to_string());
    Ok(stream.write_all(text.as_bytes()).await?)
}

/// How it refuses what is as it should be, if it behaves so.
fn refused(how: &Behaviour) -> Option<(Refusal, Vec<(String, String)>)> {
    let plain = |refusal| Some((refusal, Vec::new()));
    match how {
        Behaviour::BadKey401 => plain(bad_key(KEY)),
        Behaviour::InsufficientQuota => {
            let message = "You exceeded your current quota, organization org-emulated. Check your plan.";
            plain(Refusal(429, "insufficient_quota", None, message.into()))
        }
        Behaviour::ModerationBlocked => {
            let message = "Your request was rejected by the safety system. Include the request ID req_emulated.";
            plain(Refusal(400, "moderation_blocked", None, message.into()))
        }
        Behaviour::Fails(status) => {
            plain(Refusal(*status, "server_error", None, "The server at 10.0.0.7:8080 had an error.".into()))
        }
        Behaviour::Busy429Once(headers) => Some((busy(), headers.clone())),
        _ => None,
    }
}

fn busy() -> Refusal {
    Refusal(429, "rate_limit_exceeded", None, "Rate limit reached for org-emulated.".into())
}

fn check_caller(shared: &Shared, request: &Request) -> Result<(), Refusal> {
    let shown = request.headers.get("authorization").map_or("", String::as_str);
    let known = shown.strip_prefix("Bearer ").is_some_and(|key| shared.look().keys.contains(key));
    if !known {
        return Err(bad_key(shown.trim_start_matches("Bearer ")));
    }
    let is_edit = request.path == "/v1/images/edits";
    if !is_edit && request.headers.get("content-type").map(String::as_str) != Some("application/json") {
        return Err(Refusal(400, "invalid_content_type", None, "You must send application/json.".into()));
    }
    Ok(())
}

fn bad_key(key: &str) -> Refusal {
    let message = format!("Incorrect API key provided: {key}. You can find yours at https://platform.openai.com.");
    Refusal(401, "invalid_api_key", None, message)
}
