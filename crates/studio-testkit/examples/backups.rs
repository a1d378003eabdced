//! Backs a studio up while it is at work, and brings every backup back: `make backups` runs it.
//!
//! `backups <studio binary> [backups] [callers]`: callers ask for pictures and conversations without waiting for them, one request
//! after the other, as fast as they are accepted. A moment without a backup and a backup follow each other, so that what is accepted
//! in the one can be compared with what is accepted in the other although the database grows. Then each backup is restored
//! into a fresh folder, its ledger verified, a studio started on it, and every picture that it has is compared with the live studio's.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a program that prints what it measured")]

use anyhow::{Context, Result, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{
    env,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use studio_testkit::studio::{Setup, Studio};
use tokio::{process::Command, task::JoinSet};

/// How long is measured between two backups.
const CALM: Duration = Duration::from_millis(500);
/// How long there is load before anything is measured.
const WARM_UP: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let binary = arguments.next().context("backups <studio binary> [backups] [callers]")?;
    let backups = arguments.next().map_or(Ok(20), |text| text.parse())?;
    let callers = arguments.next().map_or(Ok(8), |text| text.parse())?;
    let binary = std::path::absolute(binary)?;
    let setup = Setup::of(binary.to_str().context("the binary's path")?).endless_queues();
    let live = Arc::new(Studio::start(setup.clone())?);
    let place = tempfile::tempdir()?;
    let made = under_load(&live, &binary, place.path(), backups, callers).await?;
    let figures = Figures::of(&made);
    for (n, backup) in made.iter().enumerate() {
        println!(
            "backup {n:>2}: {:>6.0} ms, {:>6} jobs, {:>5} blobs, {:>6.1} MB; accepted a second: {:>5.0} before, {:>5.0} during",
            backup.took.as_secs_f64() * 1000.0,
            backup.told["jobs"],
            backup.told["blobs"],
            backup.told["bytes"].as_f64().unwrap_or(0.0) / 1e6,
            backup.calm,
            backup.during
        );
    }
    let (mut restored, mut verified, mut pictures) = (0, 0, 0);
    let mut slowest = Duration::ZERO;
    for backup in &made {
        let mut studio = Studio::unstarted(setup.clone(), live.key())?;
        let began = Instant::now();
        let told = studio.run_json(&["restore", backup.folder.to_str().context("a path")?])?;
        slowest = slowest.max(began.elapsed());
        restored += u32::from(told["restored"] == true && told["jobs"] == backup.told["jobs"]);
        let audit = studio.verify()?;
        let clean = audit["sum"] == "0" && audit["violations"] == json!([]);
        studio.launch()?;
        let (same, all) = compare(&live, &studio).await?;
        pictures += same;
        let blobs = backup.told["blobs"].as_u64().unwrap_or(u64::MAX);
        // Each picture has a seed of its own, so there are as many blobs as pictures.
        ensure!(all && same == blobs, "{same} of {blobs} pictures are as they were");
        verified += u32::from(clean);
        studio.kill()?;
    }
    println!(
        "restored {restored} and verified {verified} of {backups}; {pictures} pictures compared; slowest restore {slowest:.1?}"
    );
    println!(
        "{}",
        json!({
            "backups": made.len(),
            "restored": restored,
            "verified": verified,
            "pictures": pictures,
            "jobs": made.last().map(|last| last.told["jobs"].clone()),
            "backupMsMedian": figures.median_ms,
            "backupMsMost": figures.most_ms,
            "acceptedPerSecond": figures.calm,
            "acceptedPerSecondDuring": figures.during,
            "ratio": figures.during / figures.calm,
        })
    );
    ensure!(restored == backups && verified == backups, "not every backup is good");
    Ok(())
}

/// A backup that was made, and what was accepted meanwhile.
struct Made {
    folder: PathBuf,
    told: Value,
    took: Duration,
    /// Jobs accepted a second before it.
    calm: f64,
    /// Jobs accepted a second while it was made.
    during: f64,
}

async fn under_load(live: &Arc<Studio>, binary: &Path, place: &Path, backups: u32, callers: u64) -> Result<Vec<Made>> {
    let (accepted, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let mut load = JoinSet::new();
    for caller in 0..callers {
        load.spawn(call(live.clone(), caller, callers, accepted.clone(), stop.clone()));
    }
    tokio::time::sleep(WARM_UP).await;
    let mut made = Vec::new();
    for n in 0..backups {
        let rate = |since: Instant, before: u64| {
            (accepted.load(Ordering::Relaxed) - before) as f64 / since.elapsed().as_secs_f64()
        };
        let (since, before) = (Instant::now(), accepted.load(Ordering::Relaxed));
        tokio::time::sleep(CALM).await;
        let calm = rate(since, before);
        let folder = place.join(n.to_string());
        let (since, before) = (Instant::now(), accepted.load(Ordering::Relaxed));
        let mut backup = Command::new(binary);
        let backup = backup.env_clear().args(["backup", "--json", "--data"]).arg(live.data()).arg(&folder);
        let output = backup.output().await?;
        let (took, during) = (since.elapsed(), rate(since, before));
        ensure!(output.status.success(), "backup {n}: {}", String::from_utf8_lossy(&output.stderr));
        made.push(Made { folder, told: serde_json::from_slice(&output.stdout)?, took, calm, during });
    }
    stop.store(true, Ordering::Relaxed);
    for result in load.join_all().await {
        result?;
    }
    Ok(made)
}

/// Asks for pictures, each another, and for conversations, in turns.
async fn call(
    live: Arc<Studio>,
    caller: u64,
    callers: u64,
    accepted: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
) -> Result<()> {
    let mut seed = caller;
    while !stop.load(Ordering::Relaxed) {
        seed += callers;
        let picture = json!({ "prompt": "a hill", "width": 64, "height": 64, "quality": "standard", "seed": seed });
        let chat = json!({ "messages": [{ "role": "user", "content": "How do I set a budget?" }] });
        for (path, body) in [("/api/v1/generate/image", &picture), ("/api/v1/chat", &chat)] {
            let request = live.request(Method::POST, path).header("Prefer", "wait=0").json(body);
            let reply = Studio::send(request).await?;
            ensure!(reply.status == StatusCode::ACCEPTED, "{}: {}", reply.status, reply.json());
            accepted.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}

/// How many pictures both studios have, and whether all of them are the same. Those that were queued in a snapshot are made anew under
/// other names, and are not counted.
async fn compare(live: &Studio, restored: &Studio) -> Result<(u64, bool)> {
    let (mut both, mut same, mut cursor) = (0, true, String::new());
    loop {
        let path = format!("/api/v1/jobs?limit=100&status=succeeded&modality=image{cursor}");
        let page = restored.get(&path).await?.json();
        for output in
            page["items"].as_array().context("jobs")?.iter().flat_map(|job| job["outputs"].as_array()).flatten()
        {
            let url = output["url"].as_str().context("a picture's address")?;
            let there = live.get(url).await?;
            if there.status == StatusCode::OK {
                both += 1;
                same &= restored.get(url).await?.body == there.body;
            }
        }
        let Some(next) = page["nextCursor"].as_str() else { return Ok((both, same)) };
        cursor = format!("&cursor={next}");
    }
}

/// Figures over all backups.
struct Figures {
    median_ms: u128,
    most_ms: u128,
    calm: f64,
    during: f64,
}

impl Figures {
    fn of(made: &[Made]) -> Self {
        let mut times: Vec<_> = made.iter().map(|backup| backup.took.as_millis()).collect();
        times.sort_unstable();
        // Each second counts alike, so that a long backup weighs more than a short one.
        let seconds: f64 = made.iter().map(|backup| backup.took.as_secs_f64()).sum();
        Self {
            median_ms: times.get(times.len() / 2).copied().unwrap_or(0),
            most_ms: times.last().copied().unwrap_or(0),
            calm: made.iter().map(|backup| backup.calm).sum::<f64>() / made.len() as f64,
            during: made.iter().map(|backup| backup.during * backup.took.as_secs_f64()).sum::<f64>() / seconds,
        }
    }
}
