//! Measures the guide: how many of the questions that the documentation answers are answered right, and how many of the
//! others are refused. `cargo test -p studio-engines evaluation -- --nocapture` prints the numbers and every miss.
//!
//! The guide was made with these questions, so it does better with them than with others. The last 28 answerable and 25
//! unanswerable ones were written when it was nearly done: when they were first asked, 20 were answered right and all 25
//! refused. What it does not answer right it mostly says that it does not know.

mod answerable;
mod unanswerable;

use super::Guide;

/// A question, what must be cited, and words of which one must be in the answer.
type Answerable = (&'static str, &'static str, &'static [&'static str]);

/// What must be reached, as parts of all. It was a little more when this was written; a change of the documentation that
/// costs more than that wants a look at `hints.rs`.
const LEAST_RIGHT: f64 = 0.9;
const LEAST_REFUSED: f64 = 0.97;

/// A text as it is compared: without the signs of markdown.
fn plain(text: &str) -> String {
    text.replace(['`', '*'], "")
}

fn is_right(answer: &str, (_, document, words): &Answerable) -> bool {
    let (said, sources) = answer.split_once("Sources:").unwrap_or_default();
    sources.contains(document) && words.iter().any(|word| plain(said).contains(&plain(word)))
}

/// How many questions have a right answer.
fn right(guide: &Guide, questions: &[Answerable]) -> usize {
    let mut right = 0;
    for question in questions {
        let answer = guide.answer(question.0, None);
        if is_right(&answer, question) {
            right += 1;
        } else {
            println!("--- MISSED ({:.2}) {}\n{answer}\n", guide.confidence(question.0), question.0);
        }
    }
    println!("{right} of {} right", questions.len());
    right
}

/// How many questions are refused.
fn refused(guide: &Guide, questions: &[&str]) -> usize {
    let mut refused = 0;
    for question in questions {
        let answer = guide.answer(question, None);
        // An introduction to an empty question is no answer either.
        if !answer.contains("Sources:") {
            refused += 1;
        } else {
            println!("--- NOT REFUSED ({:.2}) {question}\n{answer}\n", guide.confidence(question));
        }
    }
    println!("{refused} of {} refused", questions.len());
    refused
}

#[test]
fn most_questions_are_answered_right_and_nearly_all_others_refused() {
    let guide = Guide::new();
    let right = right(&guide, answerable::QUESTIONS) as f64 / answerable::QUESTIONS.len() as f64;
    let refused = refused(&guide, unanswerable::QUESTIONS) as f64 / unanswerable::QUESTIONS.len() as f64;
    assert!(right >= LEAST_RIGHT && refused >= LEAST_REFUSED, "right: {right:.3}, refused: {refused:.3}");
}
