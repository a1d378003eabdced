//! The table by hand, and against an oracle that goes by another way: bit by bit, from the registries written once more.

use super::*;
use proptest::prelude::*;
use std::sync::LazyLock;

const PUBLIC: [&str; 47] = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.15",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.0.3.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "203.0.114.0",
    "223.255.255.255",
    "2001:4860:4860::8888",
    "2606:4700::1111",
    "2a00:1450:4001::1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "192.31.195.255",
    "192.31.197.0",
    "192.52.192.255",
    "192.52.194.0",
    "192.88.98.255",
    "192.88.100.0",
    "192.175.47.255",
    "192.175.49.0",
    "198.51.99.255",
    "198.51.101.0",
    "203.0.112.255",
    "2001:200::1",
    "2001:db7:ffff::1",
    "2001:db9::1",
    "2003::1",
    "2620:4f:7fff::1",
    "2620:4f:8001::1",
    "3ffd::1",
    "3fff:1000::1",
    "2a00::1:5efe:a00:1",
];

const NOT_PUBLIC: [&str; 103] = [
    "0.0.0.0",
    "0.0.0.1",
    "0.255.255.255",
    "10.0.0.0",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.0",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.0",
    "127.0.0.1",
    "127.1.2.3",
    "127.255.255.255",
    "168.63.129.16",
    "169.254.0.0",
    "169.254.169.254",
    "169.254.170.2",
    "169.254.255.255",
    "172.16.0.0",
    "172.17.0.1",
    "172.31.255.255",
    "192.0.0.0",
    "192.0.0.8",
    "192.0.0.9",
    "192.0.0.192",
    "192.0.0.255",
    "192.0.2.1",
    "192.0.2.255",
    "192.88.99.1",
    "192.168.0.0",
    "192.168.1.1",
    "192.168.255.255",
    "198.18.0.0",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "254.255.255.255",
    "255.255.255.255",
    "::",
    "::1",
    "::2",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:0.0.0.0",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:10.1.2.3",
    "::ffff:169.254.169.254",
    "::ffff:192.168.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:0:0:1::8.8.8.8",
    "64:ff9b:1::1",
    "64:ff9b:1:ffff:ffff:ffff:808:808",
    "100::1",
    "100:0:0:1::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:1ff:ffff::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:808:808::1",
    "3fff::1",
    "3fff:fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "192.31.196.0",
    "192.31.196.255",
    "192.52.193.7",
    "192.175.48.6",
    "192.0.0.10",
    "192.0.0.170",
    "192.88.99.2",
    "2620:4f:8000::6",
    "2001:1::1",
    "2001:3::1",
    "2001:4:112::1",
    "2001:30::1",
    "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
    "2a00:1450::5efe:10.0.0.1",
    "2a00:1450::200:5efe:8.8.8.8",
    "3ffe::1",
    "1fff:ffff::1",
    "4000::1",
    "8000::1",
    "feff::1",
    "ffff::1",
    "::ffff:100.64.0.1",
    "64:ff9b::192.168.1.1",
    "::ffff:ffff:ffff",
];

#[test]
fn every_special_purpose_block_is_refused_and_its_neighbours_are_not() {
    for text in PUBLIC {
        assert!(is_public(text.parse().unwrap()), "{text} is public");
    }
    for text in NOT_PUBLIC {
        assert!(!is_public(text.parse().unwrap()), "{text} is not public");
    }
}

/// Blocks in which nothing is public, by their own names for themselves: both registries, and what lies outside of what was
/// ever given out.
const REFUSED: &str = "
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.0.0/29 192.0.0.8/32
    192.0.0.9/32 192.0.0.10/32 192.0.0.170/32 192.0.0.171/32 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24
    192.88.99.2/32 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4
    255.255.255.255/32 224.0.0.0/4 168.63.129.16/32
    ::1/128 ::/128 ::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001::/32 2001:1::1/128 2001:1::2/128 2001:1::3/128
    2001:2::/48 2001:3::/32 2001:4:112::/48 2001:10::/28 2001:20::/28 2001:30::/28 2001:db8::/32 2002::/16 2620:4f:8000::/48
    3ffe::/16 3fff::/20 5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8 4000::/2 8000::/1 ::/8 100::/8 200::/7 400::/6 800::/5
    1000::/4";

/// An address as its bits, and how many it has.
fn bits(address: IpAddr) -> Vec<bool> {
    let octets = match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    octets.iter().flat_map(|octet| (0..8).rev().map(move |bit| octet >> bit & 1 == 1)).collect()
}

fn address(bits: &[bool]) -> IpAddr {
    let octet = |bits: &[bool]| bits.iter().fold(0u8, |octet, bit| octet << 1 | u8::from(*bit));
    let octets: Vec<u8> = bits.chunks(8).map(octet).collect();
    match <[u8; 4]>::try_from(octets.as_slice()) {
        Ok(four) => IpAddr::from(four),
        Err(_) => IpAddr::from(<[u8; 16]>::try_from(octets.as_slice()).unwrap()),
    }
}

/// A block as the bits that all in it share, and how many bits an address has.
fn block(text: &str) -> (Vec<bool>, usize) {
    let (first, length) = text.split_once('/').unwrap();
    let mut all = bits(first.parse().unwrap());
    let whole = all.len();
    all.truncate(length.parse().unwrap());
    (all, whole)
}

static BLOCKS: LazyLock<Vec<(Vec<bool>, usize)>> = LazyLock::new(|| REFUSED.split_whitespace().map(block).collect());

fn oracle(given: IpAddr) -> bool {
    let all = bits(given);
    for carrier in ["::ffff:0:0/96", "64:ff9b::/96"] {
        let (prefix, _) = block(carrier);
        if all.len() == 128 && all.starts_with(&prefix) {
            return oracle(address(&all[96..]));
        }
    }
    // ISATAP, whatever comes before: 0 or 0x200, and then 0x5efe.
    let (marks, _) = block("0:5efe::/32");
    if all.len() == 128 && all[80..96] == marks[16..32] && [0, 0x200].contains(&word(&all[64..80])) {
        return false;
    }
    !BLOCKS.iter().any(|(prefix, whole)| *whole == all.len() && all.starts_with(prefix))
}

fn word(bits: &[bool]) -> u16 {
    bits.iter().fold(0, |word, bit| word << 1 | u16::from(*bit))
}

#[test]
fn the_edges_of_every_block_are_judged_as_the_registries_say() {
    let mut seen = 0;
    for text in REFUSED.split_whitespace().chain(["2000::/3", "::ffff:0:0/96", "64:ff9b::/96"]) {
        let (prefix, whole) = block(text);
        for rest in [false, true] {
            let edge: Vec<bool> = prefix.iter().copied().chain(std::iter::repeat(rest)).take(whole).collect();
            for neighbour in [Some(edge.clone()), step(&edge, true), step(&edge, false)].into_iter().flatten() {
                let edge = address(&neighbour);
                assert_eq!(is_public(edge), oracle(edge), "{edge}, at an edge of {text}");
                seen += 1;
            }
        }
    }
    assert!(seen > 300, "{seen}");
}

/// The next address, or the one before.
fn step(bits: &[bool], up: bool) -> Option<Vec<bool>> {
    let mut next = bits.to_vec();
    // All ones at the end become zeros and the zero before them a one; or the other way round.
    let turn = next.iter().rposition(|bit| *bit != up)?;
    next[turn..].iter_mut().for_each(|bit| *bit = !*bit);
    Some(next)
}

/// Addresses that share a prefix of any length with a block: the closer, the likelier to be judged wrongly.
fn near_a_block() -> impl Strategy<Value = IpAddr> {
    let blocks: Vec<&str> = REFUSED.split_whitespace().chain(["2000::/3", "::ffff:0:0/96", "64:ff9b::/96"]).collect();
    (prop::sample::select(blocks), any::<u128>(), 0..=128usize).prop_map(|(text, random, shared)| {
        let first: IpAddr = text.split_once('/').unwrap().0.parse().unwrap();
        let mut all = bits(first);
        all.iter_mut().enumerate().skip(shared).for_each(|(at, bit)| *bit = random >> at & 1 == 1);
        address(&all)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]
    #[test]
    fn any_address_is_judged_as_by_the_oracle(four in any::<u32>(), six in any::<u128>(), near in near_a_block()) {
        let carrier = Ipv6Addr::from(six & 0xffff_ffff | 0xffff << 32);
        let unicast = Ipv6Addr::from(six >> 3 | 1 << 125);
        let isatap = Ipv6Addr::from((six >> 3 | 1 << 125) & !(0xffff_ffff_u128 << 32) | 0x5efe << 32);
        for address in [Ipv4Addr::from(four).into(), Ipv6Addr::from(six).into(), carrier.into(), unicast.into(), isatap.into(), near] {
            let address: IpAddr = address;
            prop_assert_eq!(is_public(address), oracle(address), "{}", address);
        }
    }
}
