//! What a chat can be made to do, by the test or by its own words: a user message that contains `[[cut 7]]` gets
//! [`Trick::Cut`] after 7 pieces. So one emulator serves hundreds of streams, each in its own way.

use serde_json::Value;
use std::time::Duration;

/// One way to answer a chat. Several go together; of two of a kind the last counts. Pieces are counted over thought, text
/// and calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trick {
    /// `pieces 5`: says so many; 20 unless said.
    Pieces(u64),
    /// `word sea`: they are `sea1 sea2 ...`; `word` unless said.
    Word(String),
    /// `gap 30`: so many milliseconds between them.
    Gap(u64),
    /// `think 3`: so many pieces of thought come first.
    Think(u64),
    /// `tools`: wants two tools to be called, their arguments in fragments that take turns; unless a tool has answered.
    Tools,
    /// `heartbeats`: a comment before each piece.
    Heartbeats,
    /// `whole`: answers with JSON, although a stream was asked for.
    Whole,
    /// `endless`: has no end, whatever the limit.
    Endless,
    /// `mute`: takes the request and never answers.
    Mute,
    /// `gone`: takes the request and closes the connection.
    Gone,
    /// `html`: answers with a web page.
    Html,
    /// `status 503`: breaks in this way.
    Status(u16),
    /// `busy 2`: has no room when it first sees this request, and asks to wait so many seconds.
    Busy(u64),
    /// `silent 4`: after so many pieces nothing more comes.
    Silent(u64),
    /// `cut 7`: after so many pieces the connection is closed, without a last chunk.
    Cut(u64),
    /// `cutend`: the connection is closed right after the reason why it stopped.
    CutEnd,
    /// `reset 7`: after so many pieces the connection is reset.
    Reset(u64),
    /// `nonsense 2`: after so many pieces comes what is no JSON.
    Nonsense(u64),
    /// `error 2`: after so many pieces comes an error instead of a piece.
    Error(u64),
    /// `large 2000000`: one piece of so many bytes, in one line.
    Large(u64),
    /// `nousage`: does not tell what was used.
    NoUsage,
    /// `nodone`: ends without `[DONE]`.
    NoDone,
    /// `lateend 30`: so many milliseconds after `[DONE]` the body ends.
    LateEnd(u64),
    /// `noreason`: does not say why it stopped.
    NoReason,
    /// `cached 5`: so many tokens of the prompt were cached.
    Cached(u64),
    /// `reasoning 9`: so many tokens more went into thoughts that are not shown.
    Reasoning(u64),
    /// `cost 0.00123`: tells what it charges in US dollars, as OpenRouter does, and much else.
    Cost(String),
    /// `ticks 1234`: tells what it charges in ticks, as xAI does.
    Ticks(u64),
}

impl Trick {
    fn parse(text: &str) -> Option<Self> {
        let (name, value) = text.split_once(' ').unwrap_or((text, ""));
        let number = || value.trim().parse::<u64>().ok();
        Some(match name {
            "pieces" => Self::Pieces(number()?),
            "word" => Self::Word(value.to_owned()),
            "gap" => Self::Gap(number()?),
            "think" => Self::Think(number()?),
            "tools" => Self::Tools,
            "heartbeats" => Self::Heartbeats,
            "whole" => Self::Whole,
            "endless" => Self::Endless,
            "mute" => Self::Mute,
            "gone" => Self::Gone,
            "html" => Self::Html,
            "status" => Self::Status(value.parse().ok()?),
            "busy" => Self::Busy(number()?),
            "silent" => Self::Silent(number()?),
            "cut" => Self::Cut(number()?),
            "cutend" => Self::CutEnd,
            "reset" => Self::Reset(number()?),
            "nonsense" => Self::Nonsense(number()?),
            "error" => Self::Error(number()?),
            "large" => Self::Large(number()?),
            "nousage" => Self::NoUsage,
            "nodone" => Self::NoDone,
            "lateend" => Self::LateEnd(number()?),
            "noreason" => Self::NoReason,
            "cached" => Self::Cached(number()?),
            "reasoning" => Self::Reasoning(number()?),
            "cost" => Self::Cost(value.to_owned()),
            "ticks" => Self::Ticks(number()?),
            _ => return None,
        })
    }

    /// Those that the texts of a request's user messages ask for.
    pub(super) fn asked_in(body: &Value) -> Vec<Self> {
        let messages = body["messages"].as_array().into_iter().flatten();
        let texts =
            messages.filter(|message| message["role"] == "user").flat_map(|message| match &message["content"] {
                Value::String(text) => vec![text.as_str()],
                Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
                _ => Vec::new(),
            });
        let asked = texts.flat_map(|text| text.split("[[").skip(1)).filter_map(|rest| Some(rest.split_once("]]")?.0));
        asked.filter_map(Self::parse).collect()
    }
}

/// Instead of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Instead {
    Mute,
    Gone,
    Html,
    Status(u16),
    Busy(u64),
}

/// In the middle of an answer, before all is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Break {
    Silent,
    Cut,
    Reset,
    Nonsense,
    Error,
}

/// How one chat is answered.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) pieces: u64,
    pub(super) word: String,
    pub(super) gap: Duration,
    pub(super) think: u64,
    pub(super) tools: bool,
    pub(super) heartbeats: bool,
    pub(super) whole: bool,
    pub(super) endless: bool,
    pub(super) instead: Option<Instead>,
    pub(super) breaks: Option<(u64, Break)>,
    pub(super) breaks_at_end: bool,
    pub(super) large: Option<u64>,
    pub(super) tells_usage: bool,
    pub(super) says_done: bool,
    pub(super) late_end: Duration,
    pub(super) gives_reason: bool,
    pub(super) cached: u64,
    pub(super) reasoning: u64,
    pub(super) cost: Option<String>,
    pub(super) ticks: Option<u64>,
}

impl Plan {
    pub(super) fn of(tricks: impl IntoIterator<Item = Trick>) -> Self {
        let mut plan = Self {
            pieces: 20,
            word: "word".to_owned(),
            gap: Duration::ZERO,
            think: 0,
            tools: false,
            heartbeats: false,
            whole: false,
            endless: false,
            instead: None,
            breaks: None,
            breaks_at_end: false,
            large: None,
            tells_usage: true,
            says_done: true,
            late_end: Duration::ZERO,
            gives_reason: true,
            cached: 0,
            reasoning: 0,
            cost: None,
            ticks: None,
        };
        tricks.into_iter().for_each(|trick| plan.add(trick));
        plan
    }

    fn add(&mut self, trick: Trick) {
        match trick {
            Trick::Pieces(count) => self.pieces = count,
            Trick::Word(word) => self.word = word,
            Trick::Gap(millis) => self.gap = Duration::from_millis(millis),
            Trick::Think(count) => self.think = count,
            Trick::Tools => self.tools = true,
            Trick::Heartbeats => self.heartbeats = true,
            Trick::Whole => self.whole = true,
            Trick::Endless => self.endless = true,
            Trick::Mute => self.instead = Some(Instead::Mute),
            Trick::Gone => self.instead = Some(Instead::Gone),
            Trick::Html => self.instead = Some(Instead::Html),
            Trick::Status(status) => self.instead = Some(Instead::Status(status)),
            Trick::Busy(seconds) => self.instead = Some(Instead::Busy(seconds)),
            Trick::Silent(at) => self.breaks = Some((at, Break::Silent)),
            Trick::Cut(at) => self.breaks = Some((at, Break::Cut)),
            Trick::CutEnd => self.breaks_at_end = true,
            Trick::Reset(at) => self.breaks = Some((at, Break::Reset)),
            Trick::Nonsense(at) => self.breaks = Some((at, Break::Nonsense)),
            Trick::Error(at) => self.breaks = Some((at, Break::Error)),
            Trick::Large(bytes) => self.large = Some(bytes),
            Trick::NoUsage => self.tells_usage = false,
            Trick::NoDone => self.says_done = false,
            Trick::LateEnd(millis) => self.late_end = Duration::from_millis(millis),
            Trick::NoReason => self.gives_reason = false,
            Trick::Cached(tokens) => self.cached = tokens,
            Trick::Reasoning(tokens) => self.reasoning = tokens,
            Trick::Cost(usd) => self.cost = Some(usd),
            Trick::Ticks(ticks) => self.ticks = Some(ticks),
        }
    }
}
