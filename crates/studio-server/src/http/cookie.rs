//! The cookie of a session. By https its name begins with `__Host-`, which browsers keep only if it came by https from this very
//! host; by plain http, where they refuse such a name, it has another, and is sent to no page of another site. Each is read only
//! where requests come in that way, so that what leaks by the one opens nothing by the other.

use super::{csrf::Way, refusal::Refusal};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};
use studio_core::{people::SESSION_LIFE, secret::Secret};

/// Its name where people come by https.
pub(super) const SECURE: &str = "__Host-studio_session";
/// Its name where they come by plain http.
pub(super) const PLAIN: &str = "studio_session";

fn name(way: &Way) -> &'static str {
    if way.https { SECURE } else { PLAIN }
}

/// The token in the cookie that is meant. Two that differ can't both be meant: somebody planted one.
pub(super) fn session(headers: &HeaderMap, way: &Way) -> Option<Secret> {
    // Pair by pair, as bytes: what another program on this host put beside ours need not be text.
    let lines = headers.get_all(header::COOKIE).iter().map(|line| line.as_bytes());
    let pairs = lines.flat_map(|line| line.split(|byte| *byte == b';')).map(<[u8]>::trim_ascii);
    let mut ours = pairs.filter_map(|pair| pair.strip_prefix(name(way).as_bytes())?.strip_prefix(b"="));
    let first = ours.next()?;
    let one = ours.all(|other| other == first);
    std::str::from_utf8(first).ok().filter(|_| one).map(Secret::new)
}

/// Has a browser keep a token.
pub(super) fn kept(way: &Way, token: &Secret) -> String {
    written(way, token.expose(), SESSION_LIFE.as_secs())
}

/// Has a browser forget it.
pub(super) fn cleared(way: &Way) -> String {
    written(way, "", 0)
}

/// An answer with a cookie beside all else.
pub(super) fn with(mut response: Response, cookie: String) -> Result<Response, Refusal> {
    let cookie = HeaderValue::try_from(cookie).map_err(|_| Refusal::internal())?;
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

fn written(way: &Way, value: &str, seconds: u64) -> String {
    let how = if way.https { "Secure; HttpOnly; SameSite=Lax" } else { "HttpOnly; SameSite=Strict" };
    format!("{}={value}; Path=/; Max-Age={seconds}; {how}", name(way))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(https: bool, lines: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, line.parse().unwrap());
        }
        session(&headers, &Way { https, origin: None }).map(|token| token.expose().to_owned())
    }

    #[test]
    fn only_the_cookie_of_the_way_is_read_and_two_are_none() {
        let both = "a=b; studio_session=plain; __Host-studio_session=secure";
        assert_eq!(read(false, &[both]).as_deref(), Some("plain"));
        assert_eq!(read(true, &[both]).as_deref(), Some("secure"));
        assert_eq!(read(true, &["studio_session=plain"]), None);
        assert_eq!(read(false, &["studio_session=a; studio_session=b"]), None);
        assert_eq!(read(false, &["studio_session=a", "x=y; studio_session=b"]), None);
        assert_eq!(read(false, &["studio_session=a", "studio_session=a"]).as_deref(), Some("a"));
        assert_eq!(read(false, &[]), None);
        assert_eq!(read(false, &["studio_session2=a; studio_session =b; studio_session"]), None, "others' names");
        let kept = kept(&Way { https: true, origin: None }, &Secret::new("t"));
        assert_eq!(kept, "__Host-studio_session=t; Path=/; Max-Age=2592000; Secure; HttpOnly; SameSite=Lax");
        // What is no text beside ours signs nobody out.
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_bytes(b"x=\xff; studio_session=a; y=\xff").unwrap());
        let found = session(&headers, &Way { https: false, origin: None });
        assert_eq!(found.map(|token| token.expose().to_owned()).as_deref(), Some("a"));
        let cleared = cleared(&Way { https: false, origin: None });
        assert_eq!(cleared, "studio_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
    }
}
