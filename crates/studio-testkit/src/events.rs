//! Server-sent events as their readers see them: one at a time while the stream is open, or all of a stream that has ended.

use anyhow::{Context, Result, ensure};
use reqwest::{Response, StatusCode, header::HeaderMap};
use serde_json::Value;

/// One event of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamEvent {
    /// Its id; empty when it has none.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its data.
    pub data: Value,
}

impl StreamEvent {
    fn parse(block: &str) -> Option<Self> {
        let field = |name: &str| block.lines().find_map(|line| Some(line.strip_prefix(name)?.trim_start().to_owned()));
        let data = serde_json::from_str(&field("data:")?).ok()?;
        Some(Self { id: field("id:").unwrap_or_default(), name: field("event:").unwrap_or_default(), data })
    }

    /// The text of a delta; empty when it is something else.
    pub fn text(&self) -> &str {
        self.data["text"].as_str().unwrap_or_default()
    }
}

/// Reads the events of a stream that has ended.
pub fn read_events(body: &[u8]) -> Vec<StreamEvent> {
    String::from_utf8_lossy(body).split("\n\n").filter_map(StreamEvent::parse).collect()
}

/// All text of the deltas, joined; and that their offsets leave no gap and repeat nothing is checked on the way. A reset
/// begins anew.
pub fn joined(events: &[StreamEvent], from: u64) -> Result<String> {
    let (mut text, mut offset) = (String::new(), from);
    for event in events {
        match event.name.as_str() {
            "reset" => (text, offset) = (String::new(), 0),
            "delta" => {
                ensure!(event.data["offset"] == offset, "after {offset} bytes came {}", event.data["offset"]);
                let said = ["text", "reasoning"].iter().find_map(|voice| event.data[*voice].as_str());
                let said = said.or(event.data["toolCall"]["arguments"].as_str()).context("a delta without words")?;
                offset += said.len() as u64;
                let id: u64 = event.id.parse()?;
                ensure!(id & 0xffff_ffff == offset, "the id {id} is not the offset {offset}");
                text.push_str(said);
            }
            _ => {}
        }
    }
    Ok(text)
}

/// An open stream.
pub struct EventReader {
    response: Response,
    unread: Vec<u8>,
}

impl EventReader {
    /// Opens a stream, which must be one.
    pub async fn open(request: reqwest::RequestBuilder) -> Result<Self> {
        let response = request.send().await?;
        let status = response.status();
        if status != StatusCode::OK {
            anyhow::bail!("{status}: {}", response.text().await?);
        }
        Ok(Self::over(response))
    }

    /// Reads an answer that is known to be a stream.
    pub fn over(response: Response) -> Self {
        Self { response, unread: Vec::new() }
    }

    /// The headers of the answer.
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The next event; nothing when the stream has ended, well or not.
    pub async fn next(&mut self) -> Option<StreamEvent> {
        loop {
            while let Some(end) = self.unread.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.unread.drain(..end + 2).collect();
                if let Some(event) = StreamEvent::parse(&String::from_utf8_lossy(&block)) {
                    return Some(event);
                }
            }
            let more = self.response.chunk().await.ok().flatten()?;
            self.unread.extend_from_slice(&more);
        }
    }

    /// The next event of that name; those before it are passed over.
    pub async fn next_named(&mut self, name: &str) -> Option<StreamEvent> {
        loop {
            let event = self.next().await?;
            if event.name == name {
                return Some(event);
            }
        }
    }

    /// All events to the end of the stream.
    pub async fn rest(mut self) -> Vec<StreamEvent> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}
