//! Whether a request that would change something comes from a page of ours.
//!
//! A browser sends a cookie with whatever any page makes it send. So an unsafe method by a cookie needs two things: the browser's
//! own word that the page is ours (`Sec-Fetch-Site`, which no page can write; by plain http, where browsers don't send it,
//! `Origin`), and a token that only a page of ours can have read. A request by a key needs neither: no page of another can
//! write that header.

use super::{caller::Caller, codes, network, refusal::Refusal};
use crate::settings::Front;
use http::{HeaderMap, HeaderName, Method, header};
use sha2::{Digest, Sha256};
use std::net::IpAddr;

/// Where the token stands.
pub(super) const TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// How a request came in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Way {
    /// By https: as configured, or as a trusted proxy says.
    pub(crate) https: bool,
    /// Our own origin, as a browser that came this way writes it.
    pub(crate) origin: Option<String>,
}

impl Way {
    /// How a request with these headers came over a connection to `peer`.
    pub(super) fn of(front: &Front, peer: Option<IpAddr>, headers: &HeaderMap) -> Self {
        let trusted = peer.is_some_and(|peer| network::is_trusted(&front.trusted_proxies, peer));
        // Each proxy appends what it saw; the nearest one is the one that we know.
        let said = headers.get_all("x-forwarded-proto").iter().next_back().and_then(|line| line.to_str().ok());
        let said = said.and_then(|line| line.rsplit(',').next()).map(str::trim).filter(|_| trusted);
        let https = front.https || said.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"));
        let scheme = if https { "https" } else { "http" };
        let named = || one(headers, &header::HOST).map(|host| format!("{scheme}://{}", host.to_ascii_lowercase()));
        Self { https, origin: front.origin.clone().or_else(named) }
    }
}

/// The one value of a header; nothing when there is none, or several.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(first)
}

/// Whether a method may change something.
pub(super) fn is_unsafe(method: &Method) -> bool {
    ![Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
}

/// Refuses what no page of ours sent, nor one of a listed origin.
pub(super) fn check_page(way: &Way, listed: &[String], headers: &HeaderMap) -> Result<(), Refusal> {
    let refused = Err(refused("The request does not come from a page of this studio."));
    let origin = one(headers, &header::ORIGIN);
    if origin.is_none() && headers.contains_key(header::ORIGIN) {
        return refused;
    }
    if origin.is_some_and(|origin| listed.iter().any(|other| other == origin)) {
        return Ok(());
    }
    match headers.contains_key(FETCH_SITE) {
        true if one(headers, &FETCH_SITE) == Some("same-origin") => Ok(()),
        false if origin.is_some() && origin == way.origin.as_deref() => Ok(()),
        _ => refused,
    }
}

/// The same, for what needs no session: a script that is no browser sends none of the headers that tell.
pub(super) fn check_visitor(way: &Way, listed: &[String], headers: &HeaderMap) -> Result<(), Refusal> {
    let browser = [header::COOKIE, header::ORIGIN, FETCH_SITE].iter().any(|name| headers.contains_key(name));
    if browser { check_page(way, listed, headers) } else { Ok(()) }
}

/// Refuses unless the token is that of the caller's session.
pub(super) fn check_token(caller: &Caller, given: Option<&str>) -> Result<(), Refusal> {
    // By their digests: how long it takes to find them different tells nothing.
    let digest = |text: &str| Sha256::digest(text);
    match (caller.csrf(), given) {
        (None, _) => Ok(()),
        (Some(right), Some(given)) if digest(right) == digest(given) => Ok(()),
        _ => Err(refused("The token of the session is missing or wrong: GET /api/v1/auth/session tells it.")),
    }
}

/// The token as the headers have it.
pub(super) fn token_of(headers: &HeaderMap) -> Option<&str> {
    one(headers, &TOKEN)
}

fn refused(message: &str) -> Refusal {
    Refusal::new(codes::CSRF_REFUSED, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::try_from(*value).unwrap());
        }
        headers
    }

    #[test]
    fn the_way_is_that_of_the_configuration_or_of_a_trusted_proxy() {
        let front = |origin: Option<&str>| Front {
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            https: origin.is_some_and(|origin| origin.starts_with("https")),
            origin: origin.map(str::to_owned),
            origins: Vec::new(),
        };
        let way = |origin: Option<&str>, peer: &str, lines: &[(&'static str, &str)]| {
            let way = Way::of(&front(origin), Some(peer.parse().unwrap()), &headers(lines));
            (way.https, way.origin.unwrap_or_default())
        };
        let (proto, host) = (("x-forwarded-proto", "https"), ("host", "Studio.lan:8080"));
        assert_eq!(way(None, "192.0.2.1", &[host]), (false, "http://studio.lan:8080".into()));
        assert_eq!(
            way(None, "192.0.2.1", &[host, proto]),
            (false, "http://studio.lan:8080".into()),
            "a stranger's word"
        );
        assert_eq!(way(None, "10.0.0.1", &[host, proto]), (true, "https://studio.lan:8080".into()));
        assert!(!way(None, "10.0.0.1", &[host, ("x-forwarded-proto", "https, http")]).0);
        let configured = (true, "https://studio.example.com".to_owned());
        assert_eq!(way(Some("https://studio.example.com"), "192.0.2.1", &[host]), configured);
        assert_eq!(way(None, "192.0.2.1", &[host, host]).1, "");
    }

    #[test]
    fn only_pages_of_ours_and_of_listed_origins_pass() {
        let way = Way { https: false, origin: Some("http://ours:1".into()) };
        let listed = ["https://app.example.com".to_owned()];
        let passes = |lines: &[(&'static str, &str)]| check_page(&way, &listed, &headers(lines)).is_ok();
        let (site, origin) = ("sec-fetch-site", "origin");
        for good in [
            &[(site, "same-origin")][..],
            &[(site, "same-origin"), (origin, "http://ours:1")],
            &[(origin, "http://ours:1")],
            &[(origin, "https://app.example.com")],
            &[(origin, "https://app.example.com"), (site, "cross-site")],
        ] {
            assert!(passes(good), "{good:?}");
        }
        for bad in [
            &[][..],
            &[(site, "same-site")],
            &[(site, "cross-site")],
            &[(site, "none")],
            &[(site, "same-origin"), (site, "cross-site")],
            &[(site, "cross-site"), (origin, "http://ours:1")],
            &[(origin, "null")],
            &[(origin, "http://ours:2")],
            &[(origin, "http://ours:1"), (origin, "http://evil")],
            &[(origin, "https://app.example.com.evil")],
        ] {
            assert!(!passes(bad), "{bad:?}");
        }
        assert!(check_visitor(&way, &listed, &headers(&[])).is_ok(), "no browser");
        assert!(check_visitor(&way, &listed, &headers(&[("cookie", "a=b")])).is_err());
        assert!(check_visitor(&way, &listed, &headers(&[(origin, "null")])).is_err());
    }
}
