//! People who look again and again whether their pictures are there, while others have pictures made: at a fixed rate, whatever
//! the answers take, so that a server that falls behind is seen to.

use crate::studio::{Setup, Studio};
use anyhow::{Context, Result, ensure};
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

const IMAGE: &str = "/api/v1/generate/image";
/// Callers who have pictures made meanwhile, one after the other.
const MAKERS: usize = 4;
/// Jobs that are asked after.
const JOBS: usize = 100;

/// What came of it.
#[derive(Debug)]
pub struct Polled {
    /// Answers that were not 200, by what they were.
    pub errors: BTreeMap<String, u64>,
    /// How long each question took, from when it was due to its answer, sorted.
    pub took: Vec<Duration>,
    /// Pictures that were made meanwhile.
    pub made: u64,
    /// How long all of it took.
    pub lasted: Duration,
}

impl Polled {
    /// That much of a hundred took no longer.
    pub fn percentile(&self, of_hundred: f64) -> Duration {
        let at = (self.took.len() as f64 * of_hundred / 100.0).ceil() as usize;
        self.took.get(at.saturating_sub(1)).copied().unwrap_or_default()
    }
}

/// Asks after jobs `rate` times a second for so long, while pictures are made.
pub async fn poll(setup: Setup, rate: u32, lasting: Duration) -> Result<Polled> {
    let setup = setup.variable("STUDIO_LOG", "warn").variable("STUDIO_LIMITS__STATUS", "10000000/min");
    let studio = Arc::new(Studio::start(setup)?);
    let mut jobs = Vec::new();
    for number in 0..JOBS {
        jobs.push(make(&studio, number).await?);
    }
    let done = Arc::new(AtomicBool::new(false));
    let mut makers = JoinSet::new();
    for _ in 0..MAKERS {
        let (studio, done) = (studio.clone(), done.clone());
        makers.spawn(async move {
            let mut made = 0;
            while !done.load(Ordering::Relaxed) {
                make(&studio, made).await?;
                made += 1;
            }
            anyhow::Ok(made as u64)
        });
    }
    let begun = Instant::now();
    let (mut questions, mut took, mut errors) = (JoinSet::new(), Vec::new(), BTreeMap::new());
    let mut note = |(result, duration): (Result<(), String>, Duration)| {
        took.push(duration);
        if let Err(error) = result {
            *errors.entry(error).or_insert(0) += 1;
        }
    };
    let all = u64::from(rate) * lasting.as_secs();
    for number in 0..all {
        let due = begun + Duration::from_secs_f64(number as f64 / f64::from(rate));
        tokio::time::sleep_until(due.into()).await;
        let job = &jobs[usize::try_from(number)? % jobs.len()];
        let request = studio.request(Method::GET, &format!("/api/v1/jobs/{job}"));
        questions.spawn(async move {
            let result = match Studio::send(request).await {
                Ok(reply) if reply.status == StatusCode::OK => Ok(()),
                Ok(reply) => Err(reply.status.to_string()),
                Err(error) => Err(error.to_string()),
            };
            (result, due.elapsed())
        });
        while let Some(answered) = questions.try_join_next() {
            note(answered?);
        }
    }
    while let Some(answered) = questions.join_next().await {
        note(answered?);
    }
    let lasted = begun.elapsed();
    done.store(true, Ordering::Relaxed);
    let mut made = 0;
    while let Some(maker) = makers.join_next().await {
        made += maker??;
    }
    took.sort_unstable();
    Ok(Polled { errors, took, made, lasted })
}

async fn make(studio: &Studio, number: usize) -> Result<String> {
    let body =
        json!({ "prompt": format!("a tree, number {number}"), "width": 128, "height": 128, "quality": "standard" });
    let reply = Studio::send(studio.request(Method::POST, IMAGE).json(&body)).await?;
    ensure!(reply.status == StatusCode::OK, "{:?}", reply.json());
    Ok(reply.json()["jobId"].as_str().context("no job")?.to_owned())
}
