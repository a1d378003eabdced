//! Pictures: a request into the body that asks for them, an answer into what was made.
//!
//! Image models of this API know no seed and no `response_format` (they answer in base64); servers that imitate it may
//! answer with addresses instead.

use super::Text;
use crate::providers::{
    bounded::Few,
    outputs::{self, MAX_OUTPUTS, bad_output},
    words::snake_case,
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};
use studio_core::{ports::Produced, request::ImageRequest, retry::Failure};

/// The body that asks a model for pictures.
pub(in super::super) fn image_request(model: &str, image: &ImageRequest) -> Bytes {
    Value::Object(image_body(model, image)).to_string().into()
}

pub(super) fn image_body(model: &str, image: &ImageRequest) -> Map<String, Value> {
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
    data: Few<Image<'a>, { MAX_OUTPUTS + 1 }>,
}

#[derive(Deserialize)]
struct Image<'a> {
    #[serde(borrow, default)]
    b64_json: Option<Text<'a>>,
    #[serde(borrow, default)]
    url: Option<Text<'a>>,
}

/// Reads an answer with pictures. `cap` is the most bytes of all of them together.
pub(in super::super) fn images(reply: &[u8], cap: usize) -> Result<Vec<Produced>, Failure> {
    let Images { data: Few(data) } =
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
            let image = ImageRequest::new(Prompt::new("a \"sea\" 🌊"), parameters);
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
}
