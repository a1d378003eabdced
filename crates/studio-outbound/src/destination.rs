//! Decides by which way a request may leave, from who named its URL. Pure: nothing is resolved or opened here.
//!
//! A URL is parsed once, by `url`, and what is checked is what is sent. That parser turns every spelling of an IPv4
//! address (`0x7f.1`, `2130706433`, `①②⑦.⓪.⓪.①`) into its one form, so a host is either an address or a name.

use crate::ports::is_for_the_web;
use reqwest::Url;
use std::{net::IpAddr, path::Path};
use studio_core::ports::Destination;

/// Longest URL, in bytes. Signed ones of clouds have up to two thousand.
pub(crate) const MAX_URL_BYTES: usize = 8 << 10;

/// Which addresses a way to public places may lead to; a parameter so that tests can have a public place of their own.
pub(crate) type AddressRule = fn(IpAddr) -> bool;

/// The way by which a request leaves.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Way<'a> {
    /// To a configured place, by the system's proxy if there is one.
    Configured,
    /// To a configured place on this machine: never by a proxy.
    Local,
    /// To a public place: every address that its name resolves to is checked.
    Public,
    /// To a worker's socket.
    Worker(&'a Path),
}

/// Why a request may not leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotAllowed {
    /// For how its URL is written, whoever it may lead to.
    Malformed(&'static str),
    /// For where it leads.
    Place(&'static str),
}

/// The URL of a request and the way that it may take, or why it may not leave at all.
pub(crate) fn route<'a>(
    destination: &'a Destination,
    text: &str,
    allowed: AddressRule,
) -> Result<(Url, Way<'a>), NotAllowed> {
    let malformed = |why| Err(NotAllowed::Malformed(why));
    if text.len() > MAX_URL_BYTES {
        return malformed("it is longer than 8192 bytes");
    }
    let Ok(mut url) = Url::parse(text) else { return malformed("it is not a URL") };
    if !matches!(url.scheme(), "http" | "https") {
        return malformed("only http and https are allowed");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return malformed("a user name or password in a URL is not allowed");
    }
    // It is for whoever reads the answer, and never sent.
    url.set_fragment(None);
    let way = match destination {
        Destination::Worker { socket } => Way::Worker(socket),
        Destination::Configured { base_url } if same_origin(&url, base_url) => configured(&url),
        Destination::Configured { .. } => return Err(NotAllowed::Place("it is not at the configured origin")),
        Destination::ProviderGiven { origin: Some(origin) } if same_origin(&url, origin) => configured(&url),
        Destination::UserGiven | Destination::ProviderGiven { .. } => {
            if !url.port_or_known_default().is_some_and(is_for_the_web) {
                return malformed("its port is not one of the web");
            }
            if address(&url).is_some_and(|address| !allowed(address)) {
                return Err(NotAllowed::Place("it leads to an address that is not public"));
            }
            Way::Public
        }
    };
    Ok((url, way))
}

/// Where an answer at `from` redirects to, and what it then is. What a place sends us on to is no more trusted than the place: a
/// provider's own origin may send us on within itself; who is anywhere else may not send us there.
pub(crate) fn redirected(
    destination: &Destination,
    from: &str,
    location: &str,
) -> Result<(Destination, String), NotAllowed> {
    let malformed = NotAllowed::Malformed("it redirects to what is not a URL");
    let from = Url::parse(from).map_err(|_| malformed)?;
    let next = from.join(location).map_err(|_| malformed)?;
    if from.scheme() == "https" && next.scheme() != "https" {
        return Err(NotAllowed::Place("it redirects from https to what is not"));
    }
    let destination = match destination {
        Destination::UserGiven => Destination::UserGiven,
        Destination::ProviderGiven { origin } => {
            let within = origin.as_deref().is_some_and(|origin| same_origin(&from, origin));
            Destination::ProviderGiven { origin: origin.clone().filter(|_| within) }
        }
        Destination::Configured { .. } | Destination::Worker { .. } => {
            return Err(NotAllowed::Place("it redirects, which is not followed"));
        }
    };
    Ok((destination, next.into()))
}

fn configured(url: &Url) -> Way<'static> {
    let local = url.host_str() == Some("localhost") || address(url).is_some_and(|address| address.is_loopback());
    if local { Way::Local } else { Way::Configured }
}

/// The address that is written in the URL, if it is not a name.
fn address(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn same_origin(url: &Url, other: &str) -> bool {
    Url::parse(other).is_ok_and(|other| other.origin() == url.origin())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address_policy::is_public;

    #[test]
    fn who_named_a_place_decides_the_way() {
        let configured = Destination::Configured { base_url: "http://10.0.0.7:5000/v1".into() };
        let local = Destination::Configured { base_url: "http://127.0.0.1:5000".into() };
        let worker = Destination::Worker { socket: "/run/w.sock".into() };
        let user = Destination::UserGiven;
        let provider = Destination::ProviderGiven { origin: Some("http://10.0.0.7:5000".into()) };
        let way = |destination, url| route(destination, url, is_public).map(|(_, way)| way);
        assert_eq!(way(&configured, "http://10.0.0.7:5000/v1/x"), Ok(Way::Configured));
        assert_eq!(way(&local, "http://127.0.0.1:5000/x"), Ok(Way::Local));
        assert_eq!(way(&worker, "http://worker/x"), Ok(Way::Worker(Path::new("/run/w.sock"))));
        assert_eq!(way(&user, "https://example.org/x"), Ok(Way::Public));
        assert_eq!(way(&provider, "http://10.0.0.7:5000/out.png"), Ok(Way::Configured));
        assert_eq!(way(&provider, "https://cdn.example.org/out.png"), Ok(Way::Public));
        for url in ["https://bücher.example/x", "https://xn--bcher-kva.example./x", "http://example.org:8080/#there"] {
            assert_eq!(way(&user, url), Ok(Way::Public), "{url}");
        }
        let (url, _) = route(&user, "http://Bücher.Example:80/x#y", is_public).unwrap();
        assert_eq!(url.as_str(), "http://xn--bcher-kva.example/x", "one form, and nothing that is not sent");
        let longest = format!("https://example.org/{}", "x".repeat(MAX_URL_BYTES - 20));
        assert!(route(&user, &longest, is_public).is_ok() && route(&user, &format!("{longest}x"), is_public).is_err());
        for (destination, url) in [
            (&configured, "http://10.0.0.7:5001/v1/x"),
            (&configured, "https://10.0.0.7:5000/v1/x"),
            (&provider, "http://10.0.0.7:5001/out.png"),
            (&provider, "http://10.0.0.8:5000/out.png"),
            (&provider, "http://user@10.0.0.7:5000/out.png"),
            (&Destination::ProviderGiven { origin: None }, "http://10.0.0.7:5000/out.png"),
            (&user, "http://10.0.0.7/"),
            (&user, "https://a:b@example.org/"),
            (&user, "https://a@example.org/"),
            (&user, "ftp://example.org/"),
            (&user, "file:///etc/passwd"),
            (&user, "data:text/plain,x"),
            (&user, "javascript:1"),
            (&user, "unix:///run/w.sock"),
            (&user, "http://[fe80::1%25eth0]/"),
            (&user, "http://[fe80::1%eth0]/"),
            (&user, "http://93.184.216.34:22/"),
            (&user, "https://example.org:6379/"),
            (&user, "http://example.org:0/"),
            (&provider, "http://cdn.example.org:11211/out.png"),
            (&user, "/relative"),
            (&user, "http://"),
            (&user, ""),
        ] {
            assert!(way(destination, url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_redirect_is_no_more_than_a_word_of_whoever_redirects() {
        let origin = Some("http://10.0.0.7:5000".to_owned());
        let provider = Destination::ProviderGiven { origin: origin.clone() };
        let there = |destination: &Destination, from: &str, location: &str| redirected(destination, from, location);
        assert_eq!(
            there(&Destination::UserGiven, "https://a.example/x/y?z#f", "../v?w"),
            Ok((Destination::UserGiven, "https://a.example/v?w".into()))
        );
        assert_eq!(
            there(&Destination::UserGiven, "http://a.example/", "//127.0.0.1:80/"),
            Ok((Destination::UserGiven, "http://127.0.0.1/".into())),
            "where it leads is checked when it is gone to"
        );
        assert_eq!(
            there(&provider, "http://10.0.0.7:5000/a", "/b"),
            Ok((provider.clone(), "http://10.0.0.7:5000/b".into()))
        );
        let (next, url) = there(&provider, "https://cdn.example/a", "https://10.0.0.7:5000/b").unwrap();
        assert_eq!(next, Destination::ProviderGiven { origin: None });
        assert!(route(&next, &url, is_public).is_err(), "a stranger does not lead us to the configured origin");
        let configured = Destination::Configured { base_url: "https://a.example".into() };
        for (destination, from, location) in [
            (&Destination::UserGiven, "https://a.example/", "http://a.example/"),
            (&Destination::UserGiven, "https://a.example/", "file:///etc/passwd"),
            (&Destination::UserGiven, "https://a.example/", "//"),
            (&Destination::UserGiven, "https://a.example/", "https://[::1"),
            (&configured, "https://a.example/", "/b"),
            (&Destination::Worker { socket: "/run/w".into() }, "http://worker/", "/b"),
        ] {
            assert!(there(destination, from, location).is_err(), "{location}");
        }
    }
}
