//! From where a request comes: the other end of its connection, or, where that is a proxy that the operator trusts, whom
//! the proxy names in `X-Forwarded-For`. Nobody else's word counts: anyone can write that header (ASVS 4.1.3).

use http::HeaderMap;
use ipnet::IpNet;
use std::{net::IpAddr, sync::Once};

/// Whoever runs the studio is told once: anyone can send that header.
static UNTRUSTED: Once = Once::new();

/// The other end of the connection by which a request came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// Whether an address is that of a proxy whose word counts.
pub(super) fn is_trusted(trusted: &[IpNet], address: IpAddr) -> bool {
    trusted.iter().any(|network| network.contains(&address.to_canonical()))
}

/// Who sent a request with these headers over a connection to `peer`. Each proxy appends the address that it saw, so the list
/// is read from its end, as far as those who wrote it are trusted.
pub(super) fn client(trusted: &[IpNet], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let is_trusted = |address: IpAddr| is_trusted(trusted, address);
    let mut client = peer.to_canonical();
    let lines: Vec<_> = headers.get_all("x-forwarded-for").iter().collect();
    if !is_trusted(client) {
        if !lines.is_empty() {
            UNTRUSTED.call_once(|| {
                tracing::warn!(
                    peer = %client,
                    "X-Forwarded-For came from an address that is no trusted proxy, so it does not count; if it is your proxy, \
                     name it in trusted_proxies: until then all who come by it share their limits"
                );
            });
        }
        return client;
    }
    for line in lines.iter().rev() {
        let Ok(text) = line.to_str() else { return client };
        for entry in text.rsplit(',') {
            // What is no address was not written by a proxy that we know: who is beyond it can't be told.
            let Some(address) = read(entry.trim()) else { return client };
            client = address.to_canonical();
            if !is_trusted(client) {
                return client;
            }
        }
    }
    client
}

/// An address; some proxies write its port behind it.
fn read(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(text, |(address, _)| address);
    bare.parse().ok().or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn told(peer: &str, lines: &[&str]) -> String {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::try_from(*line).unwrap());
        }
        client(&trusted, peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_as_far_as_it_saw() {
        for (peer, lines, expected) in [
            ("192.0.2.1", &[][..], "192.0.2.1"),
            ("192.0.2.1", &["198.51.100.7"], "192.0.2.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["203.0.113.9, 198.51.100.7, 10.0.0.2"], "198.51.100.7"),
            ("10.0.0.1", &["203.0.113.9", "198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["203.0.113.9, nonsense"], "10.0.0.1"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", &["[2001:db8::5]:1234"], "2001:db8::5"),
            ("10.0.0.1", &["198.51.100.7:1234"], "198.51.100.7"),
            ("::ffff:10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("::1", &["::ffff:198.51.100.7"], "198.51.100.7"),
        ] {
            assert_eq!(told(peer, lines), expected, "{peer} {lines:?}");
        }
    }
}
