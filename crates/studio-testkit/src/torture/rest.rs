//! How all comes to rest: nobody asks for more and nothing is kept back, so every job must come to its end by itself, but those
//! that nobody can ask after. Of these a person says what became of them, from the providers' own books.

use super::{
    chats::bill_of,
    town::{Town, price},
};
use crate::{
    studio::{Reply, Studio},
    torture::books::Kind,
};
use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// How long nothing may move before what is not over is called stuck. Work that found its provider away tries again for
/// longer than a minute.
const PATIENCE: Duration = Duration::from_secs(150);
const LOOK: Duration = Duration::from_millis(100);
/// What is not over.
const OPEN: [&str; 5] = ["queued", "submitting", "running", "collecting", "unknown"];

/// How things stand at the end.
pub(super) struct Rest {
    /// Every job, and whose it is.
    pub(super) jobs: Vec<(usize, Value)>,
    /// What a person said of a job, in nano-USD.
    pub(super) resolved: BTreeMap<String, u64>,
    /// Those that do not end.
    pub(super) stuck: Vec<String>,
}

/// Waits until all is over.
pub(super) async fn come_to_rest(town: &Town, studio: &Studio) -> Result<Rest> {
    let mut resolved = BTreeMap::new();
    let (mut before, mut moved_at) = (Vec::new(), Instant::now());
    let stuck = loop {
        let mut open = Vec::new();
        for who in 0..town.people.len() {
            for status in OPEN {
                open.extend(list(town, studio, who, &format!("&status={status}")).await?);
            }
        }
        if open.is_empty() {
            break Vec::new();
        }
        for (_, job) in open.iter().filter(|(_, job)| job["status"] == "unknown") {
            resolve(town, studio, job, &mut resolved)?;
        }
        let now: Vec<_> = open.iter().map(|(_, job)| (job["id"].clone(), job["version"].clone())).collect();
        if now != before {
            (before, moved_at) = (now, Instant::now());
        } else if moved_at.elapsed() > PATIENCE {
            break open.iter().map(|(_, job)| job.to_string()).collect();
        }
        tokio::time::sleep(LOOK).await;
    };
    let mut jobs = Vec::new();
    for who in 0..town.people.len() {
        jobs.extend(list(town, studio, who, "").await?);
    }
    Ok(Rest { jobs, resolved, stuck })
}

/// All jobs of one who asks.
async fn list(town: &Town, studio: &Studio, who: usize, filter: &str) -> Result<Vec<(usize, Value)>> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = get(town, studio, who, &format!("/api/v1/jobs?limit=100{filter}{cursor}")).await?.json();
        let items = page["items"].as_array().with_context(|| format!("no list of jobs: {page}"))?;
        found.extend(items.iter().map(|job| (who, job.clone())));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(found),
        }
    }
}

/// What one who asks finds at a path.
pub(super) async fn get(town: &Town, studio: &Studio, who: usize, path: &str) -> Result<Reply> {
    Studio::send(studio.request_as(&town.people[who].key, Method::GET, path)).await
}

/// Says what became of a job that is unknown, if nobody can be asked.
fn resolve(town: &Town, studio: &Studio, job: &Value, resolved: &mut BTreeMap<String, u64>) -> Result<()> {
    let id = job["id"].as_str().context("no id")?;
    let attempt = format!("{id}-{}", job["attempt"]);
    // The studio asks after it by itself, and learns it.
    if job["provider"] == "lab" && town.lab.knows(&attempt) {
        return Ok(());
    }
    let charge = charge(town, job, &attempt);
    let amount = format!("{}.{:09}", charge.unwrap_or(0) / 1_000_000_000, charge.unwrap_or(0) % 1_000_000_000);
    let said = match charge {
        Some(_) => vec!["job", "resolve", id, "--charged", &amount],
        None => vec!["job", "resolve", id, "--not-landed"],
    };
    let output = studio.run(&said)?;
    // A moment ago it may have been found by others.
    if output.status.success() {
        ensure!(resolved.insert(id.to_owned(), charge.unwrap_or(0)).is_none(), "job {id} was resolved twice");
    }
    Ok(())
}

/// What an attempt's provider sends a bill for, in nano-USD; nothing if it never had it.
pub(super) fn charge(town: &Town, job: &Value, attempt: &str) -> Option<u64> {
    let pictures = |kind| move |count: u64| count * price(kind);
    match (job["modality"].as_str(), job["provider"].as_str()) {
        (_, Some("lab")) => town.lab.bill().get(attempt).copied().map(pictures(Kind::Lab)),
        (_, Some("plain")) => town.plain.bill().get(attempt).copied().map(pictures(Kind::Plain)),
        (Some("image"), Some("openai")) => {
            let landed = town.api.pictures().into_iter().find(|(name, _)| name == attempt);
            landed.map(|(_, count)| count).map(pictures(Kind::Paint))
        }
        (_, Some("openai")) => {
            let chats = town.api.chats();
            chats
                .iter()
                .find(|chat| chat.headers.get("x-client-request-id").is_some_and(|id| id == attempt))
                .map(bill_of)
        }
        _ => None,
    }
}
