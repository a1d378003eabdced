//! OpenAI's API on the wire, as strict as the real one, and misbehaving on demand: images so far.
//!
//! [`OpenAi::requests`] tells what came, [`OpenAi::made`] what would have been billed, whatever the caller believes.
//! [`OpenAi::hold`] keeps answers back until [`OpenAi::release`].

use crate::raw_http::{Listening, PNG, Request, Watched, chunked, reply, reply_png, response, response_with};
use anyhow::Result;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{io::AsyncWriteExt, net::TcpStream};

/// The key that it accepts.
pub const KEY: &str = "sk-proj-emulated0123456789";

/// What it does with requests that are as they should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// Answers with pictures of one pixel in base64.
    Normal,
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
    /// Answers with this many bytes of base64, without saying how many.
    Oversize(u64),
}

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its path.
    pub path: String,
    /// Its headers, their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Its body; null when it was no JSON.
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
        let shared = Arc::new(Watched::new(Inner { behaviour, held: false, requests: Vec::new(), made: 0 }));
        let served = shared.clone();
        let listening = Listening::start(move |mut stream| {
            let shared = served.clone();
            async move { answer(&mut stream, &shared).await }
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

    /// From now on it behaves so.
    pub fn set(&self, behaviour: Behaviour) {
        self.shared.change(|inner| inner.behaviour = behaviour);
    }

    /// From now on answers are kept back.
    pub fn hold(&self) {
        self.shared.change(|inner| inner.held = true);
    }

    /// Lets all answers go, and holds no more.
    pub fn release(&self) {
        self.shared.change(|inner| inner.held = false);
    }

    /// Blocks until so many requests came in; fails the test when they don't.
    pub fn wait_for_requests(&self, count: usize) {
        self.shared.wait_for("requests", count, |inner| inner.requests.len());
    }
}

async fn answer(stream: &mut TcpStream, shared: &Shared) -> Result<()> {
    let request = Request::read(stream).await?;
    if request.method == "GET" && request.path.starts_with("/pictures/") {
        return reply_png(stream).await;
    }
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
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
    let checked = check_caller(&request).and_then(|()| match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/v1/images/generations") => check_image(&body),
        (method, path) => {
            Err(Refusal(404, "unknown_url", None, format!("Unknown request URL: {method} {path}. See http://x/docs.")))
        }
    });
    match checked {
        Err(refusal) => reply(stream, refusal.0, &refusal.body()).await,
        Ok(count) => images(stream, shared, &request, behaviour, count).await,
    }
}

fn check_caller(request: &Request) -> Result<(), Refusal> {
    let shown = request.headers.get("authorization").map_or("", String::as_str);
    if shown != format!("Bearer {KEY}") {
        return Err(bad_key(shown.trim_start_matches("Bearer ")));
    }
    if request.headers.get("content-type").map(String::as_str) != Some("application/json") {
        return Err(Refusal(400, "invalid_content_type", None, "You must send application/json.".into()));
    }
    Ok(())
}

fn bad_key(key: &str) -> Refusal {
    let message = format!("Incorrect API key provided: {key}. You can find yours at https://platform.openai.com.");
    Refusal(401, "invalid_api_key", None, message)
}

/// Checks a request for pictures as the API does: how many it wants.
fn check_image(body: &Value) -> Result<u64, Refusal> {
    let wrong = |code: &'static str, name: &str, message: String| Refusal(400, code, Some(name.to_owned()), message);
    let fields = body.as_object().ok_or_else(|| wrong("invalid_json", "", "The body is not JSON.".into()))?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    for name in ["model", "prompt"] {
        if text(name).is_none_or(str::is_empty) {
            return Err(wrong("missing_required_parameter", name, format!("Missing required parameter: '{name}'.")));
        }
    }
    if let Some(model) = text("model").filter(|model| !model.starts_with("gpt-image-2")) {
        return Err(Refusal(404, "model_not_found", None, format!("The model '{model}' does not exist.")));
    }
    for (name, value) in fields {
        let good = match name.as_str() {
            "model" | "prompt" | "user" => value.is_string(),
            "n" => value.as_u64().is_some_and(|n| (1..=10).contains(&n)),
            "size" => value.as_str().is_some_and(|size| size == "auto" || is_size(size)),
            "quality" => is_one_of(value, &["auto", "low", "medium", "high"]),
            "output_format" => is_one_of(value, &["png", "jpeg", "webp"]),
            "output_compression" => value.as_u64().is_some_and(|n| n <= 100),
            "background" => is_one_of(value, &["auto", "opaque", "transparent"]),
            "moderation" => is_one_of(value, &["auto", "low"]),
            _ => return Err(wrong("unknown_parameter", name, format!("Unknown parameter: '{name}'."))),
        };
        if !good {
            return Err(wrong("invalid_value", name, format!("Invalid value: '{value}' for '{name}'.")));
        }
    }
    Ok(count(fields))
}

fn count(fields: &Map<String, Value>) -> u64 {
    fields.get("n").and_then(Value::as_u64).unwrap_or(1)
}

fn is_one_of(value: &Value, words: &[&str]) -> bool {
    value.as_str().is_some_and(|word| words.contains(&word))
}

/// Multiples of 16, at most 3840x2160 pixels in all and 3 to 1.
fn is_size(size: &str) -> bool {
    let Some((width, height)) = size.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?))) else {
        return false;
    };
    let (width, height): (u64, u64) = (width, height);
    let (long, short) = (width.max(height), width.min(height));
    width % 16 == 0
        && height % 16 == 0
        && (16..=3840).contains(&long)
        && long <= 3 * short
        && long * short <= 3840 * 2160
}

async fn images(stream: &mut TcpStream, shared: &Shared, request: &Request, how: Behaviour, count: u64) -> Result<()> {
    let refused = match &how {
        Behaviour::BadKey401 => Some(bad_key(KEY)),
        Behaviour::InsufficientQuota => {
            let message = "You exceeded your current quota, organization org-emulated. Check your plan.";
            Some(Refusal(429, "insufficient_quota", None, message.into()))
        }
        Behaviour::ModerationBlocked => {
            let message = "Your request was rejected by the safety system. Include the request ID req_emulated.";
            Some(Refusal(400, "moderation_blocked", None, message.into()))
        }
        Behaviour::Fails(status) => {
            Some(Refusal(*status, "server_error", None, "The server at 10.0.0.7:8080 had an error.".into()))
        }
        Behaviour::Busy429Once(headers) => {
            let refusal = Refusal(429, "rate_limit_exceeded", None, "Rate limit reached for org-emulated.".into());
            let text = response_with(429, "application/json", headers, &refusal.body().to_string());
            return Ok(stream.write_all(text.as_bytes()).await?);
        }
        _ => None,
    };
    if let Some(refusal) = refused {
        return reply(stream, refusal.0, &refusal.body()).await;
    }
    shared.change(|inner| inner.made += count);
    shared.wait_until(Duration::MAX, |inner| !inner.held).await;
    let picture = |index: u64| match how {
        Behaviour::UrlOutput => {
            let host = request.headers.get("host").map_or("", String::as_str);
            json!({ "url": format!("http://{host}/pictures/{index}.png") })
        }
        _ => json!({ "b64_json": STANDARD.encode(PNG), "revised_prompt": "as it was" }),
    };
    let made = json!({
        "created": 1_795_600_000,
        "data": (0..count).map(picture).collect::<Vec<_>>(),
        "usage": { "input_tokens": 9, "output_tokens": 200, "total_tokens": 209 },
    });
    match how {
        Behaviour::DiesBeforeReply => Ok(()),
        Behaviour::DiesMidReply => {
            let text = response(200, "application/json", &made.to_string());
            Ok(stream.write_all(&text.as_bytes()[..text.len() - 40]).await?)
        }
        Behaviour::Html => {
            let page = "<!doctype html><title>Welcome</title><h1>It works!</h1>";
            Ok(stream.write_all(response(200, "text/html", page).as_bytes()).await?)
        }
        Behaviour::WrongTypes => reply(stream, 200, &json!({ "data": { "b64_json": 7 } })).await,
        Behaviour::Oversize(bytes) => chunked(stream, br#"{"data":[{"b64_json":""#, bytes, br#""}]}"#).await,
        _ => reply(stream, 200, &made).await,
    }
}
