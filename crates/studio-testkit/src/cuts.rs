//! Streams cut at random: by their readers, by their provider, by Stop and by `kill -9`; then each job is held against what
//! the emulated provider says that it sent. One seed decides everything but the machine's timing.

use crate::{
    events::{EventReader, StreamEvent, joined},
    openai::{Behaviour, ChatRecord, KEY, OpenAi},
    studio::{Setup, Studio, nanos},
};
use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeMap;
use tokio::task::JoinSet;

/// Streams of one round; those of every second one are killed with their server.
const ROUND: usize = 50;
/// Pieces of an answer, and the pause between them in milliseconds.
const PIECES: u64 = 60;
const GAP_MS: u64 = 3;
/// Prices of the model, in nano-USD for each token.
const PRICES: (u64, u64) = (1000, 10_000);
/// The tokens that are added to an estimate after a crash.
const REMAINDER: u64 = 128;

/// What became of the streams.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Report {
    /// How many were begun.
    pub streams: usize,
    /// How often each thing was done to one.
    pub cuts: BTreeMap<&'static str, usize>,
    /// How many jobs ended in each way.
    pub ends: BTreeMap<String, usize>,
    /// How often a reader came back with what it had seen.
    pub resumes: usize,
    /// How many bytes reached readers and were not kept: lost with a crash.
    pub lost_bytes: usize,
}

/// What is done to a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    ReaderGone,
    ProviderGone,
    Stopped,
    Killed,
}

/// One stream as its reader saw it.
struct Seen {
    fate: Fate,
    marker: String,
    job: Option<String>,
    events: Vec<StreamEvent>,
}

/// Runs `count` streams of a studio and checks every one. The error says what does not agree.
pub async fn cut_at_random(setup: Setup, count: usize, seed: u64) -> Result<Report> {
    let api = OpenAi::start(Behaviour::Normal)?;
    let model = "[[models]]\nid = \"cut\"\nmodality = \"chat\"\nprovider = \"openai\"\nupstream = \"gpt-4.1\"\n\
        default_max_output = 2000\n[models.prices]\ninput_tokens = 1\noutput_tokens = 10\n";
    let setup = setup
        .config(model)
        .variable("OPENAI_API_KEY", KEY)
        .variable("OPENAI_BASE_URL", &api.base_url())
        .variable("STUDIO_PROVIDERS__OPENAI__CONCURRENCY", "1000");
    let mut studio = Studio::start(setup)?;
    let (mut chance, mut report, mut seen) = (Rng::with_seed(seed), Report::default(), Vec::new());
    let mut round = 0;
    while seen.len() < count {
        let killed = round % 2 == 1;
        let said_before: u64 = api.chats().iter().map(|chat| chat.pieces).sum();
        let size = ROUND.min(count - seen.len());
        let mut readers = JoinSet::new();
        for number in report.streams..report.streams + size {
            let fate = match (killed, chance.u64(..3)) {
                (true, _) => Fate::Killed,
                (_, 0) => Fate::ReaderGone,
                (_, 1) => Fate::ProviderGone,
                _ => Fate::Stopped,
            };
            let at = chance.u64(..PIECES - 5) + 1;
            readers.spawn(live(studio.address().to_owned(), studio.key().to_owned(), fate, number, at));
        }
        report.streams += size;
        if killed {
            // Somewhere in the middle of them.
            api.said(said_before + chance.u64(..size as u64 * PIECES / 2) + 1).await?;
            studio.kill()?;
            studio.launch()?;
        }
        while let Some(one) = readers.join_next().await {
            seen.push(one??);
        }
        // Those whose readers have gone are still on their way; the next round's crash is not theirs.
        for job in seen[seen.len() - size..].iter().filter_map(|one| one.job.as_ref()) {
            studio.stream_of(job).await?.rest().await;
        }
        round += 1;
    }
    let chats = api.chats();
    let records = by_marker(&chats)?;
    let mut charged = 0;
    for one in &seen {
        *report.cuts.entry(one.name()).or_default() += 1;
        charged += check(&studio, one, &records, &mut report).await.with_context(|| one.marker.clone())?;
    }
    let usage = studio.get("/api/v1/usage").await?.json();
    let cost: f64 = usage["total"]["cost"]["amount"].as_str().context("no cost")?.parse()?;
    ensure!((cost * 1e9).round() as u64 == charged, "the ledger says {cost}, the jobs {charged} nano-USD");
    let verified = studio.verify()?;
    ensure!(verified["sum"] == "0" && verified["violations"] == json!([]), "{verified}");
    let unknown = report.ends.get("unknown").copied().unwrap_or(0);
    ensure!(verified["openHolds"] == unknown, "{verified}, but {unknown} unknown");
    Ok(report)
}

/// Begins a stream and lets its fate come over it.
async fn live(address: String, key: String, fate: Fate, number: usize, at: u64) -> Result<Seen> {
    #[expect(clippy::disallowed_methods, reason = "the tests' client, not the product's")]
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
    let marker = format!("stream-{number}-");
    let cut = if fate == Fate::ProviderGone { format!(" [[cut {at}]]") } else { String::new() };
    let text = format!("{marker} [[pieces {PIECES}]] [[gap {GAP_MS}]]{cut}");
    let body = json!({ "modelId": "cut", "stream": true, "messages": [{ "role": "user", "content": text }] });
    let mut seen = Seen { fate, marker, job: None, events: Vec::new() };
    let request = client.post(format!("{address}/api/v1/chat")).bearer_auth(&key).json(&body);
    // A server that is killed before it answers has promised nothing.
    let Ok(mut stream) = EventReader::open(request).await else { return Ok(seen) };
    let mut deltas = 0;
    while let Some(event) = stream.next().await {
        if let Some(id) = event.data["jobId"].as_str() {
            seen.job = Some(id.to_owned());
        }
        deltas += u64::from(event.name == "delta");
        seen.events.push(event);
        if deltas == at && fate == Fate::ReaderGone {
            return Ok(seen);
        }
        if deltas == at && fate == Fate::Stopped {
            deltas += 1;
            let job = seen.job.as_deref().context("no job")?;
            client.post(format!("{address}/api/v1/jobs/{job}/cancel")).bearer_auth(&key).send().await?;
        }
    }
    Ok(seen)
}

impl Seen {
    fn name(&self) -> &'static str {
        match self.fate {
            Fate::ReaderGone => "reader gone",
            Fate::ProviderGone => "provider gone",
            Fate::Stopped => "stopped",
            Fate::Killed => "killed",
        }
    }
}

/// What the provider sent, by the marker in the question; none was asked twice.
fn by_marker(chats: &[ChatRecord]) -> Result<BTreeMap<String, &ChatRecord>> {
    let mut records = BTreeMap::new();
    for chat in chats {
        let question = chat.body["messages"][0]["content"].as_str().context("no question")?;
        let marker = question.split(' ').next().unwrap_or_default().to_owned();
        ensure!(records.insert(marker.clone(), chat).is_none(), "{marker} was asked twice");
    }
    Ok(records)
}

/// Holds one job against what its reader saw and its provider sent; what it was charged, in nano-USD.
async fn check(
    studio: &Studio,
    seen: &Seen,
    records: &BTreeMap<String, &ChatRecord>,
    report: &mut Report,
) -> Result<u64> {
    let Some(id) = &seen.job else {
        ensure!(seen.fate == Fate::Killed, "no job");
        // Whoever was not told of a job may have one all the same; it is found by its words, and checked as any other.
        *report.ends.entry("not answered".into()).or_default() += 1;
        let jobs = studio.get("/api/v1/jobs?limit=100").await?.json();
        let mine = jobs["items"].as_array().into_iter().flatten();
        let mine = mine.filter(|job| job["prompt"].as_str().is_some_and(|text| text.starts_with(&seen.marker)));
        let mine: Vec<_> = mine.collect();
        // It may have been on its way to the provider when the server died.
        let unknown = mine.iter().filter(|job| job["status"] == "unknown").count();
        if unknown > 0 {
            *report.ends.entry("unknown".into()).or_default() += unknown;
        }
        return Ok(mine.into_iter().map(|job| nanos(&job["cost"]["amount"])).sum());
    };
    // Follows it to its end first: one whose reader has gone may still be on its way.
    let before: Vec<StreamEvent> = seen.events.iter().filter(|event| event.name == "delta").cloned().collect();
    let read = joined(&before, 0)?;
    let last = before.last().map_or("0", |event| event.id.as_str());
    let request = studio.request(Method::GET, &format!("/api/v1/jobs/{id}/stream")).header("last-event-id", last);
    let rest = EventReader::open(request).await?.rest().await;
    report.resumes += 1;
    let job = studio.get(&format!("/api/v1/jobs/{id}")).await?.json()["job"].clone();
    let text = job["message"]["content"].as_str().unwrap_or_default();
    let status = job["status"].as_str().context("no status")?;
    let code = job["error"]["code"].as_str().unwrap_or_default();
    *report.ends.entry(if code.is_empty() { status.to_owned() } else { format!("{status}: {code}") }).or_default() += 1;
    if status == "unknown" {
        ensure!(seen.fate == Fate::Killed && text.is_empty(), "unknown, with words: {job}");
        report.ends.entry("unknown".into()).or_default();
        let counted = report.ends.remove(&format!("unknown: {code}")).unwrap_or(0);
        *report.ends.entry("unknown".into()).or_default() += counted;
        return Ok(0);
    }
    // Resumed: no gap, no repeat; and where a crash has lost words that were read, it says so.
    let reset = rest.iter().any(|event| event.name == "reset");
    let after = joined(&rest, read.len() as u64)?;
    let whole = if reset { after } else { read.clone() + &after };
    ensure!(whole == text, "the reader has {} bytes, the job {}", whole.len(), text.len());
    ensure!(!reset || (seen.fate == Fate::Killed && read.len() > text.len()), "reset without a crash");
    report.lost_bytes += read.len().saturating_sub(text.len());
    let record = records.get(&seen.marker);
    let said = record.map_or("", |record| record.said.as_str());
    ensure!(said.starts_with(text), "the job has what was never sent");
    let charged = nanos(&job["cost"]["amount"]);
    let tokens = |field: &str| job["usage"][field].as_u64().unwrap_or(0);
    ensure!(charged == tokens("inputTokens") * PRICES.0 + tokens("outputTokens") * PRICES.1, "priced otherwise: {job}");
    let estimated = job["estimated"] == true;
    let guess = (text.len() as u64).div_ceil(3);
    match (seen.fate, status) {
        (_, "succeeded") => {
            let record = record.context("not sent")?;
            ensure!(text == said && record.finished && !estimated, "not whole: {job}");
            ensure!((tokens("inputTokens"), tokens("outputTokens")) == (record.billed.0, record.billed.2), "{job}");
        }
        (Fate::ProviderGone, "failed") => {
            ensure!(text == said && estimated && code == "cut_off" && tokens("outputTokens") == guess, "{job}");
        }
        (Fate::Stopped, "canceled") => {
            // That it is hung up on is shown where nothing else goes on. Here, the rest may be on the wire before it is, and
            // the provider's own count with it.
            let record = record.context("never sent")?;
            let counted = if estimated { guess } else { record.billed.2 };
            ensure!(tokens("outputTokens") == counted && (estimated || record.finished), "{job}");
        }
        (Fate::Killed, "failed") => {
            ensure!(estimated && code == "interrupted" && tokens("outputTokens") == guess + REMAINDER, "{job}");
        }
        (fate, status) => anyhow::bail!("{fate:?} ended as {status}: {job}"),
    }
    Ok(charged)
}
