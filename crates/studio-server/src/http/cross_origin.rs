//! Which pages of other origins may read our answers (finding 16): those that the operator has listed, and no others. There
//! is no wildcard, and a stranger is told nothing, not even who else may.

use crate::settings::PREFLIGHT_MEMORY;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// What such a page may send beside what every page may.
const REQUEST_HEADERS: &str = "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, Prefer, Range, \
                               X-API-Key, X-CSRF-Token, X-Request-ID";
/// What it may read of an answer beside what every page may.
const ANSWER_HEADERS: &str = "Allow, Content-Range, Deprecation, ETag, Idempotent-Replayed, Link, RateLimit, \
                              RateLimit-Policy, Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, \
                              X-Request-ID, X-Response-Time, X-Studio-Job-ID, X-Timeout-Ms";

/// What the answer to a request with these headers tells a browser. `allowed` are the listed origins.
pub(super) fn tell(allowed: &[String], request: &HeaderMap, answer: &mut HeaderMap) {
    if allowed.is_empty() {
        return;
    }
    // What is kept of an answer to one origin must not be given to another.
    answer.append(header::VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = listed(allowed, request) else { return };
    answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    answer.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(ANSWER_HEADERS));
}

/// What the answer to a preflight tells beside that: `methods` are those of the path, `own_keys` the providers for which a request may
/// bring a key.
pub(super) fn tell_preflight<'a>(
    allowed: &[String],
    request: &HeaderMap,
    methods: &str,
    own_keys: impl Iterator<Item = &'a str>,
    answer: &mut HeaderMap,
) {
    if listed(allowed, request).is_none() || !request.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        return;
    }
    let pairs: [(HeaderName, String); 3] = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, methods.to_owned()),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            own_keys.fold(REQUEST_HEADERS.to_owned(), |all, name| all + ", X-API-Key-" + name),
        ),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MEMORY.as_secs().to_string()),
    ];
    for (name, text) in pairs {
        if let Ok(value) = HeaderValue::try_from(text) {
            answer.insert(name, value);
        }
    }
}

/// The request's origin, if it is one of those.
fn listed<'a>(allowed: &[String], request: &'a HeaderMap) -> Option<&'a HeaderValue> {
    let origin = request.get(header::ORIGIN)?;
    allowed.iter().any(|listed| listed.as_bytes() == origin.as_bytes()).then_some(origin)
}

/// Whether a text is an origin as browsers write it: scheme, host and perhaps a port, in small letters, and nothing else.
pub fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.:[]".contains(&b);
    ["http", "https"].contains(&scheme) && !host.is_empty() && host.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        for good in ["https://app.example.com", "http://localhost:3000", "http://[::1]:8080"] {
            assert!(is_origin(good), "{good}");
        }
        for bad in
            ["*", "null", "", "https://*.example.com", "https://a/", "https://A.example", "ftp://a", "https://", "a.b"]
        {
            assert!(!is_origin(bad), "{bad}");
        }
    }

    #[test]
    fn a_stranger_is_told_nothing() {
        let allowed = ["https://app.example.com".to_owned()];
        let told = |origin: &str| {
            let request = HeaderMap::from_iter([(header::ORIGIN, HeaderValue::try_from(origin).unwrap())]);
            let mut answer = HeaderMap::new();
            tell(&allowed, &request, &mut answer);
            answer.get(header::ACCESS_CONTROL_ALLOW_ORIGIN).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(told("https://app.example.com").as_deref(), Some("https://app.example.com"));
        for stranger in
            ["https://app.example.com.evil", "http://app.example.com", "https://app.example.com:8443", "null", "*"]
        {
            assert_eq!(told(stranger), None, "{stranger}");
        }
    }
}
