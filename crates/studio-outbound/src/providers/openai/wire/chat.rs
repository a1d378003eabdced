//! Conversations: a request into the body that asks for the next message.

use crate::providers::{shown::data_url, words::snake_case};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use studio_core::{
    catalog::MAX_OUTPUT_TOKENS,
    job::ContentHash,
    request::{ChatRequest, Format, Message, Part, Role, Tool, ToolChoice},
    retry::Failure,
};

/// The body that asks a model to go on with a conversation. `bound` is what the API calls the most tokens of an answer.
pub(in super::super) fn chat_request(
    model: &str,
    chat: &ChatRequest,
    pictures: &HashMap<ContentHash, Bytes>,
    bound: &str,
) -> Result<Bytes, Failure> {
    chat_body(model, chat, pictures, bound).map(|body| Value::Object(body).to_string().into())
}

fn chat_body(
    model: &str,
    chat: &ChatRequest,
    pictures: &HashMap<ContentHash, Bytes>,
    bound: &str,
) -> Result<Map<String, Value>, Failure> {
    let messages = chat.messages.iter().map(|message| self::message(message, pictures));
    let mut body = Map::from_iter([
        ("model".to_owned(), Value::from(model)),
        ("messages".to_owned(), messages.collect::<Result<_, _>>()?),
    ]);
    for (name, value) in chat.parameters.iter().filter(|(name, _)| *name != MAX_OUTPUT_TOKENS) {
        body.insert(snake_case(name), value.clone());
    }
    // The hold was made for this many, so it is always said.
    body.insert(bound.to_owned(), chat.max_output().into());
    if !chat.stop.is_empty() {
        body.insert("stop".into(), chat.stop.clone().into());
    }
    if !chat.tools.is_empty() {
        body.insert("tools".into(), chat.tools.iter().map(tool).collect());
    }
    if let Some(choice) = &chat.tool_choice {
        body.insert("tool_choice".into(), tool_choice(choice));
    }
    match &chat.format {
        Format::Text => {}
        Format::Json => {
            body.insert("response_format".into(), json!({ "type": "json_object" }));
        }
        // Strict ones must be in a dialect of their own, which callers' schemas mostly are not.
        Format::Schema { name, schema } => {
            let schema = json!({ "name": name, "schema": schema, "strict": false });
            body.insert("response_format".into(), json!({ "type": "json_schema", "json_schema": schema }));
        }
    }
    if chat.streams {
        body.insert("stream".into(), true.into());
        body.insert("stream_options".into(), json!({ "include_usage": true }));
    }
    Ok(body)
}

fn message(message: &Message, pictures: &HashMap<ContentHash, Bytes>) -> Result<Value, Failure> {
    let content = match &message.parts[..] {
        [] if message.role == Role::Assistant && !message.tool_calls.is_empty() => Value::Null,
        [] => "".into(),
        // Many who imitate the API know no other content.
        [Part::Text(text)] => text.expose().into(),
        parts => parts.iter().map(|part| self::part(part, pictures)).collect::<Result<_, _>>()?,
    };
    let mut said =
        Map::from_iter([("role".to_owned(), Value::from(message.role.as_str())), ("content".to_owned(), content)]);
    if !message.tool_calls.is_empty() {
        let calls = message.tool_calls.iter().map(|call| {
            let function = json!({ "name": call.name, "arguments": call.arguments.expose() });
            json!({ "id": call.id, "type": "function", "function": function })
        });
        said.insert("tool_calls".into(), calls.collect());
    }
    if let Some(id) = &message.tool_call_id {
        said.insert("tool_call_id".into(), id.as_str().into());
    }
    Ok(said.into())
}

fn part(part: &Part, pictures: &HashMap<ContentHash, Bytes>) -> Result<Value, Failure> {
    match part {
        Part::Text(text) => Ok(json!({ "type": "text", "text": text.expose() })),
        Part::Picture(picture) => {
            let url = data_url(picture, pictures)?;
            Ok(json!({ "type": "image_url", "image_url": { "url": url } }))
        }
    }
}

fn tool(tool: &Tool) -> Value {
    let mut function = json!({ "name": tool.name, "parameters": tool.parameters });
    if let Some(description) = &tool.description {
        function["description"] = description.expose().into();
    }
    json!({ "type": "function", "function": function })
}

fn tool_choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => "auto".into(),
        ToolChoice::None => "none".into(),
        ToolChoice::Required => "required".into(),
        ToolChoice::Named(name) => json!({ "type": "function", "function": { "name": name } }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::sample;
    use studio_core::request::ToolCall;
    use studio_core::retry::FailureKind;
    use studio_core::secret::Prompt;

    fn body(chat: &ChatRequest) -> Value {
        Value::Object(chat_body("gpt-5.6-luna", chat, &HashMap::new(), "max_completion_tokens").unwrap())
    }

    #[test]
    fn a_plain_request() {
        let chat = sample::chat(json!({ "maxOutputTokens": 9 }));
        let expected = json!({"model": "gpt-5.6-luna", "max_completion_tokens": 9, "stream": true,
            "stream_options": {"include_usage": true}, "messages": [{"role": "user", "content": "why is the \"sea\" 🌊 blue?"}]});
        assert_eq!(body(&chat), expected);
        // A bound is always said, and whoever says nothing piece by piece is not asked to.
        let bare = body(&ChatRequest { streams: false, ..sample::chat(json!({})) });
        assert_eq!(bare["max_completion_tokens"], 4096);
        assert!(bare.get("stream").is_none() && bare.get("stream_options").is_none());
        let imitated = chat_body("m", &chat, &HashMap::new(), "max_tokens").unwrap();
        assert_eq!(imitated["max_tokens"], 9);
        assert!(!imitated.contains_key("max_completion_tokens"));
    }

    #[test]
    fn everything_that_can_be_asked_for() {
        let parameters = json!({"maxOutputTokens": 9, "temperature": 0.5, "topP": 0.9, "seed": 7,
            "reasoningEffort": "low", "someNewThing": true});
        let schema = json!({"type": "object"});
        let tool = |name: &str, description: Option<&str>| Tool {
            name: name.into(),
            description: description.map(Prompt::new),
            parameters: schema.clone(),
        };
        let chat = ChatRequest {
            stop: vec!["END".into(), "\n".into()],
            tools: vec![tool("look", Some("Looks.")), tool("jump", None)],
            tool_choice: Some(ToolChoice::Named("look".into())),
            format: Format::Schema { name: "answer".into(), schema: schema.clone() },
            ..sample::chat(parameters)
        };
        let mut got = body(&chat);
        got.as_object_mut().unwrap().remove("messages");
        let expected = json!({"model": "gpt-5.6-luna", "max_completion_tokens": 9, "temperature": 0.5, "top_p": 0.9,
            "seed": 7, "reasoning_effort": "low", "some_new_thing": true, "stop": ["END", "\n"],
            "tools": [
                {"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": schema}},
                {"type": "function", "function": {"name": "jump", "parameters": schema}},
            ],
            "tool_choice": {"type": "function", "function": {"name": "look"}},
            "response_format": {"type": "json_schema",
                "json_schema": {"name": "answer", "schema": schema, "strict": false}},
            "stream": true, "stream_options": {"include_usage": true}});
        assert_eq!(got, expected);
        for (choice, word) in
            [(ToolChoice::Auto, "auto"), (ToolChoice::None, "none"), (ToolChoice::Required, "required")]
        {
            assert_eq!(tool_choice(&choice), word);
        }
        let json = ChatRequest { format: Format::Json, ..sample::chat(json!({})) };
        assert_eq!(body(&json)["response_format"], json!({"type": "json_object"}));
    }

    #[test]
    fn every_kind_of_message() {
        let (picture, bytes) = sample::picture();
        let calls = vec![ToolCall { id: "c1".into(), name: "look".into(), arguments: Prompt::new("{\"a\": 1}") }];
        let tool = Message { tool_call_id: Some("c1".into()), ..Message::text(Role::Tool, "a sea") };
        let parts = vec![Part::Text(Prompt::new("look at")), Part::Picture(picture.clone())];
        let empty = Message { parts: Vec::new(), ..Message::text(Role::Assistant, "") };
        let chat = ChatRequest {
            messages: vec![
                Message::text(Role::System, "be short"),
                Message { parts, ..Message::text(Role::User, "") },
                Message { tool_calls: calls.clone(), ..empty.clone() },
                tool,
                Message { tool_calls: calls, ..Message::text(Role::Assistant, "one moment") },
                empty,
            ],
            ..sample::chat(json!({}))
        };
        let pictures = HashMap::from([(picture.hash, bytes)]);
        let body = chat_body("m", &chat, &pictures, "max_tokens").unwrap();
        let call = json!({"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{\"a\": 1}"}});
        let expected = json!([
            {"role": "system", "content": "be short"},
            {"role": "user", "content": [{"type": "text", "text": "look at"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}}]},
            {"role": "assistant", "content": null, "tool_calls": [call]},
            {"role": "tool", "content": "a sea", "tool_call_id": "c1"},
            {"role": "assistant", "content": "one moment", "tool_calls": [call]},
            {"role": "assistant", "content": ""},
        ]);
        assert_eq!(body["messages"], expected);
        let gone = chat_body("m", &chat, &HashMap::new(), "max_tokens").unwrap_err();
        assert_eq!((gone.kind, gone.message.contains("picture")), (FailureKind::Rejected, true));
    }
}
