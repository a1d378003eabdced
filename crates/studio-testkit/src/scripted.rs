//! A server that answers with whatever it is told, byte by byte: what no real one would say, and what only a hostile one does.

use crate::raw_http::{Listening, Request, Watched};
use anyhow::Result;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{io::AsyncWriteExt, net::TcpStream};

/// A part of what is written to the connection, which is closed after the last one.
#[derive(Debug, Clone)]
pub enum Part {
    /// These bytes.
    Bytes(Vec<u8>),
    /// These bytes, so often. [`u64::MAX`] is without end.
    Times(u64, Vec<u8>),
    /// As [`Part::Times`], with so many milliseconds after each.
    Drip(u64, Vec<u8>, u64),
    /// Nothing more until the caller goes away.
    Silence,
    /// Nothing more until [`Scripted::release`].
    Held,
}

/// An answer's head and what comes before the rest, without a length: it ends with the connection.
pub fn opened(media_type: &str, more_headers: &str, begun: &str) -> Part {
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nConnection: close\r\n{more_headers}\r\n{begun}");
    Part::Bytes(head.into_bytes())
}

/// A whole answer.
pub fn whole(status: u16, media_type: &str, body: &[u8]) -> Vec<Part> {
    let head = format!(
        "HTTP/1.1 {status} So\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    vec![Part::Bytes([head.as_bytes(), body].concat())]
}

/// An answer that leads elsewhere.
pub fn redirect(location: &str) -> Vec<Part> {
    let head = format!("HTTP/1.1 302 There\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    vec![Part::Bytes(head.into_bytes())]
}

#[derive(Default)]
struct Inner {
    answers: BTreeMap<String, Vec<Part>>,
    asked: Vec<String>,
    released: bool,
    /// Answers under way, and the most that ever were.
    under_way: (usize, usize),
}

/// The server. Dropped, it is gone, and with it every open connection.
pub struct Scripted {
    listening: Listening,
    shared: Arc<Watched<Inner>>,
}

impl Scripted {
    /// Starts one on a free port. Until it is told otherwise it knows nothing: 404.
    pub fn start() -> Result<Self> {
        let shared = Arc::new(Watched::new(Inner::default()));
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

    /// From now on requests for paths that begin so are answered so; the longest beginning decides.
    pub fn answer(&self, path: &str, parts: Vec<Part>) {
        self.shared.change(|inner| inner.answers.insert(path.to_owned(), parts));
    }

    /// What was asked, in order: `GET /path`.
    pub fn asked(&self) -> Vec<String> {
        self.shared.look().asked.clone()
    }

    /// The most answers that were under way at once.
    pub fn most_at_once(&self) -> usize {
        self.shared.look().under_way.1
    }

    /// Lets what is held go.
    pub fn release(&self) {
        self.shared.change(|inner| inner.released = true);
    }

    /// Waits until so many requests came in.
    pub async fn wait_for(&self, count: usize) -> Result<()> {
        let shared = self.shared.clone();
        let waiting =
            tokio::task::spawn_blocking(move || shared.wait_for("requests", count, |inner| inner.asked.len()));
        Ok(waiting.await?)
    }
}

async fn answer(stream: &mut TcpStream, shared: &Watched<Inner>) -> Result<()> {
    let request = Request::read(stream).await?;
    let parts = shared.change(|inner| {
        inner.asked.push(format!("{} {}", request.method, request.path));
        inner.under_way.0 += 1;
        inner.under_way.1 = inner.under_way.1.max(inner.under_way.0);
        let fits = inner.answers.iter().filter(|(path, _)| request.path.starts_with(path.as_str()));
        fits.max_by_key(|(path, _)| path.len()).map(|(_, parts)| parts.clone())
    });
    let written = write(stream, shared, parts.unwrap_or_else(|| whole(404, "text/plain", b"nothing here"))).await;
    shared.change(|inner| inner.under_way.0 -= 1);
    written
}

async fn write(stream: &mut TcpStream, shared: &Watched<Inner>, parts: Vec<Part>) -> Result<()> {
    for part in parts {
        match part {
            Part::Bytes(bytes) => stream.write_all(&bytes).await?,
            Part::Times(times, bytes) => {
                for _ in 0..times {
                    stream.write_all(&bytes).await?;
                }
            }
            Part::Drip(times, bytes, gap) => {
                for _ in 0..times {
                    stream.write_all(&bytes).await?;
                    tokio::time::sleep(Duration::from_millis(gap)).await;
                }
            }
            Part::Silence => {
                // One byte more, or the end: it is over either way.
                stream.readable().await?;
                drop(stream.peek(&mut [0]).await);
            }
            Part::Held => shared.wait_until(Duration::MAX, |inner| inner.released).await,
        }
    }
    Ok(())
}
