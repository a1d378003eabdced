//! Places that nobody from outside may have us go to (promise 37): every spelling of an address inside that we know, every block
//! of special purpose, the metadata services of clouds, names that lead inside, what two parsers may read in two ways, other schemes,
//! ports of other services. All of them are tried at every call site; none may reach a canary.
//!
//! What a target names beside this machine is reserved for nobody (`.invalid`), or a service that leads back inside; a test that fails knocks
//! at nobody's door.

use crate::raw_http::PNG;
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

/// Spellings of this machine as an IPv4 address; some are none.
const LOOPBACK: &[&str] = &[
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "127.1.2.3",
    "127.255.255.254",
    "0177.0.0.1",
    "0177.1",
    "017700000001",
    "00000177.0.0.01",
    "0x7f.0.0.1",
    "0x7f.1",
    "0x7F.0x0.0x0.0x1",
    "0x7f000001",
    "0X7F000001",
    "2130706433",
    "02130706433",
    "%31%32%37.0.0.1",
    "%31%32%37%2e%30%2e%30%2e%31",
    "127%2E0%2E0%2E1",
    "127.0.0.%31",
    "0",
    "0.0.0.0",
    "00.00.00.00",
    "0x0",
    "0x0.0x0.0x0.0x0",
    "0.0.0.1",
    "0.1.2.3",
    "127.0.0.0x1",
    "127.00.00.01",
    "127.0.0.1%00",
    "127.0.0.1%20",
    "127.0.0.1%2523",
    "4294967296",
    "0x100000000",
    "256.256.256.256",
    "127.0.0.256",
    "127..0.0.1",
    ".127.0.0.1",
    "127.0.0.1..",
    "1.2.3.4.5",
    "-1",
];

/// The same by letters that are folded into plain ones, or into nothing.
const FOLDED: &[&str] = &[
    "１２７.0.0.1",
    "１２７。０。０。１",
    "127。0。0。1",
    "127｡0｡0｡1",
    "127．0．0．1",
    "①②⑦.⓪.⓪.①",
    "𝟏𝟐𝟕.𝟎.𝟎.𝟏",
    "𝟭𝟮𝟳.𝟬.𝟬.𝟭",
    "⓪",
    "２１３０７０６４３３",
    "０ｘ７ｆ.１",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "ｌｏｃａｌｈｏｓｔ",
    "𝓁ℴ𝒸𝒶𝓁𝒽ℴ𝓈𝓉",
    "locaｌhost",
    "localhoſt",
    "LOCALHOSТ",
    "xn--localhost-",
    "xn--ls8h.localhost",
    "loc\u{ad}alhost",
    "local\u{200b}host",
    "127.0.0\u{ad}.1",
    "\u{feff}127.0.0.1",
    "１６９.２５４.１６９.２５４",
    "①⑥⑨.②⑤④.①⑥⑨.②⑤④",
    "[::①]",
    "[∷1]",
];

/// Names that lead inside, or may.
const NAMES: &[&str] = &[
    "localhost",
    "LOCALHOST",
    "LocalHost",
    "localhost.",
    "a.localhost",
    "x.y.localhost.",
    "localhost.localdomain",
    "localhost6",
    "ip6-localhost",
    "ip6-loopback",
    "localtest.me",
    "127.0.0.1.nip.io",
    "127-0-0-1.nip.io",
    "7f000001.nip.io",
    "127.0.0.1.sslip.io",
    "www.127-0-0-1.sslip.io",
    "--1.sslip.io",
    "10.0.0.1.nip.io",
    "169.254.169.254.nip.io",
    "a9fea9fe.nip.io",
    "lvh.me",
    "vcap.me",
    "spoofed.burpcollaborator.net",
    "host.docker.internal",
    "gateway.docker.internal",
    "host.containers.internal",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "vm",
    "router.local",
    "intranet",
    "broadcasthost",
];

/// Of every special block of IPv4 the edges, and some spelled oddly.
const SPECIAL_V4: &[&str] = &[
    "10.0.0.0",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.0",
    "100.64.0.1",
    "100.127.255.255",
    "169.254.0.0",
    "169.254.1.1",
    "169.254.255.255",
    "172.16.0.0",
    "172.17.0.1",
    "172.31.255.255",
    "192.0.0.0",
    "192.0.0.1",
    "192.0.0.8",
    "192.0.0.9",
    "192.0.0.10",
    "192.0.0.170",
    "192.0.0.171",
    "192.0.0.255",
    "192.0.2.0",
    "192.0.2.255",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.88.99.2",
    "192.168.0.0",
    "192.168.0.1",
    "192.168.1.254",
    "192.168.255.255",
    "192.175.48.1",
    "198.18.0.0",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.0",
    "224.0.0.1",
    "239.255.255.250",
    "239.255.255.255",
    "240.0.0.0",
    "254.1.2.3",
    "255.255.255.255",
    "0x0a000001",
    "167772161",
    "012.0.0.1",
    "10.1",
    "0xc0a80001",
    "3232235521",
    "0300.0250.0.1",
    "192.168.257",
    "0xac100001",
    "2886729729",
];

/// IPv6 in all its forms.
const V6: &[&str] = &[
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::0001]",
    "[0::1]",
    "[::2]",
    "[::127.0.0.1]",
    "[::7f00:1]",
    "[::10.0.0.1]",
    "[::169.254.169.254]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::FFFF:7F00:0001]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::ffff:0.0.0.0]",
    "[::ffff:0:0]",
    "[::ffff:10.0.0.1]",
    "[::ffff:a00:1]",
    "[::ffff:172.16.0.1]",
    "[::ffff:192.168.0.1]",
    "[::ffff:c0a8:1]",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[::ffff:100.100.100.200]",
    "[::ffff:0:127.0.0.1]",
    "[::ffff:0:7f00:1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::10.0.0.1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b::169.254.169.254]",
    "[64:ff9b::192.168.0.1]",
    "[64:ff9b:0:0:0:1:7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[64:ff9b:1::1]",
    "[64:ff9b:1:ffff:ffff:ffff:7f00:1]",
    "[100::]",
    "[100::1]",
    "[100:0:0:1::1]",
    "[2001::1]",
    "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    "[2001:1::1]",
    "[2001:1::2]",
    "[2001:2::1]",
    "[2001:3::1]",
    "[2001:4:112::1]",
    "[2001:10::1]",
    "[2001:20::1]",
    "[2001:30::1]",
    "[2001:db8::1]",
    "[2001:db8:ffff::1]",
    "[2002:7f00:1::]",
    "[2002:7f00:0001::1]",
    "[2002:a00:1::]",
    "[2002:a9fe:a9fe::]",
    "[2002:c0a8:1::1]",
    "[2620:4f:8000::1]",
    "[3ffe::1]",
    "[3fff::1]",
    "[3fff:fff:ffff::1]",
    "[4000::1]",
    "[5f00::1]",
    "[5f00:ffff::1]",
    "[8000::1]",
    "[fc00::1]",
    "[fd00::1]",
    "[fd00:ec2::254]",
    "[fd00:ec2::23]",
    "[fd20:ce::254]",
    "[fd00:42::42]",
    "[fe80::1]",
    "[fe80::a9fe:a9fe]",
    "[fe80::1%25eth0]",
    "[fe80::1%25lo]",
    "[fe80::1%lo]",
    "[::1%25lo]",
    "[::1%lo]",
    "[febf::1]",
    "[fec0::1]",
    "[ff01::1]",
    "[ff02::1]",
    "[ff02::2]",
    "[ff05::2]",
    "[ff0e::1]",
    "[2a00:1450::5efe:127.0.0.1]",
    "[2a00:1450::5efe:a00:1]",
    "[2a00:1450::200:5efe:7f00:1]",
    "[fe80::5efe:127.0.0.1]",
    "[::1",
    "::1]",
    "::1",
    "[[::1]]",
    "[::1]]",
    "[::1.]",
    "[::ffff:127.1]",
    "[::ffff:0x7f.0.0.1]",
    "[0:0:0:0:0:0:0:0:1]",
    "[v1.fe80::1]",
    "[vF.127.0.0.1]",
];

/// Where clouds tell whoever asks from inside who they are.
const METADATA: &[&str] = &[
    "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
    "http://169.254.169.254/latest/api/token",
    "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token",
    "http://169.254.169.254/metadata/instance?api-version=2021-02-01",
    "http://169.254.169.254/metadata/identity/oauth2/token",
    "http://169.254.169.254/metadata/v1.json",
    "http://169.254.169.254/openstack/latest/meta_data.json",
    "http://169.254.169.254/hetzner/v1/metadata",
    "http://169.254.169.254/opc/v2/instance/",
    "http://169.254.169.254:80/",
    "https://169.254.169.254/",
    "http://169.254.170.2/v2/credentials/",
    "http://169.254.170.23/v1/credentials",
    "http://169.254.169.123/",
    "http://169.254.169.253/",
    "http://169.254.42.42/conf?format=json",
    "http://169.254.0.23/",
    "http://169.254.10.10/",
    "http://100.100.100.200/latest/meta-data/",
    "http://100.88.222.5/",
    "http://168.63.129.16/machine?comp=goalstate",
    "http://168.63.129.16:32526/vmSettings",
    "http://192.0.0.192/latest/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://[fd00:ec2::23]/v1/credentials",
    "http://[fd20:ce::254]/computeMetadata/v1/",
    "http://[fd00:42::42]/conf",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://metadata.google.internal./",
    "http://metadata/computeMetadata/v1/",
    "http://metadata.goog/",
    "http://instance-data/latest/meta-data/",
    "http://instance-data.ec2.internal/",
    "http://metadata.azure.internal/",
    "http://metadata.tencentyun.com/latest/meta-data/",
    "http://metadata.platformequinix.com/metadata",
    "http://rancher-metadata/latest/",
    "http://2852039166/latest/meta-data/",
    "http://0xa9fea9fe/latest/",
    "http://0251.0376.0251.0376/latest/",
    "http://0xA9.0xFE.0xA9.0xFE/",
    "http://169.254.43518/",
    "http://169.16689662/",
    "http://[::ffff:169.254.169.254]/latest/",
    "http://[::ffff:a9fe:a9fe]/latest/",
    "http://[64:ff9b::a9fe:a9fe]/latest/",
    "http://[2002:a9fe:a9fe::]/latest/",
    "http://169.254.169.254.:80/latest/",
    "http://169.254.169.254%2f@example.invalid/",
];

/// What is read in two ways; `{p}` is a canary's port.
const TRICKS: &[&str] = &[
    "http://127.0.0.1:{p}@127.0.0.1:{p}/",
    "http://user@127.0.0.1:{p}/",
    "http://user:word@127.0.0.1:{p}/",
    "http://@127.0.0.1:{p}/",
    "http://:@127.0.0.1:{p}/",
    "http://example.invalid@127.0.0.1:{p}/",
    "http://example.invalid:80@127.0.0.1:{p}/",
    "http://example.invalid%40127.0.0.1:{p}/",
    "http://example.invalid%23@127.0.0.1:{p}/",
    "http://127.0.0.1:{p}#@example.invalid/",
    "http://127.0.0.1:{p}?@example.invalid/",
    "http://127.0.0.1:{p}/@example.invalid/",
    "http://127.0.0.1:{p}\\@example.invalid/",
    "http://127.0.0.1:{p}\\.example.invalid/",
    "http://example.invalid\\@127.0.0.1:{p}/",
    "http://127.0.0.1:{p};example.invalid/",
    "http://127.0.0.1:{p},example.invalid/",
    "http://127.0.0.1 example.invalid:{p}/",
    "http://127.0.0.1\t:{p}/",
    "http://127.0.\n0.1:{p}/",
    "http://127.0.0.1\r\n:{p}/",
    " http://127.0.0.1:{p}/ ",
    "\u{1f}http://127.0.0.1:{p}/",
    "http:\\\\127.0.0.1:{p}\\",
    "http:/127.0.0.1:{p}/",
    "http:127.0.0.1:{p}/",
    "http:///127.0.0.1:{p}/",
    "http://////127.0.0.1:{p}/",
    "hTTp://127.0.0.1:{p}/",
    "HTTPS://127.0.0.1:{p}/",
    "ht\ntp://127.0.0.1:{p}/",
    "//127.0.0.1:{p}/",
    "\\\\127.0.0.1:{p}\\",
    "127.0.0.1:{p}",
    "localhost:{p}",
    "http://127.0.0.1:{p}:80/",
    "http://127.0.0.1:0{p}/",
    "http://127.0.0.1:00000{p}/",
    "http://127.0.0.1:+{p}/",
    "http://127.0.0.1:-1/",
    "http://127.0.0.1:65536/",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:{p}\u{ff0f}/",
    "http://127.0.0.1\u{ff1a}{p}/",
    "http://127.0.0.1:{p}/%0d%0aHost:%20example.invalid",
    "http://127.0.0.1:{p}/\r\nX-Injected: 1",
    "http://127.0.0.1:{p}/ HTTP/1.1\r\nX: y",
    "http://example.invalid:{p}@[::1]:{p}/",
    "http://[::1]@127.0.0.1:{p}/",
    "http://[127.0.0.1]:{p}/",
    "http://127.0.0.1:{p}/?url=http://example.invalid/",
    "http://example.invalid&@127.0.0.1:{p}#@example.invalid/",
    "http://0:{p}/",
    "http://0x7f000001.:{p}/",
    "https://127.0.0.1:{p}/",
    "https://localhost:{p}/",
    "https://[::1]:{p}/",
    "http://127.0.0.1:{p}/\u{0}",
    "http://\u{0}127.0.0.1:{p}/",
    "http://127.0.0.1:{p}/../../x",
    "http://127.0.0.1:{p}/.png",
    "http://127.0.0.1:{p}/x.png?",
    "http://127.0.0.1:{p}",
    "http://127.0.0.1%3a{p}/",
    "http://127.0.0.1%2f:{p}/",
    "http://[::1]:{p}?",
    "http://1\u{2024}0\u{2024}0\u{2024}1:{p}/",
    "http://127\u{3002}1:{p}/",
];

/// What is no web.
const NO_WEB: &[&str] = &[
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "file://127.0.0.1/etc/passwd",
    "FILE:///etc/passwd",
    "file:/etc/passwd",
    "ftp://127.0.0.1:{p}/",
    "ftps://127.0.0.1:{p}/",
    "sftp://127.0.0.1:{p}/",
    "tftp://127.0.0.1:{p}/x",
    "gopher://127.0.0.1:{p}/_GET%20/",
    "dict://127.0.0.1:{p}/d:x",
    "ldap://127.0.0.1:{p}/x",
    "ldaps://127.0.0.1:{p}/x",
    "ws://127.0.0.1:{p}/",
    "wss://127.0.0.1:{p}/",
    "unix:///var/run/docker.sock",
    "unix:/var/run/docker.sock",
    "http+unix://%2fvar%2frun%2fdocker.sock/info",
    "jar:http://127.0.0.1:{p}/x!/y",
    "netdoc:///etc/passwd",
    "php://filter/resource=/etc/passwd",
    "expect://id",
    "view-source:http://127.0.0.1:{p}/",
    "blob:http://127.0.0.1:{p}/x",
    "javascript:fetch('http://127.0.0.1:{p}/')",
    "about:blank",
    "mailto:a@127.0.0.1",
    "smb://127.0.0.1/x",
    "nfs://127.0.0.1/x",
    "redis://127.0.0.1:{p}/",
    "mongodb://127.0.0.1:{p}/",
    "postgres://127.0.0.1:{p}/",
    "ssh://127.0.0.1:{p}/",
    "git://127.0.0.1:{p}/x",
    "s3://127.0.0.1/x",
    "telnet://127.0.0.1:{p}/",
    "rtsp://127.0.0.1:{p}/",
    "httpx://127.0.0.1:{p}/",
    "http",
    "http:",
    "http://",
    "http:///",
    "https://",
    "://127.0.0.1:{p}/",
    "?http://127.0.0.1:{p}/",
    "#http://127.0.0.1:{p}/",
    "/x",
    "x",
    "..",
    "http://?",
    "http://#",
    "http://:{p}/",
    "http://.",
    "http://..:{p}/",
    "http://%/",
    "http://a b/",
    "http://<x>/",
    "http://[/",
];

/// Where other services listen.
const PORTS: &[u16] = &[
    1, 7, 22, 23, 25, 53, 110, 111, 135, 139, 143, 389, 445, 465, 512, 587, 636, 873, 993, 995, 1433, 1521, 2049, 2375,
    2379, 3306, 3389, 5432, 5672, 5984, 6000, 6379, 6443, 6667, 8080, 9000, 9090, 9200, 10250, 11211, 27017,
];

/// Everything, each once. `port` is where canaries listen, `own` are addresses of this machine beside loopback.
pub fn hostile_targets(port: u16, own: &[IpAddr]) -> Vec<String> {
    let at = |host: &&str| format!("http://{host}:{port}/x.png");
    let filled = |url: &&str| url.replace("{p}", &port.to_string());
    let hosts = [LOOPBACK, FOLDED, NAMES, SPECIAL_V4, V6].into_iter().flatten().map(at);
    let whole = [METADATA, TRICKS, NO_WEB].into_iter().flatten().map(filled);
    let ports = PORTS.iter().map(|port| format!("http://127.0.0.1:{port}/"));
    // Own ones without an addition: a scope is no part of a URL's address.
    let own = own.iter().map(|own| match own {
        IpAddr::V4(four) => format!("http://{four}:{port}/x.png"),
        IpAddr::V6(six) => format!("http://[{six}]:{port}/x.png"),
    });
    let long = ["a", "127.0.0.1/"].map(|part| format!("http://127.0.0.1:{port}/{}", part.repeat(9000)));
    let mut seen = BTreeSet::new();
    let all = hosts.chain(whole).chain(ports).chain(own).chain(long);
    all.filter(|url| seen.insert(url.clone())).collect()
}

/// The addresses in [`hostile_targets`], to be answers of names.
pub fn hostile_addresses() -> Vec<IpAddr> {
    let bare = |host: &&str| host.trim_matches(['[', ']']).parse().ok();
    let all: BTreeSet<IpAddr> = [LOOPBACK, SPECIAL_V4, V6].into_iter().flatten().filter_map(bare).collect();
    all.into_iter().collect()
}

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
    stream.read(&mut [0; 4096])?;
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", PNG.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(PNG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_many_and_no_two_are_the_same() {
        let (targets, addresses) = (hostile_targets(40_000, &own_addresses()), hostile_addresses());
        assert!(targets.len() >= 250 && addresses.len() >= 100, "{} {}", targets.len(), addresses.len());
    }
}
