//! Headers that every answer has, and limits on those of every request.

use super::{
    codes,
    refusal::{Refusal, whole_seconds},
};
use crate::{
    commands::{GivenKeys, MAX_PROVIDER_KEY_CHARS, is_provider_key},
    settings::{HEADER_COUNT_LIMIT, HEADERS_LIMIT, HTTPS_MEMORY, URI_LIMIT},
};
use http::{HeaderMap, HeaderValue, Uri, header};
use std::time::Duration;
use studio_core::{
    limits::{Decision, LimitClass},
    secret::Secret,
};

/// Since when the paths of the system that this one replaces are deprecated: since there are those of today, 2026-11-24, as a
/// structured date.
const LEGACY_SINCE: &str = "@1795478400";
/// Longest request id that a caller may choose.
const REQUEST_ID_LIMIT: usize = 64;

/// Refuses what is too long to be honest (414, 431).
pub(super) fn check_sizes(uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    if uri.path().len() + uri.query().map_or(0, str::len) > URI_LIMIT {
        let message = format!("The address may have at most {URI_LIMIT} bytes.");
        return Err(Refusal::new(codes::URI_TOO_LONG, message));
    }
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > HEADERS_LIMIT || headers.len() > HEADER_COUNT_LIMIT {
        let message = format!("Headers may have at most {HEADERS_LIMIT} bytes and {HEADER_COUNT_LIMIT} lines.");
        return Err(Refusal::new(codes::HEADERS_TOO_LARGE, message));
    }
    Ok(())
}

/// The caller's own id for the request, if it is a plain short word: it will stand in log lines.
pub(super) fn request_id(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("x-request-id")?.to_str().ok()?;
    let plain = !text.is_empty()
        && text.len() <= REQUEST_ID_LIMIT
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        // It is kept with the job and told to providers: a key that stands here by mistake must not be.
        && !text.contains("mgs_")
        && !text.starts_with("sk-");
    plain.then(|| text.to_owned())
}

/// What a header begins with that brings a key for a provider, whose name follows.
const OWN_KEY: &str = "x-api-key-";
/// Most of them: there are fewer providers.
const MOST_OWN_KEYS: usize = 32;

/// Takes the keys for providers out of the headers, so that nothing that sees those later sees them. An empty one says nothing;
/// where a route has no use for them (`wanted`), nor do the others.
pub(super) fn take_own_keys(headers: &mut HeaderMap, wanted: bool) -> Result<GivenKeys, Refusal> {
    let names: Vec<_> = headers.keys().filter(|name| name.as_str().starts_with(OWN_KEY)).cloned().collect();
    let mut keys = GivenKeys::new();
    for name in names {
        let values: Vec<_> = headers.get_all(&name).iter().cloned().collect();
        headers.remove(&name);
        let refused = |what: String| Err(Refusal::invalid_field(name.as_str(), what));
        let [value] = &values[..] else {
            // Both can't be meant, and one of them may be another's.
            if wanted {
                return refused("must be there once".into());
            }
            continue;
        };
        let provider = name.as_str().strip_prefix(OWN_KEY).unwrap_or_default();
        match value.to_str().map(str::trim) {
            Ok("") => {}
            _ if !wanted => {}
            Ok(text) if is_provider_key(text) => {
                keys.insert(provider.to_owned(), Secret::new(text));
            }
            _ => return refused(format!("must be a key of 1 to {MAX_PROVIDER_KEY_CHARS} visible ASCII characters")),
        }
        if keys.len() > MOST_OWN_KEYS {
            return refused(format!("is one too many: at most {MOST_OWN_KEYS} keys may come with a request"));
        }
    }
    Ok(keys)
}

/// Tells how much of a limit is left, by the draft standard (draft-ietf-httpapi-ratelimit-headers) and in the older form
/// (finding 27).
pub(super) fn tell_limit(headers: &mut HeaderMap, class: LimitClass, decision: &Decision) {
    let (name, rate) = (class.as_str(), decision.rate);
    let reset = whole_seconds(decision.reset_after);
    let policy = format!("\"{name}\";q={};w={}", rate.count, rate.window.as_secs());
    let state = format!("\"{name}\";r={};t={reset}", decision.remaining);
    let lines = [
        ("ratelimit-policy", policy),
        ("ratelimit", state),
        ("x-ratelimit-limit", rate.count.to_string()),
        ("x-ratelimit-remaining", decision.remaining.to_string()),
        ("x-ratelimit-reset", reset.to_string()),
    ];
    for (line, text) in lines {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(line, value);
        }
    }
}

/// Says that this path goes away and which one comes after it (RFC 9745, RFC 5829).
pub(super) fn tell_successor(headers: &mut HeaderMap, path: &'static str) {
    headers.insert("deprecation", HeaderValue::from_static(LEGACY_SINCE));
    if let Ok(link) = HeaderValue::try_from(format!("<{path}>; rel=\"successor-version\"")) {
        headers.append(header::LINK, link);
    }
}

/// What a browser may do with an answer that is no page of ours: nothing.
const NO_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; base-uri 'none'; frame-ancestors 'none'");
/// Nothing of ours needs any of these; the studio's own pages will ask for what they need.
const NO_PERMISSIONS: HeaderValue =
    HeaderValue::from_static("camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()");

/// Headers that every answer has. `https`: people come by it, and are to come by nothing else.
pub(super) fn finish(headers: &mut HeaderMap, request_id: &str, https: bool, took: Duration) {
    if let Ok(value) = HeaderValue::try_from(request_id) {
        headers.insert("x-request-id", value);
    }
    if let Ok(value) = HeaderValue::try_from(format!("{:.1}ms", took.as_secs_f64() * 1000.0)) {
        headers.insert("x-response-time", value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    headers.insert("permissions-policy", NO_PERMISSIONS);
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(NO_POLICY);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if https && let Ok(value) = HeaderValue::try_from(format!("max-age={}", HTTPS_MEMORY.as_secs())) {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
}
