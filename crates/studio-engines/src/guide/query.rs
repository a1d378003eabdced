//! What a question asks for: its words that say something, each with its weight and with other words for the same thing.

use super::{
    index::Index,
    vocabulary::Vocabulary,
    words::{Word, words},
};

/// How much of a question is read, from its beginning and from its end: a long one has its point in one of them.
const READ_BYTES: usize = 1500;
/// Most ideas of one question.
const MAX_IDEAS: usize = 40;
/// What a word counts that says little.
const WEAK: f32 = 0.25;
/// What another word for the same thing counts.
const SAME: f32 = 0.75;
/// What a word of the question before counts in one that goes on from it.
const BEFORE: f32 = 0.5;
/// How rare such a word is taken to be at least: what was spoken of is often what the whole documentation speaks of.
const RARITY_BEFORE: f32 = 3.5;
/// A question with fewer ideas goes on from the one before.
const FEW_IDEAS: usize = 2;
/// What an ordinary word claims of a question, where others claim 1.
const ORDINARY: f32 = 0.6;
/// What words claim of a question that the documentation doesn't have: an ordinary one, any other, a name. Whatever a
/// question with a strange name is about, it is not the studio.
const STRANGE_ORDINARY: f32 = 0.35;
const STRANGE: f32 = 1.2;
const STRANGE_NAME: f32 = 2.0;
/// What a pair of words that stand together counts, besides each of them.
const PAIR: f32 = 0.6;

/// Something that is asked for.
#[derive(Debug)]
pub(super) struct Idea {
    /// The term or pair of terms that it is in the question.
    word: String,
    /// The terms that stand for it, and how well each does.
    pub(super) terms: Vec<(String, f32)>,
    /// How much it says of where the answer is: its weight, and how rare it is.
    pub(super) worth: f32,
    /// How much of the question it is: without it the answer is to another one. Nothing for what only adds.
    pub(super) claim: f32,
    /// Whether it says little by itself.
    pub(super) is_weak: bool,
}

/// A question as it is looked up.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) ideas: Vec<Idea>,
    /// Whether it goes on from the one before.
    pub(super) goes_on: bool,
    /// Whether it asks how something is done, so that an example answers it.
    pub(super) wants_example: bool,
}

impl Query {
    /// Reads a question, and the one before it if there was one.
    pub(super) fn new(question: &str, before: Option<&str>, vocabulary: &Vocabulary, index: &Index) -> Self {
        let question = clip(question);
        let mut query = Self { ideas: Vec::new(), goes_on: false, wants_example: wants_example(&question) };
        query.add(&question, false, vocabulary, index);
        let says = query.ideas.iter().filter(|idea| !idea.is_weak).count();
        if let Some(before) = before.filter(|_| says < FEW_IDEAS || points_back(&question)) {
            query.goes_on = true;
            query.add(&clip(before), true, vocabulary, index);
        }
        query
    }

    /// Whether it asks for something at all.
    pub(super) fn says_something(&self) -> bool {
        self.ideas.iter().any(|idea| !idea.is_weak)
    }

    fn add(&mut self, text: &str, is_from_before: bool, vocabulary: &Vocabulary, index: &Index) {
        let mut last: Option<String> = None;
        for (number, word) in words(text).into_iter().enumerate() {
            let rarity = index.rarity(&word.term);
            // The parts of a name that nobody knows say what there is to say.
            if says_nothing(&word, vocabulary) || (word.has_parts && rarity.is_none()) {
                continue;
            }
            let pair = last.replace(word.term.clone()).map(|last| format!("{last} {}", word.term));
            if self.ideas.len() >= MAX_IDEAS || self.ideas.iter().any(|idea| idea.word == word.term) {
                continue;
            }
            let (is_weak, is_ordinary) = (vocabulary.is_weak(&word.term), vocabulary.is_ordinary(&word.term));
            let weight = if is_weak { WEAK } else { 1.0 } * if is_from_before { BEFORE } else { 1.0 };
            let same = vocabulary.same(&word.term).iter().filter(|other| index.rarity(other).is_some());
            let mut terms: Vec<_> = same.map(|other| (other.clone(), SAME)).collect();
            let of_others = terms.iter().filter_map(|(other, _)| index.rarity(other)).reduce(f32::max);
            let known = rarity.or(of_others);
            let is_name = number > 0 && word.written.starts_with(char::is_uppercase);
            let claim = match known {
                _ if is_from_before => 0.0,
                _ if is_weak => weight,
                Some(_) if is_ordinary => ORDINARY,
                Some(_) => weight,
                None if is_ordinary => STRANGE_ORDINARY,
                None if is_name => STRANGE_NAME,
                None => STRANGE,
            };
            if let Some((pair, rarity)) = pair.and_then(|pair| index.rarity(&pair).map(|rarity| (pair, rarity))) {
                let worth = rarity * weight * PAIR;
                self.ideas.push(Idea {
                    word: pair.clone(),
                    terms: vec![(pair, 1.0)],
                    worth,
                    claim: 0.0,
                    is_weak: true,
                });
            }
            terms.push((word.term.clone(), 1.0));
            let least = if is_from_before && known.is_some() { RARITY_BEFORE } else { 0.0 };
            let worth = known.unwrap_or_default().max(least) * weight;
            self.ideas.push(Idea { word: word.term, terms, worth, claim, is_weak });
        }
    }
}

/// Whether a word is one of those that stand in any question, or a single letter.
fn says_nothing(word: &Word<'_>, vocabulary: &Vocabulary) -> bool {
    vocabulary.is_empty(&word.written.to_lowercase())
        || (word.term.len() == 1 && word.term.bytes().all(|b| b.is_ascii_alphabetic()))
}

/// The beginning and the end of a text.
fn clip(text: &str) -> String {
    let text = text.trim();
    if text.len() <= 2 * READ_BYTES {
        let is_address = |word: &&str| {
            word.matches('.').count() > 2 && word.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b':'))
        };
        return text.split_whitespace().filter(|word| !is_address(word)).collect::<Vec<_>>().join(" ");
    }
    let (first, _) = text.split_at(text.floor_char_boundary(READ_BYTES));
    let (_, last) = text.split_at(text.ceil_char_boundary(text.len() - READ_BYTES));
    format!("{first} {last}")
}

fn wants_example(question: &str) -> bool {
    let question = question.to_lowercase();
    let asks = "how do i|how do you|how do we|how can i|how to|how would i|how should i|show|example|command|curl|line";
    asks.split('|').any(|asks| question.contains(asks))
}

/// Whether a question speaks of something that was spoken of before.
fn points_back(question: &str) -> bool {
    let question = question.to_lowercase();
    let begins = ["and ", "what about", "how about", "but ", "then ", "also ", "so "]
        .iter()
        .any(|begin| question.starts_with(begin));
    let mut words = question.split(|c: char| !c.is_alphanumeric());
    begins || words.any(|word| ["it", "its", "they", "them", "that", "those", "this", "these"].contains(&word))
}
