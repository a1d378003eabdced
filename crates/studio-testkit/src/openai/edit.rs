//! Pictures that are changed, in that API: `POST /v1/images/edits`, a form.

use super::{Refusal, image};
use crate::raw_http::Request;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

/// Most files that a form may have, a mask beside them.
const MOST_IMAGES: usize = 16;

/// A part of a form.
struct Field<'a> {
    name: String,
    file: Option<String>,
    kind: Option<String>,
    bytes: &'a [u8],
}

/// Reads a form as strictly as the API: what it says, as JSON, with its files in base64 beside its fields.
pub(super) fn read(request: &Request) -> Result<Value, Refusal> {
    let wrong = |message: &str| Refusal(400, "invalid_multipart_form", None, message.to_owned());
    let kind = request.headers.get("content-type").map(String::as_str).unwrap_or_default();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").ok_or_else(|| wrong("Not a form."))?;
    let mut fields = Map::new();
    let mut files = Vec::new();
    for Field { name, file, kind, bytes } in parts(&request.body, boundary).ok_or_else(|| wrong("A broken form."))? {
        let Some(file) = file else {
            let text = std::str::from_utf8(bytes).map_err(|_| wrong("Not UTF-8."))?;
            let whole = text.parse::<u64>().ok().filter(|_| matches!(name.as_str(), "n" | "output_compression"));
            if fields.insert(name, whole.map_or_else(|| text.into(), Value::from)).is_some() {
                return Err(wrong("A field came twice."));
            }
            continue;
        };
        files.push(json!({ "name": name, "file": file, "type": kind, "base64": STANDARD.encode(bytes) }));
    }
    Ok(json!({ "fields": fields, "files": files }))
}

/// Checks a form that was read: how many pictures it wants.
pub(super) fn check(form: &Value) -> Result<u64, Refusal> {
    let wrong = |name: &str, message: &str| Refusal(400, "invalid_value", Some(name.to_owned()), message.to_owned());
    let mut masks = 0;
    let mut images = 0;
    for file in form["files"].as_array().into_iter().flatten() {
        let name = file["name"].as_str().unwrap_or_default();
        let bytes = STANDARD.decode(file["base64"].as_str().unwrap_or_default()).unwrap_or_default();
        let told = match bytes.get(..4) {
            Some(b"\x89PNG") => "image/png",
            Some([0xff, 0xd8, 0xff, _]) => "image/jpeg",
            Some(b"RIFF") => "image/webp",
            _ => return Err(wrong(name, "Unsupported image.")),
        };
        if file["type"] != told {
            return Err(wrong(name, "Its type is not what it says."));
        }
        match name {
            "image" | "image[]" => images += 1,
            "mask" if told == "image/png" => masks += 1,
            _ => return Err(wrong(name, "No such file is taken.")),
        }
    }
    if !(1..=MOST_IMAGES).contains(&images) || masks > 1 {
        return Err(wrong("image", "Give 1 to 16 images, and one mask at most."));
    }
    image::check(&form["fields"])
}

fn parts<'a>(body: &'a [u8], boundary: &str) -> Option<Vec<Field<'a>>> {
    let line = format!("--{boundary}");
    let mut rest = body.strip_prefix(line.as_bytes())?;
    let mut parts = Vec::new();
    while rest != b"--\r\n" {
        rest = rest.strip_prefix(b"\r\n")?;
        let end = find(rest, b"\r\n\r\n")?;
        let head = std::str::from_utf8(rest.get(..end)?).ok()?;
        let content = rest.get(end + 4..)?;
        let end = find(content, format!("\r\n{line}").as_bytes())?;
        let value = |key: &str| {
            let (_, after) = head.split_once(&format!("; {key}=\""))?;
            Some(after.split_once('"')?.0.to_owned())
        };
        let kind = head.split("\r\n").find_map(|line| line.strip_prefix("Content-Type: ")).map(str::to_owned);
        let field = Field { name: value("name")?, file: value("filename"), kind, bytes: content.get(..end)? };
        head.starts_with("Content-Disposition: form-data; ").then_some(())?;
        parts.push(field);
        rest = content.get(end + 2 + line.len()..)?;
    }
    Some(parts)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
