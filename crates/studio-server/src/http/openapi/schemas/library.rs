//! Of what people keep here.

use super::{id, list, number, object, text, time, to, yes};
use serde_json::{Value, json};
use studio_core::{inspection::FileKind, library::Origin, media::MediaType};

fn kind() -> Value {
    json!({ "enum": FileKind::ALL.map(FileKind::as_str) })
}

fn media_type() -> Value {
    json!({ "enum": MediaType::ALL.map(MediaType::as_str) })
}

/// All schemas, by name.
pub(super) fn all() -> Value {
    json!({
        "Asset": object(vec![
            ("id", id()), ("kind", kind()), ("mediaType", media_type()),
            ("origin", json!({ "enum": Origin::ALL.map(Origin::as_str) })), ("jobId?", id()), ("name?", text()),
            ("bytes", number()), ("sha256", text()), ("width?", number()), ("height?", number()), ("frames?", number()),
            ("durationMs?", number()), ("sampleRate?", number()), ("channels?", number()), ("entries?", number()),
            ("placeholder?", text()), ("stripped?", list(text())), ("url", text()), ("thumbnailUrl?", text()),
            ("createdAt", time()),
        ]),
        "AssetAnswer": object(vec![("success", yes()), ("asset", to("Asset"))]),
        "AssetPage": object(vec![("success", yes()), ("items", list(to("Asset"))), ("nextCursor?", id())]),
        "Share": object(vec![
            ("slug", text()), ("url", text()), ("assetId", id()), ("title?", text()), ("createdAt", time()),
        ]),
        "ShareAnswer": object(vec![
            ("success", yes()), ("slug", text()), ("url", text()), ("assetId", id()), ("title?", text()),
            ("createdAt", time()),
        ]),
        "SharePage": object(vec![("success", yes()), ("items", list(to("Share"))), ("nextCursor?", id())]),
        "Shared": object(vec![
            ("success", yes()), ("slug", text()), ("url", text()), ("title?", text()), ("createdAt", time()),
            ("content", object(vec![
                ("kind", kind()), ("mediaType", media_type()), ("name?", text()), ("bytes", number()), ("width?", number()),
                ("height?", number()), ("durationMs?", number()), ("placeholder?", text()), ("url", text()),
                ("thumbnailUrl?", text()),
            ])),
        ]),
        "ShareRequest": share_request(),
        "UploadForm": json!({
            "type": "object", "required": ["file"], "additionalProperties": false,
            "properties": {
                "file": { "type": "string", "contentMediaType": "application/octet-stream" },
                "name": { "type": "string" }, "kind": kind(), "keepMetadata": { "type": "boolean" },
            },
        }),
    })
}

/// What is to be shown: by its id, or as the system before was asked.
fn share_request() -> Value {
    json!({
        "type": "object",
        "anyOf": [
            { "required": ["assetId"], "properties": { "assetId": id() } },
            { "required": ["content"], "properties": { "assetId": { "type": "null" }, "content": { "required": ["assetId"], "type": "object" } } },
        ],
        "properties": {
            "assetId": or_null(id()), "title": or_null(text()), "type": or_null(text()),
            "content": {
                "type": ["object", "null"], "properties": { "assetId": id() },
                "description": "What the system before was sent; an address of an asset of yours among its texts does instead of assetId",
            },
            "metadata": {},
        },
        "additionalProperties": false,
        "examples": [{ "assetId": "019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b", "title": "a sea at dusk" }],
    })
}

fn or_null(mut schema: Value) -> Value {
    schema["type"] = json!([schema["type"].take(), "null"]);
    schema
}
