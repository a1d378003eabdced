//! Bodies of forms: what a page without a script sends.

use super::{address::decode, codes, refusal::Refusal};
use http::{HeaderMap, header};
use std::collections::BTreeMap;

/// Most fields of a form.
const MOST_FIELDS: usize = 64;
/// The field that has the token of the session.
pub(super) const TOKEN: &str = "csrf";

/// A form is wanted: checks that it is announced as one.
pub(super) fn check_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = kind.split_once(';').map_or(kind, |(essence, _)| essence).trim();
    let plain = headers.get(header::CONTENT_ENCODING).is_none_or(|encoding| encoding.as_bytes() == b"identity");
    if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") && plain {
        return Ok(());
    }
    let message = "Send the body as a form: Content-Type: application/x-www-form-urlencoded, and no Content-Encoding.";
    Err(Refusal::new(codes::UNSUPPORTED_MEDIA_TYPE, message))
}

/// Its fields by name. One that is there twice is refused: who stands between may have read the other one.
pub(super) fn parse(bytes: &[u8]) -> Result<BTreeMap<String, String>, Refusal> {
    let bad = || Refusal::new(codes::MALFORMED_FORM, "The form is not valid percent-encoded UTF-8.");
    let text = std::str::from_utf8(bytes).map_err(|_| bad())?;
    let mut fields = BTreeMap::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name, true).ok_or_else(bad)?, decode(value, true).ok_or_else(bad)?);
        if fields.len() >= MOST_FIELDS {
            let message = format!("A form may have at most {MOST_FIELDS} fields.");
            return Err(Refusal::new(codes::MALFORMED_FORM, message));
        }
        if fields.contains_key(&name) {
            let short: String = name.chars().take(100).collect();
            return Err(Refusal::invalid_field(&short, "is given twice"));
        }
        fields.insert(name, value);
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_or_refused() {
        let fields = parse(b"name=a+b%C3%BC&empty=&bare").unwrap();
        assert_eq!(fields["name"], "a bü");
        assert_eq!((fields["empty"].as_str(), fields["bare"].as_str(), fields.len()), ("", "", 3));
        for bad in [&b"a=%"[..], b"a=%zz", b"\xff=1", b"a=1&a=2", b"a=1&%61=1"] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
        let many = |count: usize| (0..count).map(|n| format!("f{n}=x")).collect::<Vec<_>>().join("&");
        assert!(parse(many(MOST_FIELDS).as_bytes()).is_ok() && parse(many(MOST_FIELDS + 1).as_bytes()).is_err());
    }
}
