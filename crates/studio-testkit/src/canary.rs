//! Listeners on this machine that nobody may reach, whatever address somebody from outside has named. (What must not leave are other
//! canaries: [`crate::canaries`].)

use crate::{hostile_targets::hostile_targets, raw_http::PNG};
use anyhow::{Result, bail};
use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{IpAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Addresses of this machine beside loopback, as far as they can be listened on. Linux tells them.
pub fn own_addresses() -> Vec<IpAddr> {
    let four = std::fs::read_to_string("/proc/net/fib_trie").unwrap_or_default();
    let six = std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    let mut last = "";
    let mut found = BTreeSet::new();
    for line in four.lines() {
        if line.contains("host LOCAL") {
            found.extend(last.parse::<IpAddr>());
        }
        last = line.trim().trim_start_matches("|-- ");
    }
    for digits in six.lines().filter_map(|line| line.split(' ').next()) {
        let bits = u128::from_str_radix(digits, 16);
        found.extend(bits.map(|bits| IpAddr::V6(bits.into())));
    }
    found.retain(|address| !address.is_loopback() && std::net::TcpListener::bind((*address, 0)).is_ok());
    found.into_iter().collect()
}

/// Listeners that nobody may reach, on one port of every address of this machine; they count who comes.
pub struct Canaries {
    /// Their port.
    pub port: u16,
    /// Addresses beside loopback at which they are.
    pub own: Vec<IpAddr>,
    visits: Arc<AtomicUsize>,
}

impl Canaries {
    /// Lets them listen until the test process ends.
    pub fn start() -> Result<Self> {
        let own = own_addresses();
        let (first, others) = ("127.0.0.1", ["127.1.2.3", "::1"]);
        let others: Vec<IpAddr> = others.iter().filter_map(|text| text.parse().ok()).chain(own.clone()).collect();
        for _ in 0..50 {
            let mut listeners = vec![TcpListener::bind((first, 0))?];
            let port = listeners[0].local_addr()?.port();
            let can_listen = others.iter().filter(|address| TcpListener::bind((**address, 0)).is_ok());
            let more: Vec<_> = can_listen.map(|address| TcpListener::bind((*address, port))).collect();
            // Somebody else has that port at one of them: another port.
            if more.iter().any(std::io::Result::is_err) {
                continue;
            }
            listeners.extend(more.into_iter().flatten());
            let visits = Arc::new(AtomicUsize::new(0));
            for listener in listeners {
                let visits = visits.clone();
                std::thread::spawn(move || {
                    for stream in listener.incoming().flatten() {
                        visits.fetch_add(1, Ordering::SeqCst);
                        drop(caught(stream));
                    }
                });
            }
            return Ok(Self { port, own, visits });
        }
        bail!("no port is free at all addresses of this machine")
    }

    /// Everything hostile that there is, aimed at them.
    pub fn targets(&self) -> Vec<String> {
        hostile_targets(self.port, &self.own)
    }

    /// How many have come.
    pub fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }
}

/// Whoever comes is given a picture: so nothing else that is looked at saves them.
fn caught(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(std::time::Duration::from_secs(5)))?;
    if stream.read(&mut [0; 4096])? == 0 {
        return Ok(());
    }
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", PNG.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(PNG)
}
