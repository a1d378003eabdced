//! What bodies look like. The request follows the catalog; answers are described here by hand and checked against real ones
//! by the black-box tests.

mod library;

use super::{
    super::codes::CODES,
    people,
    requests::{self, Served},
};
use serde_json::{Map, Value, json};
use studio_core::{
    catalog::Modality,
    job::{KeySource, Priority, Status},
    ledger::{EntryKind, Window},
    media::MediaType,
    request::Flag,
};

/// One of our ids: a UUID of version 7.
pub(super) fn id() -> Value {
    let pattern = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-7[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$";
    json!({ "type": "string", "format": "uuid", "pattern": pattern })
}

pub(super) fn time() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

pub(super) fn text() -> Value {
    json!({ "type": "string" })
}

fn text_or_null() -> Value {
    json!({ "type": ["string", "null"] })
}

/// What in a person's words is worth a second look, and how often.
fn flags() -> Value {
    let properties: Map<_, _> = Flag::ALL.iter().map(|flag| (flag.as_str().to_owned(), number())).collect();
    json!({ "type": "object", "properties": properties })
}

pub(super) fn number() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

pub(super) fn to(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

pub(super) fn list(of: Value) -> Value {
    json!({ "type": "array", "items": of })
}

/// An object. Fields whose names end in `?` may be absent.
pub(super) fn object(fields: Vec<(&str, Value)>) -> Value {
    let required: Vec<_> = fields.iter().map(|(name, _)| *name).filter(|name| !name.ends_with('?')).collect();
    let properties: Map<_, _> =
        fields.iter().map(|(name, schema)| (name.trim_end_matches('?').to_owned(), schema.clone())).collect();
    json!({ "type": "object", "required": required, "properties": properties })
}

fn statuses_of() -> Value {
    json!({ "enum": Status::ALL.map(Status::as_str) })
}

fn key_sources() -> Value {
    json!({ "enum": KeySource::ALL.map(KeySource::as_str) })
}

pub(super) fn boolean() -> Value {
    json!({ "type": "boolean" })
}

pub(super) fn yes() -> Value {
    json!({ "const": true })
}

/// All schemas, by name.
pub(super) fn all(served: Served<'_>) -> Value {
    let mut all = of_work(served);
    if let Some(all) = all.as_object_mut() {
        for more in [of_money(), library::all(), people::schemas()] {
            all.extend(more.as_object().cloned().unwrap_or_default());
        }
    }
    all
}

/// Of money, and of those who look after it.
fn of_money() -> Value {
    json!({
        "UsageReport": object(vec![
            ("success", yes()),
            ("total", object(vec![
                ("jobs", number()), ("cost", to("Money")), ("held", to("Money")), ("ownKey", to("Money")), ("writtenOff", to("Money")),
            ])),
            ("items", list(object(vec![
                ("modelId", text()), ("jobs", number()), ("succeeded", number()), ("unfinished", number()),
                ("cost", to("Money")), ("held", to("Money")), ("ownKey", to("Money")), ("writtenOff", to("Money")),
            ]))),
        ]),
        "Entry": object(vec![
            ("number", number()), ("at", time()), ("kind", json!({ "enum": EntryKind::ALL.map(EntryKind::as_str) })),
            ("jobId", id()), ("attempt", number()), ("modelId", text()), ("provider", text()), ("providerRef?", text()),
            ("priceList?", text()), ("payer?", text()), ("held", to("Money")), ("charged", to("Money")),
            ("provided?", to("Money")), ("writtenOff?", to("Money")), ("note?", text()),
        ]),
        "EntryPage": object(vec![("success", yes()), ("items", list(to("Entry"))), ("nextCursor?", text())]),
        "Budget": object(vec![
            ("id", id()), ("kind", json!({ "enum": ["user", "key"] })), ("user", text()), ("userId", id()), ("key?", text()),
            ("windows", list(object(vec![
                ("window", json!({ "enum": Window::ALL.map(Window::as_str) })), ("limit?", to("Money")),
                ("committed", to("Money")), ("left?", to("Money")), ("endsAt?", time()),
            ]))),
        ]),
        "ProviderKey": object(vec![("provider", text()), ("last4", text()), ("createdAt", time()), ("usable", boolean())]),
        "ProviderKeyList": object(vec![
            ("success", yes()), ("items", list(to("ProviderKey"))), ("providers", list(text())),
        ]),
        "ProviderKeyAnswer": object(vec![("success", yes()), ("providerKey", to("ProviderKey"))]),
        "Removed": object(vec![("success", yes()), ("removed", boolean())]),
        "BudgetList": object(vec![("success", yes()), ("items", list(to("Budget")))]),
        "BudgetAnswer": object(vec![("success", yes()), ("budget", to("Budget"))]),
        "OperatorsJob": object(vec![
            ("jobId?", id()), ("userId?", id()), ("payer?", text()), ("keySource?", key_sources()), ("status?", statuses_of()), ("requestId?", text()), ("flags?", to("Flags")),
            ("modality?", text()), ("modelId?", text()), ("provider", text()), ("providerRef?", text()), ("attempt?", number()),
            ("error?", object(vec![("code", text()), ("message", text())])), ("unknownSince?", time()), ("hold?", to("Money")),
            ("cost?", to("Money")), ("writtenOff?", to("Money")), ("createdAt?", time()), ("endedAt?", time()),
            ("retryOf?", id()), ("why?", text()),
        ]),
        "SettledAnswer": object(vec![("success", yes()), ("job", to("OperatorsJob"))]),
        "StuckJobs": object(vec![("success", yes()), ("items", list(to("OperatorsJob")))]),
        "DeadLetterAnswer": object(vec![
            ("success", yes()), ("job", to("OperatorsJob")),
            ("attempts", list(object(vec![
                ("number", number()), ("provider", text()), ("startedAt", time()), ("endedAt?", time()), ("outcome?", text()),
                ("providerRef?", text()),
            ]))),
        ]),
        "DeadLetterPage": object(vec![("success", yes()), ("items", list(to("OperatorsJob"))), ("nextCursor?", id())])
    })
}

/// A server-sent event. Its data is JSON.
fn event(names: &[&str], data: Value) -> Value {
    let data = json!({ "type": "string", "contentMediaType": "application/json", "contentSchema": data });
    object(vec![("event", json!({ "enum": names })), ("id?", text()), ("data", data)])
}

/// A part of a message as it is shown.
fn part() -> Value {
    json!({ "anyOf": [
        object(vec![("type", json!({ "const": "text" })), ("text", text())]),
        object(vec![("type", json!({ "const": "image" })), ("assetId", id()), ("url", text())]),
    ] })
}

/// Of requests, jobs and what they make.
fn of_work(served: Served<'_>) -> Value {
    let said = ["Accepted", "Standing", "Delta", "Reset", "Ending"].map(to);
    let statuses = statuses_of();
    let finishes = json!({ "enum": ["stop", "length", "tool_calls", "content_filter", "other"] });
    let kinds = [MediaType::Png, MediaType::Jpeg, MediaType::Webp].map(MediaType::as_str);
    let media = json!({ "enum": kinds });
    let rate = object(vec![("amount", text()), ("currency", text()), ("per", number())]);
    let rates = json!({ "type": "object", "additionalProperties": rate });
    json!({
        "ImageRequest": requests::image(served),
        "ChatRequest": requests::chat(served),
        "TitleRequest": requests::title(served),
        "BudgetRequest": requests::budget(),
        "ProviderKeyRequest": requests::provider_key(),
        "ResolveRequest": requests::resolve(),
        "AdjustRequest": requests::adjust(),
        "ChatMessage": requests::message(served),
        "PictureUrl": requests::picture_url(),
        "Message": object(vec![
            ("role", json!({ "enum": ["system", "user", "assistant", "tool"] })),
            ("content", list(part())), ("toolCalls?", list(to("ToolCall"))),
            ("toolCallId?", text()),
        ]),
        "Money": object(vec![("amount", json!({ "type": "string", "examples": ["0.002"] })), ("currency", text())]),
        "Links": object(vec![("self", text()), ("events", text()), ("cancel", text()), ("stream?", text())]),
        "Tokens": object(vec![
            ("inputTokens", number()), ("cachedInputTokens", number()), ("outputTokens", number()),
            ("reasoningTokens", number()),
        ]),
        "ToolCall": object(vec![("id", text()), ("name", text()), ("arguments", text())]),
        "Answer": object(vec![
            ("role", json!({ "const": "assistant" })), ("content", text()), ("reasoning?", text()),
            ("toolCalls?", list(to("ToolCall"))),
        ]),
        "ChatAnswer": object(vec![
            ("success", yes()), ("jobId", id()), ("status", statuses.clone()), ("modelId", text()), ("provider", text()),
            ("message", to("Answer")), ("finishReason", finishes.clone()), ("usage?", to("Tokens")),
            ("estimated?", yes()), ("cost", to("Money")), ("warnings?", list(text())),
        ]),
        "TitleAnswer": object(vec![
            ("success", yes()), ("jobId", id()), ("status", statuses.clone()), ("modelId", text()), ("provider", text()),
            ("title", text()), ("finishReason", finishes.clone()), ("usage?", to("Tokens")), ("estimated?", yes()),
            ("cost", to("Money")), ("warnings?", list(text())),
        ]),
        "Ending": object(vec![
            ("success", boolean()), ("jobId", id()), ("status", statuses.clone()), ("modelId", text()), ("provider", text()),
            ("finishReason?", finishes.clone()), ("usage?", to("Tokens")), ("estimated?", yes()), ("cost", to("Money")),
            ("error?", object(vec![("code", text()), ("message", text())])), ("warnings?", list(text())),
        ]),
        "Standing": object(vec![
            ("jobId", id()), ("status", statuses.clone()), ("attempt", number()), ("queuePosition?", number()),
            ("error?", object(vec![("code", text()), ("message", text())])),
        ]),
        "Delta": object(vec![
            ("offset", number()), ("text?", text()), ("reasoning?", text()),
            ("toolCall?", object(vec![("index", number()), ("id", text()), ("name", text()), ("arguments", text())])),
        ]),
        "Reset": object(vec![("reason", text()), ("offset", number())]),
        "WordEvent": event(
            &["start", "status", "delta", "reset", "end"],
            json!({ "anyOf": said }),
        ),
        "JobEvent": event(&["job"], to("Job")),
        "Images": object(vec![
            ("success", yes()), ("jobId", id()), ("status", statuses.clone()), ("modelId", text()), ("provider", text()),
            ("images", list(object(vec![
                ("url", text()), ("assetId", id()), ("mediaType", media.clone()), ("seed?", number()),
            ]))),
            ("cost", to("Money")), ("warnings?", list(text())),
        ]),
        "Estimate": object(vec![
            ("success", yes()), ("dryRun", yes()), ("modelId", text()), ("provider", text()), ("available", boolean()),
            ("priced", boolean()), ("price?", object(vec![("atLeast", to("Money")), ("atMost", to("Money"))])),
            ("withinBudget", boolean()), ("parameters", json!({ "type": "object" })), ("warnings?", list(text())),
        ]),
        "Accepted": object(vec![
            ("success", yes()), ("jobId", id()), ("status", statuses.clone()), ("modelId", text()), ("provider", text()),
            ("links", to("Links")), ("warnings?", list(text())),
        ]),
        "Output": object(vec![
            ("assetId", id()), ("url", text()), ("mediaType", media), ("bytes", number()), ("sha256", text()),
            ("seed?", number()), ("removed?", yes()),
        ]),
        "ShownPicture": object(vec![("assetId", id()), ("url", text())]),
        "Job": object(vec![
            ("id", id()), ("modality", json!({ "enum": Modality::ALL.map(Modality::as_str) })), ("status", statuses),
            ("version", number()), ("stage?", text()), ("progress", json!({ "type": "number", "minimum": 0, "maximum": 1 })),
            ("queuePosition?", number()), ("retryOf?", id()), ("priority", json!({ "enum": Priority::ALL.map(Priority::as_str) })),
            ("modelId", text()), ("provider", text()), ("keySource", key_sources()), ("prompt?", text()),
            ("image?", to("ShownPicture")), ("mask?", to("ShownPicture")),
            ("messages?", list(to("Message"))), ("message?", to("Answer")), ("finishReason?", finishes),
            ("usage?", to("Tokens")), ("providerUsage?", json!({ "type": "object" })), ("estimated?", yes()),
            ("parameters", json!({ "type": "object" })), ("attempt", number()), ("createdAt", time()), ("startedAt?", time()),
            ("endedAt?", time()), ("deadline?", time()), ("cancelRequestedAt?", time()),
            ("cancel?", object(vec![
                ("requestedAt", time()), ("answer?", json!({ "enum": ["stopping", "not_possible"] })), ("charged?", boolean()),
            ])),
            ("outputs", list(to("Output"))), ("billedUnits?", json!({ "type": "object", "additionalProperties": number() })),
            ("writtenOff?", to("Money")),
            ("cost?", to("Money")), ("hold?", to("Money")), ("error?", object(vec![("code", text()), ("message", text())])),
            ("warnings?", list(text())), ("requestId", text()), ("flags?", to("Flags")), ("links", to("Links")),
        ]),
        "JobAnswer": object(vec![("success", yes()), ("job", to("Job"))]),
        "JobPage": object(vec![("success", yes()), ("items", list(to("Job"))), ("nextCursor?", id())]),
        "Model": object(vec![
            ("id", text()), ("name", text()), ("description", text()), ("modality", text()), ("provider", text()),
            ("aliases", list(text())), ("default", boolean()), ("available", boolean()),
            ("parameters", json!({ "type": "object" })),
            ("prices?", object(vec![
                ("version", text()), ("from", text()),
                ("rates", rates.clone()),
                ("by?", list(object(vec![("when", json!({ "type": "object" })), ("rates", rates)]))),
            ])),
            ("maxPromptBytes?", number()),
            ("inputs?", object(vec![
                ("image", json!({ "type": "boolean" })), ("mask", json!({ "enum": ["none", "transparent", "any"] })),
            ])),
            ("chat?", object(vec![
                ("contextTokens", number()), ("vision", boolean()), ("tools", boolean()), ("json", boolean()),
                ("streams", boolean()),
            ])),
            ("totalLimitSeconds", number()),
        ]),
        "ModelList": object(vec![("success", yes()), ("items", list(to("Model")))]),
        "LegacyStatus": object(vec![
            ("success", yes()), ("jobId", id()), ("status", json!({ "enum": ["pending", "processing", "completed", "failed"] })),
            ("result_url", text_or_null()), ("error", text_or_null()), ("provider", text()), ("modelId", text()),
            ("created_at", time()), ("source", text()),
        ]),
        "Flags": flags(),
        "Live": object(vec![("success", yes()), ("status", text())]),
        "Health": object(vec![
            ("success", json!({ "type": "boolean" })), ("status", json!({ "enum": ["ready", "degraded", "unavailable"] })),
            ("version", text()),
            ("checks", object(vec![("database", text()), ("blobs", text()), ("workers", json!({ "type": "object" }))])),
            ("timestamp", time()),
        ]),
        "Refusal": object(vec![
            ("success", json!({ "const": false })), ("error", json!({ "enum": CODES.iter().map(|code| code.code).collect::<Vec<_>>() })), ("message", text()),
            ("details?", json!({ "type": "object" })), ("requestId", text()), ("timestamp", time()),
        ]),
    })
}
