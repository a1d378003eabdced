//! Finds a title: the run of words that says most, in the manner of RAKE.
//!
//! Words that say something are worth more the more often they come, the earlier, and if they are names; a candidate is a
//! run of them inside of one clause, with the small words between, so that it reads as it was written. It works on words as
//! they are written and knows nothing of grammar: for languages whose function words it doesn't know, the first words that
//! look like any others have to do.

mod stop_words;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use stop_words::{is_article, is_empty, is_request};

/// Most words of a title.
const MAX_WORDS: usize = 5;
/// Fewest, if there are more to be had.
const MIN_WORDS: usize = 3;
/// Longest title, in characters.
const MAX_CHARS: usize = 60;
/// What is said when there is not one word.
const NOTHING: &str = "New conversation";
/// What a small word costs that is shown only because of its neighbours.
const SMALL_WORD: f32 = 0.3;
/// The same of one that is left out.
const ARTICLE: f32 = 0.15;
/// How much less each word counts than the one before it, and the least that one counts.
const LATER: f32 = 0.86;
const LATEST: f32 = 0.25;
/// What the first one counts: people begin with what it is about.
const FIRST: f32 = 1.5;
/// What it costs to tear words apart that stand together.
const TORN: f32 = 0.5;
/// What a second run must be worth, for a title that is short without it.
const WORTH_ADDING: f32 = 0.6;

/// A word as it stands in a clause.
#[derive(Debug, Clone)]
struct Word<'a> {
    written: &'a str,
    key: String,
    /// What it says of the conversation; nothing for small words.
    worth: f32,
    is_first: bool,
}

/// A run of words of one clause.
#[derive(Debug)]
struct Run {
    clause: usize,
    start: usize,
    end: usize,
    worth: f32,
}

/// A title for a text.
pub(crate) fn title(text: &str) -> String {
    let quiet = quiet(text);
    let text = without_code(&quiet);
    let mut clauses = clauses(&text);
    weigh(&mut clauses);
    let mut words: Vec<&Word<'_>> = Vec::new();
    if let Some(best) = best_run(&clauses, MAX_WORDS, &[]) {
        words.extend(shown(&clauses, &best));
        if words.len() < MIN_WORDS {
            let keys: Vec<_> = words.iter().map(|word| &*word.key).collect();
            let more = best_run(&clauses, MAX_WORDS - words.len(), &keys).filter(|more| more.worth > WORTH_ADDING);
            if let Some(more) = more {
                let more: Vec<_> = shown(&clauses, &more).collect();
                // In the order in which they were said.
                let is_before = (more.first().map(|w| w.written.as_ptr())) < words.first().map(|w| w.written.as_ptr());
                words = if is_before { [more, words].concat() } else { [words, more].concat() };
            }
        }
    }
    if words.is_empty() {
        words = clauses.iter().flatten().take(MAX_WORDS).collect();
    }
    write(&words).unwrap_or_else(|| NOTHING.to_owned())
}

/// A text that shouts, in lower case; any other as it is.
fn quiet(text: &str) -> String {
    let (upper, lower) = text.chars().fold((0, 0), |(upper, lower), c| {
        (upper + usize::from(c.is_uppercase()), lower + usize::from(c.is_lowercase()))
    });
    if upper > 4 * lower && upper > 12 { text.to_lowercase() } else { text.to_owned() }
}

/// A text without blocks of code and addresses, unless nothing is left then.
fn without_code(text: &str) -> String {
    let prose = text.split("```").step_by(2).collect::<Vec<_>>().join("\n");
    let lines = prose.lines().map(|line| {
        let words = line.split(' ').filter(|word| !word.contains("://"));
        words.collect::<Vec<_>>().join(" ")
    });
    let kept = lines.collect::<Vec<_>>().join("\n");
    if kept.chars().any(char::is_alphanumeric) { kept } else { text.to_owned() }
}

/// The clauses of a text, and the words of each.
fn clauses(text: &str) -> Vec<Vec<Word<'_>>> {
    let mut clauses = vec![Vec::new()];
    for line in text.lines() {
        let mut is_first = true;
        for token in line.split_whitespace() {
            let written = token.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '+' | '#'));
            let written = written.trim_start_matches(['+', '#']);
            let opens = token.starts_with(['(', '"', '“', '„', '«', '[', '–', '—', '-', '*', '#']);
            if opens {
                clauses.push(Vec::new());
            }
            if let (false, Some(clause)) = (written.is_empty(), clauses.last_mut()) {
                let key = key(written);
                clause.push(Word { written, key, worth: 0.0, is_first });
                is_first = false;
            }
            let closes = |c: char| matches!(c, '.' | '!' | '?' | '。' | '！' | '？' | '…');
            if token
                .ends_with(|c: char| closes(c) || matches!(c, ',' | ';' | ':' | ')' | '"' | '\'' | '”' | ']' | '，'))
            {
                clauses.push(Vec::new());
                is_first = token.ends_with(closes);
            }
        }
        clauses.push(Vec::new());
    }
    clauses.retain(|clause| !clause.is_empty());
    clauses
}

/// What forms of a word have in common.
fn key(word: &str) -> String {
    let lower = word.replace('’', "'").to_lowercase();
    let bare = lower.strip_suffix("'s").unwrap_or(&lower);
    bare.strip_suffix('s').filter(|base| base.len() > 3 && !base.ends_with('s')).unwrap_or(bare).to_owned()
}

/// Says what each word is worth.
fn weigh(clauses: &mut [Vec<Word<'_>>]) {
    let mut counts: HashMap<String, f32> = HashMap::new();
    for word in clauses.iter().flatten() {
        *counts.entry(word.key.clone()).or_default() += 1.0;
    }
    let mut weight = FIRST;
    for clause in clauses {
        for word in clause.iter_mut().filter(|word| !is_empty(&word.key)) {
            let often = counts.get(&word.key).map_or(0.0, |count| count.ln());
            let is_name = is_name(word.written) && !word.is_first;
            let kind = if is_request(&word.key) { 0.3 } else { 1.0 + 0.35 * often + if is_name { 0.4 } else { 0.0 } };
            // Long words say more; numbers alone say little.
            let length = if word.key.bytes().all(|b| b.is_ascii_digit()) {
                0.5
            } else {
                (word.key.chars().count() as f32 / 6.0).clamp(0.7, 1.2)
            };
            word.worth = weight * kind * length;
            if !is_request(&word.key) {
                weight = (weight.min(1.0) * LATER).max(LATEST);
            }
        }
    }
}

/// Whether a word looks like a name or an acronym.
fn is_name(word: &str) -> bool {
    word.chars().any(char::is_uppercase)
}

/// The run that says most, of at most so many shown words, without any of those keys.
fn best_run(clauses: &[Vec<Word<'_>>], most: usize, without: &[&str]) -> Option<Run> {
    let mut best: Option<Run> = None;
    for (number, clause) in clauses.iter().enumerate() {
        for start in 0..clause.len() {
            let says_at = |at: usize| clause.get(at).is_some_and(|word| word.worth > 0.0 && !is_request(&word.key));
            let (mut worth, mut words) = (0.0, 0);
            if start > 0 && says_at(start - 1) {
                worth -= TORN;
            }
            for (end, word) in clause.iter().enumerate().skip(start) {
                let says = word.worth > 0.0;
                if (end == start && (!says || is_request(&word.key))) || without.contains(&&*word.key) {
                    break;
                }
                words += usize::from(says || !is_article(&word.key));
                if words > most {
                    break;
                }
                worth += match says {
                    true => word.worth,
                    false if is_article(&word.key) => -ARTICLE,
                    false => -SMALL_WORD,
                };
                // A word that a run has twice says nothing the second time.
                if clause.iter().take(end).skip(start).any(|other| other.key == word.key) {
                    worth -= word.worth;
                }
                let whole = if says_at(end + 1) { worth - TORN } else { worth };
                if says && !is_request(&word.key) && best.as_ref().is_none_or(|best| whole > best.worth) {
                    best = Some(Run { clause: number, start, end: end + 1, worth: whole });
                }
            }
        }
    }
    best
}

/// The words of a run that a title shows.
fn shown<'a>(clauses: &'a [Vec<Word<'a>>], run: &Run) -> impl Iterator<Item = &'a Word<'a>> {
    let words = clauses.get(run.clause).into_iter().flatten();
    words.take(run.end).skip(run.start).filter(|word| word.worth > 0.0 || !is_article(&word.key))
}

/// The words as a title, as many as fit.
fn write(words: &[&Word<'_>]) -> Option<String> {
    let mut title = String::new();
    for (index, word) in words.iter().enumerate() {
        let written = match index {
            0 => capitalised(word.written),
            // It was large only because a sentence began with it.
            _ if word.is_first && only_first_is_large(word.written) => word.written.to_lowercase(),
            _ => word.written.to_owned(),
        };
        let length = title.chars().count() + usize::from(index > 0) + written.chars().count();
        if length > MAX_CHARS {
            if index == 0 {
                title = written.chars().take(MAX_CHARS).collect();
            }
            break;
        }
        if index > 0 {
            title.push(' ');
        }
        title.push_str(&written);
    }
    let title = title.trim_end_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '+' | '#')).to_owned();
    (!title.is_empty()).then_some(title)
}

/// A word with a large first letter; one that has large letters elsewhere (`iPhone`) as it is.
fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    match chars.next() {
        Some(first) if !is_name(chars.as_str()) && !word.contains(['.', '_']) => {
            first.to_uppercase().chain(chars).collect()
        }
        _ => word.to_owned(),
    }
}

fn only_first_is_large(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(char::is_uppercase) && !is_name(chars.as_str())
}
