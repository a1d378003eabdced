//! Pictures that are changed: a request into the form that asks for it (`multipart/form-data`, RFC 7578).

use super::image::image_body;
use crate::providers::shown::bytes_of;
use bytes::Bytes;
use serde_json::Value;
use std::collections::HashMap;
use studio_core::{
    job::ContentHash,
    request::{ImageRequest, Picture},
    retry::{Failure, FailureKind},
};

/// A form, and what its `Content-Type` says of it.
pub(in super::super) struct Form {
    pub(in super::super) body: Bytes,
    pub(in super::super) content_type: String,
}

/// The form that asks a model to change `image`. `name` is the attempt's own: nobody who sends a picture can know it, so that no
/// picture can hold the line between two fields.
pub(in super::super) fn edit_request(
    model: &str,
    request: &ImageRequest,
    shown: &HashMap<ContentHash, Bytes>,
    name: &str,
) -> Result<Form, Failure> {
    let boundary = format!("studio-{name}");
    let files = [("image[]", &request.image), ("mask", &request.mask)];
    let room: u64 = request.pictures().map(|picture| picture.bytes + 300).sum();
    let mut body = Vec::with_capacity(usize::try_from(room).unwrap_or_default() + 8192);
    for (field, value) in image_body(model, request) {
        let text = match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        if text.contains(&boundary) {
            return Err(Failure::new(FailureKind::Rejected, "what was asked can't be put into a form"));
        }
        begin(&mut body, &boundary, &format!("name=\"{field}\""), None);
        body.extend_from_slice(text.as_bytes());
        body.extend_from_slice(b"\r\n");
    }
    for (field, picture) in files {
        let Some(picture) = picture else { continue };
        let bytes = bytes_of(picture, shown)?;
        begin(&mut body, &boundary, &format!("name=\"{field}\"; {}", file_name(field, picture)), Some(picture));
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Ok(Form { body: body.into(), content_type: format!("multipart/form-data; boundary={boundary}") })
}

fn file_name(field: &str, picture: &Picture) -> String {
    format!("filename=\"{}.{}\"", field.trim_end_matches("[]"), picture.media_type.extension())
}

fn begin(body: &mut Vec<u8>, boundary: &str, disposition: &str, file: Option<&Picture>) {
    body.extend_from_slice(format!("--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n").as_bytes());
    if let Some(picture) = file {
        body.extend_from_slice(format!("Content-Type: {}\r\n", picture.media_type.as_str()).as_bytes());
    }
    body.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::sample::picture;
    use serde_json::json;
    use studio_core::secret::Prompt;

    fn request(prompt: &str) -> (ImageRequest, HashMap<ContentHash, Bytes>) {
        let (picture, bytes) = picture();
        let parameters =
            json!({ "width": 1536, "height": 1024, "numImages": 2, "format": "jpeg", "outputCompression": 80 });
        let mut request = ImageRequest::new(Prompt::new(prompt), serde_json::from_value(parameters).unwrap());
        (request.image, request.mask) = (Some(picture.clone()), Some(picture.clone()));
        (request, HashMap::from([(picture.hash, bytes)]))
    }

    #[test]
    fn golden_edit_request() {
        let (request, shown) = request("a \"sea\" 🌊\r\nat dusk");
        let form = edit_request("gpt-image-2", &request, &shown, "job-1").unwrap();
        assert_eq!(form.content_type, "multipart/form-data; boundary=studio-job-1");
        let field = |name: &str, value: &str| {
            format!("--studio-job-1\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").into_bytes()
        };
        let file = |name: &str, file: &str| {
            let head = format!(
                "Content-Disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\nContent-Type: image/png"
            );
            [format!("--studio-job-1\r\n{head}\r\n\r\n").as_bytes(), b"\x89PNG\r\n"].concat()
        };
        let golden = [
            field("model", "gpt-image-2"),
            field("n", "2"),
            field("output_compression", "80"),
            field("output_format", "jpeg"),
            field("prompt", "a \"sea\" 🌊\r\nat dusk"),
            field("size", "1536x1024"),
            file("image[]", "image.png"),
            file("mask", "mask.png"),
            b"--studio-job-1--\r\n".to_vec(),
        ];
        assert_eq!(String::from_utf8_lossy(&form.body), String::from_utf8_lossy(&golden.concat()));
    }

    #[test]
    fn what_looks_like_the_end_of_a_field_is_never_sent() {
        let (request, shown) = request("x\r\n--studio-job-1\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n9");
        assert!(edit_request("gpt-image-2", &request, &shown, "job-1").is_err());
        let (request, _) = self::request("x");
        assert!(edit_request("gpt-image-2", &request, &HashMap::new(), "job-1").is_err());
    }
}
