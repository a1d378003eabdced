//! What an attempt is charged, and by what measure: as the provider tells it, or as we count where it could not tell.

use crate::{
    job::Job,
    money::Nanos,
    price::{Unit, Usage},
    request::Input,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Tokens that a model may have produced after the last checkpoint of a stream whose reader, we, was killed: a checkpoint is
/// at most half a second old, and few models say more than 250 tokens a second.
pub const REMAINDER_TOKENS: u64 = 128;

/// Tokens of one exchange, counted as OpenAI does: cached ones are part of the input, reasoning is part of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tokens {
    /// Sent, cached ones included.
    #[serde(rename = "inputTokens")]
    pub input: u64,
    /// Of these, found in the provider's cache.
    #[serde(rename = "cachedInputTokens", default)]
    pub cached: u64,
    /// Received, reasoning included.
    #[serde(rename = "outputTokens")]
    pub output: u64,
    /// Of these, spent on reasoning.
    #[serde(rename = "reasoningTokens", default)]
    pub reasoning: u64,
}

impl Tokens {
    /// What is billed.
    pub fn usage(self) -> Usage {
        let cached = self.cached.min(self.input);
        [(Unit::InputTokens, self.input - cached), (Unit::CachedInputTokens, cached), (Unit::OutputTokens, self.output)]
            .into_iter()
            .collect()
    }
}

/// What a provider says that an exchange used.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reported {
    /// Its tokens.
    pub tokens: Option<Tokens>,
    /// What it charges, where it says so itself.
    pub cost: Option<Nanos>,
    /// All that it says of usage, known to us or not; bounded by the adapter.
    pub raw: Option<Value>,
}

/// What an attempt is charged.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bill {
    /// How much.
    pub amount: Nanos,
    /// For so many tokens.
    pub tokens: Option<Tokens>,
    /// Counted by us, because the provider could not tell.
    pub estimated: bool,
    /// Usage in the provider's own words.
    pub reported: Option<Value>,
}

impl Bill {
    /// Nothing is charged.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// So much, as somebody found out.
    pub fn of(amount: Nanos) -> Self {
        Self { amount, ..Self::default() }
    }

    /// For so many outputs of a job.
    pub fn for_outputs(job: &Job, outputs: u64) -> Self {
        Self::of(price(job, &job.input.actual_usage(outputs)))
    }

    /// As the provider tells it. What it charges by its own word comes before our list. Nothing: it told nothing that can be
    /// charged by.
    pub fn as_reported(job: &Job, reported: Reported) -> Option<Self> {
        let amount = match (reported.cost, reported.tokens) {
            (Some(cost), _) => cost,
            (None, Some(tokens)) => price(job, &tokens.usage()),
            (None, None) => return None,
        };
        Some(Self { amount, tokens: reported.tokens, estimated: false, reported: reported.raw })
    }

    /// For what was sent and `produced` bytes that came back, and so many tokens more that may have been on their way. Never
    /// more than was held, for the limits that we sent bound it.
    pub fn estimate(job: &Job, produced: u64, remainder: u64) -> Self {
        let Input::Chat(request) = &job.input else { return Self::nothing() };
        // What came back is charged by the same guess as what was sent.
        let output = estimated_tokens(produced).saturating_add(remainder).min(request.max_output());
        let tokens = Tokens { input: request.estimated_input(), output, ..Tokens::default() };
        let amount = price(job, &tokens.usage()).min(job.hold);
        Self { amount, tokens: Some(tokens), estimated: true, reported: None }
    }
}

/// A guess at the tokens of so many bytes of text, meant to be a little high: English has 4 to 5 bytes a token, code and
/// most other languages 2.5 to 4.
pub const fn estimated_tokens(bytes: u64) -> u64 {
    bytes.div_ceil(3)
}

/// By the list that it was held by; what that can't price is charged as held.
fn price(job: &Job, usage: &Usage) -> Nanos {
    job.price_list.as_ref().map_or(Nanos::ZERO, |list| list.cost(usage).unwrap_or(job.hold))
}
