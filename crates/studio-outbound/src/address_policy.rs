//! Which addresses are public: the only ones that a URL named by a user or a provider may lead to.
//!
//! The tables are IANA's two special-purpose address registries (IPv4: RFC 6890 and what came after; IPv6: the same), block by
//! block, and what the registries don't list because it is no unicast: multicast, and what was never given out. Where a registry says "globally
//! reachable" and the place is nobody's website (relays, sinks for reverse names), it is refused all the same. IPv4 is a list of
//! what is refused; IPv6 is one block that is allowed, less what is refused in it, so what is given out tomorrow for a special
//! purpose is refused today.
//!
//! Forms that carry an IPv4 address to which a packet really goes (mapped, NAT64 by its well-known prefix) are judged by what they
//! carry, so that a machine that has IPv6 alone still reaches the others. Tunnels (6to4, Teredo, ISATAP) are refused: they lead to
//! places that we can't see. NAT64 by a prefix of somebody's own can't be told from any other address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A block of IPv4 addresses: its first one, and how many bits all of them share.
type Block4 = (Ipv4Addr, u8);
/// The same of IPv6.
type Block6 = (Ipv6Addr, u8);

/// IPv4 blocks that are not public.
pub(crate) const NOT_PUBLIC_V4: [Block4; 19] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),        // RFC 791: this network
    (Ipv4Addr::new(10, 0, 0, 0), 8),       // RFC 1918: private
    (Ipv4Addr::new(100, 64, 0, 0), 10),    // RFC 6598: between carriers and their customers; clouds put metadata here
    (Ipv4Addr::new(127, 0, 0, 0), 8),      // RFC 1122: loopback
    (Ipv4Addr::new(168, 63, 129, 16), 32), // not IANA's: Azure's host agent, which answers only from inside
    (Ipv4Addr::new(169, 254, 0, 0), 16),   // RFC 3927: link local; metadata of most clouds
    (Ipv4Addr::new(172, 16, 0, 0), 12),    // RFC 1918: private
    // RFC 6890: for protocols. Two in it are anycast and globally reachable (PCP .9, TURN .10): services of a network, no places
    // of the web. Oracle's cloud has metadata in it (.192).
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // RFC 5737: documentation
    (Ipv4Addr::new(192, 31, 196, 0), 24), // RFC 7535: AS112, answered by whoever is near
    (Ipv4Addr::new(192, 52, 193, 0), 24), // RFC 7450: multicast relays, the same
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // RFC 7526: relays of 6to4, deprecated
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // RFC 1918: private
    (Ipv4Addr::new(192, 175, 48, 0), 24), // RFC 7534: AS112
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // RFC 2544: benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24), // RFC 5737: documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // RFC 5737: documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),     // RFC 5771: multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),     // RFC 1112: reserved; its last one is broadcast
];

/// The one IPv6 block that holds public unicast addresses (RFC 4291). What the registry has outside of it (loopback, `100::/64`,
/// `64:ff9b:1::/48`, `5f00::/16`, `fc00::/7`, `fe80::/10`) and multicast need no line of their own.
pub(crate) const GLOBAL_UNICAST_V6: Block6 = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Blocks within [`GLOBAL_UNICAST_V6`] that are not public.
pub(crate) const NOT_PUBLIC_V6: [Block6; 6] = [
    // RFC 2928: for protocols. Teredo, benchmarks, ORCHID, DETs, AS112, relays; those that are reachable are no places of the web.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // RFC 3849: documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),     // RFC 3056: 6to4
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48), // RFC 7534: AS112
    (Ipv6Addr::new(0x3ffe, 0, 0, 0, 0, 0, 0, 0), 16),     // RFC 3701: the 6bone, given back
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),     // RFC 9637: documentation
];

/// RFC 6052, NAT64: the last 32 bits are an IPv4 address.
pub(crate) const NAT64: Block6 = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// Whether `address` is a public unicast address: routed on the internet, of no special purpose.
pub fn is_public(address: IpAddr) -> bool {
    match carried(address) {
        IpAddr::V4(v4) => !NOT_PUBLIC_V4.iter().any(|block| contains_v4(*block, v4)),
        IpAddr::V6(v6) => {
            contains_v6(GLOBAL_UNICAST_V6, v6)
                && !is_isatap(v6)
                && !NOT_PUBLIC_V6.iter().any(|block| contains_v6(*block, v6))
        }
    }
}

/// The address to which a packet for this one really goes.
pub(crate) fn carried(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let [.., a, b, c, d] = v6.octets();
    let translated = contains_v6(NAT64, v6).then(|| Ipv4Addr::new(a, b, c, d));
    v6.to_ipv4_mapped().or(translated).map_or(address, IpAddr::V4)
}

/// RFC 5214: under any prefix, the second half begins with `0:5efe` or `200:5efe` and ends with an IPv4 address.
fn is_isatap(address: Ipv6Addr) -> bool {
    let [_, _, _, _, first, second, _, _] = address.segments();
    matches!(first, 0 | 0x200) && second == 0x5efe
}

fn contains_v4((network, bits): Block4, address: Ipv4Addr) -> bool {
    (network.to_bits() ^ address.to_bits()).leading_zeros() >= u32::from(bits)
}

fn contains_v6((network, bits): Block6, address: Ipv6Addr) -> bool {
    (network.to_bits() ^ address.to_bits()).leading_zeros() >= u32::from(bits)
}

#[cfg(test)]
mod tests;
