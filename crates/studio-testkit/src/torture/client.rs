//! One client: asks, asks again, changes its mind, follows what it asked for, and writes down what it reads.

use super::{
    books::{Kind, Order, Told},
    town::Town,
};
use crate::events::{EventReader, joined};
use anyhow::Result;
use fastrand::Rng;
use reqwest::{Client, Method, RequestBuilder, Response, header};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// Longest that a client waits for anything.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long it waits for a server that does not answer before it tries again.
const PAUSE: Duration = Duration::from_millis(200);
/// Most jobs of one client whose end it has not seen.
const MOST_OPEN: usize = 6;
/// Longest that it follows one job before it does something else.
const LOOKS: usize = 40;

/// Lives until the town closes.
pub(super) async fn live(town: Arc<Town>, mut chance: Rng) -> Result<()> {
    #[expect(clippy::disallowed_methods, reason = "the tests' client, not the product's")]
    let client = Client::builder().no_proxy().tls_certs_only([]).timeout(PATIENCE).build()?;
    let mut life = Life { town, client, mine: Vec::new(), open: Vec::new() };
    while !life.town.is_closed() {
        let what = chance.u64(..100);
        if life.open.len() >= MOST_OPEN || what < 12 {
            life.follow_oldest().await;
        } else if what < 26 {
            life.repeat(&mut chance).await;
        } else if what < 38 {
            life.cancel(&mut chance).await;
        } else if what < 42 {
            life.retry(&mut chance).await;
        } else {
            let number = life.invent(&mut chance);
            life.ask(number, &mut chance).await;
        }
    }
    Ok(())
}

struct Life {
    town: Arc<Town>,
    client: Client,
    /// Its orders.
    mine: Vec<usize>,
    /// Those of them whose end it has not seen.
    open: Vec<usize>,
}

impl Life {
    /// Thinks of something to ask for.
    fn invent(&mut self, chance: &mut Rng) -> usize {
        let kind = match chance.u64(..100) {
            0..=24 => Kind::Sketch,
            25..=44 => Kind::Lab,
            45..=54 => Kind::Plain,
            55..=64 => Kind::Paint,
            65..=69 => Kind::Guide,
            70..=95 => Kind::Talk,
            _ => Kind::Title,
        };
        // Most is asked by the first, who may spend all they like.
        let others = self.town.people.len() - 1;
        let who = if chance.u64(..100) < 60 { 0 } else { 1 + chance.usize(..others) };
        let named = chance.u64(..100) < 75;
        let tag = chance.u64(..1 << 40);
        let (extra, stream, pictures) = (words(kind, chance), (chance.u64(..100) < 60), 1 + chance.u64(..2));
        let large = chance.u64(..100) < 15;
        let number = self.town.books.begin(|number| {
            let text = format!("order-{number} {extra}");
            let messages = json!([{ "role": "user", "content": text }]);
            let (path, body) = match kind {
                Kind::Sketch => {
                    let side = if large { 1024 } else { 96 };
                    ("generate/image", json!({ "prompt": text, "width": side, "height": side, "numImages": pictures }))
                }
                Kind::Lab => ("generate/image", json!({ "prompt": text, "modelId": "lab", "numImages": pictures })),
                Kind::Plain => ("generate/image", json!({ "prompt": text, "modelId": "plain" })),
                Kind::Paint => ("generate/image", json!({ "prompt": text, "modelId": "paint", "numImages": pictures })),
                Kind::Guide => ("chat", json!({ "messages": messages, "stream": stream })),
                Kind::Talk | Kind::Retry => {
                    ("chat", json!({ "messages": messages, "modelId": "talk", "stream": stream }))
                }
                Kind::Title => ("title", json!({ "messages": messages })),
            };
            let name = named.then(|| format!("key-{number}-{tag}"));
            Order {
                kind,
                who,
                path: format!("/api/v1/{path}"),
                body,
                name,
                job: None,
                ended: None,
                seen: String::new(),
                retried: false,
            }
        });
        self.mine.push(number);
        self.open.push(number);
        number
    }

    /// Asks for an order; if no answer comes, again, where that is safe.
    async fn ask(&mut self, number: usize, chance: &mut Rng) {
        loop {
            let Some(order) = self.town.books.order(number) else { return };
            let told = self.send(number, &order, chance).await;
            self.town.books.note(number, &told);
            match told {
                Told::Nothing if order.name.is_some() && (chance.u64(..100) < 70) && !self.town.is_closed() => {}
                Told::Refused(status, _) => {
                    if order.job.is_none() {
                        // Nothing was made, and nobody waits for it.
                        self.open.retain(|other| *other != number);
                    }
                    if status == 503 {
                        self.wait_for_another_server().await;
                    }
                    return;
                }
                Told::Nothing | Told::Job(_) => return,
            }
        }
    }

    async fn send(&self, number: usize, order: &Order, chance: &mut Rng) -> Told {
        let mut request = self.request(order.who, Method::POST, &order.path);
        if let Some(name) = &order.name {
            request = request.header("Idempotency-Key", name);
        }
        if order.kind != Kind::Retry {
            request = request.json(&order.body);
        }
        let wait = [0, 0, 1, 2, 5][chance.usize(..5)];
        let request = request.header("Prefer", format!("wait={wait}"));
        // It may leave in the middle of a stream.
        let most = if chance.u64(..100) < 30 { chance.u64(..20) } else { u64::MAX };
        let Some(response) = self.answer(request).await else { return Told::Nothing };
        let streams = |value: &header::HeaderValue| value.as_bytes().starts_with(b"text/event-stream");
        if response.headers().get(header::CONTENT_TYPE).is_some_and(streams) {
            let job = response.headers().get("x-studio-job-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
            let Some(job) = job else { return Told::Refused(200, "a stream without a job".into()) };
            // Accepted with its head, whatever becomes of the rest.
            self.read_words(number, EventReader::over(response), most).await;
            return Told::Job(job);
        }
        let status = response.status().as_u16();
        // An answer that broke off was not read.
        let Ok(body) = response.json::<Value>().await else { return Told::Nothing };
        let job = body["jobId"].as_str().or(body["details"]["jobId"].as_str());
        match (status, job) {
            (200 | 202 | 409 | 502 | 504, Some(job)) => Told::Job(job.to_owned()),
            _ => Told::Refused(status, body["error"].as_str().unwrap_or_default().to_owned()),
        }
    }

    async fn read_words(&self, number: usize, mut reader: EventReader, most: u64) {
        let (mut events, mut deltas) = (Vec::new(), 0);
        while deltas < most
            && let Some(event) = reader.next().await
        {
            deltas += u64::from(event.name == "delta");
            if event.name == "end" {
                self.town.books.note_end(number, event.data["status"].as_str().unwrap_or_default());
            }
            events.push(event);
        }
        match joined(&events, 0) {
            Ok(text) => self.town.books.note_words(number, text),
            Err(error) => self.town.books.violation(format!("the stream of order {number}: {error:#}")),
        }
    }

    /// Asks once more for something that has a key, whatever became of it the first time.
    async fn repeat(&mut self, chance: &mut Rng) {
        let recent = &self.mine[self.mine.len().saturating_sub(30)..];
        let Some(number) = chance.choice(recent).copied() else { return };
        if self.town.books.order(number).is_some_and(|order| order.name.is_some()) {
            if !self.open.contains(&number) {
                self.open.push(number);
            }
            self.ask(number, chance).await;
        }
    }

    async fn cancel(&mut self, chance: &mut Rng) {
        let Some(number) = chance.choice(&self.open).copied() else { return };
        let Some((order, job)) = self.known(number) else { return };
        let request = self.request(order.who, Method::POST, &format!("/api/v1/jobs/{job}/cancel"));
        let Some(response) = self.answer(request).await else { return };
        match response.status().as_u16() {
            200 | 202 | 409 | 503 => {}
            404 => self.town.books.lost(format!("order {number}: job {job} can't be canceled, for it is not there")),
            other => self.town.books.violation(format!("order {number}: cancel was answered by {other}")),
        }
    }

    /// Has one that ended badly done once more, as a job of its own.
    async fn retry(&mut self, chance: &mut Rng) {
        let recent = &self.mine[self.mine.len().saturating_sub(30)..];
        let Some(number) = chance.choice(recent).copied() else { return };
        let Some(first) = self.town.books.take_retry(number) else { return };
        let Some(job) = first.job else { return };
        let name = Some(format!("again-{number}-{}", chance.u64(..1 << 40)));
        let path = format!("/api/v1/jobs/{job}/retry");
        let order = Order {
            kind: Kind::Retry,
            path,
            name,
            job: None,
            ended: None,
            seen: String::new(),
            retried: true,
            ..first
        };
        let number = self.town.books.begin(|_| order);
        self.mine.push(number);
        self.open.push(number);
        self.ask(number, chance).await;
    }

    /// Follows the oldest of its jobs for a while.
    async fn follow_oldest(&mut self) {
        let Some(number) = self.open.first().copied() else { return };
        self.open.remove(0);
        let Some((order, job)) = self.known(number) else { return };
        for _ in 0..LOOKS {
            if self.town.is_closed() {
                return;
            }
            let request = self.request(order.who, Method::GET, &format!("/api/v1/jobs/{job}"));
            let Some(response) = self.answer(request).await else { continue };
            if response.status() == 404 {
                return self.town.books.lost(format!("order {number}: job {job} is not there"));
            }
            let Ok(body) = response.json::<Value>().await else { continue };
            let status = body["job"]["status"].as_str().unwrap_or_default().to_owned();
            match status.as_str() {
                "succeeded" | "failed" | "canceled" | "expired" => {
                    return self.town.books.note_end(number, &status);
                }
                // Nobody knows more for now.
                "unknown" => return,
                _ => tokio::time::sleep(PAUSE / 8).await,
            }
        }
        self.open.push(number);
    }

    /// An order, and its job if there is one.
    fn known(&self, number: usize) -> Option<(Order, String)> {
        let order = self.town.books.order(number)?;
        let job = order.job.clone()?;
        Some((order, job))
    }

    fn request(&self, who: usize, method: Method, path: &str) -> RequestBuilder {
        let address = self.town.address.borrow().clone();
        self.client.request(method, format!("{address}{path}")).bearer_auth(&self.town.people[who].key)
    }

    /// The answer; nothing when none came, and then there was time for another server to start.
    async fn answer(&self, request: RequestBuilder) -> Option<Response> {
        match request.send().await {
            Ok(response) => Some(response),
            Err(_) => {
                self.wait_for_another_server().await;
                None
            }
        }
    }

    /// Gives it a moment: this one is gone, or about to go.
    async fn wait_for_another_server(&self) {
        let mut address = self.town.address.subscribe();
        drop(tokio::time::timeout(PAUSE, address.changed()).await);
    }
}

/// What makes a prompt different, and tells the emulated API how to talk.
fn words(kind: Kind, chance: &mut Rng) -> String {
    if kind != Kind::Talk {
        return ["a lighthouse in a storm", "How do I set a budget?", "a neon city at night"][chance.usize(..3)]
            .to_owned();
    }
    let pieces = 5 + chance.u64(..60);
    let trick = match chance.u64(..30) {
        0 => format!("[[cut {}]]", chance.u64(..pieces)),
        1 => "[[gone]]".to_owned(),
        2 => "[[busy 1]]".to_owned(),
        3 => "[[nousage]]".to_owned(),
        4 => format!("[[error {}]]", chance.u64(..pieces)),
        5 => "[[status 503]]".to_owned(),
        6 => format!("[[reset {}]]", 1 + chance.u64(..pieces)),
        7 => "[[cached 5]] [[reasoning 3]]".to_owned(),
        _ => String::new(),
    };
    format!("[[pieces {pieces}]] [[gap {}]] {trick}", chance.u64(..8))
}
