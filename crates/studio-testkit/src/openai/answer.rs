//! Answers chats, piece by piece or whole, in whatever way [`Trick`]s ask for, and keeps account of what really left.
//!
//! The account is made before the bytes are written and taken back when they can't be: whoever has read a piece finds it in
//! the account.

use super::{
    Behaviour, Billed, ChatRecord, Shared, Then, Trick, busy, refuse, refused,
    trick::{Break, Instead, Plan},
};
use crate::raw_http::{Request, response};
use anyhow::Result;
use serde_json::{Map, Value, json};
use std::time::Duration;
use tokio::{io::AsyncWriteExt, net::TcpStream};

const CREATED: u64 = 1_795_600_000;
const PAGE: &str = "<!doctype html><title>Welcome</title><h1>It works!</h1>";
/// What a picture counts as, in tokens of the prompt.
const PICTURE_TOKENS: u64 = 85;
/// The arguments of the two calls that it makes, in the fragments in which they come.
const ARGUMENTS: [&[&str]; 2] = [&["{\"city\":", "\"Os", "lo\"", "}"], &["{\"ci", "ty\":\"Rome\",\"days\"", ":3", "}"]];

/// Why an answer was not said to its end.
enum Stop {
    /// The caller went away.
    HungUp,
    /// As it was told to.
    Broke,
}

/// Answers a request for a chat that is as it should be.
pub(super) async fn chat(
    stream: &mut TcpStream,
    shared: &Shared,
    request: &Request,
    body: Value,
    how: Behaviour,
) -> Result<Then> {
    if let Some((refusal, headers)) = refused(&how) {
        refuse(stream, &refusal, &headers).await?;
        return Ok(Then::Close);
    }
    let mut tricks = match how {
        Behaviour::Chat(tricks) => tricks,
        Behaviour::DiesBeforeReply => vec![Trick::Gone],
        Behaviour::DiesMidReply => vec![Trick::Cut(10)],
        Behaviour::Html => vec![Trick::Html],
        Behaviour::WrongTypes => vec![Trick::Nonsense(0)],
        Behaviour::Oversize(bytes) => vec![Trick::Large(bytes)],
        _ => Vec::new(),
    };
    tricks.extend(Trick::asked_in(&body));
    let plan = Plan::of(tricks);
    match plan.instead {
        Some(Instead::Html) => {
            stream.write_all(response(200, "text/html; charset=utf-8", PAGE).as_bytes()).await?;
            return Ok(Then::Close);
        }
        Some(Instead::Status(status)) => {
            let (refusal, headers) = refused(&Behaviour::Fails(status)).unwrap_or((busy(), Vec::new()));
            refuse(stream, &refusal, &headers).await?;
            return Ok(Then::Close);
        }
        Some(Instead::Busy(seconds)) if shared.note(|inner| inner.turned_away.insert(body.to_string())) => {
            refuse(stream, &busy(), &[("Retry-After".to_owned(), seconds.to_string())]).await?;
            return Ok(Then::Close);
        }
        _ => {}
    }
    let prompt = prompt_tokens(&body);
    let index = shared.change(|inner| {
        inner.chats.push(ChatRecord {
            headers: request.headers.clone(),
            body: body.clone(),
            billed: (prompt, plan.cached.min(prompt), 0, 0),
            ..ChatRecord::default()
        });
        inner.chats.len() - 1
    });
    let mut talk = Talk { stream, shared, index, id: format!("chatcmpl-emulated{index}"), body, plan, pieces: 0 };
    let said = match (&talk.plan.instead, talk.body["stream"] == true && !talk.plan.whole) {
        (Some(Instead::Gone), _) => Err(Stop::Broke),
        (Some(Instead::Mute), _) => {
            is_gone(talk.stream).await;
            Err(Stop::HungUp)
        }
        (_, true) => talk.stream_all().await,
        (_, false) => talk.say_whole().await,
    };
    if matches!(said, Err(Stop::HungUp)) {
        shared.note(|inner| inner.chats[index].hung_up = true);
    }
    Ok(if said.is_ok() { Then::Keep } else { Then::Close })
}

/// A fixed rule instead of a tokenizer: four bytes of text are a token, and each message has three of its own.
fn prompt_tokens(body: &Value) -> u64 {
    let of_text = |text: &Value| text.as_str().map_or(0, |text| (text.len() as u64).div_ceil(4));
    let of_message = |message: &Value| {
        let parts = message["content"].as_array().into_iter().flatten();
        let of_parts = parts.map(|part| if part["type"] == "text" { of_text(&part["text"]) } else { PICTURE_TOKENS });
        3 + of_text(&message["content"]) + of_parts.sum::<u64>()
    };
    body["messages"].as_array().into_iter().flatten().map(of_message).sum()
}

/// Waits until the caller goes away.
async fn is_gone(stream: &TcpStream) {
    if matches!(stream.peek(&mut [0]).await, Ok(1..)) {
        std::future::pending::<()>().await;
    }
}

struct Talk<'a> {
    stream: &'a mut TcpStream,
    shared: &'a Shared,
    index: usize,
    id: String,
    body: Value,
    plan: Plan,
    pieces: u64,
}

impl Talk<'_> {
    /// Most pieces that the caller wants.
    fn limit(&self) -> u64 {
        let limit = ["max_completion_tokens", "max_tokens"].iter().find_map(|name| self.body[name].as_u64());
        if self.plan.endless { u64::MAX } else { limit.unwrap_or(u64::MAX) }
    }

    fn calls_tools(&self) -> bool {
        let messages = self.body["messages"].as_array();
        self.plan.tools && messages.and_then(|all| all.last()).is_some_and(|last| last["role"] != "tool")
    }

    fn tool_name(&self, index: usize) -> &str {
        let tools = self.body["tools"].as_array().map_or(&[][..], Vec::as_slice);
        let tool = if index == 0 { tools.first() } else { tools.last() };
        tool.and_then(|tool| tool["function"]["name"].as_str()).unwrap_or("look")
    }

    /// The pieces in order: thought, and then text or fragments of calls. Each with the text of it.
    fn piece(&self, number: u64) -> Option<(Value, String)> {
        let text = |field: &str, text: String| Some((json!({ field: text }), text));
        if number < self.plan.think {
            return text("reasoning_content", format!("thought{} ", number + 1));
        }
        let number = number - self.plan.think;
        if self.calls_tools() {
            return Some((json!({ "tool_calls": [self.fragment(usize::try_from(number).ok()?)?] }), String::new()));
        }
        let more = number < self.plan.pieces || self.plan.endless;
        if more { text("content", format!("{}{} ", self.plan.word, number + 1)) } else { None }
    }

    /// Both calls are named first, and then say their arguments in turn.
    fn fragment(&self, number: usize) -> Option<Value> {
        let (index, round) = (number % 2, number / 2);
        if round == 0 {
            let function = json!({ "name": self.tool_name(index), "arguments": "" });
            return Some(
                json!({ "index": index, "id": format!("call_{index}"), "type": "function", "function": function }),
            );
        }
        let fragment = ARGUMENTS[index].get(round - 1)?;
        Some(json!({ "index": index, "function": { "arguments": fragment } }))
    }

    fn finish_reason(&self) -> &'static str {
        match self.piece(self.pieces) {
            Some(_) => "length",
            None if self.calls_tools() => "tool_calls",
            None => "stop",
        }
    }

    fn billed(&self) -> Billed {
        let (prompt, cached, ..) = self.shared.look().chats[self.index].billed;
        let thought = self.pieces.min(self.plan.think) + self.plan.reasoning;
        (prompt, cached, self.pieces + self.plan.reasoning, thought)
    }

    /// Writes what is put down in the account by `note`, or takes that back.
    async fn write(&mut self, bytes: &[u8], note: impl FnOnce(&mut ChatRecord)) -> Result<(), Stop> {
        let before = self.shared.note(|inner| {
            let record = &mut inner.chats[self.index];
            let before = (record.said.len(), record.pieces, record.billed, record.finished);
            note(record);
            before
        });
        if self.stream.write_all(bytes).await.is_ok() {
            return Ok(());
        }
        self.shared.note(|inner| {
            let record = &mut inner.chats[self.index];
            record.said.truncate(before.0);
            (record.pieces, record.billed, record.finished) = (before.1, before.2, before.3);
        });
        Err(Stop::HungUp)
    }

    /// One line of the stream, as one piece of the body.
    async fn line(&mut self, text: &str, note: impl FnOnce(&mut ChatRecord)) -> Result<(), Stop> {
        let event = format!("{text}\n\n");
        self.write(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes(), note).await
    }

    fn chunk(&self, choices: Value, usage: Value) -> String {
        let mut chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": self.body["model"],
            "service_tier": "default",
            "system_fingerprint": null,
            "choices": choices,
            "obfuscation": "p4dd1ng",
        });
        if self.body["stream_options"]["include_usage"] == true && self.plan.tells_usage {
            chunk["usage"] = usage;
        }
        format!("data: {chunk}")
    }

    fn delta(&self, delta: &Value, finish_reason: Value) -> String {
        let choice = json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason }]);
        self.chunk(choice, Value::Null)
    }

    async fn stream_all(&mut self) -> Result<(), Stop> {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\
                    Transfer-Encoding: chunked\r\nx-request-id: req_emulated\r\n\r\n";
        self.write(head.as_bytes(), |_| {}).await?;
        self.line(&self.delta(&json!({ "role": "assistant", "content": "", "refusal": null }), Value::Null), |_| {})
            .await?;
        if let Some(bytes) = self.plan.large {
            self.say_large(bytes).await?;
        }
        while self.pieces < self.limit()
            && let Some((delta, text)) = self.piece(self.pieces)
        {
            self.wait_for_turn().await?;
            if self.plan.heartbeats {
                self.line(": STILL PROCESSING", |_| {}).await?;
            }
            let thinks = self.pieces < self.plan.think;
            self.pieces += 1;
            let (line, billed) = (self.delta(&delta, Value::Null), self.billed());
            let noted = |record: &mut ChatRecord| {
                (record.pieces, record.billed) = (record.pieces + 1, billed);
                if !thinks {
                    record.said.push_str(&text);
                }
            };
            if let Err(stop) = self.line(&line, noted).await {
                self.pieces -= 1;
                return Err(stop);
            }
        }
        self.wait_for_turn().await?;
        self.end().await
    }

    async fn end(&mut self) -> Result<(), Stop> {
        if self.plan.gives_reason {
            let line = self.delta(&json!({}), self.finish_reason().into());
            self.line(&line, |_| {}).await?;
        }
        if self.plan.breaks_at_end {
            return Err(Stop::Broke);
        }
        if self.body["stream_options"]["include_usage"] == true && self.plan.tells_usage {
            let line = self.chunk(json!([]), self.usage());
            self.line(&line, |_| {}).await?;
        }
        if self.plan.says_done {
            self.line("data: [DONE]", |record| record.finished = true).await?;
        }
        if !self.plan.late_end.is_zero() {
            tokio::time::sleep(self.plan.late_end).await;
        }
        self.write(b"0\r\n\r\n", |record| record.finished = true).await
    }

    /// Waits until the next piece may be said, or breaks where it is told to.
    async fn wait_for_turn(&mut self) -> Result<(), Stop> {
        if let Some((at, way)) = &self.plan.breaks
            && *at == self.pieces
        {
            let way = way.clone();
            return Err(self.break_off(way).await);
        }
        let (gap, pieces) = (self.plan.gap, self.pieces);
        let waits = async {
            if !gap.is_zero() {
                tokio::time::sleep(gap).await;
            }
            self.shared.wait_until(Duration::MAX, |inner| !inner.held || pieces < inner.allowed).await;
        };
        tokio::select! {
            biased;
            () = is_gone(self.stream) => Err(Stop::HungUp),
            () = waits => Ok(()),
        }
    }

    async fn break_off(&mut self, way: Break) -> Stop {
        let written = match way {
            Break::Silent => {
                is_gone(self.stream).await;
                return Stop::HungUp;
            }
            Break::Cut => Ok(()),
            Break::Reset => {
                // Closed without a last word: what is on its way may be lost, too.
                drop(self.stream.set_zero_linger());
                Ok(())
            }
            Break::Nonsense => self.line("data: {\"choices\": [{\"delta\": oops", |_| {}).await,
            Break::Error => {
                let message = "The server at 10.0.0.7:8080 had an error, see req_emulated and sk-emulated.";
                let error =
                    json!({ "error": { "message": message, "type": "server_error", "param": null, "code": null } });
                self.line(&format!("data: {error}"), |_| {}).await
            }
        };
        written.err().unwrap_or(Stop::Broke)
    }

    /// A piece of so many letters. They are not in the account: there may be more than memory holds.
    async fn say_large(&mut self, bytes: u64) -> Result<(), Stop> {
        let block = "A".repeat(64 << 10);
        let (before, after) = ("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"", "\"}}]}\n\n");
        let mut left = bytes;
        self.write(format!("{:x}\r\n{before}\r\n", before.len()).as_bytes(), |_| {}).await?;
        while left > 0 {
            let part = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
            self.write(format!("{part:x}\r\n{}\r\n", &block[..part]).as_bytes(), |_| {}).await?;
            left -= part as u64;
        }
        self.write(format!("{:x}\r\n{after}\r\n", after.len()).as_bytes(), |_| {}).await
    }

    fn usage(&self) -> Value {
        let (prompt, cached, completion, reasoning) = self.billed();
        let mut usage = json!({
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": { "cached_tokens": cached, "audio_tokens": 0 },
            "completion_tokens_details": { "reasoning_tokens": reasoning, "audio_tokens": 0,
                "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0 },
        });
        if let Some(cost) = &self.plan.cost {
            usage["cost"] = cost.parse::<f64>().map_or_else(|_| cost.as_str().into(), Value::from);
            usage["is_byok"] = false.into();
            usage["cost_details"] = json!({ "upstream_inference_cost": null, "new_kind_of_cost": [1, "x"] });
        }
        if let Some(ticks) = self.plan.ticks {
            usage["cost_in_usd_ticks"] = ticks.into();
        }
        usage
    }

    async fn say_whole(&mut self) -> Result<(), Stop> {
        let limit = self.limit().min(100_000);
        let (mut thought, mut said) = (String::new(), String::new());
        while self.pieces < limit
            && let Some((_, text)) = self.piece(self.pieces)
        {
            let place = if self.pieces < self.plan.think { &mut thought } else { &mut said };
            place.push_str(&text);
            self.pieces += 1;
        }
        let (cut, all) = (self.plan.breaks.clone(), self.pieces);
        self.pieces = 0;
        self.wait_for_whole(all).await?;
        self.pieces = all;
        let billed = self.billed();
        let answer = self.whole(&thought, &said).to_string();
        let text = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             x-request-id: req_emulated\r\n\r\n{answer}",
            answer.len()
        );
        let bytes = text.as_bytes();
        if let Some((_, way)) = cut {
            if way == Break::Silent {
                is_gone(self.stream).await;
                return Err(Stop::HungUp);
            }
            self.write(&bytes[..bytes.len() / 2], |record| record.billed = billed).await?;
            return Err(Stop::Broke);
        }
        let noted = |record: &mut ChatRecord| {
            record.said.push_str(&said);
            (record.pieces, record.billed, record.finished) = (all, billed, true);
        };
        self.write(bytes, noted).await
    }

    /// A whole answer is held until all of its pieces may be said.
    async fn wait_for_whole(&mut self, all: u64) -> Result<(), Stop> {
        let gap = self.plan.gap.saturating_mul(u32::try_from(all).unwrap_or(u32::MAX));
        let waits = async {
            if !gap.is_zero() {
                tokio::time::sleep(gap).await;
            }
            self.shared.wait_until(Duration::MAX, |inner| !inner.held || all <= inner.allowed).await;
        };
        tokio::select! {
            biased;
            () = is_gone(self.stream) => Err(Stop::HungUp),
            () = waits => Ok(()),
        }
    }

    fn whole(&self, thought: &str, said: &str) -> Value {
        let mut message = Map::from_iter([
            ("role".to_owned(), "assistant".into()),
            ("content".to_owned(), if self.calls_tools() { Value::Null } else { said.into() }),
            ("refusal".to_owned(), Value::Null),
        ]);
        if !thought.is_empty() {
            message.insert("reasoning_content".into(), thought.into());
        }
        if self.calls_tools() {
            let call = |index: usize| {
                let function = json!({ "name": self.tool_name(index), "arguments": ARGUMENTS[index].concat() });
                json!({ "id": format!("call_{index}"), "type": "function", "function": function })
            };
            message.insert("tool_calls".into(), json!([call(0), call(1)]));
        }
        let reason = if self.plan.gives_reason { self.finish_reason().into() } else { Value::Null };
        let choice = json!({ "index": 0, "message": message, "logprobs": null, "finish_reason": reason });
        let mut answer = json!({
            "id": self.id,
            "object": "chat.completion",
            "created": CREATED,
            "model": self.body["model"],
            "choices": [choice],
            "service_tier": "default",
            "system_fingerprint": null,
        });
        if self.plan.tells_usage {
            answer["usage"] = self.usage();
        }
        answer
    }
}
