//! Whether an address is one of this machine's own, public as it may be: what listens there may trust whoever is on the same
//! machine, so it is no public place for us.
//!
//! The system is asked each time, for addresses come and go: only an own address can be bound to. Where it was told to let anybody bind to
//! anything (`ip_nonlocal_bind`, as for fail-over), it is asked from which address it would send to this one: to an own one, from itself.
//! No packet leaves for either question. An address that a router in front of this machine translates to it can't be known here.

use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket},
};

/// Addresses that nobody has: documentation.
const NOBODYS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(198, 51, 100, 255)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 0xffff)),
];

/// Whether this machine has `address`. When the system does not say, it counts as if.
pub(crate) fn is_own(address: IpAddr) -> bool {
    let [four, six] = NOBODYS;
    let nobodys = if address.is_ipv4() { four } else { six };
    can_bind(address) && (!can_bind(nobodys) || sends_from_itself_to(address))
}

fn can_bind(address: IpAddr) -> bool {
    // Without sockets of that family nothing can be bound to, nor connected to.
    let no_family = rustix::io::Errno::AFNOSUPPORT.raw_os_error();
    UdpSocket::bind((address, 0)).map_or_else(
        |error| error.kind() != ErrorKind::AddrNotAvailable && error.raw_os_error() != Some(no_family),
        |_| true,
    )
}

fn sends_from_itself_to(address: IpAddr) -> bool {
    let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let chosen = UdpSocket::bind((any, 0)).and_then(|socket| {
        // Any port: nothing is sent to it.
        socket.connect((address, 9))?;
        socket.local_addr()
    });
    chosen.is_ok_and(|chosen| chosen.ip() == address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_machine_has_is_its_own_and_nothing_else_is() {
        for own in ["127.0.0.1", "127.255.0.1"] {
            assert!(is_own(own.parse().unwrap()), "{own}");
        }
        assert!(sends_from_itself_to(Ipv4Addr::LOCALHOST.into()));
        for other in ["192.0.2.77", "203.0.113.1", "198.51.100.255", "2001:db8::1", "2606:4700::1111"] {
            let other = other.parse().unwrap();
            assert!(!is_own(other) && !sends_from_itself_to(other), "{other}");
        }
        // The one by which it would leave, if it can.
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        if socket.connect(("192.0.2.77", 9)).is_ok() {
            let own = socket.local_addr().unwrap().ip();
            assert!(is_own(own) && sends_from_itself_to(own), "{own}");
        }
    }
}
