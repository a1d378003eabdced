//! Bodies of the system that this one replaces: its front end sends more than anyone reads, and messages in parts of its own.
//! What is not known is left out, and told; what is known is read by the same rules as everywhere.

use super::{CHAT_PARAMETERS, IMAGE_PARAMETERS, OLD_PICTURE_FIELDS};
use serde_json::{Map, Value, json};

/// Fields of a body that are read today, beside parameters.
const FIELDS: [&str; 16] = [
    "prompt",
    "messages",
    "modelId",
    "model",
    "provider",
    "providerId",
    "modelParams",
    "deadline",
    "priority",
    "image",
    "mask",
    "stream",
    "tools",
    "toolChoice",
    "responseFormat",
    "stop",
];
/// Fields of a message that are read today.
const OF_A_MESSAGE: [&str; 6] = ["role", "content", "toolCalls", "tool_calls", "toolCallId", "tool_call_id"];
/// Names that a warning repeats, and their length in characters.
const MOST_SHOWN: usize = 10;
const SHOWN_CHARS: usize = 40;

/// The body as it would be sent today, and what its sender should know.
pub fn modern(body: &Value) -> (Value, Vec<String>) {
    let Some(fields) = body.as_object() else { return (body.clone(), Vec::new()) };
    let lists: [&[&str]; 4] = [&FIELDS, &IMAGE_PARAMETERS, &CHAT_PARAMETERS, &OLD_PICTURE_FIELDS];
    let is_known = |name: &str| lists.iter().any(|list| list.contains(&name));
    let (known, unknown): (Vec<_>, Vec<_>) = fields.iter().partition(|(name, _)| is_known(name));
    let mut modern: Map<String, Value> = known.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    if let Some(messages) = modern.get_mut("messages").and_then(Value::as_array_mut) {
        messages.iter_mut().for_each(message);
    }
    let shown: Vec<String> =
        unknown.iter().take(MOST_SHOWN).map(|(name, _)| name.chars().take(SHOWN_CHARS).collect()).collect();
    let warnings = (!shown.is_empty()).then(|| format!("{}: ignored, nothing reads it", shown.join(", ")));
    (Value::Object(modern), warnings.into_iter().collect())
}

/// Keeps of a message what is read. Its text may stand in `parts`, among others of no use here.
fn message(value: &mut Value) {
    let Some(message) = value.as_object_mut() else { return };
    if message.get("content").is_none_or(|content| content == "") {
        let parts = message.get("parts").and_then(Value::as_array).into_iter().flatten();
        let texts: Vec<_> = parts
            .filter(|part| part["type"] == "text")
            .map(|part| json!({ "type": "text", "text": part["text"] }))
            .collect();
        if !texts.is_empty() {
            message.insert("content".into(), texts.into());
        }
    }
    message.retain(|name, _| OF_A_MESSAGE.contains(&name.as_str()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_reads_is_left_out_and_told() {
        let (body, warnings) = modern(&json!({
            "id": "thread-1", "trigger": "submit", "providerId": "openai", "modelId": "gpt-5", "temperature": 1,
            "messages": [
                { "id": "m1", "role": "user", "content": "hello", "createdAt": "2026-01-01T00:00:00Z" },
                { "id": "m2", "role": "assistant", "parts": [{ "type": "step-start" }, { "type": "text", "text": "hi" }] },
                7,
            ],
        }));
        assert_eq!(
            body,
            json!({
                "providerId": "openai", "modelId": "gpt-5", "temperature": 1,
                "messages": [
                    { "role": "user", "content": "hello" },
                    { "role": "assistant", "content": [{ "type": "text", "text": "hi" }] },
                    7,
                ],
            })
        );
        assert_eq!(warnings, ["id, trigger: ignored, nothing reads it"]);
        assert_eq!(modern(&json!([1])), (json!([1]), Vec::new()));
    }
}
