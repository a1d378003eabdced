//! Measures what the studio adds to a stream of words, and cuts streams at random: `make bench` runs it.
//!
//! `streams <studio binary> speed [streams] [rounds]`: the same streams straight from an emulated provider and through the
//! studio, in turns, in one run. Each piece carries the moment at which it was written, so that its way can be measured.
//! `streams <studio binary> many [streams]`: so many at once; memory and errors.
//! `streams <studio binary> cuts [streams] [seed]`: readers, provider and server gone at random, and Stop.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a program that prints what it measured")]

use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::{
    collections::BTreeMap,
    env, fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};
use studio_testkit::studio::{Setup, Studio};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinSet,
};

/// Pieces of an answer, as in other published measurements of gateways (64 tokens, 5 ms apart, 25 ms before the first).
const PIECES: u64 = 64;
const FIRST: Duration = Duration::from_millis(25);

/// Wakes each who waits at their own moment. The runtime's timers know only whole milliseconds: by them, all streams would
/// speak in the same moments, which no two conversations do.
#[derive(Clone)]
struct Clock(mpsc::Sender<(Instant, oneshot::Sender<()>)>);

impl Clock {
    fn start() -> Self {
        let (sender, wanted) = mpsc::channel::<(Instant, oneshot::Sender<()>)>();
        std::thread::spawn(move || {
            let mut waiting: BTreeMap<(Instant, u64), oneshot::Sender<()>> = BTreeMap::new();
            for number in 0.. {
                let next = waiting.first_key_value().map(|((at, _), _)| at.saturating_duration_since(Instant::now()));
                let more = match next {
                    Some(wait) => wanted.recv_timeout(wait),
                    None => wanted.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected),
                };
                match more {
                    Ok((at, bell)) => drop(waiting.insert((at, number), bell)),
                    Err(mpsc::RecvTimeoutError::Timeout) => {}
                    Err(mpsc::RecvTimeoutError::Disconnected) => return,
                }
                while waiting.first_key_value().is_some_and(|((at, _), _)| *at <= Instant::now()) {
                    if let Some((_, bell)) = waiting.pop_first() {
                        // Whoever does not wait any more need not be woken.
                        bell.send(()).unwrap_or(());
                    }
                }
            }
        });
        Self(sender)
    }

    async fn wait_for(&self, at: Instant) {
        let (bell, rung) = oneshot::channel();
        if self.0.send((at, bell)).is_ok() {
            drop(rung.await);
        }
    }
}

/// A provider that does nothing but speak: whatever is asked, [`PIECES`] pieces, each with the moment at
/// which it was written, the first also with that of its question, in nanoseconds since `since`.
struct Speaker {
    address: String,
}

impl Speaker {
    fn start(since: Instant, gap: Duration) -> Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?.to_string();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::spawn(move || {
            runtime.block_on(async move {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                let mut connections = JoinSet::new();
                let clock = Clock::start();
                while let Ok((stream, _)) = listener.accept().await {
                    let clock = clock.clone();
                    // Whoever goes away is none of its business.
                    connections.spawn(async move { drop(speak(stream, since, gap, clock).await) });
                }
            });
        });
        Ok(Self { address })
    }
}

async fn speak(mut stream: TcpStream, since: Instant, gap: Duration, clock: Clock) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut read = Vec::new();
    loop {
        take_request(&mut stream, &mut read).await?;
        let asked = since.elapsed().as_nanos();
        let mut due = Instant::now();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).await?;
        for piece in 0..PIECES {
            due += if piece == 0 { FIRST } else { gap };
            clock.wait_for(due).await;
            let (now, asked) = (since.elapsed().as_nanos(), if piece == 0 { asked } else { 0 });
            let delta = format!("\"delta\":{{\"content\":\"<{now}:{asked}> \"}},\"finish_reason\":null");
            event(&mut stream, &chunk(&delta, "null")).await?;
        }
        event(&mut stream, &chunk("\"delta\":{},\"finish_reason\":\"stop\"", "null")).await?;
        let usage = format!("{{\"prompt_tokens\":9,\"completion_tokens\":{PIECES},\"total_tokens\":73}}");
        event(&mut stream, &format!("data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":{usage}}}\n\n")).await?;
        event(&mut stream, "data: [DONE]\n\n").await?;
        stream.write_all(b"0\r\n\r\n").await?;
    }
}

fn chunk(choice: &str, usage: &str) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1795600000,\"model\":\"gpt-4.1\",\
         \"service_tier\":\"default\",\"system_fingerprint\":null,\"choices\":[{{\"index\":0,{choice},\"logprobs\":null}}],\
         \"usage\":{usage},\"obfuscation\":\"p4dd1ng\"}}\n\n"
    )
}

async fn event(stream: &mut TcpStream, text: &str) -> Result<()> {
    Ok(stream.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes()).await?)
}

/// Reads one request with its body; its content does not matter.
async fn take_request(stream: &mut TcpStream, read: &mut Vec<u8>) -> Result<()> {
    loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            let whole = end + 4 + length.unwrap_or(0);
            while read.len() < whole {
                ensure!(stream.read_buf(read).await? > 0, "half a request");
            }
            read.drain(..whole);
            return Ok(());
        }
        ensure!(stream.read_buf(read).await? > 0, "closed");
    }
}

/// One caller with a connection of its own, which it keeps.
struct Caller {
    stream: TcpStream,
    request: Vec<u8>,
    since: Instant,
}

/// What one stream took, in nanoseconds: to its first piece, of that the question on its way, and each piece on its way.
#[derive(Default)]
struct Measured {
    first: Vec<u64>,
    asked: Vec<u64>,
    ways: Vec<u64>,
}

impl Caller {
    async fn connect(address: &str, path: &str, key: &str, body: &str, since: Instant) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Ok(Self { stream, request: request.into_bytes(), since })
    }

    /// Asks once and reads to the end of the body.
    async fn ask(&mut self, measured: &mut Measured) -> Result<()> {
        let begun = self.since.elapsed().as_nanos() as u64;
        self.stream.write_all(&self.request).await?;
        let (mut seen, mut at, mut pieces) = (Vec::with_capacity(32 << 10), 0, 0);
        loop {
            ensure!(self.stream.read_buf(&mut seen).await? > 0, "closed after {pieces} pieces");
            let now = self.since.elapsed().as_nanos() as u64;
            while let Some((written, asked, end)) = stamp(&seen[at..]) {
                at += end;
                pieces += 1;
                let way = now.saturating_sub(written);
                if pieces == 1 {
                    // Without what the provider itself took to think, which its timers know only to a millisecond.
                    measured.first.push(asked.saturating_sub(begun) + way);
                    measured.asked.push(asked.saturating_sub(begun));
                }
                measured.ways.push(way);
            }
            if seen.ends_with(b"\r\n0\r\n\r\n") {
                break;
            }
        }
        ensure!(seen.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&seen[..seen.len().min(600)]));
        ensure!(pieces == PIECES, "{pieces} pieces");
        Ok(())
    }
}

/// The next `<written:asked>` in a text, and where it ends.
fn stamp(text: &[u8]) -> Option<(u64, u64, usize)> {
    let start = text.iter().position(|byte| *byte == b'<')? + 1;
    let length = text[start..].iter().position(|byte| *byte == b'>')?;
    let (written, asked) = std::str::from_utf8(&text[start..start + length]).ok()?.split_once(':')?;
    Some((written.parse().ok()?, asked.parse().ok()?, start + length + 1))
}

fn percentile(values: &mut [u64], percent: f64) -> f64 {
    values.sort_unstable();
    let index = ((values.len() as f64 - 1.0) * percent / 100.0).round() as usize;
    values[index] as f64 / 1e6
}

const MODEL: &str = "[[models]]\nid = \"m\"\nmodality = \"chat\"\nprovider = \"openai\"\nupstream = \"gpt-4.1\"\n\
    default_max_output = 1000\n[models.prices]\ninput_tokens = 1\noutput_tokens = 10\n";

fn studio(binary: &str, speaker: &Speaker, streams: usize) -> Result<Studio> {
    let setup = Setup::of(binary)
        .config(MODEL)
        .variable("OPENAI_API_KEY", "sk-any")
        .variable("OPENAI_BASE_URL", &format!("http://{}/v1", speaker.address))
        .variable("STUDIO_PROVIDERS__OPENAI__CONCURRENCY", &streams.to_string())
        .variable("STUDIO_LIMITS__CHAT", "1000000/min")
        .variable("STUDIO_LOG", "warn");
    Studio::start(setup)
}

/// Has `streams` callers ask `times` each, at moments of their own.
async fn round(
    address: &str,
    path: &str,
    key: &str,
    body: &str,
    since: Instant,
    streams: usize,
    times: usize,
) -> Result<Measured> {
    let mut tasks = JoinSet::new();
    for number in 0..streams {
        let mut caller = Caller::connect(address, path, key, body, since).await?;
        tasks.spawn(async move {
            let mut measured = Measured::default();
            // Spread over the length of one stream, as callers come who don't know of each other.
            tokio::time::sleep(Duration::from_micros((number as u64 * 340_000) / streams as u64)).await;
            for _ in 0..times {
                caller.ask(&mut measured).await?;
            }
            anyhow::Ok(measured)
        });
    }
    let mut all = Measured::default();
    while let Some(one) = tasks.join_next().await {
        let one = one??;
        all.first.extend(one.first);
        all.asked.extend(one.asked);
        all.ways.extend(one.ways);
    }
    Ok(all)
}

async fn speed(binary: &str, streams: usize, rounds: usize) -> Result<()> {
    let since = Instant::now();
    let speaker = Speaker::start(since, Duration::from_millis(5))?;
    let studio = studio(binary, &speaker, streams * 2)?;
    let address = studio.address().trim_start_matches("http://").to_owned();
    let message = json!([{ "role": "user", "content": "hello" }]);
    let straight = json!({ "model": "gpt-4.1", "messages": message, "stream": true }).to_string();
    let through = json!({ "modelId": "m", "messages": message, "stream": true }).to_string();
    let (mut direct, mut via) = (Measured::default(), Measured::default());
    // Warms both.
    round(&speaker.address, "/v1/chat/completions", "any", &straight, since, streams, 1).await?;
    round(&address, "/api/v1/chat", studio.key(), &through, since, streams, 1).await?;
    for _ in 0..rounds {
        let one = round(&speaker.address, "/v1/chat/completions", "any", &straight, since, streams, 4).await?;
        direct.first.extend(one.first);
        direct.asked.extend(one.asked);
        direct.ways.extend(one.ways);
        let one = round(&address, "/api/v1/chat", studio.key(), &through, since, streams, 4).await?;
        via.first.extend(one.first);
        via.asked.extend(one.asked);
        via.ways.extend(one.ways);
    }
    println!(
        "{streams} streams at once, {PIECES} pieces each, 5 ms apart; {} streams measured each way; ms",
        via.first.len()
    );
    println!("{:32} {:>8} {:>8} {:>8}", "", "p50", "p90", "p99");
    for (what, direct, via) in [
        ("to the first piece, less the provider's own time", &mut direct.first, &mut via.first),
        ("of that the question on its way", &mut direct.asked, &mut via.asked),
        ("a piece on its way", &mut direct.ways, &mut via.ways),
    ] {
        let row = |values: &mut Vec<u64>| [50.0, 90.0, 99.0].map(|percent| percentile(values, percent));
        let (direct, via) = (row(direct), row(via));
        println!("{what}");
        println!("{:32} {:8.3} {:8.3} {:8.3}", "  straight from the provider", direct[0], direct[1], direct[2]);
        println!("{:32} {:8.3} {:8.3} {:8.3}", "  through the studio", via[0], via[1], via[2]);
        println!("{:32} {:8.3} {:8.3} {:8.3}", "  added", via[0] - direct[0], via[1] - direct[1], via[2] - direct[2]);
    }
    let verified = studio.verify()?;
    println!("ledger: sum {}, violations {}", verified["sum"], verified["violations"]);
    Ok(())
}

async fn many(binary: &str, streams: usize) -> Result<()> {
    let since = Instant::now();
    let speaker = Speaker::start(since, Duration::from_millis(100))?;
    let studio = studio(binary, &speaker, streams)?;
    let address = studio.address().trim_start_matches("http://").to_owned();
    let pid = studio.pid().context("not running")?;
    let resident = move || -> u64 {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok())
            .unwrap_or(0)
    };
    let idle = resident();
    let body =
        json!({ "modelId": "m", "messages": [{ "role": "user", "content": "hello" }], "stream": true }).to_string();
    let errors = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..streams {
        let mut caller = Caller::connect(&address, "/api/v1/chat", studio.key(), &body, since).await?;
        let errors = errors.clone();
        tasks.spawn(async move {
            let mut measured = Measured::default();
            if let Err(error) = caller.ask(&mut measured).await
                && errors.fetch_add(1, Ordering::Relaxed) == 0
            {
                println!("{error}");
            }
            measured
        });
    }
    let watched = std::thread::spawn(move || {
        let mut most = 0;
        // Until it has ended.
        while resident() > 0 {
            most = resident().max(most);
            std::thread::sleep(Duration::from_millis(50));
        }
        most
    });
    let mut all = Measured::default();
    let begun = Instant::now();
    let mut peak = 0;
    while let Some(one) = tasks.join_next().await {
        let one = one?;
        peak = resident().max(peak);
        all.first.extend(one.first);
        all.asked.extend(one.asked);
        all.ways.extend(one.ways);
    }
    let took = begun.elapsed();
    let verified = studio.verify()?;
    drop(studio);
    let peak = watched.join().map_or(peak, |most| most.max(peak));
    println!(
        "{streams} streams at once, {PIECES} pieces each, 100 ms apart: {:.1} s, errors {}",
        took.as_secs_f64(),
        errors.load(Ordering::Relaxed)
    );
    println!("memory: {idle} KiB idle, {peak} KiB at most: {:.1} KiB a stream", (peak - idle) as f64 / streams as f64);
    println!(
        "first piece, less the provider's own time (all asked at the same moment) p50 {:.1} ms, p99 {:.1} ms",
        percentile(&mut all.first, 50.0),
        percentile(&mut all.first, 99.0)
    );
    println!(
        "a piece on its way p50 {:.2} ms, p99 {:.2} ms",
        percentile(&mut all.ways, 50.0),
        percentile(&mut all.ways, 99.0)
    );
    println!(
        "ledger: sum {}, violations {}, open holds {}",
        verified["sum"], verified["violations"], verified["openHolds"]
    );
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let binary =
        arguments.first().context("usage: streams <studio binary> speed|many|cuts [streams] [rounds or seed]")?;
    // A studio is started in a folder of its own.
    let binary = &fs::canonicalize(binary)?.to_string_lossy().into_owned();
    let number = |place: usize, usual: usize| arguments.get(place).map_or(Ok(usual), |text| text.parse());
    match arguments.get(1).map(String::as_str) {
        Some("speed") => speed(binary, number(2, 50)?, number(3, 5)?).await,
        Some("many") => many(binary, number(2, 1000)?).await,
        Some("cuts") => {
            let (streams, seed) = (number(2, 300)?, number(3, 1)?);
            let report = studio_testkit::cuts::cut_at_random(Setup::of(binary), streams, seed as u64).await?;
            println!("{} streams cut at random (seed {seed}): all agree with what the provider sent", report.streams);
            println!("cuts {:?}", report.cuts);
            println!("ends {:?}", report.ends);
            println!(
                "resumes {}, gaps 0, repeats 0; bytes read and lost with a crash: {}",
                report.resumes, report.lost_bytes
            );
            println!("ledger: sum 0, violations 0");
            Ok(())
        }
        _ => anyhow::bail!("speed, many or cuts?"),
    }
}
