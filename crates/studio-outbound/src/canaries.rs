//! Canaries: listeners that nobody may reach. Every way round the address policy that we know is tried against them.

use crate::{
    client::{Call, CallError, Door, IDLE_LIMIT},
    destination::AddressRule,
    fetch::HttpFetcher,
};
use futures_util::StreamExt;
use reqwest::{
    Method,
    dns::{Addrs, Name, Resolve, Resolving},
    header::HeaderMap,
};
use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use studio_core::ports::{Destination, FetchError, Fetcher};

/// A listener that counts who comes.
struct Canary {
    port: u16,
    visits: Arc<AtomicUsize>,
}

impl Canary {
    /// Listens and answers each visit with `answer`.
    fn answering(address: &str, answer: String) -> Option<Self> {
        let listener = TcpListener::bind((address, 0)).ok()?;
        let port = listener.local_addr().unwrap().port();
        let visits = Arc::new(AtomicUsize::new(0));
        let seen = visits.clone();
        // Ends with the test process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                seen.fetch_add(1, Ordering::SeqCst);
                let mut stream = stream.unwrap();
                let mut request = [0; 4096];
                if stream.read(&mut request).is_ok() {
                    drop(stream.write_all(answer.as_bytes()));
                }
            }
        });
        Some(Self { port, visits })
    }

    fn new() -> Self {
        Self::answering("127.0.0.1", ok("caught")).unwrap()
    }

    fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// Gives its answers in turn, and the last one for ever.
struct FakeNames {
    answers: Mutex<Vec<Vec<IpAddr>>>,
    asked: AtomicUsize,
}

impl FakeNames {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let answers = answers.iter().map(|ips| ips.iter().map(|ip| ip.parse().unwrap()).collect()).collect();
        Arc::new(Self { answers: Mutex::new(answers), asked: AtomicUsize::new(0) })
    }
}

impl Resolve for FakeNames {
    fn resolve(&self, _: Name) -> Resolving {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        let addresses = answer.into_iter().map(|ip| SocketAddr::new(ip, 0));
        Box::pin(async move { Ok(Box::new(addresses.collect::<Vec<_>>().into_iter()) as Addrs) })
    }
}

async fn get(door: &Door, destination: &Destination, url: &str) -> Result<Vec<u8>, FetchError> {
    let mut body = HttpFetcher::new(door.clone()).open(destination, url, 1000).await?;
    let mut all = Vec::new();
    while let Some(chunk) = body.next().await {
        all.extend_from_slice(&chunk?);
    }
    Ok(all)
}

const NOT_OURS: [Destination; 2] = [Destination::UserGiven, Destination::ProviderGiven { origin: None }];

#[tokio::test]
async fn no_spelling_of_an_address_leads_inside() {
    let canary = Canary::new();
    let six = Canary::answering("::1", ok("caught"));
    let door = Door::new();
    let hosts = [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "127.0.1",
        "127.1.2.3",
        "0x7f.0.0.1",
        "0x7f000001",
        "0X7F.1",
        "2130706433",
        "0177.0.0.1",
        "017700000001",
        "00000177.1",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "0.0.0.0",
        "0",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::]",
        "[::127.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::FFFF:7F00:0001]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "user@127.0.0.1",
        "example.org@127.0.0.1",
        "example.org:80@127.0.0.1",
        "127.0.0.1\\@example.org",
        "169.254.169.254",
        "10.0.0.1",
        "192.168.0.1",
        "172.16.0.1",
        "100.100.100.200",
    ];
    let ports = [Some(canary.port), six.as_ref().map(|canary| canary.port)];
    for host in hosts {
        for (scheme, port) in ["http", "https", "HTTP"].iter().flat_map(|s| ports.iter().flatten().map(move |p| (s, p)))
        {
            for destination in &NOT_OURS {
                let url = format!("{scheme}://{host}:{port}/x");
                assert!(get(&door, destination, &url).await.is_err(), "{url}");
            }
        }
    }
    for odd in
        ["file:///etc/passwd", "gopher://127.0.0.1:1/", "ftp://127.0.0.1/", "unix:/run/x", "//127.0.0.1/", "http:/"]
    {
        assert!(matches!(get(&door, &Destination::UserGiven, odd).await, Err(FetchError::Malformed(_))), "{odd}");
    }
    assert_eq!(canary.visits() + six.map_or(0, |six| six.visits()), 0);
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_whole() {
    let canary = Canary::new();
    let url = format!("http://public.example:{}/", canary.port);
    for answers in [
        &["127.0.0.1"][..],
        &["::1"],
        &["::ffff:127.0.0.1"],
        &["0.0.0.0"],
        &["93.184.216.34", "127.0.0.1"],
        &["127.0.0.1", "93.184.216.34"],
        &["2606:4700::1111", "93.184.216.34", "64:ff9b::7f00:1"],
    ] {
        let door = Door::with(FakeNames::new(&[answers]), crate::address_policy::is_public);
        for destination in &NOT_OURS {
            let refused = get(&door, destination, &url).await;
            assert!(matches!(refused, Err(FetchError::Forbidden(_))), "{answers:?}: {refused:?}");
        }
    }
    assert_eq!(canary.visits(), 0);
}

/// Stands for "public" in the tests below: this machine by its first name, and by no other.
const ONLY_FIRST: AddressRule = |address| address == IpAddr::V4(Ipv4Addr::LOCALHOST);

#[tokio::test]
async fn a_name_is_resolved_once_and_can_not_change_its_mind() {
    let public = Canary::answering("127.0.0.1", ok("hello")).unwrap();
    let names = FakeNames::new(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let door = Door::with(names.clone(), ONLY_FIRST);
    let url = format!("http://rebinding.example:{}/", public.port);
    assert_eq!(get(&door, &Destination::UserGiven, &url).await.unwrap(), b"hello");
    assert_eq!((names.asked.load(Ordering::SeqCst), public.visits()), (1, 1));
    let second = get(&door, &Destination::UserGiven, &url).await;
    assert!(matches!(second, Err(FetchError::Forbidden(_))), "the next connection checks again: {second:?}");
}

#[tokio::test]
async fn redirects_are_not_followed_to_what_is_not_public() {
    let canary = Canary::answering("127.0.0.2", ok("caught")).unwrap();
    for status in [301, 302, 303, 307, 308] {
        let target = format!("http://127.0.0.2:{}/", canary.port);
        let answer =
            format!("HTTP/1.1 {status} There\r\nLocation: {target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let door = Door::with(FakeNames::new(&[&["127.0.0.1"]]), ONLY_FIRST);
        let public = Canary::answering("127.0.0.1", answer).unwrap();
        let origin = format!("http://127.0.0.1:{}", public.port);
        for (destination, url) in [
            (Destination::UserGiven, format!("http://public.example:{}/", public.port)),
            (Destination::ProviderGiven { origin: Some(origin.clone()) }, format!("{origin}/x")),
            (Destination::Configured { base_url: origin.clone() }, format!("{origin}/x")),
        ] {
            let refused = get(&door, &destination, &url).await;
            assert!(matches!(refused, Err(FetchError::Forbidden(_))), "{refused:?}");
        }
        assert_eq!(public.visits(), 3);
    }
    assert_eq!(canary.visits(), 0);
}

#[tokio::test]
async fn what_is_allowed_arrives_up_to_its_cap() {
    let place = Canary::answering("127.0.0.1", ok(&"x".repeat(1000))).unwrap();
    let origin = format!("http://127.0.0.1:{}", place.port);
    let fetcher = HttpFetcher::default();
    let destination = Destination::ProviderGiven { origin: Some(origin.clone()) };
    let all = get(&Door::new(), &destination, &format!("{origin}/out.png")).await.unwrap();
    assert_eq!(all.len(), 1000);
    let mut body = fetcher.open(&destination, &format!("{origin}/out.png"), 999).await.unwrap();
    assert_eq!(body.next().await, Some(Err(FetchError::TooLarge { limit: 999 })));
    assert!(body.next().await.is_none(), "after an error nothing more comes");
    // One that does not say how much will come is counted.
    let chunked =
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n{}\r\n0\r\n\r\n", "x".repeat(1000));
    let place = Canary::answering("127.0.0.1", chunked).unwrap();
    let origin = format!("http://127.0.0.1:{}", place.port);
    let destination = Destination::Configured { base_url: origin.clone() };
    for (cap, whole) in [(1000, true), (999, false)] {
        let chunks: Vec<_> = fetcher.open(&destination, &origin, cap).await.unwrap().collect().await;
        assert_eq!(chunks.iter().all(Result::is_ok), whole, "{cap}");
    }
    let absent = Canary::answering("127.0.0.1", "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n".into()).unwrap();
    let origin = format!("http://127.0.0.1:{}", absent.port);
    let refused = get(&Door::new(), &Destination::Configured { base_url: origin.clone() }, &origin).await;
    assert_eq!(refused, Err(FetchError::Answered(404)));
}

#[tokio::test]
async fn silence_ends_a_call() {
    async fn send(
        door: &Door,
        url: &str,
        first_byte: Duration,
        total: Duration,
    ) -> Result<crate::client::Reply, CallError> {
        let destination = Destination::Configured { base_url: url.to_owned() };
        let (method, headers, idle) = (Method::GET, HeaderMap::new(), IDLE_LIMIT);
        door.send(Call { destination: &destination, method, url, headers, body: None, first_byte, idle, total }).await
    }
    let (short, long) = (Duration::from_millis(50), Duration::from_secs(60));
    let door = Door::new();
    // Half a body, and then the connection stays open for ever.
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf".to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            drop(stream.read(&mut [0; 4096]));
            drop(stream.write_all(half.as_bytes()));
            open.push(stream);
        }
    });
    let reply = send(&door, &url, long, short).await.unwrap();
    assert_eq!(reply.body.collect(1000).await, Err(crate::client::ReadError::OutOfTime));
    let mut reply = send(&door, &url, long, long).await.unwrap();
    // How long silence is borne may change in the middle.
    assert_eq!(reply.body.next(1000, 1000).await, Ok(Some("half".into())));
    reply.body.set_idle(short);
    assert_eq!(reply.body.next(1000, 1000).await, Err(crate::client::ReadError::Silent));
    let reply = send(&door, &url, long, long).await.unwrap();
    tokio::time::pause();
    assert_eq!(reply.body.collect(1000).await, Err(crate::client::ReadError::Silent));
    tokio::time::resume();

    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", mute.local_addr().unwrap());
    assert_eq!(send(&door, &url, short, long).await.unwrap_err(), CallError::Silent);
    assert_eq!(send(&door, &url, long, short).await.unwrap_err(), CallError::OutOfTime);
    drop(mute);
    assert_eq!(send(&door, &url, long, long).await.unwrap_err(), CallError::NotSent);
}
