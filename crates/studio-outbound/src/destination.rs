//! Decides by which way a request may leave, from who named its URL. Pure: nothing is resolved or opened here.
//!
//! A URL is parsed once, by `url`, and what is checked is what is sent. That parser turns every spelling of an IPv4
//! address (`0x7f.1`, `2130706433`, `①②⑦.⓪.⓪.①`) into its one form, so a host is either an address or a name.

use reqwest::Url;
use std::{net::IpAddr, path::Path};
use studio_core::ports::Destination;

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

/// The URL of a request and the way that it may take, or why it may not leave at all.
pub(crate) fn route<'a>(
    destination: &'a Destination,
    text: &str,
    allowed: AddressRule,
) -> Result<(Url, Way<'a>), &'static str> {
    let url = Url::parse(text).map_err(|_| "it is not a URL")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("only http and https are allowed");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a user name or password in a URL is not allowed");
    }
    let way = match destination {
        Destination::Worker { socket } => Way::Worker(socket),
        Destination::Configured { base_url } if same_origin(&url, base_url) => configured(&url),
        Destination::Configured { .. } => return Err("it is not at the configured origin"),
        Destination::ProviderGiven { origin: Some(origin) } if same_origin(&url, origin) => configured(&url),
        Destination::UserGiven | Destination::ProviderGiven { .. } => {
            if address(&url).is_some_and(|address| !allowed(address)) {
                return Err("it leads to an address that is not public");
            }
            Way::Public
        }
    };
    Ok((url, way))
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
            (&user, "/relative"),
            (&user, "http://"),
            (&user, ""),
        ] {
            assert!(way(destination, url).is_err(), "{url}");
        }
    }
}
