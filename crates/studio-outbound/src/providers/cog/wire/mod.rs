//! Cog's JSON, which nobody outside of this folder sees: two pure directions, a job's input into a request body and a
//! reply into news.
//!
//! Image models of that world agree on names (`num_outputs`, `output_format`, ...); what has no agreed name goes through
//! in snake_case. Replies are hostile: every text is cleaned and shortened, every size has a cap, unknown fields and
//! states are passed over.

mod chat;

pub(super) use chat::{Telling, chat_request};

use super::Health;
use crate::providers::{
    bounded::{Few, Texts, small},
    outputs::{self, MAX_OUTPUTS, bad_output},
    shown::data_url,
    words::{MAX_MESSAGE_CHARS, clean, snake_case},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};
use std::{borrow::Cow, collections::HashMap};
use studio_core::{job::ContentHash, ports::Produced, request::ImageRequest, retry::Failure};

/// Most characters of a worker's word for what it is doing.
const MAX_STAGE_CHARS: usize = 60;

/// What a prediction object says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It goes on.
    Running { stage: Option<String>, progress: u16 },
    /// It is done.
    Done(Vec<Produced>),
    /// It was stopped.
    Canceled,
    /// The model failed, in its own (cleaned) words.
    Failed(String),
}

/// The body that asks for pictures. `shown` has the bytes of those that it begins with.
pub(super) fn image_request(
    image: &ImageRequest,
    shown: &HashMap<ContentHash, Bytes>,
    upload_to: Option<&str>,
) -> Result<Bytes, Failure> {
    let mut input = image_input(image);
    for (name, picture) in [("image", &image.image), ("mask", &image.mask)] {
        if let Some(picture) = picture {
            input.insert(name.into(), data_url(picture, shown)?.into());
        }
    }
    let mut body = Map::from_iter([("input".to_owned(), Value::Object(input))]);
    if let Some(prefix) = upload_to {
        body.insert("output_file_prefix".into(), prefix.into());
    }
    Ok(Value::Object(body).to_string().into())
}

fn image_input(image: &ImageRequest) -> Map<String, Value> {
    let mut input = Map::from_iter([("prompt".to_owned(), Value::from(image.prompt.expose()))]);
    for (name, value) in &image.parameters {
        let (name, value) = match (name.as_str(), value.as_str()) {
            ("numImages", _) => ("num_outputs".to_owned(), value.clone()),
            ("format", Some("jpeg")) => ("output_format".to_owned(), "jpg".into()),
            ("format", _) => ("output_format".to_owned(), value.clone()),
            _ => (snake_case(name), value.clone()),
        };
        input.insert(name, value);
    }
    input
}

#[derive(Deserialize)]
struct Prediction<'a> {
    #[serde(borrow)]
    status: Cow<'a, str>,
    /// Texts are borrowed from the reply where they can be: a picture as a data URL has megabytes.
    #[serde(borrow, default)]
    output: Option<Texts<'a, Few<Cow<'a, str>, { MAX_OUTPUTS + 1 }>>>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    stage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    progress: Option<&'a RawValue>,
}

/// Reads a prediction object. `output_cap` is the most bytes of all inline outputs together.
pub(super) fn read(reply: &[u8], output_cap: usize) -> Result<News, Failure> {
    let prediction: Prediction<'_> =
        serde_json::from_slice(reply).map_err(|_| bad_output("the worker's answer is not a prediction"))?;
    Ok(match &*prediction.status {
        "succeeded" => News::Done(outputs(prediction.output, output_cap)?),
        "failed" => News::Failed(failed(prediction.error)),
        "canceled" => News::Canceled,
        _ => News::Running {
            stage: small::<String>(prediction.stage).map(|stage| clean(&stage, MAX_STAGE_CHARS)),
            progress: thousandths(small(prediction.progress)),
        },
    })
}

/// Why a prediction failed.
fn failed(error: Option<&RawValue>) -> String {
    let why = small::<String>(error).map(|error| clean(&error, MAX_MESSAGE_CHARS));
    why.unwrap_or_else(|| "the model failed and did not say why".to_owned())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=1000 just before")]
fn thousandths(progress: Option<f64>) -> u16 {
    progress.filter(|p| p.is_finite()).map_or(0, |p| (p.clamp(0.0, 1.0) * 1000.0).round() as u16)
}

fn outputs(
    output: Option<Texts<'_, Few<Cow<'_, str>, { MAX_OUTPUTS + 1 }>>>,
    cap: usize,
) -> Result<Vec<Produced>, Failure> {
    let texts = match output {
        Some(Texts::One(text)) => vec![text],
        Some(Texts::Many(Few(texts))) => texts,
        Some(Texts::Other) => return Err(bad_output("the worker's output is neither a file nor a list of files")),
        None => Vec::new(),
    };
    if texts.is_empty() {
        return Err(bad_output("the worker says that it succeeded, but it made nothing"));
    }
    if texts.len() > MAX_OUTPUTS {
        return Err(bad_output("the worker made more files than anyone asked for"));
    }
    let mut left = cap;
    texts
        .iter()
        .map(|text| {
            let produced = produced(text, left)?;
            if let Produced::Inline(bytes) = &produced {
                left = left.saturating_sub(bytes.len());
            }
            Ok(produced)
        })
        .collect()
}

fn produced(text: &str, cap: usize) -> Result<Produced, Failure> {
    if let Some(rest) = text.strip_prefix("data:") {
        return data(rest, cap).map(Produced::Inline);
    }
    outputs::at(text)
}

fn data(rest: &str, cap: usize) -> Result<Bytes, Failure> {
    let encoded = rest.split_once(',').filter(|(head, _)| head.ends_with(";base64")).map(|(_, encoded)| encoded);
    let encoded = encoded.ok_or_else(|| bad_output("the worker's output is not in base64"))?;
    outputs::decode(encoded, cap)
}

/// What a worker says of itself.
pub(super) fn health(reply: &[u8]) -> Option<Health> {
    #[derive(Deserialize)]
    struct Said {
        status: String,
    }
    let Said { status } = serde_json::from_slice(reply).ok()?;
    match status.as_str() {
        "STARTING" => Some(Health::Starting),
        "READY" => Some(Health::Ready),
        "BUSY" => Some(Health::Busy),
        "SETUP_FAILED" | "DEFUNCT" | "UNHEALTHY" => Some(Health::Broken),
        _ => None,
    }
}

#[derive(Deserialize)]
struct Refusal {
    detail: Value,
}

/// Whether an error's body is a worker's own: something before it, which may have passed the request on, says it otherwise.
pub(super) fn is_own_refusal(reply: &[u8]) -> bool {
    serde_json::from_slice::<Refusal>(reply).is_ok()
}

/// What a worker says about a request that it refuses, for the job's owner.
pub(super) fn refusal(reply: &[u8]) -> String {
    let detail = serde_json::from_slice(reply).map(|Refusal { detail }| detail).unwrap_or(Value::Null);
    let said = match &detail {
        Value::String(text) => text.clone(),
        Value::Array(faults) => faults.iter().take(5).filter_map(fault).collect::<Vec<_>>().join("; "),
        _ => String::new(),
    };
    let said = clean(&said, MAX_MESSAGE_CHARS);
    if said.is_empty() { "the worker refused the request".into() } else { format!("the worker refused: {said}") }
}

/// `{"loc": ["body", "input", "width"], "msg": "must be ..."}` as `width: must be ...`.
fn fault(fault: &Value) -> Option<String> {
    let message = fault.get("msg")?.as_str()?;
    let field = fault.get("loc").and_then(Value::as_array).and_then(|path| path.last()).and_then(Value::as_str);
    Some(field.map_or_else(|| message.to_owned(), |field| format!("{field}: {message}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use studio_core::{parameter::Parameters, retry::FailureKind, secret::Prompt};

    const CAP: usize = 1 << 20;

    fn news(reply: Value) -> Result<News, Failure> {
        read(reply.to_string().as_bytes(), CAP)
    }

    #[test]
    fn an_image_request_speaks_the_words_of_image_models() {
        let parameters = json!({"width": 512, "height": 64, "numImages": 2, "seed": 7, "format": "jpeg", "quality": "hd",
            "negativePrompt": "fog", "guidance": 7.5});
        let image = ImageRequest::new(Prompt::new("a \"sea\" 🌊"), serde_json::from_value(parameters).unwrap());
        assert_eq!(
            Value::Object(image_input(&image)),
            json!({"prompt": "a \"sea\" 🌊", "width": 512, "height": 64, "num_outputs": 2, "seed": 7,
                "output_format": "jpg", "quality": "hd", "negative_prompt": "fog", "guidance": 7.5})
        );
    }

    #[test]
    fn pictures_go_as_data_urls() {
        let (picture, bytes) = crate::providers::sample::picture();
        let shown = HashMap::from([(picture.hash, bytes)]);
        let mut image = ImageRequest::new(Prompt::new("x"), Parameters::new());
        (image.image, image.mask) = (Some(picture.clone()), Some(picture));
        let body = image_request(&image, &shown, Some("http://up/")).unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&body).unwrap(),
            json!({ "input": { "prompt": "x", "image": "data:image/png;base64,iVBORw==", "mask": "data:image/png;base64,iVBORw==" },
                "output_file_prefix": "http://up/" })
        );
        assert_eq!(image_request(&image, &HashMap::new(), None).unwrap_err().kind, FailureKind::Rejected);
    }

    #[test]
    fn golden_replies() {
        let png = Produced::Inline(Bytes::from_static(b"\x89PNG"));
        let at = Produced::At("https://cdn.example.org/a.png".into());
        for (reply, expected) in [
            (json!({"status": "starting"}), News::Running { stage: None, progress: 0 }),
            (
                json!({"status": "processing", "stage": "drawing", "progress": 0.25, "logs": "x", "metrics": {}}),
                News::Running { stage: Some("drawing".into()), progress: 250 },
            ),
            (
                json!({"status": "brand-new-state", "progress": 9e99, "stage": 7}),
                News::Running { stage: None, progress: 1000 },
            ),
            (json!({"status": "processing", "progress": "half"}), News::Running { stage: None, progress: 0 }),
            (json!({"status": "succeeded", "output": "data:image/png;base64,iVBORw=="}), News::Done(vec![png.clone()])),
            (
                json!({"status": "succeeded", "output": ["data:;base64,iVBORw==", "https://cdn.example.org/a.png"]}),
                News::Done(vec![png, at]),
            ),
            (json!({"status": "canceled", "output": null}), News::Canceled),
            (
                json!({"status": "failed", "error": "CUDA out of memory\n\tat http://10.0.0.7/x"}),
                News::Failed("CUDA out of memory at [address]".into()),
            ),
            (json!({"status": "failed", "error": null}), News::Failed("the model failed and did not say why".into())),
        ] {
            assert_eq!(news(reply.clone()), Ok(expected), "{reply}");
        }
    }

    #[test]
    fn nonsense_is_bad_output() {
        let many = vec!["https://example.org/a"; MAX_OUTPUTS + 1];
        let large = format!("data:;base64,{}", "A".repeat(CAP / 3 * 4 + 8));
        let half = format!("data:;base64,{}", "A".repeat(CAP / 3 * 2 + 4));
        for reply in [
            json!({"status": "succeeded"}),
            json!({"status": "succeeded", "output": null}),
            json!({"status": "succeeded", "output": []}),
            json!({"status": "succeeded", "output": {"image": "data:;base64,iVBORw=="}}),
            json!({"status": "succeeded", "output": 7}),
            json!({"status": "succeeded", "output": [["https://example.org/a"]]}),
            json!({"status": "succeeded", "output": many}),
            json!({"status": "succeeded", "output": "hello"}),
            json!({"status": "succeeded", "output": "file:///etc/passwd"}),
            json!({"status": "succeeded", "output": "data:image/png,raw"}),
            json!({"status": "succeeded", "output": "data:image/png;base64,%%%"}),
            json!({"status": "succeeded", "output": large}),
            json!({"status": "succeeded", "output": [half.clone(), half.clone(), half]}),
            json!({"status": 7}),
            json!({"id": "x"}),
            json!([]),
            json!("succeeded"),
        ] {
            let kind = news(reply.clone()).map_err(|failure| failure.kind);
            assert_eq!(kind, Err(FailureKind::BadOutput), "{}", &reply.to_string()[..40.min(reply.to_string().len())]);
        }
        for text in ["", "<html>", "{\"status\":", "\u{0}"] {
            assert!(read(text.as_bytes(), CAP).is_err());
        }
    }

    #[test]
    fn refusals_are_short_and_clean() {
        for (reply, said) in [
            (
                json!({"detail": [{"loc": ["body", "input", "width"], "msg": "must be 64 to 2048"}, {"msg": "and more"}]}),
                "the worker refused: width: must be 64 to 2048; and more",
            ),
            (json!({"detail": "no\u{1b}[31m such\r\nthing"}), "the worker refused: no [31m such thing"),
            (json!({"detail": {}}), "the worker refused the request"),
            (json!(null), "the worker refused the request"),
        ] {
            assert_eq!(refusal(reply.to_string().as_bytes()), said);
        }
        let long = refusal(json!({"detail": "é ".repeat(100_000)}).to_string().as_bytes());
        assert!(long.chars().count() < MAX_MESSAGE_CHARS + 30 && long.ends_with('…'), "{long}");
    }
}
