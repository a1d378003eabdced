//! How long a killed studio takes from its start until it is ready, with many jobs in its store:
//! `restart <studio binary> [jobs] [of these at work]`. Those at work are at a provider that can be asked, which keeps its answers
//! back; the others are canceled in part, and wait.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "this is a program for people")]

use anyhow::{Context, Result, ensure};
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::{
    env, fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};
use studio_testkit::{
    cog_worker::{Behaviour, CogWorker},
    studio::{Setup, Studio},
};
use tokio::task::JoinSet;

const CALLERS: usize = 96;
const RESTARTS: usize = 7;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let binary = arguments.first().context("usage: restart <studio binary> [jobs] [of these at work]")?;
    let binary = fs::canonicalize(binary)?.to_string_lossy().into_owned();
    let number = |place: usize, usual: usize| arguments.get(place).map_or(Ok(usual), |text| text.parse());
    let (jobs, at_work) = (number(1, 100_000)?, number(2, 200)?);
    let worker = CogWorker::start(Behaviour::Async)?;
    worker.hold();
    let config = format!(
        "[providers.lab]\nkind = \"cog\"\nbase_url = \"{}\"\npolled = true\nconcurrency = {at_work}\n\
         [[models]]\nid = \"lab\"\nmodality = \"image\"\nprovider = \"lab\"\n[models.prices]\nimage = 0.5\n",
        worker.base_url()
    );
    let setup = Setup::of(&binary).endless_queues().config(&config).variable("STUDIO_LOG", "warn");
    let limits = ["GENERATION", "STATUS"].map(|class| format!("STUDIO_LIMITS__{class}"));
    let setup = limits.iter().fold(setup, |setup, name| setup.variable(name, "10000000/min"));
    let studio = Arc::new(Studio::start(setup)?);
    let begun = Instant::now();
    fill(studio.clone(), jobs).await?;
    let mut studio = Arc::into_inner(studio).context("somebody still asks")?;
    println!("{jobs} jobs accepted and a third of them canceled in {:.1} s", begun.elapsed().as_secs_f64());
    let mut times = Vec::new();
    for _ in 0..RESTARTS {
        studio.kill()?;
        let begun = Instant::now();
        studio.launch()?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    let database = fs::metadata(studio.data().join("studio.db"))?.len() >> 20;
    println!(
        "from a start after kill -9 until it is ready, {jobs} jobs, {at_work} of them at work, database {database} MiB: \
         median {:.0} ms, at most {:.0} ms of {RESTARTS}",
        times[RESTARTS / 2],
        times[RESTARTS - 1]
    );
    Ok(())
}

/// Many jobs by the front door; every third is canceled.
async fn fill(studio: Arc<Studio>, jobs: usize) -> Result<()> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (next, studio) = (next.clone(), studio.clone());
        callers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= jobs {
                    return anyhow::Ok(());
                }
                let body = json!({ "prompt": format!("picture {number}"), "modelId": "lab" });
                let request = studio.request(Method::POST, "/api/v1/generate/image").header("Prefer", "wait=0");
                let reply = Studio::send(request.json(&body)).await?;
                ensure!(reply.status == StatusCode::ACCEPTED, "{:?}", reply.json());
                if number % 3 == 0 {
                    let job = reply.json()["jobId"].as_str().context("no job")?.to_owned();
                    Studio::send(studio.request(Method::POST, &format!("/api/v1/jobs/{job}/cancel"))).await?;
                }
            }
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller??;
    }
    Ok(())
}
