//! Words as they are compared: in lower case, without their endings, and names from code both whole and in parts. The same
//! rules for documents and questions, so they need not be right, only equal.

/// Longest word that is looked at, in bytes. What is longer is none.
const MAX_BYTES: usize = 48;

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word<'a> {
    /// As it is written.
    pub(super) written: &'a str,
    /// As it is compared.
    pub(super) term: String,
    /// Whether its parts come after it as words of their own: `OPENAI_API_KEY`, `numImages`.
    pub(super) has_parts: bool,
}

/// The words of a text.
pub(super) fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    for written in text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '\'' | '’'))) {
        let written = written.trim_matches(['\'', '’', '_']);
        let bare = written.strip_suffix("'s").or_else(|| written.strip_suffix("’s")).unwrap_or(written);
        if bare.is_empty() || bare.len() > MAX_BYTES {
            continue;
        }
        let parts = parts(bare);
        let whole = bare.replace(['\'', '’'], "").to_lowercase();
        let has_parts = parts.len() > 1;
        words.push(Word { written: bare, term: if has_parts { whole } else { stem(&whole) }, has_parts });
        if has_parts {
            let part = |part| Word { written: part, term: stem(&part.to_lowercase()), has_parts: false };
            words.extend(parts.into_iter().map(part));
        }
    }
    words
}

/// The terms of a text.
pub(super) fn terms(text: &str) -> impl Iterator<Item = String> {
    words(text).into_iter().map(|word| word.term)
}

/// The parts of a name from code.
fn parts(word: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    // `OpenAI` and `SQLite` are one word each.
    if !word.contains('_') && word.starts_with(char::is_uppercase) {
        return vec![word];
    }
    for part in word.split('_').filter(|part| !part.is_empty()) {
        let (mut start, mut before_is_small) = (0, false);
        for (at, c) in part.char_indices() {
            if c.is_uppercase() && before_is_small {
                parts.push(part.get(start..at).unwrap_or_default());
                start = at;
            }
            before_is_small = c.is_lowercase();
        }
        parts.push(part.get(start..).unwrap_or_default());
    }
    parts
}

/// Forms that no rule finds.
const IRREGULAR: [(&str, &str); 29] = [
    ("began", "begin"),
    ("begun", "begin"),
    ("broke", "break"),
    ("broken", "break"),
    ("built", "build"),
    ("children", "child"),
    ("died", "die"),
    ("dies", "die"),
    ("dying", "die"),
    ("dead", "die"),
    ("gone", "go"),
    ("held", "hold"),
    ("kept", "keep"),
    ("lost", "lose"),
    ("losing", "lose"),
    ("made", "make"),
    ("paid", "pay"),
    ("ran", "run"),
    ("said", "say"),
    ("sent", "send"),
    ("spent", "spend"),
    ("taken", "take"),
    ("took", "take"),
    ("told", "tell"),
    ("found", "find"),
    ("used", "use"),
    ("using", "use"),
    ("went", "go"),
    ("written", "write"),
];

/// A word without its ending.
pub(super) fn stem(word: &str) -> String {
    let word = IRREGULAR.iter().find(|(form, _)| *form == word).map_or(word, |(_, base)| base);
    if word.len() < 4 || !word.bytes().all(|b| b.is_ascii_lowercase()) {
        return word.to_owned();
    }
    let mut word = word.to_owned();
    if let Some(base) = word.strip_suffix("ies").or_else(|| word.strip_suffix("ied")).filter(|base| base.len() > 1) {
        word = format!("{base}y");
    } else if ["sses", "xes", "zes", "ches", "shes"].iter().any(|ending| word.ends_with(ending)) {
        word.truncate(word.len() - 2);
    } else if word.ends_with('s') && !["ss", "us", "is"].iter().any(|ending| word.ends_with(ending)) {
        word.truncate(word.len() - 1);
    }
    let has_vowel = |base: &str| base.len() > 2 && base.contains(['a', 'e', 'i', 'o', 'u', 'y']);
    for ending in ["ing", "ed", "ly", "ion"] {
        let base = word.strip_suffix(ending).filter(|base| has_vowel(base));
        let base = base.filter(|base| match ending {
            "ed" => !base.ends_with('e'),
            "ly" => base.len() > 3,
            "ion" => base.len() > 4 && base.ends_with('t'),
            _ => true,
        });
        if let Some(base) = base {
            word.truncate(base.len());
            break;
        }
    }
    if word.len() > 3 && word.ends_with('e') {
        word.pop();
    }
    let mut last = word.bytes().rev();
    if word.len() > 3 && last.next() == last.next() {
        word.pop();
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_are_one_term() {
        for forms in [
            &["cancel", "cancels", "canceled", "cancelled", "cancelling"][..],
            &["charge", "charges", "charged", "charging"],
            &["price", "prices", "pricing"],
            &["stop", "stops", "stopped", "stopping"],
            &["retry", "retries", "retried", "retrying"],
            &["pass", "passes", "passed"],
            &["generate", "generated", "generation", "generating"],
            &["process", "processes", "processing"],
            &["call", "calls", "called"],
            &["lose", "lost", "losing", "loses"],
        ] {
            let terms: Vec<_> = forms.iter().map(|form| stem(form)).collect();
            assert!(terms.iter().all(|term| *term == terms[0]), "{forms:?}: {terms:?}");
        }
        for (a, b) in [("need", "new"), ("status", "stat"), ("image", "imp"), ("this", "th"), ("string", "str")] {
            assert_ne!(stem(a), stem(b));
        }
    }

    #[test]
    fn names_from_code_are_whole_and_in_parts() {
        let terms = |text| terms(text).collect::<Vec<_>>();
        assert_eq!(terms("`OPENAI_API_KEY`"), ["openai_api_key", "openai", "api", "key"]);
        assert_eq!(terms("numImages: 2"), ["numimages", "num", "imag", "2"]);
        assert_eq!(terms("What's the user’s `kill -9`, don't?"), ["what", "the", "user", "kil", "9", "dont"]);
        assert_eq!(terms("OpenAI, SQLite"), ["openai", "sqlit"]);
        assert_eq!(terms("GET /jobs/{id}?a=b"), ["get", "job", "id", "a", "b"]);
        assert_eq!(terms(&format!("{} ' __ 日本 Grüße", "x".repeat(49))), ["日本", "grüße"]);
    }
}
