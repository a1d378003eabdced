//! What a model says: chunks of a stream, or an answer that came whole, into pieces.
//!
//! A chunk is read without a copy of anything but what is said. Servers that imitate the API differ in small things: a call
//! without an index or an id, thoughts under one of two names, a last word without a reason, usage in its own chunk, in the
//! last one or in each. All of these are taken; what can't be an answer is not.

use super::{
    Loose, Refusal, Text,
    refusal::of_error,
    usage::{reported, reported_by_groq},
};
use crate::{
    event_stream::Event,
    providers::{
        bounded::Few,
        exchange::repeats,
        outputs::bad_output,
        saying::{Listen, Stage, say},
    },
};
use serde::Deserialize;
use serde_json::value::RawValue;
use studio_core::{
    bill::Reported,
    ports::Piece,
    retry::{Failure, FailureKind},
    secret::Secret,
    words::{Finish, Voice},
};

/// Most answers in one reply. Nobody asks for more than one.
const MAX_CHOICES: usize = 128;
/// Most fragments of calls in one piece.
const MAX_FRAGMENTS: usize = 1024;
/// Most calls of tools in one answer.
const MAX_CALLS: usize = 128;
/// Most bytes of an error that are looked at.
const MAX_ERROR_BYTES: usize = 64 << 10;
/// Longest name of an answer, of a call or of a tool, in bytes.
const MAX_NAME_BYTES: usize = 256;
/// Most bytes of arguments of calls that are not named yet.
const MAX_HELD_BYTES: usize = 1 << 20;

/// A chunk of a stream, or an answer that came whole.
#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default)]
    id: Loose<'a>,
    #[serde(borrow, default)]
    object: Loose<'a>,
    #[serde(borrow, default)]
    choices: Option<Few<Choice<'a>, MAX_CHOICES>>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    x_groq: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default)]
    index: Option<u64>,
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    /// What a whole answer has instead.
    #[serde(borrow, default)]
    message: Option<Delta<'a>>,
    #[serde(borrow, default)]
    finish_reason: Loose<'a>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    content: Option<Text<'a>>,
    #[serde(borrow, default)]
    refusal: Option<Text<'a>>,
    #[serde(borrow, default)]
    reasoning_content: Loose<'a>,
    #[serde(borrow, default)]
    reasoning: Loose<'a>,
    #[serde(borrow, default)]
    tool_calls: Option<Few<Fragment<'a>, MAX_FRAGMENTS>>,
}

#[derive(Deserialize)]
struct Fragment<'a> {
    #[serde(default)]
    index: Option<u32>,
    #[serde(borrow, default)]
    id: Loose<'a>,
    #[serde(borrow, default)]
    function: Option<Function<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow, default)]
    name: Loose<'a>,
    #[serde(borrow, default)]
    arguments: Option<Text<'a>>,
}

/// A call that the model is making.
struct Call {
    index: u32,
    id: String,
    name: String,
    /// Arguments that came before it was known what they are for.
    held: String,
    /// Whether any of them were given on.
    said: bool,
}

/// What has been heard of one answer.
pub(in super::super) struct Listening {
    /// Who answers, for people.
    provider: String,
    /// What must never be repeated.
    key: Option<Secret>,
    /// Whether anything came at all.
    heard: bool,
    named: bool,
    calls: Vec<Call>,
    finished: bool,
    usage: Option<Reported>,
    /// Nothing was said after it.
    usage_is_fresh: bool,
    stage: Stage,
}

impl Listen for Listening {
    fn event(&mut self, event: Event<'_>, pieces: &mut Vec<Piece>) -> Result<(), Failure> {
        if self.stage == Stage::Over {
            return Ok(());
        }
        if event.data.trim() == "[DONE]" {
            self.over(pieces)?;
            self.stage = Stage::Over;
            return Ok(());
        }
        let chunk = chunk(&event.data);
        if event.name == "error" {
            let error = chunk.and_then(|chunk| chunk.error).map_or(&*event.data, RawValue::get);
            return Err(self.failed(error));
        }
        self.take(chunk.ok_or_else(|| self.nonsense())?, &event.data, pieces)
    }

    fn stage(&self) -> Stage {
        self.stage
    }

    fn close(&mut self, pieces: &mut Vec<Piece>) {
        self.tell_usage(pieces);
    }
}

impl Listening {
    pub(in super::super) fn new(provider: &str, key: Option<Secret>) -> Self {
        Self {
            provider: provider.to_owned(),
            key,
            heard: false,
            named: false,
            calls: Vec::new(),
            finished: false,
            usage: None,
            usage_is_fresh: false,
            stage: Stage::Thinking,
        }
    }

    /// Reads an answer that came whole.
    pub(in super::super) fn whole(mut self, reply: &[u8]) -> Result<Vec<Piece>, Failure> {
        let text = std::str::from_utf8(reply).map_err(|_| self.nonsense())?;
        let answer = chunk(text).ok_or_else(|| self.nonsense())?;
        let mut pieces = Vec::new();
        let has_message = answer.choices.iter().flat_map(|few| &few.0).any(|choice| choice.message.is_some());
        if !has_message && answer.error.is_none() && answer.object.text() != "error" {
            return Err(self.nonsense());
        }
        self.take(answer, text, &mut pieces)?;
        self.over(&mut pieces)?;
        Ok(pieces)
    }

    fn take(&mut self, chunk: Chunk<'_>, text: &str, pieces: &mut Vec<Piece>) -> Result<(), Failure> {
        self.heard = true;
        let id = chunk.id.text();
        if !self.named && (1..=MAX_NAME_BYTES).contains(&id.len()) {
            self.named = true;
            pieces.push(Piece::Named(id.to_owned()));
        }
        let mut reason = Loose::default();
        // Of several answers, which nobody asked for, the first counts.
        for choice in chunk.choices.into_iter().flatten().filter(|choice| choice.index.unwrap_or(0) == 0) {
            if let Some(delta) = choice.delta.or(choice.message)
                && self.delta(delta, pieces)?
            {
                self.usage_is_fresh = false;
                self.stage = self.stage.max(Stage::Speaking);
            }
            if !choice.finish_reason.text().is_empty() {
                reason = choice.finish_reason;
            }
        }
        let usage = chunk.usage.and_then(|usage| reported(usage.get()));
        if let Some(usage) = usage.or_else(|| reported_by_groq(chunk.x_groq?.get())) {
            (self.usage, self.usage_is_fresh) = (Some(usage), true);
        }
        let error = chunk.error.map(RawValue::get).or_else(|| (chunk.object.text() == "error").then_some(text));
        if error.is_some() || reason.text() == "error" {
            self.tell_usage(pieces);
            return Err(self.failed(error.unwrap_or_default()));
        }
        match reason.text() {
            "" => Ok(()),
            reason => self.finish(finish(reason), pieces),
        }
    }

    /// Takes what was said next; false: nothing was.
    fn delta(&mut self, delta: Delta<'_>, pieces: &mut Vec<Piece>) -> Result<bool, Failure> {
        let mut spoke = false;
        let thought = [delta.reasoning_content, delta.reasoning].into_iter().find(|text| !text.text().is_empty());
        if let Some(Loose(Some(thought))) = thought {
            spoke = true;
            say(pieces, Voice::Reasoning, thought);
        }
        for Text(text) in [delta.content, delta.refusal].into_iter().flatten() {
            spoke |= !text.is_empty();
            say(pieces, Voice::Text, text);
        }
        for fragment in delta.tool_calls.into_iter().flatten() {
            spoke = true;
            self.fragment(&fragment, pieces)?;
        }
        Ok(spoke)
    }

    /// A fragment of a call: held until it is known what it is for.
    fn fragment(&mut self, fragment: &Fragment<'_>, pieces: &mut Vec<Piece>) -> Result<(), Failure> {
        let function = fragment.function.as_ref();
        let (id, name) = (fragment.id.text(), function.map_or("", |function| function.name.text()));
        let arguments = function.and_then(|function| function.arguments.as_ref()).map_or("", |Text(text)| text);
        if id.len().max(name.len()) > MAX_NAME_BYTES {
            return Err(self.nonsense());
        }
        let place = self.place(fragment.index, id, name)?;
        let held: usize = self.calls.iter().map(|call| call.held.len()).sum();
        let call = &mut self.calls[place];
        for (known, told) in [(&mut call.id, id), (&mut call.name, name)] {
            if known.is_empty() {
                told.clone_into(known);
            }
        }
        if call.id.is_empty() || call.name.is_empty() {
            if held + arguments.len() > MAX_HELD_BYTES {
                return Err(self.nonsense());
            }
            call.held.push_str(arguments);
            return Ok(());
        }
        let held = std::mem::take(&mut call.held);
        for arguments in [&held, arguments].into_iter().filter(|arguments| !arguments.is_empty()) {
            call.said = true;
            say(pieces, call.voice(), arguments.into());
        }
        Ok(())
    }

    /// Which call a fragment belongs to, a new one if none.
    fn place(&mut self, index: Option<u32>, id: &str, name: &str) -> Result<usize, Failure> {
        let found = match index {
            Some(index) => self.calls.iter().position(|call| call.index == index),
            // Without an index, a new name begins a new call.
            None if !id.is_empty() => self.calls.iter().position(|call| call.id == id),
            None if !name.is_empty() => None,
            None => self.calls.len().checked_sub(1),
        };
        if let Some(found) = found {
            return Ok(found);
        }
        let next = self.calls.iter().map(|call| call.index + 1).max().unwrap_or(0);
        let index = index.unwrap_or(next);
        if self.calls.len() >= MAX_CALLS || index as usize >= MAX_CALLS {
            return Err(bad_output("the provider wants more tools to be called than anyone could"));
        }
        self.calls.push(Call { index, id: String::new(), name: String::new(), held: String::new(), said: false });
        Ok(self.calls.len() - 1)
    }

    /// What was held is said, and why it stopped; once.
    fn finish(&mut self, finish: Finish, pieces: &mut Vec<Piece>) -> Result<(), Failure> {
        if std::mem::replace(&mut self.finished, true) {
            return Ok(());
        }
        for call in self.calls.iter_mut().filter(|call| !call.said) {
            if call.name.is_empty() {
                return Err(bad_output("the provider wants a tool to be called and does not say which"));
            }
            if call.id.is_empty() {
                call.id = format!("call_{}", call.index);
            }
            call.said = true;
            // Nothing is what no schema of an object takes.
            let arguments = if call.held.is_empty() { "{}".to_owned() } else { std::mem::take(&mut call.held) };
            say(pieces, call.voice(), arguments.into());
        }
        pieces.push(Piece::Finished(finish));
        self.stage = Stage::Finished;
        Ok(())
    }

    /// It says that it is over.
    fn over(&mut self, pieces: &mut Vec<Piece>) -> Result<(), Failure> {
        if !self.heard {
            return Err(self.nonsense());
        }
        // Whoever says so without a reason means to have said all.
        self.finish(Finish::Other, pieces)?;
        self.tell_usage(pieces);
        Ok(())
    }

    /// What was counted before the last word counts only a part of the answer: none is better, for then it is estimated.
    fn tell_usage(&mut self, pieces: &mut Vec<Piece>) {
        pieces.extend(self.usage.take().filter(|_| self.usage_is_fresh).map(Piece::Used));
    }

    fn nonsense(&self) -> Failure {
        Failure::new(FailureKind::BadOutput, format!("{} answered with what is no answer", self.provider))
    }

    /// It fails in the middle of its answer, or instead of one.
    fn failed(&self, error: &str) -> Failure {
        let error = if error.len() > MAX_ERROR_BYTES { "" } else { error };
        let why = match of_error(&serde_json::from_str(error).unwrap_or_default()) {
            Refusal::NoCredit => "has no credit left".to_owned(),
            Refusal::Policy => "stopped: what was asked for is against its content policy".to_owned(),
            Refusal::Other(words) if words.is_empty() || repeats(error.as_bytes(), &words, self.key.as_ref()) => {
                "failed as it answered".to_owned()
            }
            Refusal::Other(words) => format!("failed as it answered: {words}"),
        };
        Failure::new(FailureKind::ModelFailed, format!("{} {why}", self.provider))
    }
}

impl Call {
    fn voice(&self) -> Voice {
        Voice::ToolCall { index: self.index, id: self.id.clone(), name: self.name.clone() }
    }
}

/// A list would do for an object, by position; none of theirs is one.
fn chunk(text: &str) -> Option<Chunk<'_>> {
    if text.trim_ascii_start().starts_with('{') { serde_json::from_str(text).ok() } else { None }
}

fn finish(reason: &str) -> Finish {
    match reason {
        "stop" => Finish::Stop,
        "length" => Finish::Length,
        "tool_calls" | "function_call" => Finish::ToolCalls,
        "content_filter" => Finish::ContentFilter,
        _ => Finish::Other,
    }
}

#[cfg(test)]
mod tests;
