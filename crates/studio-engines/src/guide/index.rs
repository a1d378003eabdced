//! Finds the passages that a question is about: BM25 over four fields (a passage, what it is about, its heading,
//! and what people call it).

use super::{
    corpus::Document,
    hints,
    markdown::{Kind, Passage},
    query::{Idea, Query},
    sentences,
    words::terms,
};
use std::collections::{HashMap, HashSet};

/// How soon a further occurrence of a word adds nothing, and how much the length of a passage matters.
const SATURATION: f32 = 1.2;
const LENGTH: f32 = 0.55;
/// The same for code, whose length says little.
const CODE_LENGTH: f32 = 0.2;
/// What a word counts in the other fields; in the passage itself it counts 1.
const IN_LEAD: f32 = 1.6;
const IN_HEADING: f32 = 0.9;
const IN_HINT: f32 = 1.6;
/// What an idea counts for coverage when only the rest of the section has it.
const NEARBY: f32 = 0.45;
/// The same when its heading has it.
const ABOVE: f32 = 0.7;
/// The same when it is all that is asked for and a passage only happens to say it.
const IN_PASSING: f32 = 0.55;
/// How much of the best coverage a passage needs to be an answer to a question that goes on from another.
const ANSWERS: f32 = 0.7;
/// How much better code is where an example is wanted.
const EXAMPLE: f32 = 1.2;
/// How much of a passage's score is for having all of what is asked.
const FOR_ALL: f32 = 0.6;

/// A passage that was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub(super) passage: usize,
    pub(super) score: f32,
    /// How much of what is asked it has, from 0.0 to 1.0.
    pub(super) coverage: f32,
}

/// Which part of a passage says most of what it has to do with a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Heading,
    Body,
    /// The words that say what it is about.
    Name,
}

/// A passage that has a term.
#[derive(Debug, Clone, Copy)]
struct Place {
    passage: usize,
    /// How much it has of it.
    amount: f32,
    part: Part,
}

/// Where every term is.
#[derive(Debug)]
pub(super) struct Index {
    /// By term: where it is.
    places: HashMap<String, Vec<Place>>,
    /// By section: its terms.
    sections: Vec<HashSet<String>>,
    /// By passage: its section, the weight of its document, and what it is.
    passages: Vec<(usize, f32, Kind)>,
}

impl Index {
    pub(super) fn new(documents: &[Document], passages: &[Passage]) -> Self {
        let mut places: HashMap<String, Vec<Place>> = HashMap::new();
        let mut sections: Vec<HashSet<String>> = Vec::new();
        let bodies: Vec<Vec<String>> =
            passages.iter().map(|passage| terms(&without_prompts(&passage.text)).collect()).collect();
        let usual = bodies.iter().map(Vec::len).sum::<usize>() as f32 / bodies.len().max(1) as f32;
        for (number, (passage, body)) in passages.iter().zip(bodies).enumerate() {
            sections.resize_with(sections.len().max(passage.section + 1), HashSet::new);
            let matters = if passage.kind == Kind::Code { CODE_LENGTH } else { LENGTH };
            let length = 1.0 - matters + matters * body.len() as f32 / usual;
            let mut has: HashMap<String, (f32, Part)> = HashMap::new();
            for (first, second) in body.iter().zip(body.iter().skip(1)) {
                has.entry(format!("{first} {second}")).or_insert((0.0, Part::Body)).0 += 1.0 / length;
            }
            for term in body {
                has.entry(term).or_insert((0.0, Part::Body)).0 += 1.0 / length;
            }
            let hints = hints::of(&passage.text).collect::<Vec<_>>().join(" ");
            let fields = [
                (&passage.lead, IN_LEAD, Part::Name),
                (&hints, IN_HINT, Part::Name),
                (&passage.heading, IN_HEADING, Part::Heading),
            ];
            for (field, weight, part) in fields {
                for term in terms(field).collect::<HashSet<_>>() {
                    let place = has.entry(term).or_insert((0.0, part));
                    place.0 += weight;
                    if part == Part::Name {
                        place.1 = part;
                    }
                }
            }
            if let Some(section) = sections.get_mut(passage.section) {
                section.extend(has.keys().cloned());
            }
            for (term, (amount, part)) in has {
                places.entry(term).or_default().push(Place { passage: number, amount, part });
            }
        }
        let weight = |passage: &Passage| documents.get(passage.document).map_or(1.0, |document| document.weight);
        Self { places, sections, passages: passages.iter().map(|p| (p.section, weight(p), p.kind)).collect() }
    }

    /// How rare a term is; none when nobody says it.
    pub(super) fn rarity(&self, term: &str) -> Option<f32> {
        self.places.get(term).map(|places| self.rarity_of(places.len()))
    }

    fn rarity_of(&self, places: usize) -> f32 {
        (1.0 + (self.passages.len() as f32 - places as f32 + 0.5) / (places as f32 + 0.5)).ln()
    }

    /// The passages that have anything of what is asked, best first.
    pub(super) fn find(&self, query: &Query) -> Vec<Hit> {
        let mut scores: HashMap<usize, f32> = HashMap::new();
        let mut covered: HashMap<usize, f32> = HashMap::new();
        let all: f32 = query.ideas.iter().map(|idea| idea.claim).sum();
        let is_all = query.ideas.iter().filter(|idea| !idea.is_weak && idea.claim > 0.0).count() == 1;
        for idea in &query.ideas {
            let found = self.found(idea, is_all);
            for (passage, (amount, fit)) in &found {
                *scores.entry(*passage).or_default() += idea.worth * amount;
                *covered.entry(*passage).or_default() += idea.claim * fit;
            }
        }
        let hits = scores.into_iter().filter_map(|(passage, score)| {
            let (section, weight, kind) = self.passages.get(passage)?;
            let weight = if *kind == Kind::Code && query.wants_example { weight * EXAMPLE } else { *weight };
            let nearby: f32 = query.ideas.iter().map(|idea| self.nearby(idea, passage, *section)).sum();
            let coverage = (covered.get(&passage).unwrap_or(&0.0) + nearby) / all.max(f32::MIN_POSITIVE);
            Some(Hit { passage, score: score * weight * (1.0 - FOR_ALL + FOR_ALL * coverage), coverage })
        });
        let mut hits: Vec<_> = hits.collect();
        if query.goes_on {
            // What was asked before chooses among the answers to what is asked now, and brings none of its own.
            let most = hits.iter().map(|hit| hit.coverage).fold(0.0, f32::max);
            hits.retain(|hit| hit.coverage >= most * ANSWERS);
        }
        // Equal ones in the order of the documents, so that the same question always has the same answer.
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.passage.cmp(&b.passage)));
        hits
    }

    /// The passages that have an idea: how much of it, and how well it fits. Whether it `is_all` that is asked for.
    fn found(&self, idea: &Idea, is_all: bool) -> HashMap<usize, (f32, f32)> {
        let mut found: HashMap<usize, (f32, f32)> = HashMap::new();
        for (term, fit) in &idea.terms {
            for Place { passage, amount, part } in self.places.get(term).into_iter().flatten() {
                let amount = fit * amount * (SATURATION + 1.0) / (SATURATION + amount);
                let fit = match part {
                    Part::Heading => fit * ABOVE,
                    Part::Body if is_all => fit * IN_PASSING,
                    Part::Body | Part::Name => *fit,
                };
                let best = found.entry(*passage).or_insert((0.0, 0.0));
                *best = (best.0.max(amount), best.1.max(fit));
            }
        }
        found
    }

    /// What an idea counts for a passage without it, in whose section it is.
    fn nearby(&self, idea: &Idea, passage: usize, section: usize) -> f32 {
        let has = |term: &String| {
            self.places.get(term).is_some_and(|places| places.iter().any(|place| place.passage == passage))
        };
        if idea.terms.iter().any(|(term, _)| has(term)) {
            return 0.0;
        }
        let Some(terms) = self.sections.get(section) else { return 0.0 };
        let fits = idea.terms.iter().filter(|(term, _)| terms.contains(term)).map(|(_, fit)| *fit);
        idea.claim * NEARBY * fits.fold(0.0, f32::max)
    }
}

/// A text without the prompts of its examples, which say what pictures show, and so nothing of the studio.
fn without_prompts(text: &str) -> String {
    let mut parts = text.split("\"prompt\": \"");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str(" prompt ");
        kept.push_str(part.split_once('"').map_or("", |(_, rest)| rest));
    }
    let sentences = sentences::split(&kept);
    sentences.into_iter().filter(|sentence| !sentence.contains(" · ")).collect::<Vec<_>>().join(" ")
}
