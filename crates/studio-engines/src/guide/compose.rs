//! Writes the answer from the passages that were found: at most three of them, what is needed of each, a mark for where it
//! stands, and the places at the end. Every word of it but the marks is the documentation's own.

use super::{
    corpus::Document,
    index::Hit,
    markdown::{Kind, Passage},
    query::Query,
    sentences,
    words::terms,
};
use std::collections::HashSet;

/// Most passages of an answer, and most sentences of one of them.
const MAX_PASSAGES: usize = 3;
const MAX_SENTENCES: usize = 4;
/// What a sentence more must say of what is asked, to be shown.
const SENTENCE_COST: f32 = 0.5;
/// A passage of up to so many bytes is shown whole.
const SHORT_BYTES: usize = 200;
/// A further passage must be this good, as a part of the best one, and have as much of what is asked.
const FURTHER: f32 = 0.8;
const BESIDE_EXAMPLE: f32 = 0.9;
const ALSO_COVERED: f32 = 0.9;
/// An example must be this good.
const EXAMPLE: f32 = 0.4;

/// What the answer is made from.
pub(super) struct Found<'a> {
    pub(super) documents: &'a [Document],
    pub(super) passages: &'a [Passage],
    pub(super) query: &'a Query,
    /// Best first; at least one.
    pub(super) hits: &'a [Hit],
}

impl Found<'_> {
    /// The answer, in markdown.
    pub(super) fn answer(&self) -> String {
        let mut text = String::new();
        let mut places: Vec<(&str, &str)> = Vec::new();
        for passage in self.chosen() {
            let place = (self.documents.get(passage.document).map_or("", |d| d.name), &*passage.heading);
            let number = places.iter().position(|known| *known == place).unwrap_or_else(|| {
                places.push(place);
                places.len() - 1
            });
            let shown = match passage.kind {
                Kind::Prose => self.sentences(&passage.text),
                Kind::Row => passage.text.clone(),
                Kind::Code => code(passage),
            };
            let gap = if passage.kind == Kind::Code { "\n" } else { " " };
            text.push_str(&format!("{shown}{gap}[{}]\n\n", number + 1));
        }
        text.push_str("Sources:\n");
        for (index, (document, heading)) in places.iter().enumerate() {
            text.push_str(&format!("\n- [{}] {document}, \"{heading}\"", index + 1));
        }
        text
    }

    /// The passages to show, in the order of showing them.
    fn chosen(&self) -> Vec<&Passage> {
        let Some(best) = self.hits.first() else { return Vec::new() };
        let mut chosen: Vec<&Passage> = Vec::new();
        for hit in self.hits {
            let Some(passage) = self.passages.get(hit.passage).map(|passage| self.led_to(hit.passage, passage)) else {
                continue;
            };
            if chosen.len() >= MAX_PASSAGES || chosen.iter().any(|other| std::ptr::eq(*other, passage)) {
                continue;
            }
            let has_example = chosen.iter().any(|other| other.kind == Kind::Code);
            let is_wanted = match passage.kind {
                _ if chosen.is_empty() => true,
                Kind::Code => {
                    let is_near = chosen.iter().any(|other| other.section == passage.section);
                    let enough = if self.query.wants_example && is_near { EXAMPLE } else { FURTHER };
                    !has_example && hit.score >= best.score * enough
                }
                // An example that fits best says most of what there is to say.
                Kind::Prose | Kind::Row => {
                    let enough = if has_example { BESIDE_EXAMPLE } else { FURTHER };
                    hit.score >= best.score * enough && hit.coverage >= best.coverage * ALSO_COVERED
                }
            };
            if is_wanted {
                chosen.push(passage);
            }
        }
        chosen
    }

    /// What words that end with a colon lead to, or the passage itself.
    fn led_to<'a>(&'a self, index: usize, passage: &'a Passage) -> &'a Passage {
        let next =
            self.passages.get(index + 1).filter(|next| next.kind == Kind::Code && next.section == passage.section);
        next.filter(|_| passage.text.ends_with(':')).unwrap_or(passage)
    }

    /// The sentences of a passage that answer.
    fn sentences(&self, text: &str) -> String {
        let all = sentences::split(text);
        if text.len() <= SHORT_BYTES || all.len() <= 1 {
            return text.to_owned();
        }
        let worth: Vec<f32> = all.iter().map(|sentence| self.worth(sentence)).collect();
        let mut best = (0, 1, f32::MIN);
        for length in 1..=MAX_SENTENCES.min(all.len()) {
            for (start, window) in worth.windows(length).enumerate() {
                let sum = window.iter().sum::<f32>() - SENTENCE_COST * (length as f32 - 1.0);
                if sum > best.2 + f32::EPSILON {
                    best = (start, length, sum);
                }
            }
        }
        let (mut start, mut length, _) = best;
        while start > 0 && all.get(start).is_some_and(|sentence| sentences::leans_on_the_one_before(sentence)) {
            start -= 1;
            length += 1;
        }
        // Nothing stands before the first one; without it the others may be understood.
        if start == 0 && length > 1 && all.first().is_some_and(|first| sentences::leans_on_the_one_before(first)) {
            start += 1;
            length -= 1;
        }
        all.iter().skip(start).take(length).copied().collect::<Vec<_>>().join(" ")
    }

    /// How much of what is asked a text has.
    fn worth(&self, text: &str) -> f32 {
        let has: HashSet<String> = terms(text).collect();
        let of = |idea: &super::query::Idea| {
            idea.worth
                * idea.terms.iter().filter(|(term, _)| has.contains(term)).map(|(_, fit)| *fit).fold(0.0, f32::max)
        };
        self.query.ideas.iter().map(of).sum()
    }
}

/// A block of code, after the words that lead to it.
fn code(passage: &Passage) -> String {
    let lead = passage.lead.strip_suffix(':').map(|lead| format!("{lead}:\n\n")).unwrap_or_default();
    lead + &passage.text
}
