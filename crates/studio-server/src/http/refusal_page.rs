//! A refusal as a page, where a page was asked for: the same code and message, for people.

use super::refusal::{Refusal, RequestIdText};
use axum::{body::Body, response::Response};
use http::{HeaderValue, header};
use studio_core::time::Timestamp;

/// What such a page may do: show itself.
const POLICY: &str = "default-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// The response to a request for a page.
pub(super) fn response(refusal: Refusal, request: RequestIdText<'_>, now: Timestamp) -> Response {
    let (code, message) = (refusal.code, escape(refusal.message()));
    let sign_in =
        if code.status == http::StatusCode::UNAUTHORIZED { "<p><a href=\"/sign-in\">Sign in</a></p>" } else { "" };
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{status}</title></head><body><main>\
         <h1>{status}</h1><p role=\"alert\">{message}</p>{sign_in}<p>{code} · {request}</p></main></body></html>",
        status = code.status,
        code = code.code,
        request = escape(request.0),
    );
    let mut response = refusal.into_response(request, now);
    *response.body_mut() = Body::from(page);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            _ => escaped.push(c),
        }
    }
    escaped
}
