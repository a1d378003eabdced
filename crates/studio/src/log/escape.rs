//! Makes every character of a text visible, and no two texts look the same: so a value can't end its line, turn it around,
//! hide in it, or pass for the field next to it.

/// What can't be seen, or changes how what stands beside it is seen.
///
/// Beside controls these are the code points that Unicode calls default-ignorable (`Default_Ignorable_Code_Point`), the
/// marks that order the directions of writing, the separators of lines and paragraphs, and the noncharacters.
const fn is_hidden(c: char) -> bool {
    matches!(
        c,
        // C0, DEL, C1.
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'
            // Soft hyphen, combining grapheme joiner, Arabic letter mark.
            | '\u{ad}' | '\u{34f}' | '\u{61c}'
            // Fillers and inherent vowels of Hangul and Khmer, Mongolian selectors.
            | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{3164}' | '\u{ffa0}'
            // Zero-width characters and marks of direction; separators, and controls of direction.
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            // Word joiner, invisible operators, isolates, and what is deprecated.
            | '\u{2060}'..='\u{206f}'
            // Variation selectors, byte order mark, interlinear annotation.
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}'
            // Controls of shorthand and of music.
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            // Tags, and more variation selectors.
            | '\u{e0000}'..='\u{e0fff}'
            | '\u{fdd0}'..='\u{fdef}'
    ) || c as u32 & 0xfffe == 0xfffe
}

/// `text` with nothing hidden in it: `\u{202e}`, and `\n`, `\r`, `\t` for what is common. Backslashes are doubled, so that
/// what only looks like an escape can be told from one.
pub(super) fn visible(text: &str) -> String {
    let mut seen = String::with_capacity(text.len());
    text.chars().for_each(|c| push(&mut seen, c));
    seen
}

/// `text` as a value among others: visible, and in double quotes where it would not end by itself or could pass for another
/// field.
pub(super) fn value(text: &str) -> String {
    let apart = |c: char| c.is_whitespace() || c == '=' || c == '"';
    if text.is_empty() || text.contains(apart) { quoted(text) } else { visible(text) }
}

/// `text` as the message in front of all values: as it is, unless it could pass for some of them.
pub(super) fn message(text: &str) -> String {
    let padded = text.trim() != text || text.contains("  ");
    if padded || text.starts_with('"') || text.contains('=') { quoted(text) } else { visible(text) }
}

fn quoted(text: &str) -> String {
    let mut seen = String::with_capacity(text.len() + 2);
    seen.push('"');
    for c in text.chars() {
        if c == '"' {
            seen.push('\\');
        }
        push(&mut seen, c);
    }
    seen.push('"');
    seen
}

fn push(seen: &mut String, c: char) {
    match c {
        '\\' => seen.push_str("\\\\"),
        '\n' => seen.push_str("\\n"),
        '\r' => seen.push_str("\\r"),
        '\t' => seen.push_str("\\t"),
        c if is_hidden(c) => seen.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
        c => seen.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Written apart from the list above: what the log must never hold.
    const NEVER: [(u32, u32); 11] = [
        (0, 0x1f),
        (0x7f, 0x9f),
        (0x61c, 0x61c),
        (0x200b, 0x200f),
        (0x2028, 0x202e),
        (0x2060, 0x2060),
        (0x2066, 0x2069),
        (0xfeff, 0xfeff),
        (0xfff9, 0xfffb),
        (0xe0000, 0xe007f),
        (0xfffe, 0xffff),
    ];

    fn is_never(c: char) -> bool {
        NEVER.iter().any(|(from, to)| (*from..=*to).contains(&u32::from(c)))
    }

    /// Texts in which what matters is frequent.
    fn texts() -> impl Strategy<Value = String> {
        let ranges = proptest::sample::select(NEVER.to_vec());
        let never = ranges.prop_flat_map(|(from, to)| from..=to).prop_filter_map("no character", char::from_u32);
        let telling = proptest::sample::select("\\\"= \u{a0}{}un2e…[]a1".chars().collect::<Vec<_>>());
        let c = prop_oneof![never, telling, any::<char>()];
        proptest::collection::vec(c, 0..40).prop_map(|chars| chars.into_iter().collect())
    }

    /// Reads back what was made visible.
    fn read(seen: &str) -> Option<String> {
        let inner = seen.strip_prefix('"').map_or(Some(seen), |rest| rest.strip_suffix('"'))?;
        let mut text = String::new();
        let mut chars = inner.chars();
        while let Some(c) = chars.next() {
            text.push(match c {
                '\\' => match chars.next()? {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'u' => {
                        let code: String = chars.by_ref().skip(1).take_while(|c| *c != '}').collect();
                        u32::from_str_radix(&code, 16).ok().and_then(char::from_u32)?
                    }
                    c => c,
                },
                c => c,
            });
        }
        Some(text)
    }

    #[test]
    fn it_reads_as_people_expect() {
        for (text, seen) in [
            ("sketch", "sketch"),
            ("Überraschung/日本語", "Überraschung/日本語"),
            ("", "\"\""),
            ("a b=c", "\"a b=c\""),
            ("a\u{3000}b", "\"a\u{3000}b\""),
            ("say \"hi\"", "\"say \\\"hi\\\"\""),
            ("C:\\new", "C:\\\\new"),
            ("\r\n2026", "\"\\r\\n2026\""),
            ("a\u{202e}b\u{1b}[2K\0", "a\\u{202e}b\\u{1b}[2K\\u{0}"),
            ("\\u{202e}", "\\\\u{202e}"),
            ("a\u{e0041}\u{feff}\u{10ffff}", "a\\u{e0041}\\u{feff}\\u{10ffff}"),
        ] {
            assert_eq!(value(text), seen);
        }
        assert_eq!(message("job accepted: it's \"fine\""), "job accepted: it's \"fine\"");
        assert_eq!(message("request  admin=true"), "\"request  admin=true\"");
        assert_eq!(message("\"request\""), "\"\\\"request\\\"\"");
    }

    proptest! {
        #[test]
        fn nothing_hidden_is_left_and_all_can_be_read_back(text in texts()) {
            for seen in [value(&text), message(&text)] {
                prop_assert!(!seen.contains(is_never), "{seen:?}");
                prop_assert_eq!(read(&seen), Some(text.clone()), "{}", seen);
            }
            prop_assert!(!visible(&text).contains(is_never));
        }

        #[test]
        fn a_value_is_one_word_or_one_pair_of_quotes(text in texts()) {
            let seen = value(&text);
            let mut inside = seen.replace("\\\\", "").replace("\\\"", "");
            if inside.starts_with('"') {
                inside.pop();
                prop_assert!(!inside[1..].contains('"'), "{seen}");
            } else {
                prop_assert!(!inside.is_empty() || !seen.is_empty());
                prop_assert!(!inside.contains(|c: char| c.is_whitespace() || "=\"".contains(c)), "{seen}");
            }
        }
    }
}
