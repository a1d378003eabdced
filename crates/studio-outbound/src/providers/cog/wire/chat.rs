//! Conversations in Cog's words: a request into an input, the events of a prediction into what is said.
//!
//! `start` has the prediction, each `output` the next piece, `completed` the prediction as it ended; other events are passed
//! over. Text models of that world take their conversation as `messages` and the bound of their answer as
//! `max_output_tokens`.

use super::failed;
use crate::{
    event_stream::Event,
    providers::{
        bounded::Texts,
        exchange::repeats,
        outputs::bad_output,
        saying::{Listen, Stage, say},
        words::snake_case,
    },
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};
use std::borrow::Cow;
use studio_core::{
    catalog::MAX_OUTPUT_TOKENS,
    ports::Piece,
    request::{ChatRequest, Message},
    retry::{Failure, FailureKind},
    secret::Secret,
    words::{Finish, Voice},
};

/// The body that asks for the next message of a conversation.
pub(in super::super) fn chat_request(chat: &ChatRequest) -> Bytes {
    json!({ "input": chat_input(chat) }).to_string().into()
}

fn chat_input(chat: &ChatRequest) -> Map<String, Value> {
    let mut input = Map::from_iter([
        ("messages".to_owned(), chat.messages.iter().map(message).collect()),
        (snake_case(MAX_OUTPUT_TOKENS), chat.max_output().into()),
    ]);
    for (name, value) in chat.parameters.iter().filter(|(name, _)| *name != MAX_OUTPUT_TOKENS) {
        input.insert(snake_case(name), value.clone());
    }
    if !chat.stop.is_empty() {
        input.insert("stop".into(), chat.stop.clone().into());
    }
    input
}

/// Such models see no pictures and call no tools; the catalog says so, and the door refuses them before.
fn message(message: &Message) -> Value {
    let texts: Vec<_> = message.texts().map(|text| text.expose()).collect();
    json!({ "role": message.role.as_str(), "content": texts.join("\n\n") })
}

/// A piece, as plain Cog tells it or with its place.
#[derive(Deserialize)]
#[serde(untagged)]
enum Output<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Chunk {
        #[serde(borrow)]
        chunk: Cow<'a, str>,
    },
}

/// A prediction as it ended.
#[derive(Deserialize)]
struct Ended<'a> {
    #[serde(borrow)]
    status: Cow<'a, str>,
    /// All that was said: one text, or its pieces.
    #[serde(borrow, default)]
    output: Option<Texts<'a, String>>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

/// What has been heard of one prediction.
pub(in super::super) struct Telling {
    /// Who tells it, for people.
    worker: String,
    /// The name that we gave it.
    name: String,
    supervised: bool,
    /// What it was shown, and must not tell anyone.
    token: Option<Secret>,
    named: bool,
    said: bool,
    stage: Stage,
}

impl Listen for Telling {
    fn event(&mut self, event: Event<'_>, pieces: &mut Vec<Piece>) -> Result<(), Failure> {
        if self.stage == Stage::Over {
            return Ok(());
        }
        self.begin(pieces);
        match &*event.name {
            "output" => {
                let output = serde_json::from_str(&event.data);
                let (Output::Text(text) | Output::Chunk { chunk: text }) =
                    output.map_err(|_| bad_output("the worker says what is no text"))?;
                self.said |= !text.is_empty();
                self.stage = Stage::Speaking;
                say(pieces, Voice::Text, text);
                Ok(())
            }
            "completed" => {
                self.stage = Stage::Over;
                self.end(event.data.as_bytes(), pieces)
            }
            _ => Ok(()),
        }
    }

    fn stage(&self) -> Stage {
        self.stage
    }

    fn close(&mut self, _: &mut Vec<Piece>) {}
}

impl Telling {
    pub(in super::super) fn new(worker: &str, name: &str, supervised: bool, token: Option<Secret>) -> Self {
        let (worker, name) = (worker.to_owned(), name.to_owned());
        Self { worker, name, supervised, token, named: false, said: false, stage: Stage::Thinking }
    }

    /// Reads a prediction that was answered when it was over.
    pub(in super::super) fn whole(mut self, reply: &[u8]) -> Result<Vec<Piece>, Failure> {
        let mut pieces = Vec::new();
        self.begin(&mut pieces);
        self.end(reply, &mut pieces)?;
        Ok(pieces)
    }

    /// It has it, under our name, whatever it calls it.
    fn begin(&mut self, pieces: &mut Vec<Piece>) {
        if !std::mem::replace(&mut self.named, true) {
            pieces.push(Piece::Named(self.name.clone()));
        }
    }

    fn end(&mut self, prediction: &[u8], pieces: &mut Vec<Piece>) -> Result<(), Failure> {
        let ended: Ended<'_> =
            serde_json::from_slice(prediction).map_err(|_| bad_output("the worker's answer is not a prediction"))?;
        match &*ended.status {
            "succeeded" => {
                // It had nothing to say piece by piece, or did not know how.
                if !self.said {
                    match ended.output {
                        Some(Texts::One(text)) => say(pieces, Voice::Text, text),
                        Some(Texts::Many(text)) => say(pieces, Voice::Text, text.into()),
                        Some(Texts::Other) => return Err(bad_output("the worker's output is not a text")),
                        None => {}
                    }
                }
                pieces.push(Piece::Finished(Finish::Stop));
                Ok(())
            }
            "failed" => match failed(ended.error) {
                words if repeats(prediction, &words, self.token.as_ref()) => {
                    Err(self.failure(FailureKind::ModelFailed, "failed at it"))
                }
                words => Err(Failure::new(FailureKind::ModelFailed, words)),
            },
            // Nobody who still listens has asked for it. A child of ours does so only when it is about to end.
            "canceled" if self.supervised => {
                Err(self.failure(FailureKind::Interrupted, "stopped in the middle of its answer"))
            }
            "canceled" => Err(self.failure(FailureKind::ModelFailed, "stopped the work by itself")),
            _ => Err(bad_output("the worker ended its answer without an end")),
        }
    }

    fn failure(&self, kind: FailureKind, what: &str) -> Failure {
        Failure::new(kind, format!("{} {what}", self.worker))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::sample;
    use studio_core::{
        request::{Part, Role},
        secret::Prompt,
    };

    #[test]
    fn a_conversation_becomes_an_input() {
        let parts = ["one", "two"].map(|text| Part::Text(Prompt::new(text))).into();
        let chat = ChatRequest {
            messages: vec![
                Message::text(Role::System, "be short"),
                Message { parts, ..Message::text(Role::User, "") },
                Message::text(Role::Assistant, "yes?"),
                Message::text(Role::User, "go \"on\""),
            ],
            stop: vec!["END".into()],
            ..sample::chat(json!({ "maxOutputTokens": 9, "temperature": 0.5, "topP": 1 }))
        };
        let expected = json!({ "input": {
            "messages": [
                { "role": "system", "content": "be short" },
                { "role": "user", "content": "one\n\ntwo" },
                { "role": "assistant", "content": "yes?" },
                { "role": "user", "content": "go \"on\"" },
            ],
            "max_output_tokens": 9, "temperature": 0.5, "top_p": 1, "stop": ["END"],
        } });
        assert_eq!(serde_json::from_slice::<Value>(&chat_request(&chat)).unwrap(), expected);
        let bare = chat_input(&sample::chat(json!({})));
        assert_eq!(bare.keys().collect::<Vec<_>>(), ["max_output_tokens", "messages"]);
        assert_eq!(bare["max_output_tokens"], 4096);
    }

    fn told(events: &[(&str, Value)], supervised: bool) -> (Vec<Piece>, Stage, Option<FailureKind>) {
        let (mut telling, mut pieces) = (Telling::new("lab", "a-1", supervised, None), Vec::new());
        for (name, data) in events {
            let event = Event { name: (*name).into(), data: data.to_string().into() };
            if let Err(failure) = telling.event(event, &mut pieces) {
                return (pieces, telling.stage, Some(failure.kind));
            }
        }
        (pieces, telling.stage, None)
    }

    #[test]
    fn golden_tellings() {
        let start = ("start", json!({ "id": "other", "status": "processing" }));
        let output = |text: &str, index: u64| ("output", json!({ "chunk": text, "index": index }));
        let completed = |status: &str| ("completed", json!({ "id": "a-1", "status": status, "error": "no\nroom" }));
        let said = |text: &str| Piece::Said(Voice::Text, text.into());
        let named = || Piece::Named("a-1".into());
        let end = || Piece::Finished(Finish::Stop);
        let all = ("completed", json!({ "status": "succeeded", "output": ["a ", "sea"], "metrics": {} }));
        for (events, supervised, pieces, stage, failure) in [
            (
                vec![
                    start.clone(),
                    output("a ", 0),
                    output("", 1),
                    ("logs", json!([7])),
                    output("sea", 2),
                    all.clone(),
                ],
                true,
                vec![named(), said("a sea"), end()],
                Stage::Over,
                None,
            ),
            (
                vec![("output", json!("plain")), all.clone()],
                true,
                vec![named(), said("plain"), end()],
                Stage::Over,
                None,
            ),
            (vec![all], true, vec![named(), said("a sea"), end()], Stage::Over, None),
            (vec![start.clone(), output("a", 0)], true, vec![named(), said("a")], Stage::Speaking, None),
            (vec![start.clone()], true, vec![named()], Stage::Thinking, None),
            (vec![completed("succeeded"), output("late", 0)], true, vec![named(), end()], Stage::Over, None),
            (vec![completed("failed")], true, vec![named()], Stage::Over, Some(FailureKind::ModelFailed)),
            (vec![completed("canceled")], true, vec![named()], Stage::Over, Some(FailureKind::Interrupted)),
            (vec![completed("canceled")], false, vec![named()], Stage::Over, Some(FailureKind::ModelFailed)),
            (vec![completed("processing")], true, vec![named()], Stage::Over, Some(FailureKind::BadOutput)),
            (vec![("output", json!(7))], true, vec![named()], Stage::Thinking, Some(FailureKind::BadOutput)),
            (
                vec![("output", json!({ "chunk": null }))],
                true,
                vec![named()],
                Stage::Thinking,
                Some(FailureKind::BadOutput),
            ),
            (vec![("completed", json!([]))], true, vec![named()], Stage::Over, Some(FailureKind::BadOutput)),
        ] {
            assert_eq!(told(&events, supervised), (pieces, stage, failure), "{events:?}");
        }
    }

    #[test]
    fn a_prediction_may_come_whole() {
        let whole = |reply: Value| Telling::new("lab", "a-1", false, None).whole(reply.to_string().as_bytes());
        for output in [json!("a sea"), json!(["a", " sea"])] {
            let pieces = whole(json!({ "status": "succeeded", "output": output })).unwrap();
            assert_eq!(pieces[1], Piece::Said(Voice::Text, "a sea".into()));
        }
        for (reply, kind) in [
            (json!({ "status": "succeeded", "output": { "text": "a" } }), FailureKind::BadOutput),
            (json!({ "status": "succeeded", "output": [1] }), FailureKind::BadOutput),
            (json!({ "status": "failed", "error": "at http://10.0.0.7/" }), FailureKind::ModelFailed),
            (json!("a sea"), FailureKind::BadOutput),
        ] {
            let failure = whole(reply.clone()).unwrap_err();
            assert_eq!(failure.kind, kind, "{reply}");
            assert!(!failure.message.contains("10.0.0.7"), "{failure}");
        }
    }
}
