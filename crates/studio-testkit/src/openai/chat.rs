//! Reads `POST /v1/chat/completions` as strictly as the API does: what it refuses, it refuses in the API's words.

use super::Refusal;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

const EFFORTS: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh", "max"];

type Checked = Result<(), Refusal>;

fn wrong(code: &'static str, param: &str, message: String) -> Refusal {
    Refusal(400, code, Some(param.to_owned()), message)
}

fn unknown(param: &str) -> Refusal {
    wrong("unknown_parameter", param, format!("Unknown parameter: '{param}'."))
}

fn missing(param: &str) -> Refusal {
    wrong("missing_required_parameter", param, format!("Missing required parameter: '{param}'."))
}

fn bad_type(param: &str, expected: &str, value: &Value) -> Refusal {
    let got = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    wrong("invalid_type", param, format!("Invalid type for '{param}': expected {expected}, but got {got} instead."))
}

fn bad_value(param: &str, value: &Value) -> Refusal {
    wrong("invalid_value", param, format!("Invalid value: '{value}' for '{param}'."))
}

fn object<'v>(param: &str, value: &'v Value) -> Result<&'v Map<String, Value>, Refusal> {
    value.as_object().ok_or_else(|| bad_type(param, "an object", value))
}

fn list<'v>(param: &str, value: &'v Value) -> Result<&'v Vec<Value>, Refusal> {
    value.as_array().ok_or_else(|| bad_type(param, "an array", value))
}

fn text<'v>(param: &str, value: &'v Value) -> Result<&'v str, Refusal> {
    value.as_str().ok_or_else(|| bad_type(param, "a string", value))
}

fn one_of(param: &str, value: &Value, words: &[&str]) -> Checked {
    if words.contains(&text(param, value)?) { Ok(()) } else { Err(bad_value(param, value)) }
}

fn boolean(param: &str, value: &Value) -> Checked {
    if value.is_boolean() { Ok(()) } else { Err(bad_type(param, "a boolean", value)) }
}

fn between(param: &str, value: &Value, low: f64, high: f64) -> Checked {
    let number = value.as_f64().ok_or_else(|| bad_type(param, "a number", value))?;
    if (low..=high).contains(&number) { Ok(()) } else { Err(bad_value(param, value)) }
}

fn at_least(param: &str, value: &Value, least: i64) -> Checked {
    let number = value.as_i64().ok_or_else(|| bad_type(param, "an integer", value))?;
    if number >= least {
        return Ok(());
    }
    let message = format!(
        "Invalid '{param}': integer below minimum value. Expected a value >= {least}, but got {number} instead."
    );
    Err(wrong("integer_below_min_value", param, message))
}

/// Only these fields, and of them the first `required`.
fn fields(param: &str, object: &Map<String, Value>, known: &[&str], required: usize) -> Checked {
    let path = |name: &str| if param.is_empty() { name.to_owned() } else { format!("{param}.{name}") };
    if let Some(name) = object.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(unknown(&path(name)));
    }
    match known.iter().take(required).find(|name| !object.contains_key(**name)) {
        Some(name) => Err(missing(&path(name))),
        None => Ok(()),
    }
}

/// Checks a request for a chat.
pub(super) fn check(body: &Value) -> Checked {
    let given = body.as_object().ok_or_else(|| wrong("invalid_json", "", "The body is not JSON.".into()))?;
    for name in ["model", "messages"] {
        if !given.contains_key(name) {
            return Err(missing(name));
        }
    }
    let model = text("model", &given["model"])?;
    if !model.starts_with("gpt-") {
        return Err(Refusal(404, "model_not_found", None, format!("The model '{model}' does not exist.")));
    }
    for (name, value) in given {
        match name.as_str() {
            "model" => {}
            "messages" => messages(value)?,
            "stream" | "parallel_tool_calls" | "store" | "logprobs" => boolean(name, value)?,
            "stream_options" if body["stream"] != true => {
                let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
                return Err(wrong("invalid_parameter", name, message.into()));
            }
            "stream_options" => {
                let options = object(name, value)?;
                fields(name, options, &["include_usage", "include_obfuscation"], 0)?;
                options.iter().try_for_each(|(option, value)| boolean(&format!("{name}.{option}"), value))?;
            }
            "max_tokens" if model.starts_with("gpt-5") => {
                let message = "Unsupported parameter: 'max_tokens' is not supported with this model. \
                    Use 'max_completion_tokens' instead.";
                return Err(wrong("unsupported_parameter", name, message.into()));
            }
            "max_completion_tokens" | "max_tokens" => at_least(name, value, 1)?,
            "n" if value == 1 => {}
            "n" => return Err(bad_value(name, value)),
            "temperature" => between(name, value, 0.0, 2.0)?,
            "top_p" => between(name, value, 0.0, 1.0)?,
            "frequency_penalty" | "presence_penalty" => between(name, value, -2.0, 2.0)?,
            "seed" => at_least(name, value, i64::MIN)?,
            "stop" => stops(name, value)?,
            "tools" => tools(value)?,
            "tool_choice" => tool_choice(value, body["tools"].as_array())?,
            "response_format" => response_format(value)?,
            "reasoning_effort" => one_of(name, value, EFFORTS)?,
            "verbosity" => one_of(name, value, &["low", "medium", "high"])?,
            "service_tier" => one_of(name, value, &["auto", "default", "flex", "scale", "priority", "fast"])?,
            "metadata" => drop(object(name, value)?),
            "user" | "safety_identifier" | "prompt_cache_key" => drop(text(name, value)?),
            _ => return Err(unknown(name)),
        }
    }
    Ok(())
}

fn stops(name: &str, value: &Value) -> Checked {
    match value {
        Value::String(_) => Ok(()),
        Value::Array(list) if list.len() <= 4 && list.iter().all(Value::is_string) => Ok(()),
        _ => Err(bad_value(name, value)),
    }
}

fn messages(value: &Value) -> Checked {
    let all = list("messages", value)?;
    if all.is_empty() {
        let message = "Invalid 'messages': empty array. Expected an array with minimum length 1.";
        return Err(wrong("empty_array", "messages", message.into()));
    }
    let mut calls = BTreeSet::new();
    for (index, value) in all.iter().enumerate() {
        let path = format!("messages[{index}]");
        let message = object(&path, value)?;
        let role = text(&format!("{path}.role"), &value["role"])?;
        let known: &[&str] = match role {
            "developer" | "system" | "user" => &["role", "content", "name"],
            "assistant" => &["role", "content", "name", "refusal", "tool_calls"],
            "tool" => &["role", "content", "tool_call_id"],
            _ => return Err(bad_value(&format!("{path}.role"), &value["role"])),
        };
        let required = match role {
            "assistant" if message.contains_key("tool_calls") => 1,
            "tool" => 3,
            _ => 2,
        };
        fields(&path, message, known, required)?;
        content(&format!("{path}.content"), role, message)?;
        if let Some(given) = message.get("tool_calls") {
            tool_calls(&format!("{path}.tool_calls"), given, &mut calls)?;
        }
        if role == "tool" {
            let param = format!("{path}.tool_call_id");
            if !calls.contains(text(&param, &value["tool_call_id"])?) {
                let message = "Invalid parameter: messages with role 'tool' must be a response to a preceding message \
                    with 'tool_calls'.";
                return Err(wrong("invalid_value", &param, message.into()));
            }
        }
    }
    Ok(())
}

fn content(param: &str, role: &str, message: &Map<String, Value>) -> Checked {
    match message.get("content") {
        None | Some(Value::Null) if role == "assistant" && message.contains_key("tool_calls") => Ok(()),
        Some(Value::String(_)) => Ok(()),
        Some(Value::Array(parts)) if !parts.is_empty() => {
            let mut numbered = parts.iter().enumerate();
            numbered.try_for_each(|(index, part)| content_part(&format!("{param}[{index}]"), role, part))
        }
        other => Err(bad_type(param, "one of a string or array of objects", other.unwrap_or(&Value::Null))),
    }
}

fn content_part(param: &str, role: &str, part: &Value) -> Checked {
    let given = object(param, part)?;
    match (text(&format!("{param}.type"), &part["type"])?, role) {
        ("text", _) => {
            fields(param, given, &["type", "text"], 2)?;
            text(&format!("{param}.text"), &part["text"]).map(drop)
        }
        ("image_url", "user") => {
            fields(param, given, &["type", "image_url"], 2)?;
            let param = format!("{param}.image_url");
            fields(&param, object(&param, &part["image_url"])?, &["url", "detail"], 1)?;
            if is_picture_url(text(&format!("{param}.url"), &part["image_url"]["url"])?) {
                return Ok(());
            }
            let message =
                "Invalid image data. Expected a valid URL, or a base64-encoded data URL with an image MIME type.";
            Err(wrong("invalid_image_url", &format!("{param}.url"), message.into()))
        }
        _ => Err(bad_value(&format!("{param}.type"), &part["type"])),
    }
}

fn is_picture_url(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("data:") else {
        return url.starts_with("http://") || url.starts_with("https://");
    };
    let Some((kind, data)) = rest.split_once(";base64,") else { return false };
    ["image/png", "image/jpeg", "image/webp", "image/gif"].contains(&kind) && STANDARD.decode(data).is_ok()
}

fn tool_calls<'v>(param: &str, value: &'v Value, known: &mut BTreeSet<&'v str>) -> Checked {
    for (index, call) in list(param, value)?.iter().enumerate() {
        let param = format!("{param}[{index}]");
        fields(&param, object(&param, call)?, &["id", "type", "function"], 3)?;
        one_of(&format!("{param}.type"), &call["type"], &["function"])?;
        let function = format!("{param}.function");
        fields(&function, object(&function, &call["function"])?, &["name", "arguments"], 2)?;
        text(&format!("{function}.name"), &call["function"]["name"])?;
        text(&format!("{function}.arguments"), &call["function"]["arguments"])?;
        known.insert(text(&format!("{param}.id"), &call["id"])?);
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

fn tools(value: &Value) -> Checked {
    for (index, tool) in list("tools", value)?.iter().enumerate() {
        let param = format!("tools[{index}]");
        fields(&param, object(&param, tool)?, &["type", "function"], 2)?;
        one_of(&format!("{param}.type"), &tool["type"], &["function"])?;
        let param = format!("{param}.function");
        let function = object(&param, &tool["function"])?;
        // The API takes a tool without parameters; we never mean to send one.
        fields(&param, function, &["name", "parameters", "description", "strict"], 2)?;
        object(&format!("{param}.parameters"), &function["parameters"])?;
        if !is_name(text(&format!("{param}.name"), &function["name"])?) {
            return Err(bad_value(&format!("{param}.name"), &function["name"]));
        }
        function.get("description").map_or(Ok(""), |words| text(&format!("{param}.description"), words))?;
    }
    Ok(())
}

fn tool_choice(value: &Value, tools: Option<&Vec<Value>>) -> Checked {
    let Some(tools) = tools else {
        let message = "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.";
        return Err(wrong("invalid_value", "tool_choice", message.into()));
    };
    if value.is_string() {
        return one_of("tool_choice", value, &["auto", "none", "required"]);
    }
    fields("tool_choice", object("tool_choice", value)?, &["type", "function"], 2)?;
    one_of("tool_choice.type", &value["type"], &["function"])?;
    let param = "tool_choice.function";
    fields(param, object(param, &value["function"])?, &["name"], 1)?;
    let name = &value["function"]["name"];
    if tools.iter().any(|tool| tool["function"]["name"] == *name) { Ok(()) } else { Err(bad_value(param, name)) }
}

fn response_format(value: &Value) -> Checked {
    let param = "response_format";
    let given = object(param, value)?;
    if value["type"] != "json_schema" {
        fields(param, given, &["type"], 1)?;
        return one_of("response_format.type", &value["type"], &["text", "json_object"]);
    }
    fields(param, given, &["type", "json_schema"], 2)?;
    let param = "response_format.json_schema";
    let schema = object(param, &value["json_schema"])?;
    fields(param, schema, &["name", "schema", "strict", "description"], 2)?;
    object("response_format.json_schema.schema", &schema["schema"])?;
    if is_name(text(param, &schema["name"])?) { Ok(()) } else { Err(bad_value(param, &schema["name"])) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(change: impl FnOnce(&mut Value)) -> String {
        let mut body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]});
        change(&mut body);
        match check(&body) {
            Ok(()) => String::new(),
            Err(Refusal(status, code, param, _)) => format!("{status} {code} {}", param.unwrap_or_default()),
        }
    }

    #[test]
    fn what_the_api_takes_is_taken() {
        let picture = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}});
        let body = json!({
            "model": "gpt-5.6-luna", "stream": true, "stream_options": {"include_usage": true}, "n": 1,
            "max_completion_tokens": 9, "temperature": 0.5, "stop": ["x"], "reasoning_effort": "low",
            "messages": [
                {"role": "system", "content": "rules"},
                {"role": "user", "content": [{"type": "text", "text": "look"}, picture]},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "c1", "content": "a sea"},
            ],
            "tools": [{"type": "function", "function": {"name": "look", "parameters": {}}}],
            "tool_choice": {"type": "function", "function": {"name": "look"}},
            "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}, "strict": false}},
        });
        assert!(check(&body).is_ok());
    }

    #[test]
    fn what_the_api_refuses_is_refused() {
        let user = |content: Value| move |body: &mut Value| body["messages"][0]["content"] = content;
        let picture = |url: &str| user(json!([{"type": "image_url", "image_url": {"url": url}}]));
        assert_eq!(refused(|_| {}), "");
        assert_eq!(refused(picture("https://example.org/a.png")), "");
        assert_eq!(refused(picture("ftp://x/a.png")), "400 invalid_image_url messages[0].content[0].image_url.url");
        assert!(refused(picture("data:image/png;base64,%%")).contains("invalid_image_url"));
        assert!(refused(user(json!([{"type": "image", "url": "x"}]))).contains("invalid_value"));
        assert!(refused(user(json!([]))).contains("invalid_type"));
        assert!(refused(user(Value::Null)).contains("invalid_type"));
        for (field, value, word) in [
            ("model", json!("mistral"), "404 model_not_found "),
            ("messages", json!([]), "400 empty_array messages"),
            ("messages", json!([{"role": "robot", "content": "x"}]), "400 invalid_value messages[0].role"),
            ("messages", json!([{"role": "user", "content": "x", "a": 1}]), "400 unknown_parameter messages[0].a"),
            (
                "messages",
                json!([{"role": "tool", "tool_call_id": "c", "content": ""}]),
                "400 invalid_value messages[0].tool_call_id",
            ),
            ("messages", json!([{"role": "assistant"}]), "400 missing_required_parameter messages[0].content"),
            ("maxTokens", json!(1), "400 unknown_parameter maxTokens"),
            ("max_completion_tokens", json!(0), "400 integer_below_min_value max_completion_tokens"),
            ("max_completion_tokens", json!(1.5), "400 invalid_type max_completion_tokens"),
            ("n", json!(2), "400 invalid_value n"),
            ("temperature", json!(2.1), "400 invalid_value temperature"),
            ("stream", json!("yes"), "400 invalid_type stream"),
            ("stream_options", json!({"include_usage": true}), "400 invalid_parameter stream_options"),
            ("tool_choice", json!("auto"), "400 invalid_value tool_choice"),
            (
                "tools",
                json!([{"type": "function", "function": {"name": "a"}}]),
                "400 missing_required_parameter tools[0].function.parameters",
            ),
            ("response_format", json!({"type": "json"}), "400 invalid_value response_format.type"),
            ("reasoning_effort", json!("hard"), "400 invalid_value reasoning_effort"),
        ] {
            assert_eq!(refused(|body| body[field] = value.clone()), word, "{field}: {value}");
        }
        let too_new = |body: &mut Value| (body["model"], body["max_tokens"]) = ("gpt-5.5".into(), 1.into());
        assert_eq!(refused(too_new), "400 unsupported_parameter max_tokens");
    }
}
