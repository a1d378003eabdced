//! What requests look like. Names of models are those of the catalog, for any can be tried (`dryRun`); what conversations may
//! have beside text is what models can do that are ready; bounds of parameters are those of each modality's default model.
//!
//! A schema says what is taken and no more, so that whoever holds the server against it finds no difference: bounds that
//! are no reason to refuse (a number beyond them is brought to the nearest that the model has) are told in words and as
//! `x-minimum` and `x-maximum`, a number may come as text, and `null` is as good as nothing where a field may be left out.

use super::schemas::{id, to};
use crate::commands::{MAX_PROVIDER_KEY_CHARS, MAX_REASON_CHARS};
use serde_json::{Map, Value, json};
use studio_core::{
    catalog::{Catalog, Modality, Model},
    job::{MOST_ADJUSTED, Priority},
    ledger::Window,
    parameter::Parameter,
    request::{CHAT_PARAMETERS, IMAGE_PARAMETERS, MAX_MESSAGES, MAX_PROMPT_CHARS, MAX_WORD_CHARS, OLD_PICTURE_FIELDS},
};

/// Text that says something: not only white space, and without NUL.
const SAYS_SOMETHING: &str = r"^[^\u0000]*[^\s\u0000\u0085][^\u0000]*$";
/// A word of a prompt, but for its length, and what may stand between words: no control characters but tabs and line breaks.
const OF_A_WORD: &str = r"[^\s\u0000-\u001f\u007f-\u009f]";
const BETWEEN_WORDS: &str = r"[\t\n\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]";
/// A reason: text that says something, without control characters but tabs and line breaks.
const REASON: &str = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$";
/// Text without NUL.
const NO_NUL: &str = r"^[^\u0000]*$";
/// A number as text.
const NUMBER: &str = r"^-?[0-9]{1,15}(\.[0-9]{1,15})?$";
/// Most US dollars that a budget can hold: they are kept as nano-dollars in 64 bits.
const MOST_OF_A_BUDGET: i64 = i64::MAX / 1_000_000_000;
/// An amount of them as text. The highest of those with ten digits are left out: none of them is meant.
const BUDGET: &str = r"^([0-9]{1,9}|[1-8][0-9]{9})(\.[0-9]{1,9})?$";
/// Most US dollars that a job can cost.
const MOST_OF_A_JOB: i64 = MOST_ADJUSTED.get() / 1_000_000_000;
/// An amount of them as text.
const COST: &str = r"^([0-9]{1,6}(\.[0-9]{1,9})?|1000000(\.0{1,9})?)$";
/// A name of a tool or of a schema.
const NAME: &str = "^[A-Za-z0-9_-]{1,64}$";

/// The catalog, and which of its providers are ready.
#[derive(Clone, Copy)]
pub(super) struct Served<'a> {
    pub(super) catalog: &'a Catalog,
    /// Whether a provider is ready.
    pub(super) ready: &'a dyn Fn(&str) -> bool,
}

impl<'a> Served<'a> {
    fn models(self, modalities: &[Modality]) -> impl Iterator<Item = &'a Model> {
        self.catalog.models().iter().filter(move |model| modalities.contains(&model.modality))
    }

    /// Whether any model for conversations that is ready can do it.
    fn any(self, can: impl Fn(&Model) -> bool) -> bool {
        self.models(&[Modality::Chat]).any(|model| (self.ready)(&model.provider) && can(model))
    }
}

/// A key of a provider.
pub(super) fn provider_key() -> Value {
    json!({
        "type": "object",
        "required": ["apiKey"],
        "properties": { "apiKey": {
            "type": "string",
            "pattern": format!("^[!-~]{{1,{MAX_PROVIDER_KEY_CHARS}}}$"),
            "writeOnly": true,
            "description": "The key. It is sealed, used for your own jobs only, and never shown again",
        } },
        "additionalProperties": false,
        "examples": [{ "apiKey": "sk-example" }],
    })
}

/// The body of a request for pictures.
pub(super) fn image(served: Served<'_>) -> Value {
    let mut properties = Map::new();
    let word = format!("{OF_A_WORD}{{1,{MAX_WORD_CHARS}}}");
    let pattern = format!("^{BETWEEN_WORDS}*{word}({BETWEEN_WORDS}+{word})*{BETWEEN_WORDS}*$");
    let about = format!("What to draw, in words of at most {MAX_WORD_CHARS} characters");
    properties.insert(
        "prompt".into(),
        json!({ "type": "string", "minLength": 1, "maxLength": MAX_PROMPT_CHARS, "pattern": pattern, "description": about }),
    );
    let mut together =
        Map::from_iter([("provider".to_owned(), only_without_model("provider")), ("model".to_owned(), one_name())]);
    if served.models(&[Modality::Image]).any(|model| (served.ready)(&model.provider) && model.inputs.image) {
        add_pictures(&mut properties, &mut together);
    }
    add_common(&mut properties, served, &[Modality::Image]);
    add_parameters(&mut properties, served, Modality::Image, &IMAGE_PARAMETERS);
    json!({
        "type": "object",
        "required": ["prompt"],
        "properties": properties,
        "dependentSchemas": together,
        "additionalProperties": false,
        "examples": [{ "prompt": "a sea at dusk" }],
    })
}

/// Where a picture is, as a text.
pub(super) fn picture_url() -> Value {
    let text = |pattern: &str, about: &str| json!({ "type": "string", "pattern": pattern, "description": about });
    json!({ "anyOf": [
        text("^data:image/(png|jpeg|webp);base64,", "A `data:` URI: the picture itself"),
        text("^/api/v1/assets/", "The address of an asset of yours"),
        text("^https?://", "A public address: it is fetched once, and kept as an asset of yours"),
    ] })
}

/// The pictures that a request may begin with, by all their names, and what goes with which.
fn add_pictures(properties: &mut Map<String, Value>, together: &mut Map<String, Value>) {
    let object = |name: &str, value: Value| json!({ "type": "object", "required": [name], "properties": { name: value }, "additionalProperties": false });
    let url = || to("PictureUrl");
    let forms = [url(), id(), object("assetId", id()), object("url", url())];
    for (name, about) in [
        (
            "image",
            "A picture to be changed by the prompt, instead of drawing one; by models whose `inputs.image` is true",
        ),
        (
            "mask",
            "Where `image` is to be painted anew: transparent there, or white on black where nothing is transparent; the rest stays as it is",
        ),
    ] {
        properties.insert(name.into(), or_null(json!({ "anyOf": forms, "description": about })));
    }
    for name in OLD_PICTURE_FIELDS {
        let today = if name.starts_with("image") { "image" } else { "mask" };
        let about = format!("An older name of `{today}`");
        properties.insert(name.into(), or_null(json!({ "anyOf": forms, "deprecated": true, "description": about })));
        together.insert(name.into(), json!({ "properties": { today: { "type": "null" } }, "description": about }));
    }
    let given = |name: &str| json!({ "required": [name], "properties": { name: { "not": { "type": "null" } } } });
    let images = ["image", "imageUrl"].map(given);
    let image = json!({ "anyOf": images });
    for name in ["mask", "maskUrl"] {
        let unless_null = json!({ "anyOf": [{ "properties": { name: { "type": "null" } } }, image] });
        let rules = together.remove(name).into_iter().chain([unless_null]).collect::<Vec<_>>();
        together.insert(name.into(), json!({ "allOf": rules }));
    }
}

fn parameter_schema(parameter: &Parameter) -> Value {
    let number = |least: Value, most: Value| {
        let about =
            format!("{}; a number beyond is brought to the nearest, with a warning", capital(&parameter.allowed()));
        json!({
            "type": ["number", "string", "null"], "pattern": NUMBER, "description": about, "x-minimum": least, "x-maximum": most,
        })
    };
    let mut schema = match parameter {
        Parameter::Integer { min, max, .. } => number(json!(min), json!(max)),
        Parameter::Number { min, max, .. } => number(json!(min), json!(max)),
        Parameter::Boolean { .. } => or_null(json!({ "type": "boolean" })),
        Parameter::Choice { of, .. } => or_null(json!({ "enum": of })),
        Parameter::Text { max_chars } => {
            or_null(json!({ "type": "string", "maxLength": max_chars, "pattern": NO_NUL }))
        }
    };
    if let Some(default) = parameter.default_value() {
        schema["default"] = default;
    }
    schema
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A field that may be left out: `null` is as good as nothing.
pub(super) fn or_null(mut schema: Value) -> Value {
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.push(Value::Null);
    } else if let Some(forms) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        forms.push(json!({ "type": "null" }));
    } else {
        schema["type"] = json!([schema["type"].take(), "null"]);
    }
    schema
}

/// `model` is the older name of `modelId`: one of the two.
fn one_name() -> Value {
    json!({ "properties": { "modelId": { "type": "null" } }, "description": "`model` is an older name of `modelId`" })
}

/// What a field says who runs it goes with: an older way to name a model, which a model's own name must not contradict.
fn only_without_model(field: &str) -> Value {
    let about = format!("`{field}` is for requests that name no model");
    json!({ "properties": { "modelId": { "type": "null" }, "model": { "type": "null" } }, "description": about })
}

/// Parameters that may stand in the body itself, as the default model declares them, else the first that has them.
fn add_parameters(properties: &mut Map<String, Value>, served: Served<'_>, modality: Modality, names: &[&str]) {
    let usual = served.catalog.default_of(modality);
    for name in names {
        let declared =
            usual.into_iter().chain(served.models(&[modality])).find_map(|model| model.parameters.get(*name));
        if let Some(parameter) = declared {
            properties.insert((*name).to_owned(), parameter_schema(parameter));
        }
    }
}

/// What every generating request takes: the model by its names, its parameters, a deadline.
fn add_common(properties: &mut Map<String, Value>, served: Served<'_>, modalities: &[Modality]) {
    let names: Vec<_> =
        served.models(modalities).flat_map(|model| std::iter::once(&model.id).chain(&model.aliases)).collect();
    let about = "A model or one of its aliases; the default model if there is none";
    properties.insert("modelId".into(), or_null(json!({ "enum": names, "description": about })));
    let about = "Parameters by name: the same as fields of the body, and those that only some models have; what the model \
        doesn't know is left out, with a warning";
    properties.insert("modelParams".into(), or_null(json!({ "type": "object", "description": about })));
    let about = "When the work dies; a time to come";
    properties
        .insert("deadline".into(), or_null(json!({ "type": "string", "format": "date-time", "description": about })));
    let about = "How urgent it is among your own jobs; users take turns whatever they say";
    let priorities = Priority::ALL.map(Priority::as_str);
    properties
        .insert("priority".into(), or_null(json!({ "enum": priorities, "default": "normal", "description": about })));
    let about = "The first model of this provider; send `modelId` instead";
    // Only the first of the modalities has a default to fall back to.
    let mut providers: Vec<_> =
        served.models(modalities.get(..1).unwrap_or_default()).map(|model| &model.provider).collect();
    providers.dedup();
    properties
        .insert("provider".into(), or_null(json!({ "enum": providers, "deprecated": true, "description": about })));
    let about = "An older name of `modelId`";
    properties.insert("model".into(), or_null(json!({ "enum": names, "deprecated": true, "description": about })));
}

/// The body of a request for a chat.
pub(super) fn chat(served: Served<'_>) -> Value {
    let mut properties = Map::new();
    properties.insert("messages".into(), conversation());
    let about = "Whether the answer comes as it is said, as server-sent events";
    properties.insert("stream".into(), or_null(json!({ "type": "boolean", "default": false, "description": about })));
    let mut together = Map::new();
    if served.any(|model| model.chat.tools) {
        properties.insert("tools".into(), tools());
        let named = json!({
            "type": "object", "required": ["name"], "properties": { "name": { "type": "string", "pattern": NAME } },
        });
        let choice = json!({
            "anyOf": [{ "enum": ["auto", "none", "required"] }, named],
            "description": "`auto`, `none`, `required`, or the `name` of one of `tools`",
        });
        properties.insert("toolChoice".into(), or_null(choice));
        together.insert("toolChoice".into(), json!(["tools"]));
    }
    properties.insert("responseFormat".into(), format(served.any(|model| model.chat.json)));
    let stop = json!({ "type": "string", "minLength": 1, "maxLength": 100, "pattern": NO_NUL });
    let stops = json!({ "anyOf": [stop, { "type": "array", "items": stop, "minItems": 1, "maxItems": 4 }] });
    properties.insert("stop".into(), or_null(stops));
    add_common(&mut properties, served, &[Modality::Chat]);
    add_parameters(&mut properties, served, Modality::Chat, &CHAT_PARAMETERS);
    let mut old = properties["provider"].clone();
    old["description"] = "An older name of `provider`".into();
    properties.insert("providerId".into(), old);
    json!({
        "type": "object",
        "required": ["messages"],
        "properties": properties,
        "dependentRequired": together,
        "dependentSchemas": {
            "provider": only_without_model("provider"),
            "model": one_name(),
            "providerId": only_without_model("providerId"),
        },
        "additionalProperties": false,
        "examples": [{ "messages": [{ "role": "user", "content": "How do I set a budget?" }] }],
    })
}

/// The body of a request for a title.
pub(super) fn title(served: Served<'_>) -> Value {
    let mut properties = Map::new();
    properties.insert("messages".into(), messages());
    add_common(&mut properties, served, &[Modality::Title, Modality::Chat]);
    // A title is short whatever a caller would like.
    properties.retain(|name, _| {
        ["messages", "modelId", "model", "provider", "deadline", "priority"].contains(&name.as_str())
    });
    json!({
        "type": "object",
        "required": ["messages"],
        "properties": properties,
        "dependentSchemas": { "provider": only_without_model("provider"), "model": one_name() },
        "additionalProperties": false,
        "examples": [{ "messages": [{ "role": "user", "content": "How do I bake sourdough bread?" }] }],
    })
}

/// An amount in USD. A fraction is written as text: a number in JSON is not exact.
fn amount(pattern: &str, most: i64) -> Value {
    let text = json!({ "type": "string", "pattern": pattern, "examples": ["0.25"] });
    json!({ "anyOf": [text, { "type": "integer", "minimum": 0, "maximum": most }] })
}

fn cost() -> Value {
    amount(COST, MOST_OF_A_JOB)
}

/// The body of a request that says what became of an unknown job.
pub(super) fn resolve() -> Value {
    let about = "The provider never had it: nothing is charged";
    json!({
        "type": "object",
        "description": "`charged`, in USD, or `notLanded`; one of the two",
        "properties": {
            "charged": or_null(cost()),
            "notLanded": { "type": ["boolean", "null"], "description": about },
            "reason": { "type": ["string", "null"], "maxLength": MAX_REASON_CHARS, "pattern": REASON, "description": "How you know, for whoever reads the ledger" },
        },
        "oneOf": [
            { "required": ["charged"], "properties": { "charged": cost(), "notLanded": { "enum": [false, null] } } },
            { "required": ["notLanded"], "properties": { "notLanded": { "const": true }, "charged": { "type": "null" } } },
        ],
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
            "providerCharged": or_null(cost()),
            "payerPays": or_null(cost()),
            "reason": { "type": "string", "maxLength": MAX_REASON_CHARS, "description": "Why, for whoever reads the ledger", "pattern": REASON },
        },
        "anyOf": [
            { "required": ["providerCharged"], "properties": { "providerCharged": cost() } },
            { "required": ["payerPays"], "properties": { "payerPays": cost() } },
        ],
        "additionalProperties": false,
        "examples": [{ "providerCharged": "0.05", "reason": "bill 2026-11" }],
    })
}

/// The body of a request that sets budgets.
pub(super) fn budget() -> Value {
    let properties: Map<_, _> = Window::ALL
        .iter()
        .map(|window| (window.as_str().to_owned(), or_null(amount(BUDGET, MOST_OF_A_BUDGET))))
        .collect();
    json!({
        "type": "object",
        "description": "Amounts in USD. A window that is not named, or null, has no limit",
        "properties": properties,
        "additionalProperties": false,
        "examples": [{ "day": "1.50", "month": "20" }],
    })
}

fn tools() -> Value {
    let tool = json!({
        "type": "object",
        "required": ["name", "parameters"],
        "properties": {
            "name": { "type": "string", "pattern": NAME, "description": "Its own among the tools of a request" },
            "description": { "type": "string" },
            "parameters": { "type": "object", "description": "The JSON schema of its arguments" },
        },
    });
    json!({ "type": ["array", "null"], "items": tool, "maxItems": 64 })
}

/// The form in which a model is to answer: text, and JSON where a model can be held to it.
fn format(json: bool) -> Value {
    let mut words = vec![json!("text")];
    let mut forms =
        vec![json!({ "type": "object", "required": ["type"], "properties": { "type": { "const": "text" } } })];
    let mut about = "`text`";
    if json {
        about = "`text`, `json`, or `{\"type\": \"json_schema\", \"name\", \"schema\"}`";
        words.extend(["json", "json_object"].map(Value::from));
        let kinds = json!({ "enum": ["json", "json_object"] });
        forms.push(json!({ "type": "object", "required": ["type"], "properties": { "type": kinds } }));
        forms.push(json!({
            "type": "object",
            "required": ["type", "schema"],
            "properties": {
                "type": { "const": "json_schema" },
                "name": { "type": "string", "pattern": NAME, "default": "answer" },
                "schema": { "type": "object" },
            },
        }));
    }
    forms.insert(0, json!({ "enum": words }));
    or_null(json!({ "anyOf": forms, "default": "text", "description": about }))
}

/// Messages of which one at least wants an answer.
fn conversation() -> Value {
    let asks =
        json!({ "type": "object", "required": ["role"], "properties": { "role": { "enum": ["user", "tool"] } } });
    let mut messages = messages();
    messages["contains"] = asks;
    messages
}

fn messages() -> Value {
    json!({ "type": "array", "items": to("ChatMessage"), "minItems": 1, "maxItems": MAX_MESSAGES })
}

/// One message of a conversation, as it is sent. Who says it tells what it may have.
pub(super) fn message(served: Served<'_>) -> Value {
    let says = json!({ "type": "string", "pattern": SAYS_SOMETHING });
    let text = json!({
        "type": "object", "required": ["type", "text"], "properties": { "type": { "const": "text" }, "text": says },
    });
    let mut parts = vec![text.clone()];
    if served.any(|model| model.chat.vision) {
        parts.push(json!({
            "type": "object", "required": ["type", "assetId"],
            "properties": { "type": { "const": "image" }, "assetId": id() },
        }));
        parts.push(json!({
            "type": "object", "required": ["type", "url"],
            "properties": { "type": { "const": "image" }, "url": to("PictureUrl") },
        }));
    }
    let list = |parts: Vec<Value>| {
        let part =
            if parts.len() == 1 { parts.into_iter().next().unwrap_or_default() } else { json!({ "anyOf": parts }) };
        json!({ "anyOf": [says, { "type": "array", "items": part, "minItems": 1 }] })
    };
    let said = |roles: &[&str], content: Value| {
        json!({
            "type": "object",
            "required": ["role", "content"],
            "properties": { "role": { "enum": roles }, "content": content },
            "additionalProperties": false,
        })
    };
    let mut forms =
        vec![said(&["user"], list(parts)), said(&["system", "developer", "assistant"], list(vec![text.clone()]))];
    if served.any(|model| model.chat.tools) {
        let maybe = json!({ "anyOf": [{ "type": "string", "pattern": NO_NUL }, { "type": "array", "items": text }] });
        let call = json!({
            "type": "object",
            "required": ["id", "name", "arguments"],
            "properties": {
                "id": { "type": "string", "minLength": 1 }, "name": { "type": "string", "pattern": NAME },
                "arguments": { "anyOf": [{ "type": "string" }, { "type": "object" }], "description": "JSON" },
            },
        });
        forms.push(json!({
            "type": "object",
            "required": ["role", "toolCalls"],
            "properties": {
                "role": { "const": "assistant" }, "content": or_null(maybe.clone()),
                "toolCalls": { "type": "array", "items": call, "minItems": 1, "maxItems": 64 },
            },
            "additionalProperties": false,
        }));
        let about = "The `id` of a call in an earlier message";
        forms.push(json!({
            "type": "object",
            "required": ["role", "toolCallId"],
            "properties": {
                "role": { "const": "tool" }, "content": or_null(maybe),
                "toolCallId": { "type": "string", "description": about },
            },
            "additionalProperties": false,
        }));
    }
    json!({ "anyOf": forms })
}
