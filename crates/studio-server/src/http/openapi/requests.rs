//! What requests look like: bounds of parameters are those of each modality's default model, names those of the catalog.

use super::schemas::id;
use crate::commands::MAX_REASON_CHARS;
use serde_json::{Map, Value, json};
use studio_core::{
    catalog::{Catalog, Modality},
    job::Priority,
    ledger::Window,
    parameter::Parameter,
    request::{MAX_MESSAGES, MAX_PROMPT_CHARS},
};

/// The body of a request for pictures. Bounds are those of the default model; others may differ: `GET /models`.
pub(super) fn image(catalog: &Catalog) -> Value {
    let mut properties = Map::new();
    properties.insert("prompt".into(), json!({ "type": "string", "minLength": 1, "maxLength": MAX_PROMPT_CHARS }));
    add_common(&mut properties, catalog, &[Modality::Image]);
    json!({
        "type": "object",
        "required": ["prompt"],
        "properties": properties,
        "additionalProperties": false,
        "examples": [{ "prompt": "a sea at dusk" }],
    })
}

fn parameter_schema(parameter: &Parameter) -> Value {
    let mut schema = match parameter {
        Parameter::Integer { min, max, .. } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Parameter::Number { min, max, .. } => json!({ "type": "number", "minimum": min, "maximum": max }),
        Parameter::Boolean { .. } => json!({ "type": "boolean" }),
        Parameter::Choice { of, .. } => json!({ "enum": of }),
        Parameter::Text { max_chars } => json!({ "type": "string", "maxLength": max_chars }),
    };
    if let Some(default) = parameter.default_value() {
        schema["default"] = default;
    }
    schema
}

/// What every generating request takes: the model by its names, its parameters, a deadline.
fn add_common(properties: &mut Map<String, Value>, catalog: &Catalog, modalities: &[Modality]) {
    let models = || catalog.models().iter().filter(|model| modalities.contains(&model.modality));
    let names: Vec<_> = models().flat_map(|model| std::iter::once(&model.id).chain(&model.aliases)).collect();
    let usual = modalities.first().and_then(|modality| catalog.default_of(*modality));
    let about = "A model or one of its aliases; the default model if there is none";
    properties.insert("modelId".into(), json!({ "enum": names, "description": about }));
    for (name, parameter) in usual.iter().flat_map(|model| &model.parameters) {
        properties.insert(name.clone(), parameter_schema(parameter));
    }
    let about = "Parameters by name: the same as fields of the body, and those that only some models have";
    properties.insert("modelParams".into(), json!({ "type": "object", "description": about }));
    properties.insert(
        "deadline".into(),
        json!({ "type": "string", "format": "date-time", "description": "When the work dies" }),
    );
    let about = "How urgent it is among your own jobs; users take turns whatever they say";
    properties.insert(
        "priority".into(),
        json!({ "enum": Priority::ALL.map(Priority::as_str), "default": "normal", "description": about }),
    );
    let about = "The first model of this provider; send `modelId` instead";
    let mut providers: Vec<_> = models().map(|model| &model.provider).collect();
    providers.dedup();
    properties.insert("provider".into(), json!({ "enum": providers, "deprecated": true, "description": about }));
    let about = "An older name of `modelId`";
    properties.insert("model".into(), json!({ "enum": names, "deprecated": true, "description": about }));
}

/// The body of a request for a chat.
pub(super) fn chat(catalog: &Catalog) -> Value {
    let mut properties = Map::new();
    properties.insert("messages".into(), messages());
    let about = "Whether the answer comes as it is said, as server-sent events";
    properties.insert("stream".into(), json!({ "type": "boolean", "default": false, "description": about }));
    let tool = json!({
        "type": "object",
        "required": ["name", "parameters"],
        "properties": {
            "name": { "type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$" },
            "description": { "type": "string" },
            "parameters": { "type": "object", "description": "The JSON schema of its arguments" },
        },
    });
    properties.insert("tools".into(), json!({ "type": "array", "items": tool }));
    properties.insert("toolChoice".into(), json!({ "description": "`auto`, `none`, `required`, or a tool's `name`" }));
    let about = "`text`, `json`, or `{\"type\": \"json_schema\", \"name\", \"schema\"}`";
    properties.insert("responseFormat".into(), json!({ "default": "text", "description": about }));
    let stop = json!({ "type": "string", "minLength": 1, "maxLength": 100 });
    properties.insert(
        "stop".into(),
        json!({ "anyOf": [stop, { "type": "array", "items": stop, "minItems": 1, "maxItems": 4 }] }),
    );
    add_common(&mut properties, catalog, &[Modality::Chat]);
    let about = "An older name of `provider`";
    properties.insert("providerId".into(), json!({ "type": "string", "deprecated": true, "description": about }));
    json!({
        "type": "object",
        "required": ["messages"],
        "properties": properties,
        "additionalProperties": false,
        "examples": [{ "messages": [{ "role": "user", "content": "How do I set a budget?" }] }],
    })
}

/// The body of a request for a title.
pub(super) fn title(catalog: &Catalog) -> Value {
    let mut properties = Map::new();
    properties.insert("messages".into(), messages());
    add_common(&mut properties, catalog, &[Modality::Title, Modality::Chat]);
    // A title is short whatever a caller would like.
    properties.retain(|name, _| {
        ["messages", "modelId", "model", "provider", "deadline", "priority"].contains(&name.as_str())
    });
    json!({
        "type": "object",
        "required": ["messages"],
        "properties": properties,
        "additionalProperties": false,
        "examples": [{ "messages": [{ "role": "user", "content": "How do I bake sourdough bread?" }] }],
    })
}

/// An amount in USD.
fn amount() -> Value {
    json!({ "anyOf": [{ "type": "string", "examples": ["0.25"] }, { "type": "number", "minimum": 0 }, { "type": "null" }] })
}

/// The body of a request that says what became of an unknown job.
pub(super) fn resolve() -> Value {
    json!({
        "type": "object",
        "description": "`charged`, in USD, or `notLanded`",
        "properties": {
            "charged": amount(),
            "notLanded": { "type": "boolean", "description": "The provider never had it: nothing is charged" },
            "reason": { "type": "string", "maxLength": MAX_REASON_CHARS, "description": "How you know, for whoever reads the ledger" },
        },
        "additionalProperties": false,
        "examples": [{ "charged": "0.04", "reason": "found in the provider's dashboard" }],
    })
}

/// The body of a request that says what a job cost after all.
pub(super) fn adjust() -> Value {
    json!({
        "type": "object",
        "description": "Amounts in USD, all in all; what is not said stays as it is, or follows from the other",
        "required": ["reason"],
        "properties": {
            "providerCharged": amount(),
            "payerPays": amount(),
            "reason": { "type": "string", "maxLength": MAX_REASON_CHARS, "description": "Why, for whoever reads the ledger" },
        },
        "additionalProperties": false,
        "examples": [{ "providerCharged": "0.05", "reason": "bill 2026-11" }],
    })
}

/// The body of a request that sets budgets.
pub(super) fn budget() -> Value {
    let amount = amount();
    let properties: Map<_, _> = Window::ALL.iter().map(|window| (window.as_str().to_owned(), amount.clone())).collect();
    json!({
        "type": "object",
        "description": "Amounts in USD. A window that is not named has no limit",
        "properties": properties,
        "additionalProperties": false,
        "examples": [{ "day": "1.50", "month": "20" }],
    })
}

fn messages() -> Value {
    let message = json!({ "$ref": "#/components/schemas/Message" });
    json!({ "type": "array", "items": message, "minItems": 1, "maxItems": MAX_MESSAGES })
}

/// One message of a conversation.
pub(super) fn message() -> Value {
    let text = json!({
        "type": "object", "required": ["type", "text"],
        "properties": { "type": { "const": "text" }, "text": { "type": "string" } },
    });
    let picture = json!({
        "type": "object", "required": ["type"],
        "properties": {
            "type": { "const": "image" },
            "assetId": id(),
            "url": { "type": "string", "description": "A `data:` URI in base64, instead of `assetId`" },
        },
    });
    json!({
        "type": "object",
        "required": ["role"],
        "properties": {
            "role": { "enum": ["system", "user", "assistant", "tool"] },
            "content": { "anyOf": [{ "type": "string" }, { "type": "array", "items": { "anyOf": [text, picture] } }] },
            "toolCalls": { "type": "array", "items": { "$ref": "#/components/schemas/ToolCall" } },
            "toolCallId": { "type": "string" },
        },
        "additionalProperties": false,
    })
}
