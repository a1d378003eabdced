//! What a chat may ask for, what is refused by name, and what it can cost at most.

use super::*;
use crate::{
    id::AssetId,
    job::ContentHash,
    media::MediaType,
    request::{Part, Picture, PictureSource, pictures_of},
};
use serde_json::json;

const NOW: Timestamp = Timestamp::from_millis(1_795_600_000_000);

fn catalog() -> Catalog {
    #[derive(Deserialize)]
    struct File {
        models: Vec<crate::catalog::ModelEntry>,
    }
    let text = r#"
        [[models]]
        id = "able"
        modality = "chat"
        provider = "lab"
        context_tokens = 10000
        picture_tokens = 700
        [models.prices]
        input_tokens = 1
        output_tokens = 2
    "#;
    Catalog::load(&toml::from_str::<File>(text).unwrap().models).unwrap()
}

fn picture() -> Picture {
    let asset = AssetId::new(NOW, [4; 10]);
    Picture { asset, hash: ContentHash([5; 32]), media_type: MediaType::Png, bytes: 9, tokens: 0, raster: None }
}

fn pictures(body: &Value) -> Pictures {
    let found = pictures_of(body).into_iter();
    found
        .map(|(path, source)| match source {
            PictureSource::Elsewhere(_) => (path, Err("is elsewhere".to_owned())),
            _ => (path, Ok(picture())),
        })
        .collect()
}

fn faults(body: Value) -> Vec<(String, String)> {
    let catalog = catalog();
    let Err(Invalid(faults)) = read_chat(&body, &catalog, &pictures(&body), NOW) else { panic!("accepted: {body}") };
    faults.into_iter().map(|f| (f.field, f.message)).collect()
}

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

#[test]
fn a_bare_question_takes_every_default() {
    let catalog = catalog();
    let body = json!({"messages": [user("hello")]});
    let chat = read_chat(&body, &catalog, &Pictures::new(), NOW).unwrap();
    assert_eq!((chat.read.model.id.as_str(), chat.stream, chat.bounded_by_caller), ("guide", false, false));
    assert_eq!(chat.read.request.max_output(), 1000);
    assert_eq!(chat.read.request.last_words().unwrap().expose(), "hello");
}

#[test]
fn a_whole_conversation_is_read_in_our_shapes_and_in_openais() {
    let catalog = catalog();
    let body = json!({
        "modelId": "able", "stream": true, "temperature": 0.5, "maxOutputTokens": 50, "stop": "END", "seed": 7,
        "messages": [
            {"role": "developer", "content": "be brief"},
            {"role": "user", "content": [{"type": "text", "text": "what is it?"}, {"type": "image", "assetId": "x"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]},
            {"role": "assistant", "content": null, "toolCalls": [{"id": "a", "name": "look", "arguments": {"x": 1}}]},
            {"role": "tool", "toolCallId": "a", "content": ""},
            {"role": "assistant", "tool_calls": [{"id": "b", "type": "function",
                "function": {"name": "look", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "b", "content": "a cat"},
        ],
        "tools": [{"name": "look", "parameters": {"type": "object"}},
            {"type": "function", "function": {"name": "see", "description": "sees", "parameters": {}}}],
        "toolChoice": {"name": "look"},
        "responseFormat": {"type": "json_schema", "name": "n", "schema": {"type": "object"}},
    });
    let chat = read_chat(&body, &catalog, &pictures(&body), NOW).unwrap();
    let request = chat.read.request;
    assert!(chat.stream && chat.bounded_by_caller);
    assert_eq!((request.messages.len(), request.tools.len(), &request.stop[..]), (6, 2, &["END".to_owned()][..]));
    assert_eq!(request.tool_choice, Some(ToolChoice::Named("look".into())));
    assert_eq!(request.messages[0].role, Role::System);
    assert_eq!(request.messages[2].tool_calls[0].arguments.expose(), r#"{"x":1}"#);
    assert_eq!(request.messages[1].pictures().map(|p| p.tokens).sum::<u64>(), 1400);
    let upper = request.upper_tokens();
    assert!(upper.input > 1400 && upper.output == 50 && request.estimated_input() < upper.input);
    let kept = serde_json::to_value(&request).unwrap();
    assert_eq!(serde_json::from_value::<ChatRequest>(kept).unwrap(), request);
    assert!(!format!("{request:?}").contains("brief"));
}

#[test]
fn every_fault_is_named_with_what_is_allowed() {
    let with = |more: Value| {
        let mut body = json!({"modelId": "able", "messages": [user("x")]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let messages = |messages: Value| json!({"modelId": "able", "messages": messages});
    let call = json!({"role": "assistant", "toolCalls": [{"id": "a", "name": "look"}]});
    for (body, field, word) in [
        (json!({}), "messages", "required"),
        (messages(json!([])), "messages", "1 to 100"),
        (messages(json!(vec![user("x"); 101])), "messages", "this one has 101"),
        (messages(json!("x")), "messages", "list"),
        (messages(json!(["x"])), "messages[0]", "object"),
        (messages(json!([{"role": "wizard", "content": "x"}])), "messages[0].role", "system, user"),
        (messages(json!([{"content": "x"}])), "messages[0].role", "system, user"),
        (messages(json!([{"role": "user"}])), "messages[0].content", "empty"),
        (messages(json!([{"role": "user", "content": "  "}])), "messages[0].content", "empty"),
        (messages(json!([{"role": "user", "content": 7}])), "messages[0].content", "text or a list"),
        (messages(json!([{"role": "user", "content": "a\u{0}b"}])), "messages[0].content", "NUL"),
        (messages(json!([{"role": "user", "content": [{"type": "film"}]}])), "messages[0].content[0]", "text"),
        (messages(json!([{"role": "user", "content": [{"type": "image"}]}])), "messages[0].content[0]", "elsewhere"),
        (
            messages(json!([{"role": "user", "content": [{"type": "image", "url": "http://10.0.0.1/x"}]}])),
            "messages[0].content[0]",
            "elsewhere",
        ),
        (messages(json!([{"role": "user", "content": "x", "colour": 1}])), "messages[0].colour", "known are"),
        (messages(json!([{"role": "assistant", "content": "y"}])), "messages", "nothing to answer"),
        (messages(json!([{"role": "tool", "content": "x"}])), "messages[0].toolCallId", "required"),
        (messages(json!([{"role": "tool", "content": "x", "toolCallId": "z"}])), "messages[0].toolCallId", "earlier"),
        (messages(json!([{"role": "user", "content": "x", "toolCallId": "z"}])), "messages[0].toolCallId", "tool"),
        (
            messages(json!([call, {"role": "user", "content": "x", "toolCalls": [{"id": "a", "name": "b"}]}])),
            "messages[1].toolCalls",
            "assistant",
        ),
        (messages(json!([{"role": "assistant", "toolCalls": [{}]}, user("x")])), "messages[0].toolCalls[0]", "id"),
        (with(json!({"tools": [{"name": "look"}]})), "tools[0].parameters", "schema"),
        (with(json!({"tools": [{"type": "function", "function": {"name": "look"}}]})), "tools[0].parameters", "schema"),
        (with(json!({"tools": [{"parameters": {}}]})), "tools[0].name", "letters"),
        (with(json!({"tools": "look"})), "tools", "list"),
        (
            with(json!({"tools": [{"name": "a", "parameters": {}}, {"name": "a", "parameters": {}}]})),
            "tools[1].name",
            "another",
        ),
        (with(json!({"toolChoice": "auto"})), "toolChoice", "without tools"),
        (with(json!({"toolChoice": "maybe"})), "toolChoice", "required"),
        (with(json!({"responseFormat": "xml"})), "responseFormat", "json_schema"),
        (with(json!({"responseFormat": {"type": "json_schema"}})), "responseFormat", "schema"),
        (with(json!({"stop": []})), "stop", "1 to 4"),
        (with(json!({"stop": [""]})), "stop", "1 to 4"),
        (with(json!({"stream": "yes"})), "stream", "true or false"),
        (with(json!({"temperature": "hot"})), "temperature", "0 to 2"),
        (with(json!({"maxOutputTokens": {}})), "maxOutputTokens", "1 to"),
        (with(json!({"maxOutputTokens": 10000})), "messages", "too long"),
        (with(json!({"modelId": "abel"})), "modelId", "able"),
        (with(json!({"modelId": "sketch"})), "modelId", "guide"),
        (with(json!({"providerId": "acme"})), "providerId", "contradicts"),
        (with(json!({"colour": "red"})), "colour", "known are"),
        (messages(json!([user(&"word ".repeat(10_001))])), "messages", "too long"),
        (json!({"messages": [user("x")], "tools": [{"name": "a", "parameters": {}}]}), "tools", "guide"),
        (json!({"messages": [user("x")], "responseFormat": "json"}), "responseFormat", "guide"),
        (json!({"messages": [{"role": "user", "content": [{"type": "image", "assetId": "x"}]}]}), "messages", "guide"),
    ] {
        let found = faults(body.clone());
        assert!(found.iter().any(|(f, m)| f == field && m.contains(word)), "{field} {word}: {found:?}");
    }
    let many = messages(json!(vec![json!({"role": 1, "content": 2, "x": 3}); 100]));
    assert!(faults(many).len() < 30, "an error is no copy of the body");
}

#[test]
fn an_answer_that_nobody_bounded_is_shortened_to_what_the_model_takes() {
    let catalog = catalog();
    let body = json!({"modelId": "able", "messages": [user(&"word ".repeat(9_000))]});
    let chat = read_chat(&body, &catalog, &Pictures::new(), NOW).unwrap();
    assert_eq!(chat.read.request.max_output(), 10_000 - 9_001);
}

#[test]
fn f21_the_old_provider_field_works_with_a_warning() {
    let catalog = catalog();
    let body = json!({"messages": [user("x")], "providerId": "lab"});
    let chat = read_chat(&body, &catalog, &Pictures::new(), NOW).unwrap();
    assert_eq!(chat.read.model.id, "able");
    assert!(chat.read.warnings[0].contains("providerId"));
}

#[test]
fn a_title_is_asked_for_in_words_or_by_showing_the_conversation() {
    let catalog = catalog();
    let long = "word ".repeat(1000);
    let body = |model: Value| {
        json!({"modelId": model, "messages": [
        {"role": "system", "content": "rules"}, user(&long), {"role": "assistant", "content": "well"}]})
    };
    let shown = read_title(&body(Value::Null), &catalog, NOW).unwrap();
    assert_eq!((shown.model.id.as_str(), shown.request.messages.len()), ("title", 1));
    let Part::Text(text) = &shown.request.messages[0].parts[0] else { panic!("no text") };
    assert_eq!(text.expose().chars().count(), 2000);
    let asked = read_title(&body(json!("able")), &catalog, NOW).unwrap();
    assert_eq!((asked.request.messages.len(), asked.request.max_output()), (2, 512));
    assert!(asked.request.messages[1].texts().next().unwrap().expose().starts_with("user: word"));
    let rules = json!({"messages": [{"role": "system", "content": "rules"}]});
    assert_eq!(read_title(&rules, &catalog, NOW).unwrap().request.messages[0].role, Role::User);
    for (body, field) in [(json!({"messages": []}), "messages"), (json!({"messages": [user("x")], "x": 1}), "x")] {
        let Err(Invalid(faults)) = read_title(&body, &catalog, NOW) else { panic!("accepted {body}") };
        assert_eq!(faults[0].field, field);
    }
}
