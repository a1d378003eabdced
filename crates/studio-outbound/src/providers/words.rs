//! Names and texts on their way between us and a provider.

use std::net::{IpAddr, SocketAddr};

/// Most characters of a provider's error that are kept.
pub(super) const MAX_MESSAGE_CHARS: usize = 300;

/// A parameter's name as most wires spell it: `outputCompression` is `output_compression`.
pub(super) fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// A provider's text for people: one line, shortened, without addresses.
pub(super) fn clean(text: &str, max_chars: usize) -> String {
    // Cut before the work: an error may be as long as the whole reply.
    let bounded: String = text.chars().take(max_chars * 4).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words = bounded.split_whitespace().map(|word| if is_address(word) { "[address]" } else { word });
    let line = words.collect::<Vec<_>>().join(" ");
    if line.chars().count() <= max_chars {
        return line;
    }
    let mut short: String = line.chars().take(max_chars.saturating_sub(1)).collect();
    short.push('…');
    short
}

fn is_address(word: &str) -> bool {
    let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '[' | ']' | ':'));
    let bare = bare.trim_end_matches(':');
    word.contains("://")
        || bare.parse::<SocketAddr>().is_ok()
        || bare.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_do_not_reach_people() {
        for (text, cleaned) in [
            ("dial tcp 10.0.0.7:5000: refused", "dial tcp [address] refused"),
            ("at (http://a:b@host/x), sorry", "at [address] sorry"),
            ("from [::1]:80 and fe80::1.", "from [address] and [address]"),
            ("ratio 16:9 at 12:30, step 3.5", "ratio 16:9 at 12:30, step 3.5"),
        ] {
            assert_eq!(clean(text, 100), cleaned);
        }
    }
}
