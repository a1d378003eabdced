//! The one door out: every request that the studio makes to others leaves here.
//!
//! A call says who named its destination; [`Door::send`] checks the URL, picks the client for that way and holds the
//! limits. Redirects come as they are: who follows one sends another call, which is checked as the first one was. Clients are built when first needed, so that an idle server loads no root
//! certificates. What went wrong is told by what it means for the caller: nothing was sent, or it may have arrived.

pub use crate::body::{Body, ReadError};

use crate::{
    address_policy::{carried, is_public},
    destination::{AddressRule, NotAllowed, Way, route},
    names::{CheckedNames, NotPublic, SystemNames},
    own_addresses::is_own,
};
use bytes::Bytes;
use reqwest::{Client, ClientBuilder, Method, StatusCode, dns::Resolve, header::HeaderMap};
use std::{
    collections::BTreeMap,
    error::Error,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};
use studio_core::ports::Destination;
use tokio::time::{Instant, timeout_at};

/// Longest wait for a connection, name resolution and TLS included.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Longest silence within a body, where nothing else is said.
pub const IDLE_LIMIT: Duration = Duration::from_secs(30);
/// How long an unused connection is kept. Shorter than the 5 s after which common servers close one: a request that meets
/// a closing connection is lost, and a lost submit is money held for nothing.
const KEEP_UNUSED: Duration = Duration::from_secs(4);

/// Most headers of an answer, and most bytes of them where they come compressed (HTTP/2). One that comes as text ends at 400 KiB,
/// which can't be set.
const MOST_HEADERS: usize = 100;
const HEADER_BYTES: u32 = 64 << 10;

/// One request.
#[derive(Debug)]
pub struct Call<'a> {
    /// Who named the place.
    pub destination: &'a Destination,
    /// What to do there.
    pub method: Method,
    /// Where. For a worker behind a socket the host is only a word.
    pub url: &'a str,
    /// Headers beside the usual ones.
    pub headers: HeaderMap,
    /// What to send.
    pub body: Option<Bytes>,
    /// Longest wait for the head of the answer, from now.
    pub first_byte: Duration,
    /// Longest silence within its body: [`IDLE_LIMIT`], unless there is a reason.
    pub idle: Duration,
    /// Longest that all of it may take, body included, from now.
    pub total: Duration,
}

/// The head of an answer, its body still to be read.
#[derive(Debug)]
pub struct Reply {
    /// Its status. Redirects come as they are.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Body,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The URL is not written as one that may be gone to. Nothing was sent.
    #[error("{0}")]
    Malformed(&'static str),
    /// The URL, or its name, does not lead to where this destination may. Nothing was sent.
    #[error("{0}")]
    Forbidden(&'static str),
    /// No connection. Nothing was sent.
    #[error("no connection")]
    NotSent,
    /// It was sent, wholly or in part, and the connection broke before the answer.
    #[error("the connection broke before the answer")]
    Lost,
    /// It was sent and no answer came within the first-byte limit.
    #[error("no answer in time")]
    Silent,
    /// The total limit passed before the answer.
    #[error("it took too long")]
    OutOfTime,
}

/// The door. Clones share their clients and connections.
#[derive(Clone)]
pub struct Door(Arc<Clients>);

struct Clients {
    configured: OnceLock<Client>,
    local: OnceLock<Client>,
    public: OnceLock<Client>,
    workers: Mutex<BTreeMap<PathBuf, Client>>,
    names: Arc<dyn Resolve>,
    allowed: AddressRule,
}

impl Default for Door {
    fn default() -> Self {
        Self::new()
    }
}

impl Door {
    /// A door. Costs nothing until something leaves by it.
    pub fn new() -> Self {
        Self::with(Arc::new(SystemNames), is_public_place)
    }

    /// A door with other names and another idea of what is public: for tests.
    pub(crate) fn with(names: Arc<dyn Resolve>, allowed: AddressRule) -> Self {
        Self(Arc::new(Clients {
            configured: OnceLock::new(),
            local: OnceLock::new(),
            public: OnceLock::new(),
            workers: Mutex::default(),
            names,
            allowed,
        }))
    }

    /// Whether [`Door::send`] would try: what can be told from the URL alone.
    pub fn check(&self, destination: &Destination, url: &str) -> Result<(), CallError> {
        route(destination, url, self.0.allowed).map(drop).map_err(CallError::from)
    }

    /// Sends a request and waits for the head of its answer.
    pub async fn send(&self, call: Call<'_>) -> Result<Reply, CallError> {
        let (url, way) = route(call.destination, call.url, self.0.allowed)?;
        let mut request = self.0.client(way)?.request(call.method, url).headers(call.headers);
        if let Some(body) = call.body {
            request = request.body(body);
        }
        // The clock starts here: the first call on a way may have built its client.
        let now = Instant::now();
        let deadline = now + call.total;
        let head_by = deadline.min(now + call.first_byte);
        match timeout_at(head_by, request.send()).await {
            Ok(Ok(response)) => Ok(Reply {
                status: response.status(),
                headers: response.headers().clone(),
                body: Body::new(response, deadline, call.idle),
            }),
            Ok(Err(error)) => Err(classify(error)),
            Err(_) if head_by < deadline => Err(CallError::Silent),
            Err(_) => Err(CallError::OutOfTime),
        }
    }
}

impl From<NotAllowed> for CallError {
    fn from(why: NotAllowed) -> Self {
        match why {
            NotAllowed::Malformed(why) => Self::Malformed(why),
            NotAllowed::Place(why) => Self::Forbidden(why),
        }
    }
}

/// Public, and not this machine.
pub(crate) fn is_public_place(address: IpAddr) -> bool {
    is_public(address) && !is_own(carried(address))
}

impl Clients {
    fn client(&self, way: Way<'_>) -> Result<Client, CallError> {
        match way {
            Way::Configured => once(&self.configured, builder),
            Way::Local => once(&self.local, || builder().no_proxy()),
            Way::Public => once(&self.public, || {
                // No proxy: it would connect to what *it* resolves, not to what was checked.
                builder().no_proxy().dns_resolver(CheckedNames { inner: self.names.clone(), allowed: self.allowed })
            }),
            Way::Worker(socket) => self.worker(socket),
        }
    }

    fn worker(&self, socket: &Path) -> Result<Client, CallError> {
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = workers.get(socket) {
            return Ok(client.clone());
        }
        // No connection is kept: a new one costs microseconds, and the worker may be another process by now. No TLS on a
        // socket of our own, so no certificates are loaded for it.
        let kind = builder().no_proxy().unix_socket(socket).http1_only().pool_max_idle_per_host(0).tls_certs_only([]);
        let client = kind.build().map_err(|_| CallError::NotSent)?;
        workers.insert(socket.to_owned(), client.clone());
        Ok(client)
    }
}

fn once(place: &OnceLock<Client>, make: impl FnOnce() -> ClientBuilder) -> Result<Client, CallError> {
    if let Some(client) = place.get() {
        return Ok(client.clone());
    }
    let client = make().build().map_err(|error| {
        tracing::error!(%error, "no client for outbound requests");
        CallError::NotSent
    })?;
    Ok(place.get_or_init(|| client).clone())
}

/// What all clients have in common.
#[expect(clippy::disallowed_methods, reason = "this is the one door out")]
fn builder() -> ClientBuilder {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // An error says that another thread was faster: just as good.
        drop(rustls::crypto::ring::default_provider().install_default());
    }
    Client::builder()
        .user_agent(concat!("studio/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_LIMIT)
        .pool_idle_timeout(KEEP_UNUSED)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .http1_max_headers(MOST_HEADERS)
        .http2_max_header_list_size(HEADER_BYTES)
}

fn classify(error: reqwest::Error) -> CallError {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(current) = cause {
        if current.is::<NotPublic>() {
            return CallError::Forbidden("its name leads to an address that is not public");
        }
        cause = current.source();
    }
    if error.is_connect() || error.is_builder() { CallError::NotSent } else { CallError::Lost }
}
