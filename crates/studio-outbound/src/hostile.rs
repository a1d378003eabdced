//! Every hostile target, by every way round the rule that we know: named outright, by a redirect from a public place, by a name that
//! changes its mind, by a name with two answers. Canaries listen on this machine's addresses; none may be reached (promise 37).

use crate::{
    client::{Door, is_public_place},
    destination::AddressRule,
    fetch::HttpFetcher,
};
use futures_util::{StreamExt, stream};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use studio_core::ports::{Destination, FetchError, Fetcher};
use studio_testkit::{
    canary::own_addresses,
    hostile_targets::{hostile_addresses, hostile_targets},
};

/// Stands for a public place.
const PUBLIC: Ipv4Addr = Ipv4Addr::new(127, 9, 9, 9);
/// The shipped rule, but for the one place that stands for a public one.
const RULE: AddressRule = |address| address == IpAddr::V4(PUBLIC) || is_public_place(address);
const NOT_OURS: [Destination; 2] = [Destination::UserGiven, Destination::ProviderGiven { origin: None }];

/// Listens on one port of all of this machine's addresses: on the public one as a place that redirects, on all others as canaries.
struct Town {
    port: u16,
    own: Vec<IpAddr>,
    caught: Arc<AtomicUsize>,
    visits: Arc<AtomicUsize>,
    /// By path, where it redirects to.
    signs: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Town {
    fn new() -> Self {
        let own = own_addresses();
        let inside = ["127.0.0.1", "127.1.2.3", "::1"].map(|text| text.parse().unwrap());
        let (listeners, port) = (0..50)
            .find_map(|_| {
                let first = TcpListener::bind((PUBLIC, 0)).unwrap();
                let port = first.local_addr().unwrap().port();
                let others = inside.iter().chain(&own).filter(|address| can_listen(**address));
                let others: Option<Vec<_>> = others.map(|address| TcpListener::bind((*address, port)).ok()).collect();
                Some((std::iter::once(first).chain(others?).collect::<Vec<_>>(), port))
            })
            .unwrap();
        let (caught, visits, signs) = (Arc::default(), Arc::default(), Arc::<Mutex<BTreeMap<_, _>>>::default());
        let mut town = Self { port, own, caught, visits, signs };
        for (index, listener) in listeners.into_iter().enumerate() {
            town.open(listener, index == 0);
        }
        town
    }

    fn open(&mut self, listener: TcpListener, public: bool) {
        let (counted, signs) = (if public { &self.visits } else { &self.caught }.clone(), self.signs.clone());
        // Ends with the test process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                counted.fetch_add(1, Ordering::SeqCst);
                answer(stream.unwrap(), &signs);
            }
        });
    }

    /// A path of the public place that redirects there.
    fn sign(&self, target: &str) -> String {
        let mut signs = self.signs.lock().unwrap();
        let path = format!("/{}", signs.len());
        signs.insert(path.clone(), target.to_owned());
        path
    }

    fn assert_quiet(&self, tried: usize, how: &str) {
        let caught = self.caught.load(Ordering::SeqCst);
        assert_eq!(caught, 0, "{how}: {tried} tries");
    }
}

fn can_listen(address: IpAddr) -> bool {
    TcpListener::bind((address, 0)).is_ok()
}

fn answer(mut stream: TcpStream, signs: &Mutex<BTreeMap<String, String>>) {
    let mut request = [0; 4096];
    let Ok(length) = stream.read(&mut request) else { return };
    let text = String::from_utf8_lossy(&request[..length]).into_owned();
    let path = text.split(' ').nth(1).unwrap_or_default();
    let answer = match signs.lock().unwrap().get(path) {
        // A header has one line.
        Some(target) => {
            format!("HTTP/1.1 302 There\r\nLocation: {target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        }
        None => "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\ncaught".to_owned(),
    };
    drop(stream.write_all(answer.as_bytes()));
}

/// `public.example` is the public place; other names are given their answers in turn, the last one for ever. Nobody else is known.
#[derive(Default)]
struct Names(Mutex<BTreeMap<String, Vec<Vec<IpAddr>>>>);

impl Names {
    fn give(&self, name: &str, answers: &[&[IpAddr]]) {
        self.0.lock().unwrap().insert(name.to_owned(), answers.iter().map(|answer| answer.to_vec()).collect());
    }
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().trim_end_matches('.').to_owned();
        let answer = match self.0.lock().unwrap().get_mut(&name) {
            Some(answers) if answers.len() > 1 => answers.remove(0),
            Some(answers) => answers[0].clone(),
            None if name == "public.example" => vec![IpAddr::V4(PUBLIC)],
            // What the system would say of names of this machine.
            None if name.ends_with("localhost") || name == "vm" => vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            None if name.contains("localhost") || name.contains("loopback") => vec!["::1".parse().unwrap()],
            // And what services of names that lead inside would.
            None if name.ends_with(".me") || name.ends_with(".io") || name.ends_with(".net") => {
                vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]
            }
            None => Vec::new(),
        };
        let found: Vec<_> = answer.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect();
        Box::pin(async move { Ok(Box::new(found.into_iter()) as Addrs) })
    }
}

async fn get(fetcher: &HttpFetcher, destination: &Destination, url: &str) -> Result<(), FetchError> {
    let mut body = fetcher.open(destination, url, 1000).await?;
    while let Some(chunk) = body.next().await {
        chunk?;
    }
    Ok(())
}

/// Tries all, some at once; how many.
async fn all_refused(fetcher: &HttpFetcher, urls: Vec<(Destination, String)>) -> usize {
    let count = urls.len();
    let tries = urls.into_iter().map(|(destination, url)| async move {
        let refused = get(fetcher, &destination, &url).await;
        assert!(refused.is_err(), "{url} was fetched");
    });
    stream::iter(tries).buffer_unordered(32).collect::<Vec<_>>().await;
    count
}

fn by_both(urls: impl IntoIterator<Item = String>) -> Vec<(Destination, String)> {
    urls.into_iter().flat_map(|url| NOT_OURS.map(|destination| (destination, url.clone()))).collect()
}

#[tokio::test]
async fn no_target_is_reached_when_it_is_named_outright() {
    let town = Town::new();
    let fetcher = HttpFetcher::new(Door::with(Arc::new(Names::default()), RULE));
    let tried = all_refused(&fetcher, by_both(hostile_targets(town.port, &town.own))).await;
    assert!(tried >= 500);
    town.assert_quiet(tried, "direct");
    // The same by the names that this machine knows, and by the rule as it is used.
    let tried = all_refused(&HttpFetcher::default(), by_both(hostile_targets(town.port, &town.own))).await;
    town.assert_quiet(tried, "direct, real names");
}

#[tokio::test]
async fn no_target_is_reached_by_a_redirect_from_a_public_place() {
    let town = Town::new();
    let fetcher = HttpFetcher::new(Door::with(Arc::new(Names::default()), RULE));
    let public = format!("http://public.example:{}", town.port);
    let origin = format!("http://{PUBLIC}:{}", town.port);
    // What would lead to the public place itself is none: `/x`, `?`, and such.
    let targets = hostile_targets(town.port, &town.own).into_iter().map(|target| in_a_header(&target));
    let targets: Vec<_> = targets.filter(|target| leaves(&public, target)).collect();
    let first = by_both(targets.iter().map(|target| format!("{public}{}", town.sign(target))));
    let tried = all_refused(&fetcher, first).await;
    assert!(tried >= 500, "{tried}");
    town.assert_quiet(tried, "redirect");
    // From a provider's configured origin, which may be anywhere, and by a second redirect.
    let provider = Destination::ProviderGiven { origin: Some(origin.clone()) };
    let once = targets.iter().map(|target| (provider.clone(), format!("{origin}{}", town.sign(target))));
    let tried = all_refused(&fetcher, once.collect()).await;
    town.assert_quiet(tried, "redirect from a configured origin");
    let twice = targets.iter().map(|target| {
        let second = town.sign(target);
        format!("{public}{}", town.sign(&format!("{public}{second}")))
    });
    let tried = all_refused(&fetcher, by_both(twice)).await;
    town.assert_quiet(tried, "redirect to a redirect");
    assert!(town.visits.load(Ordering::SeqCst) > 2 * tried, "the public place was really asked");
}

/// A header has one line.
fn in_a_header(target: &str) -> String {
    target.replace(['\r', '\n', '\0'], "%0a")
}

fn leaves(public: &str, target: &str) -> bool {
    let public = reqwest::Url::parse(public).unwrap();
    public.join(target).map_or(true, |url| url.origin() != public.origin())
}

#[tokio::test]
async fn no_address_is_reached_by_a_name_that_changes_its_mind_or_has_two() {
    let town = Town::new();
    let names = Arc::new(Names::default());
    let fetcher = HttpFetcher::new(Door::with(names.clone(), RULE));
    let public = IpAddr::V4(PUBLIC);
    let addresses: Vec<_> = hostile_addresses().into_iter().chain(town.own.clone()).collect();
    let (mut rebinding, mut mixed) = (Vec::new(), Vec::new());
    for (index, address) in addresses.iter().enumerate() {
        for (which, destination) in NOT_OURS.iter().enumerate() {
            // The first answer is public, and sends us to the same name once more.
            let name = format!("rebinding-{index}-{which}.example");
            names.give(&name, &[&[public], &[*address]]);
            let again = town.sign(&format!("http://{name}:{}/x.png", town.port));
            rebinding.push((destination.clone(), format!("http://{name}:{}{again}", town.port)));
            for answer in [[public, *address], [*address, public]] {
                let name = format!("mixed-{}.example", mixed.len());
                names.give(&name, &[&answer]);
                mixed.push((destination.clone(), format!("http://{name}:{}/x.png", town.port)));
            }
        }
    }
    let tried = all_refused(&fetcher, rebinding).await;
    assert_eq!(town.visits.load(Ordering::SeqCst), tried, "each was let in by its first answer");
    town.assert_quiet(tried, "rebinding");
    let tried = all_refused(&fetcher, mixed).await;
    town.assert_quiet(tried, "mixed");
}

#[tokio::test]
async fn redirects_are_followed_a_few_times_and_carry_nothing() {
    let town = Town::new();
    let fetcher = HttpFetcher::new(Door::with(Arc::new(Names::default()), RULE));
    let public = format!("http://public.example:{}", town.port);
    for (index, destination) in NOT_OURS.iter().enumerate() {
        // The end, and from there backwards: three redirects are followed, four are not.
        let mut path = "/picture.png".to_owned();
        for redirects in 0..6 {
            let got = get(&fetcher, destination, &format!("{public}{path}")).await;
            assert_eq!(got.is_ok(), redirects <= 3, "{redirects}: {got:?}");
            path = town.sign(&path);
        }
        let round = format!("/round-{index}");
        let home = town.sign(&round);
        town.signs.lock().unwrap().insert(round.clone(), home);
        let endless = get(&fetcher, destination, &format!("{public}{round}")).await;
        assert!(matches!(endless, Err(FetchError::Forbidden(_))), "{endless:?}");
    }
}
