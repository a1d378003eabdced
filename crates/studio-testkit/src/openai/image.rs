//! Pictures of that API: `POST /v1/images/generations`.

use super::{Behaviour, Refusal, Shared, refuse, refused};
use crate::raw_http::{PNG, Request, chunked, reply, response};
use anyhow::Result;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use std::time::Duration;
use tokio::{io::AsyncWriteExt, net::TcpStream};

/// Checks a request for pictures as the API does: how many it wants.
pub(super) fn check(body: &Value) -> Result<u64, Refusal> {
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

pub(super) async fn answer(
    stream: &mut TcpStream,
    shared: &Shared,
    request: &Request,
    how: Behaviour,
    count: u64,
) -> Result<()> {
    if let Some((refusal, headers)) = refused(&how) {
        return refuse(stream, &refusal, &headers).await;
    }
    let name = request.headers.get("x-client-request-id").cloned().unwrap_or_default();
    shared.change(|inner| {
        inner.made += count;
        inner.pictures.push((name, count));
    });
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
