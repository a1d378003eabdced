//! Answers questions about the studio from its own documentation, which is part of the binary.
//!
//! A question becomes weighted ideas ([`query`]); the passages that have most of them are found by BM25 ([`index`]); if the
//! best one has enough of what is asked, what is needed of it and of its neighbours is quoted with its source ([`compose`]).
//! Otherwise it says that it doesn't know. It never says what doesn't stand in the documentation, and the same question
//! always has the same answer.

mod compose;
mod corpus;
#[cfg(test)]
mod evaluation;
mod hints;
mod index;
mod markdown;
mod query;
mod sentences;
mod small_talk;
mod vocabulary;
mod words;

use compose::Found;
use corpus::DOCUMENTS;
use index::Index;
use markdown::Passage;
use query::Query;
use vocabulary::Vocabulary;

/// How much of what is asked the best passage must have. Below it an answer is more often wrong than right: see the
/// evaluation.
const ENOUGH: f32 = 0.6;

/// The guide.
#[derive(Debug)]
pub(crate) struct Guide {
    passages: Vec<Passage>,
    index: Index,
    vocabulary: Vocabulary,
}

impl Guide {
    /// Reads the documentation: some milliseconds.
    pub(crate) fn new() -> Self {
        let passages = markdown::split(&DOCUMENTS);
        let index = Index::new(&DOCUMENTS, &passages);
        Self { passages, index, vocabulary: Vocabulary::new() }
    }

    /// The answer to a question, in markdown; `before` is the question before it, if there was one.
    pub(crate) fn answer(&self, question: &str, before: Option<&str>) -> String {
        if small_talk::is_small_talk(question) {
            return small_talk::INTRODUCTION.to_owned();
        }
        let query = Query::new(question, before, &self.vocabulary, &self.index);
        let hits = self.index.find(&query);
        if !query.says_something() || hits.first().is_none_or(|best| best.coverage < ENOUGH) {
            return small_talk::UNKNOWN.to_owned();
        }
        Found { documents: &DOCUMENTS, passages: &self.passages, query: &query, hits: &hits }.answer()
    }

    /// Where a question leads; for the evaluation.
    #[cfg(test)]
    fn confidence(&self, question: &str) -> f32 {
        let query = Query::new(question, None, &self.vocabulary, &self.index);
        self.index.find(&query).first().map_or(0.0, |best| best.coverage)
    }
}
