//! Where sentences end: at a full stop that is followed by white space and something that can begin another one, outside of
//! code and brackets.

/// The sentences of a line, in their order, with their marks.
pub(super) fn split(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let (mut start, mut in_code, mut depth) = (0, false, 0_i32);
    for (at, c) in text.char_indices() {
        match c {
            '`' => in_code = !in_code,
            '(' if !in_code => depth += 1,
            ')' if !in_code => depth -= 1,
            _ => {}
        }
        let (before, rest) = text.split_at(at);
        let may_end = match c {
            '.' | '!' | '?' => !in_code && depth <= 0,
            // A whole sentence in brackets.
            ')' => !in_code && depth <= 0 && before.ends_with(['.', '!', '?']),
            _ => false,
        };
        // A mark may be followed by what closes bold or quoted words.
        let after = rest.trim_start_matches(c).trim_start_matches(['*', '"', '”']);
        let next = after.trim_start();
        if may_end && next.len() < after.len() && begins(next) {
            let end = text.len() - after.len();
            sentences.push(text.get(start..end).unwrap_or_default().trim());
            start = end;
        }
    }
    sentences.push(text.get(start..).unwrap_or_default().trim());
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

/// Whether a sentence can begin so.
fn begins(text: &str) -> bool {
    text.trim_start_matches(['*', '"', '“', '(']).starts_with(|c: char| c.is_uppercase() || c == '`')
}

/// Whether it needs the one before it to be understood.
pub(super) fn leans_on_the_one_before(sentence: &str) -> bool {
    const WORDS: [&str; 24] = [
        "it",
        "its",
        "they",
        "their",
        "them",
        "this",
        "that",
        "these",
        "those",
        "he",
        "then",
        "otherwise",
        "so",
        "but",
        "there",
        "neither",
        "else",
        "also",
        "both",
        "and",
        "or",
        "such",
        "here",
        "once",
    ];
    let first = sentence.trim_start_matches(['*', '"', '(']).split(|c: char| !c.is_alphanumeric()).next();
    first.is_some_and(|first| WORDS.contains(&&*first.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_where_a_reader_would_say() {
        for (text, wanted) in [
            ("One. Two! Three?", &["One.", "Two!", "Three?"][..]),
            (
                "You need Rust 1.95 or newer. (SQLite is C.) Done.",
                &["You need Rust 1.95 or newer.", "(SQLite is C.)", "Done."],
            ),
            (
                "**Bold.** Then `a. B` and e.g. this. `code` begins.",
                &["**Bold.**", "Then `a. B` and e.g. this.", "`code` begins."],
            ),
            ("No end", &["No end"]),
            ("", &[]),
            ("...", &["..."]),
            ("日本。 Ä. Ö", &["日本。 Ä.", "Ö"]),
        ] {
            assert_eq!(split(text), wanted);
        }
    }

    #[test]
    fn some_sentences_need_the_one_before() {
        assert!(
            leans_on_the_one_before("They work.")
                && leans_on_the_one_before("**It** is.")
                && !leans_on_the_one_before("Items.")
        );
    }
}
