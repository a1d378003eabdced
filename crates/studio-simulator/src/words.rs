//! Answers in words: what is said, in which pieces, how fast, and how it breaks off.

use crate::{dice::Dice, faults::Fault, planted::Plant, town::Town};
use futures_util::stream;
use std::{collections::VecDeque, sync::Arc, time::Duration};
use studio_core::{
    bill::{Reported, Tokens},
    money::Nanos,
    ports::{Piece, Saying},
    request::ChatRequest,
    retry::{Failure, FailureKind},
    words::{Finish, Segment, Voice},
};
use tokio::time::sleep;

/// Draws all that an attempt would say. No two attempts say the same, so that whose words were kept can be told.
pub fn script(dice: &mut Dice, name: &str, max_output: u64) -> Vec<Segment> {
    const SYLLABLES: [&str; 8] = ["lo", "rem ", "ip", "süm ", "🌊", "do", "lor. ", "\n"];
    let pieces = dice.from_to(0, 40);
    let mut left = max_output * 3;
    let mut script = Vec::new();
    let mut voice = if dice.per_mille(200) { Voice::Reasoning } else { Voice::Text };
    for number in 0..pieces {
        let mut text = if number == 0 { format!("[{name}] ") } else { String::new() };
        for _ in 0..dice.from_to(1, 12) {
            text.push_str(dice.one(&SYLLABLES).unwrap_or("x"));
        }
        if dice.per_mille(20) {
            text.push_str(&"a long stretch of words, ".repeat(40));
        }
        if text.len() as u64 > left {
            break;
        }
        left -= text.len() as u64;
        script.push(Segment { voice: voice.clone(), text });
        if dice.per_mille(150) {
            voice = Voice::Text;
        } else if dice.per_mille(20) {
            voice = Voice::ToolCall { index: 0, id: "c0".into(), name: "look".into() };
        }
    }
    script
}

/// What comes next.
enum Step {
    Wait(Duration),
    Give(Vec<Piece>),
    Break(Failure),
}

struct Speech {
    town: Arc<Town>,
    number: usize,
    steps: VecDeque<Step>,
}

/// The answer of a work, as it is said to us.
pub fn stream(town: &Arc<Town>, number: usize, mut dice: Dice, request: &ChatRequest, idle: Duration) -> Saying {
    let steps = plan(town, number, &mut dice, request, idle);
    let speech = Speech { town: town.clone(), number, steps };
    Box::pin(stream::unfold(speech, |mut speech| async move {
        loop {
            speech.town.world.lives().await;
            match speech.steps.pop_front()? {
                Step::Wait(time) => sleep(time).await,
                Step::Give(pieces) => {
                    speech.keep_account(&pieces);
                    return Some((Ok(pieces), speech));
                }
                Step::Break(failure) => {
                    speech.steps.clear();
                    return Some((Err(failure), speech));
                }
            }
        }
    }))
}

impl Speech {
    /// Writes down what is said, in the moment in which it is.
    fn keep_account(&self, pieces: &[Piece]) {
        self.town.books.change(self.number, |work| {
            for piece in pieces {
                match piece {
                    Piece::Said(_, text) => work.said += text.len() as u64,
                    Piece::Finished(_) => work.said_all = true,
                    Piece::Used(used) => work.used = Some(used.clone()),
                    Piece::Named(_) => {}
                }
            }
        });
    }
}

fn plan(town: &Town, number: usize, dice: &mut Dice, request: &ChatRequest, idle: Duration) -> VecDeque<Step> {
    let world = &town.world;
    let work = |work: &mut crate::books::Work| (work.script.clone(), work.handle.clone(), work.provider != "own");
    let (script, handle, paid) = town.books.change(number, work).unwrap_or_default();
    let cut = world.strikes(Fault::StreamCut).then(|| dice.below(script.len() as u64 + 1));
    let silent = world.strikes(Fault::StreamSilent).then(|| dice.below(script.len() as u64 + 1));
    let slow = if dice.per_mille(200) { 1200 } else { 120 };
    let mut steps = VecDeque::new();
    let mut together = Vec::new();
    if dice.per_mille(600) {
        together.push(Piece::Named(handle));
    }
    let bytes: u64 = script.iter().map(|segment| segment.text.len() as u64).sum();
    for (index, segment) in script.into_iter().enumerate() {
        if cut == Some(index as u64) {
            return broken(steps, together, dice);
        }
        if silent == Some(index as u64) {
            return fallen_silent(steps, together, idle);
        }
        if world.plant == Some(Plant::PieceTwice) && index == 2 {
            together.push(Piece::Said(segment.voice.clone(), segment.text.clone()));
        }
        together.push(Piece::Said(segment.voice, segment.text));
        if dice.per_mille(700) {
            steps.push_back(Step::Wait(dice.millis(0, slow)));
            steps.push_back(Step::Give(std::mem::take(&mut together)));
        }
    }
    if cut.is_some() {
        return broken(steps, together, dice);
    }
    if silent.is_some() {
        return fallen_silent(steps, together, idle);
    }
    together.push(Piece::Finished(if dice.per_mille(900) { Finish::Stop } else { Finish::Length }));
    let mut used = reported(dice, request, bytes, paid);
    if paid && world.strikes(Fault::LimitBroken) {
        used.tokens = used.tokens.map(|tokens| Tokens { output: request.max_output() * dice.from_to(2, 9), ..tokens });
        used.cost = None;
    }
    let used = Piece::Used(used);
    let tells = !world.strikes(Fault::NoUsage);
    if tells && dice.per_mille(500) {
        together.push(used);
        steps.push_back(Step::Give(together));
    } else {
        steps.push_back(Step::Give(together));
        if tells {
            steps.push_back(Step::Wait(dice.millis(0, 50)));
            steps.push_back(Step::Give(vec![used]));
        }
    }
    steps
}

fn broken(mut steps: VecDeque<Step>, together: Vec<Piece>, dice: &mut Dice) -> VecDeque<Step> {
    if !together.is_empty() {
        steps.push_back(Step::Give(together));
    }
    // As an error, or as an end that is none.
    if dice.per_mille(500) {
        steps.push_back(Step::Break(Failure::new(FailureKind::CutOff, "the stream broke off")));
    }
    steps
}

fn fallen_silent(mut steps: VecDeque<Step>, together: Vec<Piece>, idle: Duration) -> VecDeque<Step> {
    if !together.is_empty() {
        steps.push_back(Step::Give(together));
    }
    steps.push_back(Step::Wait(idle));
    steps.push_back(Step::Break(Failure::new(FailureKind::CutOff, "the stream fell silent")));
    steps
}

/// What an honest provider says that it used: never more than the bounds that it was sent.
fn reported(dice: &mut Dice, request: &ChatRequest, bytes: u64, paid: bool) -> Reported {
    let input = request.upper_tokens().input.min(8 + dice.below(200));
    let output = (bytes.div_ceil(4) + dice.below(8)).min(request.max_output());
    let tokens = Tokens { input, cached: dice.below(input / 2 + 1), output, reasoning: 0 };
    let cost = (paid && dice.per_mille(150)).then(|| Nanos::new(i64::try_from(output).unwrap_or(0) * 900));
    Reported { tokens: Some(tokens), cost, raw: cost.map(|cost| cost.get().into()) }
}
