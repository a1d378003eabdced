//! One user fills a queue, and another comes with one job: how many of the first one's are begun before it.

use crate::{
    cog_worker::{Behaviour, CogWorker},
    studio::{Setup, Studio},
};
use anyhow::{Context, Result, ensure};
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::task::JoinSet;

const IMAGE: &str = "/api/v1/generate/image";
const CALLERS: usize = 48;

/// Has one user ask for `many` pictures at a provider that makes one at a time, then another for one. How many were begun since that
/// one was accepted, and before it.
pub async fn begun_before_another(setup: Setup, many: usize) -> Result<usize> {
    let worker = CogWorker::start(Behaviour::Async)?;
    // It has taken one, and keeps its answer back until everybody has asked.
    worker.hold();
    let config = format!(
        "[providers.lab]\nkind = \"cog\"\nbase_url = \"{}\"\npolled = true\nconcurrency = 1\n\
         [[models]]\nid = \"lab\"\nmodality = \"image\"\nprovider = \"lab\"\n",
        worker.base_url()
    );
    let setup = setup.config(&config).variable("STUDIO_LOG", "warn");
    let studio = Arc::new(Studio::start(setup.variable("STUDIO_LIMITS__GENERATION", "10000000/min"))?);
    let other = studio.make_key("other@example.com", &[])?;
    let (next, mut callers) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
    for _ in 0..CALLERS {
        let (studio, next) = (studio.clone(), next.clone());
        callers.spawn(async move {
            while next.fetch_add(1, Ordering::Relaxed) < many {
                submit(&studio, studio.key()).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller??;
    }
    worker.wait_for_predictions(1);
    let theirs = submit(&studio, &other).await?;
    let begun = worker.submissions().len();
    worker.release();
    let place = loop {
        let place = worker.submissions().iter().position(|attempt| attempt.starts_with(&theirs));
        match place {
            Some(place) => break place,
            None => tokio::task::yield_now().await,
        }
    };
    Ok(place.saturating_sub(begun))
}

async fn submit(studio: &Studio, key: &str) -> Result<String> {
    let request = studio.request_as(key, Method::POST, IMAGE).header("Prefer", "wait=0");
    let reply = Studio::send(request.json(&json!({ "prompt": "a tree", "modelId": "lab" }))).await?;
    ensure!(reply.status == StatusCode::ACCEPTED, "{:?}", reply.json());
    Ok(reply.json()["jobId"].as_str().context("no job")?.to_owned())
}
