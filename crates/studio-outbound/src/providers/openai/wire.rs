//! OpenAI's JSON, which nobody outside of this folder sees. Images so far: a job's input into a request body, an answer into
//! pictures, an error into what it means.
//!
//! Image models of this API know no seed and no `response_format` (they answer in base64); servers that imitate it may
//! answer with addresses instead. Replies are hostile: what isn't what it should be is no output, unknown fields are
//! passed over.

use crate::providers::{
    outputs::{self, MAX_OUTPUTS, bad_output},
    words::{MAX_MESSAGE_CHARS, clean, snake_case},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::borrow::Cow;
use studio_core::{
    job::Job,
    ports::Produced,
    request::{ImageRequest, Input},
    retry::Failure,
};

/// How the API's own identifiers begin: keys, accounts, requests. They are nobody's business but the operator's.
const IDENTIFIERS: [&str; 6] = ["sk-", "org-", "proj_", "req_", "user-", "acct_"];

/// The body that asks for a job's pictures.
pub(super) fn image_request(job: &Job) -> Bytes {
    let Input::Image(image) = &job.input;
    Value::Object(image_body(&job.upstream, image)).to_string().into()
}

fn image_body(model: &str, image: &ImageRequest) -> Map<String, Value> {
    let mut body = Map::from_iter([
        ("model".to_owned(), Value::from(model)),
        ("prompt".to_owned(), Value::from(image.prompt.expose())),
    ]);
    let (width, height) = (image.parameters.get("width"), image.parameters.get("height"));
    let size = width.zip(height).map(|(width, height)| format!("{width}x{height}"));
    for (name, value) in &image.parameters {
        let name = match name.as_str() {
            "width" | "height" if size.is_some() => continue,
            "numImages" => "n".to_owned(),
            "format" => "output_format".to_owned(),
            _ => snake_case(name),
        };
        body.insert(name, value.clone());
    }
    if let Some(size) = size {
        body.insert("size".into(), size.into());
    }
    body
}

#[derive(Deserialize)]
struct Images<'a> {
    #[serde(borrow)]
    data: Vec<Image<'a>>,
}

#[derive(Deserialize)]
struct Image<'a> {
    #[serde(borrow, default)]
    b64_json: Option<Text<'a>>,
    #[serde(borrow, default)]
    url: Option<Text<'a>>,
}

/// Borrowed from the reply where it can be: a picture has megabytes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Reads an answer with pictures. `cap` is the most bytes of all of them together.
pub(super) fn images(reply: &[u8], cap: usize) -> Result<Vec<Produced>, Failure> {
    let Images { data } =
        serde_json::from_slice(reply).map_err(|_| bad_output("the provider's answer is not a list of pictures"))?;
    if data.is_empty() {
        return Err(bad_output("the provider answered without a picture"));
    }
    if data.len() > MAX_OUTPUTS {
        return Err(bad_output("the provider made more pictures than anyone asked for"));
    }
    let mut left = cap;
    data.iter()
        .map(|image| match (&image.b64_json, &image.url) {
            (Some(Text(encoded)), _) => {
                let bytes = outputs::decode(encoded, left)?;
                left = left.saturating_sub(bytes.len());
                Ok(Produced::Inline(bytes))
            }
            (None, Some(Text(url))) => outputs::at(url),
            (None, None) => Err(bad_output("the provider's picture is neither in its answer nor at an address")),
        })
        .collect()
}

/// Why the API refuses, as far as it says so.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The account has nothing left to spend.
    NoCredit,
    /// What was asked for is against its rules.
    Policy,
    /// Anything else, in its own (cleaned) words; empty when it has none.
    Other(String),
}

/// Whether an error's body is the API's own: something before it, which may have passed the request on, says it otherwise.
pub(super) fn is_own_refusal(reply: &[u8]) -> bool {
    serde_json::from_slice::<Value>(reply).is_ok_and(|body| body["error"].is_object())
}

/// Reads an error.
pub(super) fn refusal(reply: &[u8]) -> Refusal {
    let body: Value = serde_json::from_slice(reply).unwrap_or_default();
    let error = &body["error"];
    let says = |word: &str| ["code", "type"].iter().any(|field| error[field] == word);
    if ["insufficient_quota", "billing_hard_limit_reached", "billing_not_active"].iter().any(|word| says(word)) {
        return Refusal::NoCredit;
    }
    if ["moderation_blocked", "content_policy_violation"].iter().any(|word| says(word)) {
        return Refusal::Policy;
    }
    Refusal::Other(error["message"].as_str().map(anonymous).unwrap_or_default())
}

/// Cleaned, and without the API's own identifiers.
fn anonymous(message: &str) -> String {
    let cleaned = clean(message, MAX_MESSAGE_CHARS);
    let is_identifier = |word: &str| {
        let bare = word.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
        IDENTIFIERS.iter().any(|start| bare.starts_with(start))
    };
    let words = cleaned.split(' ').map(|word| if is_identifier(word) { "[…]" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use studio_core::{parameter::Parameters, retry::FailureKind, secret::Prompt};

    const CAP: usize = 1 << 20;

    #[test]
    fn golden_image_requests() {
        for (parameters, body) in [
            (
                json!({"width": 1536, "height": 1024, "numImages": 2, "format": "jpeg", "quality": "high",
                    "background": "auto", "outputCompression": 80}),
                json!({"model": "gpt-image-2", "prompt": "a \"sea\" 🌊", "size": "1536x1024", "n": 2,
                    "output_format": "jpeg", "quality": "high", "background": "auto", "output_compression": 80}),
            ),
            (json!({}), json!({"model": "gpt-image-2", "prompt": "a \"sea\" 🌊"})),
            (
                json!({"size": "auto", "seed": 7, "negativePrompt": "fog"}),
                json!({"model": "gpt-image-2", "prompt": "a \"sea\" 🌊", "size": "auto", "seed": 7,
                    "negative_prompt": "fog"}),
            ),
        ] {
            let parameters: Parameters = serde_json::from_value(parameters).unwrap();
            let image = ImageRequest { prompt: Prompt::new("a \"sea\" 🌊"), parameters };
            assert_eq!(Value::Object(image_body("gpt-image-2", &image)), body);
        }
    }

    #[test]
    fn golden_image_replies() {
        let png = Produced::Inline(Bytes::from_static(b"\x89PNG"));
        let at = Produced::At("https://cdn.example.org/a.png".into());
        for (reply, expected) in [
            (
                json!({"created": 1, "data": [{"b64_json": "iVBORw==", "revised_prompt": "x"}], "size": "1024x1024",
                    "usage": {"input_tokens": "many"}}),
                vec![png.clone()],
            ),
            (
                json!({"created": null, "data": [{"url": "https://cdn.example.org/a.png", "b64_json": null},
                    {"b64_json": "iVBORw==", "url": null, "new": {}}]}),
                vec![at, png],
            ),
        ] {
            assert_eq!(images(reply.to_string().as_bytes(), CAP), Ok(expected), "{reply}");
        }
    }

    #[test]
    fn nonsense_is_bad_output() {
        let many = vec![json!({"url": "https://example.org/a"}); MAX_OUTPUTS + 1];
        let half = json!({"b64_json": "A".repeat(CAP / 3 * 2 + 4)});
        for reply in [
            json!(null),
            json!("data"),
            json!([]),
            json!({}),
            json!({"data": null}),
            json!({"data": {}}),
            json!({"data": []}),
            json!({"data": [null]}),
            json!({"data": [{}]}),
            json!({"data": ["iVBORw=="]}),
            json!({"data": [{"b64_json": 7}]}),
            json!({"data": [{"b64_json": "%%%"}]}),
            json!({"data": [{"b64_json": "A".repeat(CAP / 3 * 4 + 8)}]}),
            json!({"data": [half, half, half]}),
            json!({"data": [{"url": "file:///etc/passwd"}]}),
            json!({"data": [{"url": ["https://example.org/a"]}]}),
            json!({"data": many}),
        ] {
            let kind = images(reply.to_string().as_bytes(), CAP).map_err(|failure| failure.kind);
            assert_eq!(kind, Err(FailureKind::BadOutput), "{}", &reply.to_string()[..40.min(reply.to_string().len())]);
        }
        for text in ["", "<html>", "{\"data\":", "\u{0}"] {
            assert!(images(text.as_bytes(), CAP).is_err());
        }
    }

    #[test]
    fn refusals_are_told_apart_short_and_clean() {
        let other = |text: &str| Refusal::Other(text.into());
        for (error, expected) in [
            (json!({"code": "insufficient_quota", "message": "x"}), Refusal::NoCredit),
            (json!({"type": "insufficient_quota", "code": null}), Refusal::NoCredit),
            (json!({"code": "billing_hard_limit_reached"}), Refusal::NoCredit),
            (json!({"code": "moderation_blocked", "message": "request id req_1"}), Refusal::Policy),
            (
                json!({"message": "Unknown parameter: 'seed'.", "code": "unknown_parameter"}),
                other("Unknown parameter: 'seed'."),
            ),
            (
                json!({"message": "key 'sk-abc***xyz' of\n(org-77) at https://internal/x, see req_9\u{1b}"}),
                other("key […] of […] at [address] see […]"),
            ),
            (json!({"message": 7, "code": []}), other("")),
            (json!("oh no"), other("")),
        ] {
            assert_eq!(refusal(json!({ "error": error }).to_string().as_bytes()), expected, "{error}");
        }
        for text in ["", "<html>", "[]", "7", "{\"error\":"] {
            assert_eq!(refusal(text.as_bytes()), other(""), "{text}");
        }
        let long = json!({"error": {"message": "é ".repeat(100_000)}}).to_string();
        assert!(matches!(refusal(long.as_bytes()), Refusal::Other(text) if text.chars().count() <= MAX_MESSAGE_CHARS));
    }
}
