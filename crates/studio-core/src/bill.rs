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

/// So many times what was held, no exchange can cost: the hold is a bound already, and a provider that breaks a limit a
/// little is charged as it says.
const INCREDIBLE: i64 = 10;

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

/// On what a charge stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// What was counted, by the price list.
    Counted,
    /// What was held: more was counted, or nothing that can be believed.
    Held,
    /// The provider's own word.
    Told,
    /// A person's.
    Person,
}

/// What an attempt is charged.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bill {
    /// How much; never less than nothing.
    pub amount: Nanos,
    /// What the provider takes beside that, for which nobody got anything.
    pub absorbed: Nanos,
    /// On what that stands. None: nothing is charged.
    pub basis: Option<Basis>,
    /// By what it was counted, where it follows from the price list.
    pub measured: Option<Usage>,
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
        Self { amount, basis: Some(Basis::Person), ..Self::default() }
    }

    /// Whether time is part of it.
    pub fn is_by_time(&self) -> bool {
        self.measured.as_ref().is_some_and(|measured| measured.quantity(Unit::Second) > 0)
    }

    /// For so many outputs of a job, for which its provider took so many seconds. Never more than was held: time is measured
    /// here, waiting included, and no provider is asked for longer than it was held for.
    pub fn for_outputs(job: &Job, outputs: u64, seconds: u64) -> Self {
        let (amount, measured) = price_of_outputs(job, outputs, seconds);
        Self { amount, basis: Some(basis_of(&measured)), measured, ..Self::default() }
    }

    /// For work that was stopped after so many seconds: only time is charged for, where it is.
    pub fn for_time(job: &Job, seconds: u64) -> Self {
        let timed = job.price_list.as_ref().filter(|list| list.rate(Unit::Second).is_some());
        let usage = Usage::of(Unit::Second, seconds);
        match timed.and_then(|list| list.cost(&usage).ok()) {
            None => Self::nothing(),
            Some(amount) => Self {
                amount: amount.min(job.hold),
                basis: Some(Basis::Counted),
                measured: Some(usage),
                estimated: true,
                ..Self::default()
            },
        }
    }

    /// For work that its provider did and that is no use to anyone: nobody here is charged for it, and it is taken as billed
    /// all the same, for it was done.
    pub fn for_nothing_of_use(job: &Job, outputs: u64, seconds: u64) -> Self {
        Self { absorbed: price_of_outputs(job, outputs, seconds).0, ..Self::default() }
    }

    /// As the provider tells it, for `produced` bytes. What it charges by its own word comes before our list. Nothing: it
    /// told nothing that can be charged by. What no exchange within the limits that we sent can cost is not believed: then
    /// all that was held is charged, and marked, and what it told is kept for whoever looks into it.
    pub fn as_reported(job: &Job, reported: Reported, produced: u64) -> Option<Self> {
        // No tokens for something that was said: whoever counts so has not counted.
        let counted = reported.tokens.filter(|tokens| tokens.output > 0 || produced == 0);
        let free = job.price_list.is_some() && job.hold == Nanos::ZERO;
        let (amount, basis, measured) = match (reported.cost, counted) {
            (Some(_), _) if free => (Nanos::ZERO, Basis::Told, None),
            (Some(cost), _) => (cost, Basis::Told, None),
            (None, Some(tokens)) => {
                let (amount, measured) = price_of_tokens(job, tokens);
                (amount, basis_of(&measured), measured)
            }
            (None, None) => return None,
        };
        let bill = Self { amount, basis: Some(basis), measured, reported: reported.raw, ..Self::default() };
        let most = job.hold.get().saturating_mul(INCREDIBLE);
        if job.hold > Nanos::ZERO && amount.get() > most {
            return Some(Self { amount: job.hold, basis: Some(Basis::Held), measured: None, estimated: true, ..bill });
        }
        Some(Self { tokens: counted, ..bill })
    }

    /// For what was sent and `produced` bytes that came back, and so many tokens more that may have been on their way. Never
    /// more than was held, for the limits that we sent bound it.
    pub fn estimate(job: &Job, produced: u64, remainder: u64) -> Self {
        let Input::Chat(request) = &job.input else { return Self::nothing() };
        // What came back is charged by the same guess as what was sent.
        let output = estimated_tokens(produced).saturating_add(remainder).min(request.max_output());
        let tokens = Tokens { input: request.estimated_input(), output, ..Tokens::default() };
        let (amount, measured) = price_of_tokens(job, tokens);
        let basis = Some(basis_of(&measured));
        Self { amount: amount.min(job.hold), basis, measured, tokens: Some(tokens), estimated: true, ..Self::default() }
    }
}

/// A guess at the tokens of so many bytes of text, meant to be a little high: English has 4 to 5 bytes a token, code and
/// most other languages 2.5 to 4.
pub const fn estimated_tokens(bytes: u64) -> u64 {
    bytes.div_ceil(3)
}

fn price_of_outputs(job: &Job, outputs: u64, seconds: u64) -> (Nanos, Option<Usage>) {
    let Some(list) = &job.price_list else { return (Nanos::ZERO, None) };
    let usage = job.input.actual_usage(list, outputs, seconds);
    match list.cost(&usage) {
        Ok(cost) if cost <= job.hold => (cost, Some(usage)),
        _ => (job.hold, None),
    }
}

/// What could not be counted within the hold is charged as held.
fn basis_of(measured: &Option<Usage>) -> Basis {
    if measured.is_some() { Basis::Counted } else { Basis::Held }
}

/// By the list that it was held by; what that can't price is charged as held.
fn price_of_tokens(job: &Job, tokens: Tokens) -> (Nanos, Option<Usage>) {
    let (Some(list), Input::Chat(request)) = (&job.price_list, &job.input) else { return (Nanos::ZERO, None) };
    let usage = request.usage(list, tokens);
    list.cost(&usage).map_or((job.hold, None), |cost| (cost, Some(usage)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::Modality,
        id::{JobId, RequestId, UserId},
        job::{Durability, NewJob, Payer},
        price::PriceList,
        request::{ChatRequest, Format, ImageRequest, Message, Role},
        secret::Prompt,
        time::Timestamp,
    };
    use proptest::prelude::*;
    use serde_json::json;

    const T0: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    /// A question of 30 bytes for an answer of at most 100 tokens; 1 and 10 nano-USD a token.
    fn job(hold: i64, priced: bool) -> Job {
        let user = UserId::new(T0, [1; 10]);
        let rates = [(Unit::InputTokens, 1_000_000), (Unit::OutputTokens, 10_000_000)].into();
        let list = PriceList { version: "t".into(), from: "2026-01-01".into(), rates, by: Vec::new() };
        let request = ChatRequest {
            messages: vec![Message::text(Role::User, "x".repeat(30))],
            tools: Vec::new(),
            tool_choice: None,
            format: Format::Text,
            stop: Vec::new(),
            streams: true,
            parameters: serde_json::from_value(json!({ "maxOutputTokens": 100 })).unwrap(),
        };
        NewJob {
            id: JobId::new(T0, [2; 10]),
            owner: user,
            payer: Payer::User(user),
            request: RequestId::new(T0, [3; 10]),
            modality: Modality::Chat,
            model: "m".into(),
            provider: "p".into(),
            upstream: "m".into(),
            input: Input::Chat(request),
            deadline: None,
            hold: Nanos::new(hold),
            price_list: priced.then_some(list),
            warnings: Vec::new(),
            durability: Durability::Power,
            now: T0,
        }
        .queued()
    }

    fn told(input: u64, output: u64) -> Reported {
        Reported { tokens: Some(Tokens { input, output, ..Tokens::default() }), ..Reported::default() }
    }

    fn costs(nanos: i64) -> Reported {
        Reported { cost: Some(Nanos::new(nanos)), raw: Some(json!({ "cost": nanos })), ..told(3, 4) }
    }

    #[test]
    fn what_a_provider_tells_is_charged_within_reason() {
        let amount = |job: &Job, reported, produced| {
            Bill::as_reported(job, reported, produced).map(|bill| (bill.amount.get(), bill.estimated))
        };
        let held = job(1078, true);
        assert_eq!(amount(&held, told(9, 20), 60), Some((209, false)));
        assert_eq!(amount(&held, costs(7), 60), Some((7, false)), "its own price comes first");
        assert_eq!(amount(&held, told(9, 0), 60), None, "nothing counted for something said");
        assert_eq!(amount(&held, told(9, 0), 0), Some((9, false)));
        // A limit that it broke a little is charged as it says: an overage. What can't be is not believed.
        assert_eq!(amount(&held, told(9, 200), 60), Some((2009, false)));
        assert_eq!(amount(&held, told(9, u64::MAX), 60), Some((1078, false)), "more than can be counted");
        assert_eq!(amount(&held, told(9, 1_000_000), 60), Some((1078, true)));
        let bill = Bill::as_reported(&held, costs(999_999_000_000_000), 60).unwrap();
        assert_eq!((bill.amount.get(), bill.estimated, bill.reported.is_some()), (1078, true, true));
        assert_eq!(amount(&job(0, true), costs(7), 60), Some((0, false)), "what is declared free is");
        assert_eq!(amount(&job(0, false), costs(7), 60), Some((7, false)), "what has no price costs what it says");
    }

    #[test]
    fn an_estimate_is_never_more_than_was_held() {
        let held = job(1078, true);
        let estimate = |produced, remainder| Bill::estimate(&held, produced, remainder);
        assert_eq!((estimate(0, 0).amount.get(), estimate(0, 0).tokens.unwrap().input), (14, 14));
        assert_eq!(estimate(31, 0).tokens.unwrap().output, 11);
        assert_eq!(estimate(9999, 128).tokens.unwrap().output, 100, "never more tokens than it was allowed");
        assert!(estimate(9999, 128).amount <= held.hold && estimate(9999, 128).estimated);
        assert_eq!(Bill::estimate(&job(5, true), 9999, 0).amount.get(), 5);
    }

    /// Pictures priced by several units at once.
    fn pictures(hold: i64, steps: Option<u64>, rates: &[(Unit, i64)]) -> Job {
        let parameters = [("numImages", Some(4)), ("steps", steps)];
        let parameters = parameters.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into())));
        let request = ImageRequest::new(Prompt::new("ünder"), parameters.collect());
        let rates = rates.iter().copied().collect();
        let list = PriceList { version: "t".into(), from: "2026-01-01".into(), rates, by: Vec::new() };
        Job { input: Input::Image(request), price_list: Some(list), ..job(hold, true) }
    }

    const ONE: i64 = 1_000_000;

    #[test]
    fn pictures_are_charged_by_whatever_their_list_prices() {
        let all =
            [(Unit::Image, ONE), (Unit::Step, ONE), (Unit::Second, ONE), (Unit::Characters, ONE), (Unit::Call, ONE)];
        let by = |rates: &[(Unit, i64)]| Bill::for_outputs(&pictures(1000, Some(20), rates), 3, 7).amount.get();
        assert_eq!(by(&all), 3 + 60 + 7 + 5 + 1);
        assert_eq!([by(&all[..1]), by(&all[1..2]), by(&all[2..3]), by(&all[3..4]), by(&all[4..])], [3, 60, 7, 5, 1]);
        // More than was held is never charged for what we count ourselves.
        let dear = Bill::for_outputs(&pictures(50, Some(20), &all), 3, 7);
        assert_eq!((dear.amount.get(), dear.measured), (50, None));
        // What was stopped is charged for its time alone; what is no use, to nobody.
        let stopped = Bill::for_time(&pictures(1000, None, &all), 7);
        assert_eq!((stopped.amount.get(), stopped.estimated), (7, true));
        assert_eq!(Bill::for_time(&pictures(1000, None, &all[..1]), 7), Bill::nothing());
        let useless = Bill::for_nothing_of_use(&pictures(1000, Some(20), &all[..1]), 4, 7);
        assert_eq!((useless.amount.get(), useless.absorbed.get()), (0, 4));
    }

    proptest! {
        #[test]
        fn nothing_that_is_counted_costs_more_than_its_upper_estimate(
            rates in prop::collection::vec(0i64..5_000_000, 5), priced in prop::collection::vec(any::<bool>(), 5),
            steps in prop::option::of(1u64..100), outputs in 0u64..=4, seconds in 1u64..=90,
        ) {
            let units = [Unit::Image, Unit::Step, Unit::Second, Unit::Characters, Unit::Call];
            let list: Vec<_> = units.into_iter().zip(rates).zip(priced).filter(|(_, priced)| *priced).map(|(rate, _)| rate).collect();
            let job = pictures(i64::MAX, steps, &list);
            let prices = job.price_list.as_ref().unwrap();
            let limit = std::time::Duration::from_secs(90);
            let upper = prices.cost(&job.input.upper_usage(prices, limit));
            let least = prices.cost(&job.input.least_usage(prices));
            let actual = prices.cost(&job.input.actual_usage(prices, outputs, seconds));
            if let (Ok(upper), Ok(least), Ok(actual)) = (upper, least, actual) {
                prop_assert!(actual <= upper && least <= upper, "{actual} and {least} of {upper}");
            }
        }
    }
}
