//! Path and query: their parameters by name, percent-decoded, and nothing that the row doesn't name.

use super::{
    codes,
    refusal::Refusal,
    table::{Access, Route},
};
use std::collections::BTreeMap;

/// The values of `{parameters}`. axum matched the path; this names its pieces.
pub(super) fn path_parameters(pattern: &'static str, path: &str) -> Result<BTreeMap<&'static str, String>, Refusal> {
    let mut parameters = BTreeMap::new();
    for (piece, text) in pattern.split('/').zip(path.split('/')) {
        if let Some(name) = piece.strip_prefix('{').and_then(|piece| piece.strip_suffix('}')) {
            let decoded = decode(text, false)
                .ok_or_else(|| Refusal::invalid_field(name, "is not valid percent-encoded UTF-8"))?;
            parameters.insert(name, decoded);
        }
    }
    Ok(parameters)
}

/// The query's parameters. One that the row doesn't name is refused: a typo must not be ignored in silence.
pub(super) fn query_parameters(route: &Route, query: Option<&str>) -> Result<BTreeMap<String, String>, Refusal> {
    let mut parameters = BTreeMap::new();
    for pair in query.unwrap_or("").split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let bad = || Refusal::new(codes::MALFORMED_QUERY, "The query is not valid percent-encoded UTF-8.");
        let name = decode(name, true).ok_or_else(bad)?;
        let value = decode(value, true).ok_or_else(bad)?;
        let short: String = name.chars().take(100).collect();
        if !route.query.iter().any(|known| known.name == name) {
            // Probes and links for people carry what others add to them.
            if matches!(route.access, Access::Public(_) | Access::Visitor(_)) {
                continue;
            }
            let known: Vec<_> = route.query.iter().map(|known| known.name).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let message = format!("is not a known query parameter; known are {known}");
            return Err(Refusal::invalid_field(&short, message));
        }
        if parameters.insert(name, value).is_some() {
            return Err(Refusal::invalid_field(&short, "is given twice"));
        }
    }
    if let Some(missing) = route.query.iter().find(|known| known.required && !parameters.contains_key(known.name)) {
        return Err(Refusal::invalid_field(missing.name, "is required"));
    }
    Ok(parameters)
}

/// Percent-decodes; in a query a plus is a space. Nothing when it is not UTF-8 or a percent sign stands alone.
pub(super) fn decode(text: &str, plus_is_space: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                let digits = std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = after;
            }
            b'+' if plus_is_space => bytes.push(b' '),
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_encoding_is_decoded_or_refused() {
        assert_eq!(decode("a%20b%C3%BC+c", true).as_deref(), Some("a bü c"));
        assert_eq!(decode("a+b", false).as_deref(), Some("a+b"));
        for bad in ["%", "%4", "%zz", "%+1", "%ff"] {
            assert_eq!(decode(bad, true), None, "{bad}");
        }
    }
}
