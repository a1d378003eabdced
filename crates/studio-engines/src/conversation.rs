//! The inputs that text engines have in common: a conversation, and where its answer ends.

use crate::{
    engine::{EngineError, InputFault, OutputFile, Report},
    inputs::Inputs,
};
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// How long a token is taken to be, in bytes: the engines here have none, but callers count in them.
const TOKEN_BYTES: usize = 4;
/// Most texts that may end an answer, and their longest.
const MAX_STOPS: usize = 16;
const MAX_STOP_CHARS: usize = 200;
/// What the numbers without effect may be; they are checked all the same, so that no mistake goes unseen.
const TEMPERATURE: RangeInclusive<f64> = 0.0..=2.0;
const TOP_P: RangeInclusive<f64> = 0.0..=1.0;

/// How many words are said at once.
const WORDS_AT_ONCE: usize = 3;

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    System,
    User,
    Assistant,
    Tool,
}

/// What one of them said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) role: Role,
    pub(crate) text: String,
}

/// A conversation that wants an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Conversation {
    /// Oldest first; at least one.
    pub(crate) messages: Vec<Message>,
    most_bytes: Option<usize>,
    stops: Vec<String>,
}

impl Conversation {
    /// Reads the inputs of a text engine: `messages`, `max_output_tokens` and `stop`, and `temperature`, `top_p` and `seed`,
    /// which are without effect, for the same conversation always has the same answer.
    pub(crate) fn read(engine: &'static str, input: &Map<String, Value>) -> Result<Self, Vec<InputFault>> {
        let mut inputs = Inputs::new(engine, input);
        let messages = messages(&mut inputs);
        let most_bytes = inputs.take("max_output_tokens").and_then(|value| {
            let tokens = value.as_u64().and_then(|tokens| usize::try_from(tokens).ok()).filter(|tokens| *tokens > 0);
            if tokens.is_none() {
                inputs.fault("max_output_tokens", "must be a whole number from 1".into());
            }
            tokens.map(|tokens| tokens.saturating_mul(TOKEN_BYTES))
        });
        let stops = stops(&mut inputs);
        for (name, range) in [("temperature", TEMPERATURE), ("top_p", TOP_P)] {
            let value = inputs.take(name);
            if value.is_some_and(|value| value.as_f64().is_none_or(|number| !range.contains(&number))) {
                inputs.fault(name, format!("must be a number from {} to {}", range.start(), range.end()));
            }
        }
        if inputs.take("seed").is_some_and(|value| !value.is_i64() && !value.is_u64()) {
            inputs.fault("seed", "must be a whole number".into());
        }
        inputs.finish(Self { messages, most_bytes, stops })
    }

    /// What the user said, the newest last.
    pub(crate) fn user(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.messages.iter().filter(|message| message.role == Role::User).map(|message| &*message.text)
    }

    /// As much of `answer` as is wanted: up to where a `stop` begins, and no longer than `max_output_tokens`, cut after a
    /// sentence if one ends in its second half, else after a word, else where it must be.
    pub(crate) fn fit<'a>(&self, answer: &'a str) -> &'a str {
        let ends = self.stops.iter().filter_map(|stop| answer.find(&**stop));
        let answer = ends.min().map_or(answer, |end| answer.split_at(end).0);
        let Some(most) = self.most_bytes.filter(|most| *most < answer.len()) else { return answer };
        let cut = answer.split_at(answer.floor_char_boundary(most)).0;
        let sentence = cut.rmatch_indices(['.', '!', '?', '\n']).map(|(at, mark)| at + mark.len());
        // The mark must be followed by white space: there is more of the answer, if not of the cut.
        let ends_here = |end: &usize| answer.split_at(*end).1.starts_with(char::is_whitespace);
        let sentence = sentence.take_while(|end| *end > cut.len() / 2).find(ends_here);
        let word = if ends_here(&cut.len()) { Some(cut.len()) } else { cut.rfind(char::is_whitespace) };
        let end = sentence.or(word).filter(|end| *end > 0).unwrap_or(cut.len());
        cut.split_at(end).0.trim_end()
    }

    /// Says as much of `answer` as is wanted, some words at a time.
    pub(crate) fn say(&self, answer: &str, report: &dyn Report) -> Result<Vec<OutputFile>, EngineError> {
        let stopped = pieces(self.fit(answer)).find(|piece| !report.say(piece));
        if stopped.is_some() { Err(EngineError::Canceled) } else { Ok(Vec::new()) }
    }
}

/// A text in pieces of a few words, each with the white space after it.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (mut words, mut was_space) = (0, true);
        let end = rest.char_indices().find_map(|(at, c)| {
            let begins_word = was_space && !c.is_whitespace();
            was_space = c.is_whitespace();
            words += usize::from(begins_word);
            (words > WORDS_AT_ONCE).then_some(at)
        });
        let (piece, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

fn messages(inputs: &mut Inputs<'_>) -> Vec<Message> {
    let Some(list) = inputs.take("messages").and_then(Value::as_array).filter(|list| !list.is_empty()) else {
        inputs.fault("messages", "must be a list of one or more messages, each with role and content".into());
        return Vec::new();
    };
    let mut read = Vec::with_capacity(list.len());
    for (index, value) in list.iter().enumerate() {
        match message(value) {
            Ok(message) => read.push(message),
            Err((field, allowed)) => {
                // One is enough: a list that is wrong in one place is often wrong in the same way in all of them.
                inputs.fault(&format!("messages.{index}{field}"), allowed.into());
                break;
            }
        }
    }
    read
}

fn message(value: &Value) -> Result<Message, (&'static str, &'static str)> {
    let message = value.as_object().ok_or(("", "must be an object with role and content"))?;
    if message.keys().any(|name| name != "role" && name != "content") {
        return Err(("", "must have role and content and nothing else"));
    }
    let role = match message.get("role").and_then(Value::as_str) {
        Some("system") => Role::System,
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("tool") => Role::Tool,
        _ => return Err((".role", "must be one of system, user, assistant, tool")),
    };
    let text = message.get("content").and_then(Value::as_str).ok_or((".content", "must be a text"))?;
    Ok(Message { role, text: text.to_owned() })
}

fn stops(inputs: &mut Inputs<'_>) -> Vec<String> {
    let Some(value) = inputs.take("stop") else { return Vec::new() };
    let texts = value.as_array().filter(|list| list.len() <= MAX_STOPS).map(|list| {
        let texts = list.iter().filter_map(Value::as_str);
        let texts = texts.filter(|text| (1..=MAX_STOP_CHARS).contains(&text.chars().count())).map(str::to_owned);
        (list.len(), texts.collect::<Vec<_>>())
    });
    match texts {
        Some((wanted, texts)) if texts.len() == wanted => texts,
        _ => {
            let allowed = format!("must be a list of up to {MAX_STOPS} texts of 1 to {MAX_STOP_CHARS} characters");
            inputs.fault("stop", allowed);
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(input: Value) -> Result<Conversation, Vec<InputFault>> {
        Conversation::read("guide", input.as_object().unwrap())
    }

    #[test]
    fn a_conversation_is_read_with_all_that_callers_send_along() {
        let conversation = read(json!({
            "messages": [
                {"role": "system", "content": "Be kind."},
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "Hello"},
                {"role": "tool", "content": "{}"},
                {"role": "user", "content": ""},
            ],
            "max_output_tokens": 10, "temperature": 0.7, "top_p": 1, "seed": -3, "stop": ["\n\n"],
        }));
        let conversation = conversation.unwrap();
        assert_eq!(conversation.user().collect::<Vec<_>>(), ["Hi", ""]);
        assert_eq!((conversation.most_bytes, conversation.messages.len()), (Some(40), 5));
    }

    #[test]
    fn every_fault_is_named_with_what_is_allowed() {
        let hi = json!([{"role": "user", "content": "Hi"}]);
        for (input, field, word) in [
            (json!({}), "messages", "one or more"),
            (json!({"messages": []}), "messages", "one or more"),
            (json!({"messages": "Hi"}), "messages", "one or more"),
            (json!({"messages": ["Hi"]}), "messages.0", "an object"),
            (json!({"messages": [{"role": "user", "content": "Hi", "name": "x"}]}), "messages.0", "nothing else"),
            (json!({"messages": [hi[0], {"role": "bot", "content": "Hi"}]}), "messages.1.role", "assistant"),
            (json!({"messages": [{"role": "user"}]}), "messages.0.content", "text"),
            (json!({"messages": [{"role": "user", "content": ["Hi"]}]}), "messages.0.content", "text"),
            (json!({"messages": hi, "max_output_tokens": 0}), "max_output_tokens", "from 1"),
            (json!({"messages": hi, "max_output_tokens": 1.5}), "max_output_tokens", "from 1"),
            (json!({"messages": hi, "temperature": 2.1}), "temperature", "0 to 2"),
            (json!({"messages": hi, "temperature": "hot"}), "temperature", "0 to 2"),
            (json!({"messages": hi, "top_p": -1}), "top_p", "0 to 1"),
            (json!({"messages": hi, "seed": 0.5}), "seed", "whole"),
            (json!({"messages": hi, "stop": "END"}), "stop", "list"),
            (json!({"messages": hi, "stop": [""]}), "stop", "1 to 200"),
            (json!({"messages": hi, "stop": [7]}), "stop", "list"),
            (json!({"messages": hi, "tools": []}), "tools", "not an input of guide"),
        ] {
            let faults = read(input.clone()).unwrap_err();
            assert!(faults.iter().any(|f| f.field == field && f.allowed.contains(word)), "{input}: {faults:?}");
        }
        assert_eq!(read(json!({"seed": "x", "tools": 1})).unwrap_err().len(), 3, "all faults at once");
    }

    #[test]
    fn pieces_are_some_words_and_lose_nothing() {
        for text in ["", "one", "  one two  three four\n\n- five\tsix seven eight ", "日本 語 の 本", "\n\n"] {
            let pieces: Vec<_> = pieces(text).collect();
            assert_eq!(pieces.concat(), text);
            assert!(
                pieces
                    .iter()
                    .all(|piece| (1..=3).contains(&piece.split_whitespace().count()) || text.trim().is_empty())
            );
        }
    }

    #[test]
    fn an_answer_ends_where_it_is_wanted_to() {
        let fit = |answer: &str, tokens: u64, stop: &[&str]| {
            let input =
                json!({"messages": [{"role": "user", "content": "Hi"}], "max_output_tokens": tokens, "stop": stop});
            read(input).unwrap().fit(answer).to_owned()
        };
        assert_eq!(fit("Ask. It answers.", 100, &[]), "Ask. It answers.");
        assert_eq!(fit("Ask. It answers. Then it ends.", 5, &[]), "Ask. It answers.");
        assert_eq!(fit("Ask. It answers at length.", 4, &[]), "Ask. It answers");
        assert_eq!(fit("Version 1.95 of it and more", 3, &[]), "Version 1.95", "the dot ends no sentence");
        assert_eq!(fit("Donaudampfschiff", 1, &[]), "Dona");
        assert_eq!(fit("äöüß", 1, &[]), "äö");
        assert_eq!(fit("日本", 1, &[]), "日");
        assert_eq!(fit("one two three", 100, &["three", "two"]), "one ");
        assert_eq!(fit("one two", 100, &["one"]), "");
    }
}
