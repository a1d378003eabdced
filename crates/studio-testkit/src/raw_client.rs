//! A client that sends what it is given, byte for byte, and shows what came back the same way: for requests that no decent
//! client would make.

use anyhow::{Context, Result, bail, ensure};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

/// How long an answer may pause before it counts as none.
const PATIENCE: Duration = Duration::from_secs(60);
/// Most bytes of an answer's head, and of a line in its body.
const HEAD_LIMIT: u64 = 64 << 10;
/// Most bytes of a body.
const BODY_LIMIT: u64 = 64 << 20;

/// An answer as it came.
#[derive(Debug, Clone)]
pub struct RawReply {
    /// Its status.
    pub status: u16,
    /// Its head: all lines as they came, without the empty one.
    pub head: Vec<u8>,
    /// Its body, put together from its chunks.
    pub body: Vec<u8>,
}

impl RawReply {
    /// A header; empty when it isn't there.
    pub fn header(&self, name: &str) -> String {
        let head = String::from_utf8_lossy(&self.head);
        let mut lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
        let line = lines.find(|(other, _)| other.eq_ignore_ascii_case(name));
        line.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    }
}

/// A client with one connection, which it keeps as long as the server does.
pub struct RawClient {
    address: String,
    stream: Option<BufReader<TcpStream>>,
}

impl RawClient {
    /// One for the server at `http://127.0.0.1:1234`.
    pub fn new(origin: &str) -> Self {
        Self { address: origin.trim_start_matches("http://").to_owned(), stream: None }
    }

    /// Sends one request and reads its answer. An answer that does not end is an error.
    pub fn send(&mut self, request: &[u8]) -> Result<RawReply> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(&self.address).context("a connection")?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                stream.set_nodelay(true)?;
                BufReader::new(stream)
            }
        };
        // A server may refuse before it has read all: then its answer says more than the failed write.
        let written = stream.get_mut().write_all(request);
        let reply = match read_reply(&mut stream) {
            Ok(reply) => reply,
            Err(error) => return Err(error.context(format!("written: {written:?}"))),
        };
        let going_on = written.is_ok() && !reply.header("connection").eq_ignore_ascii_case("close");
        self.stream = Some(stream).filter(|_| going_on);
        Ok(reply)
    }

    /// Sends one request on a connection of its own.
    pub fn send_alone(&mut self, request: &[u8]) -> Result<RawReply> {
        self.stream = None;
        let reply = self.send(request);
        self.stream = None;
        reply
    }
}

fn read_line(stream: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut line = Vec::new();
    stream.take(HEAD_LIMIT).read_until(b'\n', &mut line)?;
    ensure!(line.ends_with(b"\n"), "cut off in a line: {}", String::from_utf8_lossy(&line));
    Ok(line)
}

fn read_exactly(stream: &mut impl Read, bytes: u64, body: &mut Vec<u8>) -> Result<()> {
    ensure!(bytes < BODY_LIMIT, "too long: {bytes}");
    let read = stream.take(bytes).read_to_end(body)?;
    ensure!(read as u64 == bytes, "cut off in a body");
    Ok(())
}

fn read_reply(stream: &mut impl BufRead) -> Result<RawReply> {
    let mut head = Vec::new();
    loop {
        let line = read_line(stream)?;
        if line == b"\r\n" {
            break;
        }
        head.extend_from_slice(&line);
        ensure!((head.len() as u64) < HEAD_LIMIT, "a head without end");
    }
    let status = head.strip_prefix(b"HTTP/1.1 ").and_then(|rest| rest.get(..3)).context("no status line")?;
    let status = std::str::from_utf8(status)?.parse()?;
    let mut reply = RawReply { status, head, body: Vec::new() };
    if [204, 304].contains(&status) {
        return Ok(reply);
    }
    if reply.header("transfer-encoding") == "chunked" {
        loop {
            let line = read_line(stream)?;
            let length = u64::from_str_radix(std::str::from_utf8(&line)?.trim(), 16)?;
            read_exactly(stream, length, &mut reply.body)?;
            ensure!(read_line(stream)? == b"\r\n", "a chunk without an end");
            if length == 0 {
                return Ok(reply);
            }
        }
    }
    match reply.header("content-length").parse() {
        Ok(length) => read_exactly(stream, length, &mut reply.body)?,
        Err(_) if reply.header("connection") == "close" => {
            stream.read_to_end(&mut reply.body)?;
        }
        Err(_) => bail!("an answer without a length"),
    }
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_to_their_end_and_no_further() {
        let mut wire = &b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nHTTP/1.1 204 No\r\n\r\n\
            HTTP/1.1 400 Bad\r\ncontent-length: 2\r\n\r\nno"[..];
        let replies: Vec<_> = (0..3).map(|_| read_reply(&mut wire).unwrap()).collect();
        let shown: Vec<_> = replies.iter().map(|reply| (reply.status, &reply.body[..])).collect();
        assert_eq!(shown, [(200, &b"abcde"[..]), (204, &b""[..]), (400, &b"no"[..])]);
        assert_eq!(replies[2].header("Content-Length"), "2");
        for broken in
            ["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\n\r\n"]
        {
            assert!(read_reply(&mut broken.as_bytes()).is_err(), "{broken}");
        }
    }
}
