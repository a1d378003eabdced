//! A web site for browsers to visit: pages that a test puts there, and a list of all that was asked of it. It can stand before a
//! studio, too: what it has no page for it passes on, so that its pages are of the studio's origin. That is what somebody would have who
//! had got a page of theirs into the studio.

use crate::raw_http::{Listening, Request, Watched};
use anyhow::Result;
use reqwest::Method;
use std::{collections::BTreeMap, fmt::Write, sync::Arc};
use tokio::{io::AsyncWriteExt, net::TcpStream};

/// Headers that are of a connection and not of what goes over it.
const OF_CONNECTIONS: &[&str] = &["connection", "content-length", "host", "keep-alive", "transfer-encoding"];

/// One. Dropped, it is gone.
pub struct WebSite {
    listening: Listening,
    shared: Arc<Watched<Inner>>,
}

#[derive(Default)]
struct Inner {
    pages: BTreeMap<String, Page>,
    asked: Vec<Asked>,
    behind: Option<Behind>,
}

#[derive(Clone)]
struct Page {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// A server that it stands before.
#[derive(Clone)]
struct Behind {
    origin: String,
    bearer: Option<String>,
    client: reqwest::Client,
}

/// What was asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Headers, their names in lower case.
    pub headers: BTreeMap<String, String>,
}

impl WebSite {
    /// One on a free port, without any page.
    pub fn start() -> Result<Self> {
        Self::with(Inner::default())
    }

    /// One that stands before the server at `origin`. With `bearer`, whatever it passes on is signed in by that key.
    pub fn before(origin: &str, bearer: Option<&str>) -> Result<Self> {
        drop(rustls::crypto::ring::default_provider().install_default());
        #[expect(clippy::disallowed_methods, reason = "the tests' client, not the product's")]
        let builder = reqwest::Client::builder().no_proxy().tls_certs_only([]);
        let client = builder.redirect(reqwest::redirect::Policy::none()).build()?;
        let behind = Behind { origin: origin.to_owned(), bearer: bearer.map(str::to_owned), client };
        Self::with(Inner { behind: Some(behind), ..Inner::default() })
    }

    fn with(inner: Inner) -> Result<Self> {
        let shared = Arc::new(Watched::new(inner));
        let served = shared.clone();
        let listening = Listening::start(move |mut stream| {
            let shared = served.clone();
            async move { answer(&mut stream, &shared).await }
        })?;
        Ok(Self { listening, shared })
    }

    /// Where it is: `http://127.0.0.1:1234`.
    pub fn origin(&self) -> String {
        self.listening.origin()
    }

    /// Puts a page there.
    pub fn put(&self, path: &str, media_type: &str, body: impl Into<Vec<u8>>) {
        self.put_with(path, &[("Content-Type", media_type)], body);
    }

    /// Puts a page there, with these headers and no others.
    pub fn put_with(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let page = Page { headers, body: body.into() };
        self.shared.change(|inner| inner.pages.insert(path.to_owned(), page));
    }

    /// All that was asked of it since the last time.
    pub fn take_asked(&self) -> Vec<Asked> {
        self.shared.change(|inner| std::mem::take(&mut inner.asked))
    }

    /// Blocks until somebody has asked for a path that begins so; fails the test when nobody does.
    pub fn wait_for(&self, beginning: &str) {
        self.shared.wait_for(&format!("requests for {beginning}"), 1, |inner| {
            inner.asked.iter().filter(|asked| asked.path.starts_with(beginning)).count()
        });
    }
}

async fn answer(stream: &mut TcpStream, shared: &Watched<Inner>) -> Result<()> {
    let request = Request::read(stream).await?;
    let asked = Asked { method: request.method.clone(), path: request.path.clone(), headers: request.headers.clone() };
    let (page, behind) = shared.change(|inner| {
        inner.asked.push(asked);
        let path = request.path.split('?').next().unwrap_or_default();
        (inner.pages.get(path).cloned(), inner.behind.clone())
    });
    let (status, page) = match (page, behind) {
        (Some(page), _) => (200, page),
        (None, Some(behind)) => behind.pass_on(request).await?,
        // Anyone may read that there is nothing: who reports here is to be let.
        (None, None) => {
            let headers = [("Content-Type", "text/plain"), ("Access-Control-Allow-Origin", "*")];
            let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
            (200, Page { headers: headers.into(), body: Vec::new() })
        }
    };
    let mut head = format!("HTTP/1.1 {status} Because\r\nConnection: close\r\nContent-Length: {}\r\n", page.body.len());
    for (name, value) in &page.headers {
        write!(head, "{name}: {value}\r\n")?;
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await?;
    Ok(stream.write_all(&page.body).await?)
}

impl Behind {
    async fn pass_on(&self, request: Request) -> Result<(u16, Page)> {
        let method = Method::from_bytes(request.method.as_bytes())?;
        let mut passed = self.client.request(method, format!("{}{}", self.origin, request.path));
        for (name, value) in &request.headers {
            if !OF_CONNECTIONS.contains(&name.as_str()) {
                passed = passed.header(name, value);
            }
        }
        if let Some(bearer) = &self.bearer {
            passed = passed.bearer_auth(bearer);
        }
        let response = passed.body(request.body).send().await?;
        let status = response.status().as_u16();
        let of_it = response.headers().iter().filter(|(name, _)| !OF_CONNECTIONS.contains(&name.as_str()));
        let headers = of_it.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()));
        let headers = headers.collect();
        Ok((status, Page { headers, body: response.bytes().await?.into() }))
    }
}
