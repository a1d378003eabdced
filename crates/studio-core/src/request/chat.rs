//! A request to go on with a conversation (`POST /api/v1/chat`), or to name one (`POST /api/v1/title`).

use super::{
    Fields, Invalid, Read,
    asked::{deadline, given_parameters, model, parameters, priority},
    messages::{Format, Message, Pictures, Role, Tool, ToolChoice, format, messages, tool_choice, tools},
};
use crate::{
    bill::{Tokens, estimated_tokens},
    catalog::{Catalog, DEFAULT_OUTPUT, MAX_OUTPUT_TOKENS, Modality, Model},
    parameter::{Given, Parameters},
    price::{PriceList, Unit, Usage},
    secret::Prompt,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Fields of the body that are a model's parameters by another place.
pub const CHAT_PARAMETERS: [&str; 5] = ["temperature", "topP", "seed", MAX_OUTPUT_TOKENS, "reasoningEffort"];
/// Most stop words, as the APIs of providers have it.
const MAX_STOPS: usize = 4;
/// Longest stop word, in characters.
const MAX_STOP_CHARS: usize = 100;

/// Tokens that a provider's own frame around a conversation may take: what begins it, and what begins the answer.
const FRAME_TOKENS: u64 = 32;
/// Tokens that the frame around each message, call or tool may take: role, separators, names of ours. OpenAI's is 3 or 4.
const ITEM_TOKENS: u64 = 16;
/// Bytes of English for each token, a little more than there mostly are. What is too long by this is too long.
const GENEROUS_BYTES: u64 = 5;

/// Characters of a conversation that a title is made from (origin.md, 1.1).
const TITLE_CHARS: usize = 2000;
/// Tokens that a chat model may spend on a title. Those that reason need more than its words.
const TITLE_TOKENS: i64 = 512;
const TITLE_INSTRUCTION: &str = "Write a title of three to five words for the conversation that the user shows you, in its language. \
    Answer with the title alone, without quotes and without a full stop.";

/// A checked request to go on with a conversation. Its parameters are complete: the bound of its answer is among them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChatRequest {
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// What the model may call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool>,
    /// Whether it is to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<ToolChoice>,
    /// In which form it is to answer.
    #[serde(default)]
    pub format: Format,
    /// Where its answer ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// Whether the model's provider says its answer piece by piece.
    #[serde(default)]
    pub streams: bool,
    /// Everything else, by the model's own declaration.
    pub parameters: Parameters,
}

impl ChatRequest {
    /// Most tokens of the answer: sent to the provider, which keeps to it.
    pub fn max_output(&self) -> u64 {
        let usual = u64::try_from(DEFAULT_OUTPUT).unwrap_or(u64::MAX);
        self.parameters.get(MAX_OUTPUT_TOKENS).and_then(Value::as_u64).unwrap_or(usual)
    }

    /// The same with a shorter answer.
    pub fn shorten(&mut self, max_output: u64) {
        self.parameters.insert(MAX_OUTPUT_TOKENS.into(), max_output.into());
    }

    /// What the person wrote last.
    pub fn last_words(&self) -> Option<&Prompt> {
        let mut from_the_end = self.messages.iter().rev();
        from_the_end.find(|message| message.role == Role::User)?.texts().last()
    }

    /// The most tokens that this can use. No tokenizer makes more tokens than there are bytes, so the bytes of all that is
    /// sent, and the frames that providers put around it, bound the input.
    pub fn upper_tokens(&self) -> Tokens {
        let (bytes, items, pictures) = self.size();
        let input = bytes.saturating_add(FRAME_TOKENS + items * ITEM_TOKENS).saturating_add(pictures);
        Tokens { input, output: self.max_output(), ..Tokens::default() }
    }

    /// What an exchange of so many tokens uses of what `list` prices.
    pub fn usage(&self, list: &PriceList, tokens: Tokens) -> Usage {
        let characters =
            || self.messages.iter().flat_map(Message::texts).map(|text| text.expose().chars().count() as u64);
        let call = list.rate(Unit::Call).map(|_| (Unit::Call, 1));
        let written = list.rate(Unit::Characters).map(|_| (Unit::Characters, characters().sum()));
        let tokens = tokens.usage();
        tokens.iter().chain(call).chain(written).collect()
    }

    /// A guess at the tokens of the input, never above their bound: for a charge where the provider told nothing.
    pub fn estimated_input(&self) -> u64 {
        let (bytes, items, pictures) = self.size();
        estimated_tokens(bytes).saturating_add(items * ITEM_TOKENS / 4).saturating_add(pictures)
    }

    /// The fewest tokens that this can use, roughly: a short answer to what compresses well.
    pub fn least_tokens(&self) -> Tokens {
        Tokens { input: self.least_input(), output: 1, ..Tokens::default() }
    }

    /// The fewest tokens that the input may have been made into, roughly: what is too long by this is too long.
    fn least_input(&self) -> u64 {
        let (bytes, items, _) = self.size();
        bytes / GENEROUS_BYTES + items
    }

    /// Bytes of text, framed items, and tokens of pictures.
    fn size(&self) -> (u64, u64, u64) {
        let (mut bytes, mut items, mut pictures) = (0_u64, 0_u64, 0_u64);
        for message in &self.messages {
            items += 1 + message.tool_calls.len() as u64;
            bytes += message.texts().map(|text| text.expose().len() as u64).sum::<u64>();
            bytes += message.tool_call_id.as_ref().map_or(0, |id| id.len() as u64);
            for call in &message.tool_calls {
                bytes += (call.id.len() + call.name.len() + call.arguments.expose().len()) as u64;
            }
            pictures = message.pictures().fold(pictures, |sum, picture| sum.saturating_add(picture.tokens));
        }
        for tool in &self.tools {
            items += 1;
            let description = tool.description.as_ref().map_or(0, |text| text.expose().len());
            bytes += (tool.name.len() + description + tool.parameters.to_string().len()) as u64;
        }
        if let Format::Schema { name, schema } = &self.format {
            items += 1;
            bytes += (name.len() + schema.to_string().len()) as u64;
        }
        (bytes, items, pictures)
    }
}

/// A read request for a chat.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadChat<'c> {
    /// The request.
    pub read: Read<'c, ChatRequest>,
    /// Whether the caller wants the answer as it is said.
    pub stream: bool,
    /// Whether the bound of the answer is the caller's own wish, or ours to shorten.
    pub bounded_by_caller: bool,
}

/// Reads the body of a request for a chat. `pictures` is what became of those that [`super::pictures_of`] found in it.
pub fn read_chat<'c>(
    body: &Value,
    catalog: &'c Catalog,
    pictures: &Pictures,
    now: Timestamp,
) -> Result<ReadChat<'c>, Invalid> {
    let mut fields = Fields::of(body)?;
    let mut warnings = Vec::new();
    let model = model(&mut fields, catalog, &[Modality::Chat], &mut warnings);
    let mut read = messages(&mut fields, pictures);
    if read.as_ref().is_some_and(|messages| !messages.iter().any(|m| matches!(m.role, Role::User | Role::Tool))) {
        fields.fault("messages", "must have a message of the user or of a tool: there is nothing to answer");
    }
    let tools = tools(&mut fields);
    let tool_choice = tool_choice(&mut fields, &tools);
    let format = format(&mut fields);
    let stop = stops(&mut fields);
    let stream = match fields.take("stream") {
        None => false,
        Some(Value::Bool(stream)) => *stream,
        Some(_) => {
            fields.fault("stream", "must be true or false");
            false
        }
    };
    let deadline = deadline(&mut fields, now);
    let priority = priority(&mut fields);
    if let (Some(model), Some(messages)) = (model, &mut read) {
        check_traits(&mut fields, model, messages, &tools, &format);
    }
    let given = given_parameters(&mut fields, &CHAT_PARAMETERS);
    // A bound beyond all bounds was moved to what there is: it is no wish any more that can't be granted.
    let bounded_by_caller = given.iter().filter(|(_, name, _)| *name == MAX_OUTPUT_TOKENS).any(|(_, name, value)| {
        let parameter = model.and_then(|model| model.parameters.get(*name));
        parameter.is_some_and(|parameter| matches!(parameter.read(value), Given::Taken(_)))
    });
    let parameters = model.map(|model| parameters(&mut fields, catalog, model, given, 0, &mut warnings));
    let request = read.zip(parameters).zip(model).map(|((messages, parameters), model)| {
        let streams = model.chat.streams;
        ChatRequest { messages, tools, tool_choice, format, stop, streams, parameters }
    });
    let request = request.zip(model).map(|(request, model)| fit(&mut fields, model, request, bounded_by_caller));
    let read = model.zip(request).map(|(model, request)| Read { model, request, deadline, priority, warnings });
    fields.finish(read.map(|read| ReadChat { read, stream, bounded_by_caller }))
}

/// Reads the body of a request for a title. A chat model is asked in words; the title models are shown the conversation.
pub fn read_title<'c>(body: &Value, catalog: &'c Catalog, now: Timestamp) -> Result<Read<'c, ChatRequest>, Invalid> {
    let mut fields = Fields::of(body)?;
    let mut warnings = Vec::new();
    let model = model(&mut fields, catalog, &[Modality::Title, Modality::Chat], &mut warnings);
    let messages = messages(&mut fields, &Pictures::new());
    let deadline = deadline(&mut fields, now);
    let priority = priority(&mut fields);
    let request = model.zip(messages).map(|(model, messages)| {
        let shortened = shorten(&messages);
        let mut parameters = parameters(&mut fields, catalog, model, Vec::new(), 0, &mut warnings);
        let messages = if model.modality == Modality::Title {
            shortened
        } else {
            let bound = parameters.get(MAX_OUTPUT_TOKENS).and_then(Value::as_i64).unwrap_or(TITLE_TOKENS);
            parameters.insert(MAX_OUTPUT_TOKENS.into(), bound.min(TITLE_TOKENS).into());
            let shown: Vec<_> = shortened
                .iter()
                .flat_map(|message| message.texts().map(|text| format!("{}: {}", message.role.as_str(), text.expose())))
                .collect();
            vec![Message::text(Role::System, TITLE_INSTRUCTION), Message::text(Role::User, shown.join("\n\n"))]
        };
        ChatRequest {
            messages,
            tools: Vec::new(),
            tool_choice: None,
            format: Format::Text,
            stop: Vec::new(),
            streams: model.chat.streams,
            parameters,
        }
    });
    let read = model.zip(request).map(|(model, request)| Read { model, request, deadline, priority, warnings });
    fields.finish(read)
}

/// The first [`TITLE_CHARS`] characters of a conversation, without pictures and tools.
fn shorten(messages: &[Message]) -> Vec<Message> {
    let mut left = TITLE_CHARS;
    let mut shortened = Vec::new();
    for message in messages.iter().filter(|message| matches!(message.role, Role::User | Role::Assistant)) {
        let text: String = message.texts().flat_map(|text| text.expose().chars()).take(left).collect();
        left -= text.chars().count();
        if !text.trim().is_empty() {
            shortened.push(Message::text(message.role, text));
        }
    }
    if shortened.is_empty() {
        // Rules alone are a conversation too.
        let first = messages.first().and_then(|message| message.texts().next());
        let text: String = first.map(|text| text.expose().chars().take(TITLE_CHARS).collect()).unwrap_or_default();
        shortened.push(Message::text(Role::User, text));
    }
    shortened
}

fn stops(fields: &mut Fields<'_>) -> Vec<String> {
    let allowed = format!("must be a text, or a list of 1 to {MAX_STOPS}, of 1 to {MAX_STOP_CHARS} characters each");
    let good = |text: &&str| !text.is_empty() && text.chars().count() <= MAX_STOP_CHARS && !text.contains('\0');
    let stops: Option<Vec<String>> = match fields.take("stop") {
        None => return Vec::new(),
        Some(Value::String(text)) => Some(text.as_str()).filter(good).map(|text| vec![text.to_owned()]),
        Some(Value::Array(list)) if (1..=MAX_STOPS).contains(&list.len()) => {
            list.iter().map(|value| value.as_str().filter(good).map(str::to_owned)).collect()
        }
        Some(_) => None,
    };
    if stops.is_none() {
        fields.fault("stop", allowed);
    }
    stops.unwrap_or_default()
}

/// Refuses what the model is known not to do, and notes what its pictures cost.
fn check_traits(fields: &mut Fields<'_>, model: &Model, messages: &mut [Message], tools: &[Tool], format: &Format) {
    let traits = &model.chat;
    if !traits.vision && messages.iter().any(|message| message.pictures().next().is_some()) {
        fields.fault("messages", format!("show pictures, which {} does not look at", model.id));
    }
    if !traits.tools && !tools.is_empty() {
        fields.fault("tools", format!("are given, and {} calls none", model.id));
    }
    if !traits.json && *format != Format::Text {
        fields.fault("responseFormat", format!("must be text: {} can't be held to JSON", model.id));
    }
    for part in messages.iter_mut().flat_map(|message| &mut message.parts) {
        if let super::Part::Picture(picture) = part {
            picture.tokens = traits.picture_tokens;
        }
    }
}

/// Refuses what is surely too long for the model; an answer that the caller did not bound is shortened to what is left.
fn fit(fields: &mut Fields<'_>, model: &Model, mut request: ChatRequest, bounded_by_caller: bool) -> ChatRequest {
    let (context, input) = (model.chat.context_tokens, request.least_input());
    let left = context.saturating_sub(input);
    if left == 0 || (bounded_by_caller && request.max_output() > left) {
        let message = format!(
            "are too long: about {input} tokens at least, and {} for the answer, where {} takes {context} in all",
            request.max_output(),
            model.id
        );
        fields.fault("messages", message);
    } else if request.max_output() > left {
        request.shorten(left);
    }
    request
}

#[cfg(test)]
mod tests;
