//! What should not be read is not in the log. That is first a matter of types: secrets and prompts have no printed form
//! (`studio_core::secret`). Here is the second belt, for what gets around them: a text of a library, a field of next year.

use serde_json::Value;

/// What stands in place of what is not shown.
const REDACTED: &str = "[redacted]";
/// Most characters of a text. The audit wanted 50; but errors come with their causes and are longer than that, and a line that
/// ends before the cause helps nobody. What the audit feared of long texts, prompts and messages, has no way into a field at
/// all, by type.
pub(super) const TEXT_LIMIT: usize = 300;

/// A field whose name has one of these in it is not shown, however its name is spelt.
const NAMES: [&str; 7] = ["apikey", "password", "secret", "token", "authorization", "cookie", "prompt"];
/// Whole numbers under names that end so are counts, and are shown.
const COUNTS: [&str; 3] = ["tokens", "prompts", "messages"];

/// Letters and digits of one of our keys after its `mgs_` (`studio_core::caller`).
const OUR_KEY: usize = 36;
/// Fewest characters of a provider's key after its `sk-`.
const THEIR_KEY: usize = 16;

/// A field as it may be shown.
pub(super) fn field(name: &str, value: Value) -> Value {
    let name: String = name.chars().filter(|c| !matches!(c, '_' | '-' | '.')).map(|c| c.to_ascii_lowercase()).collect();
    let named = name == "messages" || NAMES.iter().any(|word| name.contains(word));
    let count = (value.is_u64() || value.is_i64()) && COUNTS.iter().any(|word| name.ends_with(word));
    match value {
        _ if named && !count => Value::from(REDACTED),
        Value::String(value) => Value::from(text(&value)),
        value => value,
    }
}

/// A text as it may be shown: without what looks like a key, and cut.
pub(super) fn text(text: &str) -> String {
    let mut shown = without_keys(text);
    // First without keys, then cut: half a key would not be known for one.
    if let Some((end, _)) = shown.char_indices().nth(TEXT_LIMIT) {
        let left = shown[end..].chars().count();
        shown.truncate(end);
        shown.push_str(&format!("…(+{left})"));
    }
    shown
}

/// Wherever it may begin: words run together in texts that were escaped before, such as `\nsk-…`.
fn without_keys(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(end) = key_at_start(rest) {
            shown.push_str(REDACTED);
            rest = &rest[end..];
        } else {
            shown.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    shown
}

/// Where the key ends that `text` begins with, if it does.
fn key_at_start(text: &str) -> Option<usize> {
    const BEARER: &str = "bearer";
    let run = |from: usize, of: fn(&u8) -> bool| text.as_bytes()[from..].iter().take_while(|byte| of(byte)).count();
    let key = |prefix: &str, of: fn(&u8) -> bool, least: usize| {
        let found = text.starts_with(prefix).then(|| run(prefix.len(), of)).filter(|found| *found >= least)?;
        Some(prefix.len() + found)
    };
    let bearer = || {
        text.get(..BEARER.len()).filter(|word| word.eq_ignore_ascii_case(BEARER))?;
        let blanks = run(BEARER.len(), |byte| matches!(byte, b' ' | b'\t'));
        let token = run(BEARER.len() + blanks, |byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte));
        (blanks > 0 && token > 0).then_some(BEARER.len() + blanks + token)
    };
    // Longer than it has to be is taken whole: what follows may be the next one.
    key("mgs_", |byte| byte.is_ascii_alphanumeric() || *byte == b'_', OUR_KEY)
        .or_else(|| key("sk-", |byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte), THEIR_KEY))
        .or_else(bearer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn f18_fields_with_telling_names_are_not_shown() {
        for name in [
            "apiKey",
            "api_key",
            "provider.api-key",
            "PASSWORD",
            "client_secret",
            "Token",
            "sessionToken",
            "tokens",
            "authorization",
            "set-cookie",
            "prompt",
            "negative_prompt",
            "messages",
        ] {
            assert_eq!(field(name, Value::from("hunter2")), Value::from(REDACTED), "{name}");
        }
        for name in ["password", "token", "secret_number"] {
            assert_eq!(field(name, Value::from(1234)), Value::from(REDACTED), "{name} as a number");
        }
        assert_eq!(field("tokens", Value::from(1.5)), Value::from(REDACTED));
        for name in ["tokens", "input_tokens", "prompt.tokens", "messages"] {
            assert_eq!(field(name, Value::from(12)), Value::from(12), "{name}");
        }
        for name in ["key", "message.count", "user", "compromise"] {
            assert_eq!(field(name, Value::from("hunter2")), Value::from("hunter2"), "{name}");
        }
    }

    #[test]
    fn f18_what_looks_like_a_key_is_not_shown() {
        let ours = format!("mgs_{}", "a1B".repeat(12));
        for (said, shown) in [
            (format!("no {ours}!"), "no [redacted]!"),
            (ours.clone(), "[redacted]"),
            (format!("{ours}{ours}"), "[redacted]"),
            ("mgs_short".into(), "mgs_short"),
            ("Authorization: Bearer abc.def-~+/= x".into(), "Authorization: [redacted] x"),
            ("bEARER  x".into(), "[redacted]"),
            ("Bearer".into(), "Bearer"),
            ("Bearer ".into(), "Bearer "),
            ("\\nsk-proj-0123_456789abc, and".into(), "\\n[redacted], and"),
            ("sk-0123456789abcde".into(), "sk-0123456789abcde"),
            ("sk-0123456789abcdef".into(), "[redacted]"),
            ("ünïcode sk-€".into(), "ünïcode sk-€"),
        ] {
            assert_eq!(text(&said), shown);
        }
        assert_eq!(field("error", Value::from(ours)), Value::from(REDACTED));
    }

    #[test]
    fn long_texts_are_cut_and_say_how_much() {
        let long = "é".repeat(TEXT_LIMIT);
        assert_eq!(text(&long), long);
        assert_eq!(text(&format!("{long}é€")), format!("{long}…(+2)"));
        // A key that the cut would go through is none of what is left.
        let key = format!("{}sk-0123456789abcdef", "-".repeat(TEXT_LIMIT - 10));
        assert_eq!(text(&key), format!("{}{REDACTED}", "-".repeat(TEXT_LIMIT - 10)));
    }

    proptest! {
        #[test]
        fn f18_no_key_is_left_wherever_it_stands(
            before in ".{0,40}",
            key in "(mgs_[A-Za-z0-9]{36}|sk-[A-Za-z0-9_-]{16,60}|Bearer [A-Za-z0-9._~+/=-]{8,60})",
            after in "[^A-Za-z0-9]{0,20}",
        ) {
            let shown = text(&format!("{before}{key}{after}"));
            prop_assert!(!shown.contains(&key) && shown.contains(REDACTED), "{}", shown);
        }
    }
}
