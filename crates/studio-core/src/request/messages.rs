//! Messages of a conversation, the tools that a model may call in it, and the form in which it is to answer: what they are,
//! and how they are read. The shapes of OpenAI's API are taken beside our own where they say the same.

use super::{FieldFault, Fields, Invalid};
use crate::{
    id::AssetId,
    job::ContentHash,
    media::{MediaType, Raster},
    secret::Prompt,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// Most messages of a conversation (origin.md, 1).
pub const MAX_MESSAGES: usize = 100;
/// Most pictures in all of its messages.
pub const MAX_PICTURES: usize = 16;
/// Most tools.
const MAX_TOOLS: usize = 64;
/// How the address of an asset of ours begins.
const OUR_ASSETS: &str = "/api/v1/assets/";
/// Longest name of a tool, as the APIs of providers have it.
const MAX_NAME_CHARS: usize = 64;

/// Who says a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Whoever sets the rules of the conversation.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// A tool that the model called.
    Tool,
}

impl Role {
    /// As in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

/// A picture in a message: bytes that we keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// Its name in its owner's library.
    pub asset: AssetId,
    /// Its content.
    pub hash: ContentHash,
    /// Its type, told by its bytes.
    pub media_type: MediaType,
    /// Its size in bytes.
    pub bytes: u64,
    /// The most tokens that the model's provider bills for it.
    #[serde(default)]
    pub tokens: u64,
    /// How large it is, as far as its head says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raster: Option<Raster>,
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Text.
    Text(Prompt),
    /// A picture.
    Picture(Picture),
}

/// A tool that the model wanted to be called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// By which name the result is given back.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments: JSON as the model wrote it.
    pub arguments: Prompt,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What.
    pub parts: Vec<Part>,
    /// The tools that the model wanted to be called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// Which of these it is the result of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
}

impl Message {
    /// A message of text.
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        let parts = vec![Part::Text(Prompt::new(text))];
        Self { role, parts, tool_calls: Vec::new(), tool_call_id: None }
    }

    /// Its pictures.
    pub fn pictures(&self) -> impl Iterator<Item = &Picture> {
        self.parts.iter().filter_map(|part| match part {
            Part::Picture(picture) => Some(picture),
            Part::Text(_) => None,
        })
    }

    /// Its texts.
    pub fn texts(&self) -> impl Iterator<Item = &Prompt> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text),
            Part::Picture(_) => None,
        })
    }
}

/// A tool that the model may call.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it is for, in words for the model.
    pub description: Option<Prompt>,
    /// The JSON schema of its arguments.
    pub parameters: Value,
}

impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tool({})", self.name)
    }
}

/// Whether tools are to be called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    /// As the model likes.
    Auto,
    /// None.
    None,
    /// At least one.
    Required,
    /// This one.
    Named(String),
}

/// The form in which the model is to answer.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Text.
    #[default]
    Text,
    /// A JSON object.
    Json,
    /// JSON by this schema.
    Schema {
        /// The schema's name.
        name: String,
        /// The schema.
        schema: Value,
    },
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "Text",
            Self::Json => "Json",
            Self::Schema { .. } => "Schema",
        })
    }
}

/// Where the picture of a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureSource<'a> {
    /// In the library, by this id.
    Asset(&'a str),
    /// In the request itself: a `data:` URI.
    Inline(&'a str),
    /// At an address of others, as it was given: not even that it is one is known. Empty if nothing was given.
    Elsewhere(&'a str),
}

impl<'a> PictureSource<'a> {
    /// What a text means where a picture is wanted: a `data:` URI, an address of an asset of ours, any other address, or else an
    /// asset's id.
    pub fn of(text: &'a str) -> Self {
        if text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("data:")) {
            return Self::Inline(text);
        }
        match text.strip_prefix(OUR_ASSETS) {
            Some(rest) => Self::Asset(rest.split(['/', '?', '#']).next().unwrap_or_default()),
            None if text.contains("://") => Self::Elsewhere(text),
            None => Self::Asset(text),
        }
    }
}

/// What became of each picture that a body names, by its path: the picture, or what is wrong with it.
pub type Pictures = BTreeMap<String, Result<Picture, String>>;

/// The pictures that a body's messages name, each by its path: `messages[0].content[1]`. Of a body that is no conversation
/// there are none.
pub fn pictures_of(body: &Value) -> Vec<(String, PictureSource<'_>)> {
    let messages = body["messages"].as_array().into_iter().flatten().take(MAX_MESSAGES).enumerate();
    let parts = messages.flat_map(|(m, message)| {
        message["content"].as_array().into_iter().flatten().enumerate().map(move |(p, part)| (m, p, part))
    });
    let pictures = parts.filter_map(|(m, p, part)| {
        let url = match part["type"].as_str()? {
            "image" => part["url"].as_str(),
            "image_url" => part["image_url"]["url"].as_str(),
            _ => return None,
        };
        let source = match (part["assetId"].as_str(), url) {
            (Some(id), _) => PictureSource::Asset(id),
            (None, Some(url)) => match PictureSource::of(url) {
                // What is meant as an address and is none.
                PictureSource::Asset(_) if !url.starts_with(OUR_ASSETS) => PictureSource::Elsewhere(url),
                source => source,
            },
            (None, None) => PictureSource::Elsewhere(""),
        };
        Some((format!("messages[{m}].content[{p}]"), source))
    });
    pictures.collect()
}

/// Reads `messages`. Nothing when any is wrong, which is then noted.
pub(super) fn messages(fields: &mut Fields<'_>, pictures: &Pictures) -> Option<Vec<Message>> {
    let allowed = format!("must be a list of 1 to {MAX_MESSAGES} messages");
    let list = match fields.take("messages") {
        None => {
            fields.fault("messages", "is required");
            return None;
        }
        Some(Value::Array(list)) if !list.is_empty() && list.len() <= MAX_MESSAGES => list,
        Some(Value::Array(list)) => {
            fields.fault("messages", format!("{allowed}; this one has {}", list.len()));
            return None;
        }
        Some(_) => {
            fields.fault("messages", allowed);
            return None;
        }
    };
    if pictures.len() > MAX_PICTURES {
        fields.fault("messages", format!("may show at most {MAX_PICTURES} pictures; these show {}", pictures.len()));
    }
    let mut calls = BTreeSet::new();
    let mut read = Vec::with_capacity(list.len());
    for (index, value) in list.iter().enumerate() {
        let path = format!("messages[{index}]");
        match message(value, &path, pictures, &mut calls) {
            Ok(message) => read.push(message),
            Err(invalid) => fields.absorb(&path, invalid),
        }
    }
    (read.len() == list.len()).then_some(read)
}

fn message<'a>(
    value: &'a Value,
    path: &str,
    pictures: &Pictures,
    calls: &mut BTreeSet<&'a str>,
) -> Result<Message, Invalid> {
    let mut fields = Fields::of(value)?;
    let role = match fields.text("role") {
        Some("system" | "developer") => Some(Role::System),
        Some("user") => Some(Role::User),
        Some("assistant") => Some(Role::Assistant),
        Some("tool") => Some(Role::Tool),
        _ => {
            fields.fault("role", "must be one of system, user, assistant, tool");
            None
        }
    };
    let content = fields.take("content");
    let parts = match content {
        None => Some(Vec::new()),
        Some(Value::String(text)) => checked(&mut fields, "content", text).map(|text| vec![Part::Text(text)]),
        Some(Value::Array(list)) => parts(&mut fields, list, path, pictures),
        Some(_) => {
            fields.fault("content", "must be a text or a list of parts");
            None
        }
    };
    let tool_calls = tool_calls(&mut fields, role, calls);
    let tool_call_id = tool_call_id(&mut fields, role, calls);
    if let (Some(role), Some(parts)) = (role, &parts) {
        let silent = parts.iter().all(|part| matches!(part, Part::Text(text) if text.expose().trim().is_empty()));
        // A tool may have nothing to say, and a model that calls tools need not speak.
        let may_be_silent = role == Role::Tool || !tool_calls.is_empty();
        if silent && !may_be_silent {
            fields.fault("content", "must not be empty");
        }
        if role != Role::User && parts.iter().any(|part| matches!(part, Part::Picture(_))) {
            fields.fault("content", "may show pictures only in a message of the user");
        }
    }
    let read = role.zip(parts).map(|(role, parts)| Message { role, parts, tool_calls, tool_call_id });
    fields.finish(read)
}

/// A text that may be sent to a model.
fn checked(fields: &mut Fields<'_>, field: &str, text: &str) -> Option<Prompt> {
    if text.contains('\0') {
        fields.fault(field, "must not contain the NUL character");
        return None;
    }
    Some(Prompt::new(text))
}

fn parts(fields: &mut Fields<'_>, list: &[Value], path: &str, pictures: &Pictures) -> Option<Vec<Part>> {
    const ALLOWED: &str =
        "must be {\"type\": \"text\", \"text\": ...} or {\"type\": \"image\", \"assetId\" or \"url\": ...}";
    let mut read = Vec::with_capacity(list.len());
    for (index, part) in list.iter().enumerate() {
        let field = format!("content[{index}]");
        let found = match (part["type"].as_str(), part["text"].as_str()) {
            (Some("text"), Some(text)) => checked(fields, &field, text).map(Part::Text),
            (Some("image" | "image_url"), _) => match pictures.get(&format!("{path}.{field}")) {
                Some(Ok(picture)) => Some(Part::Picture(picture.clone())),
                Some(Err(fault)) => {
                    fields.fault(&field, fault);
                    None
                }
                None => {
                    fields.fault(&field, ALLOWED);
                    None
                }
            },
            _ => {
                fields.fault(&field, ALLOWED);
                None
            }
        };
        read.extend(found);
    }
    (read.len() == list.len()).then_some(read)
}

fn tool_calls<'a>(fields: &mut Fields<'a>, role: Option<Role>, known: &mut BTreeSet<&'a str>) -> Vec<ToolCall> {
    let ours = fields.take("toolCalls");
    let Some(value) = ours.or(fields.take("tool_calls")) else { return Vec::new() };
    let Some(list) = value.as_array().filter(|list| list.len() <= MAX_TOOLS) else {
        fields.fault("toolCalls", format!("must be a list of at most {MAX_TOOLS} calls"));
        return Vec::new();
    };
    if role != Some(Role::Assistant) && !list.is_empty() {
        fields.fault("toolCalls", "belongs to a message of the assistant");
    }
    let mut read = Vec::with_capacity(list.len());
    for (index, call) in list.iter().enumerate() {
        // `{"function": {"name", "arguments"}}` is OpenAI's way of saying it.
        let function = call.get("function").unwrap_or(call);
        let arguments = match &function["arguments"] {
            Value::String(text) => Some(text.clone()),
            object @ Value::Object(_) => Some(object.to_string()),
            Value::Null => Some("{}".to_owned()),
            _ => None,
        };
        match (call["id"].as_str(), function["name"].as_str(), arguments) {
            (Some(id), Some(name), Some(arguments)) if !id.is_empty() && is_name(name) => {
                known.insert(id);
                read.push(ToolCall { id: id.to_owned(), name: name.to_owned(), arguments: Prompt::new(arguments) });
            }
            _ => fields.fault(&format!("toolCalls[{index}]"), "must have an id, a name, and arguments as JSON"),
        }
    }
    read
}

fn tool_call_id(fields: &mut Fields<'_>, role: Option<Role>, known: &BTreeSet<&str>) -> Option<String> {
    let ours = fields.text("toolCallId");
    let id = ours.or(fields.text("tool_call_id"));
    match (role, id) {
        (Some(Role::Tool), None) => fields.fault("toolCallId", "is required in a message of a tool"),
        (Some(Role::Tool), Some(id)) if !known.contains(id) => {
            fields.fault("toolCallId", "must be the id of a call in an earlier message of the assistant");
        }
        (Some(Role::Tool) | None, _) | (_, None) => {}
        (Some(_), Some(_)) => fields.fault("toolCallId", "belongs to a message of a tool"),
    }
    id.map(str::to_owned)
}

/// Reads `tools`.
pub(super) fn tools(fields: &mut Fields<'_>) -> Vec<Tool> {
    let Some(value) = fields.take("tools") else { return Vec::new() };
    let Some(list) = value.as_array().filter(|list| list.len() <= MAX_TOOLS) else {
        fields.fault("tools", format!("must be a list of at most {MAX_TOOLS} tools"));
        return Vec::new();
    };
    let mut read: Vec<Tool> = Vec::with_capacity(list.len());
    for (index, value) in list.iter().enumerate() {
        let path = format!("tools[{index}]");
        let tool = value.get("function").unwrap_or(value);
        let Some(name) = tool["name"].as_str().filter(|name| is_name(name)) else {
            let allowed = format!("must be 1 to {MAX_NAME_CHARS} letters, digits, _ or -");
            fields.fault(&format!("{path}.name"), allowed);
            continue;
        };
        if read.iter().any(|other| other.name == name) {
            fields.fault(&format!("{path}.name"), "is the name of another tool");
        }
        let parameters = &tool["parameters"];
        if !parameters.is_object() {
            fields.fault(
                &format!("{path}.parameters"),
                "is required: the JSON schema of the tool's arguments, an object",
            );
            continue;
        }
        let description = tool["description"].as_str().map(Prompt::new);
        read.push(Tool { name: name.to_owned(), description, parameters: parameters.clone() });
    }
    read
}

/// Reads `toolChoice`.
pub(super) fn tool_choice(fields: &mut Fields<'_>, tools: &[Tool]) -> Option<ToolChoice> {
    let choice = match fields.take("toolChoice")? {
        Value::String(word) => match word.as_str() {
            "auto" => Some(ToolChoice::Auto),
            "none" => Some(ToolChoice::None),
            "required" => Some(ToolChoice::Required),
            _ => None,
        },
        object => {
            let name = object.get("function").unwrap_or(object)["name"].as_str();
            name.filter(|name| tools.iter().any(|tool| tool.name == *name))
                .map(|name| ToolChoice::Named(name.to_owned()))
        }
    };
    if choice.is_none() {
        fields.fault("toolChoice", "must be auto, none, required, or {\"name\": one of the tools}");
    } else if tools.is_empty() {
        fields.fault("toolChoice", "is given without tools");
    }
    choice
}

/// Reads `responseFormat`.
pub(super) fn format(fields: &mut Fields<'_>) -> Format {
    const ALLOWED: &str =
        "must be \"text\", \"json\", or {\"type\": \"json_schema\", \"name\": ..., \"schema\": an object}";
    let Some(value) = fields.take("responseFormat") else { return Format::Text };
    let kind = value.as_str().or(value["type"].as_str());
    match kind {
        Some("text") => Format::Text,
        Some("json" | "json_object") => Format::Json,
        Some("json_schema") => {
            let given = value.get("json_schema").unwrap_or(value);
            let name = given["name"].as_str().unwrap_or("answer");
            if is_name(name) && given["schema"].is_object() {
                return Format::Schema { name: name.to_owned(), schema: given["schema"].clone() };
            }
            fields.fault("responseFormat", ALLOWED);
            Format::Text
        }
        _ => {
            fields.fault("responseFormat", ALLOWED);
            Format::Text
        }
    }
}

fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_CHARS).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

/// A fault, for those who find one outside of a body's fields.
impl From<FieldFault> for Invalid {
    fn from(fault: FieldFault) -> Self {
        Self(vec![fault])
    }
}
