//! The same request twice is one job and one charge.

use crate::{IMAGE, PRICED, seeded, setup, small, studio};
use reqwest::{Method, StatusCode};
use serde_json::json;
use studio_testkit::{
    cog_worker::{Behaviour, CogWorker},
    studio::{Reply, Studio},
};
use tokio::task::JoinSet;

async fn post(studio: &Studio, key: &str, body: &serde_json::Value) -> Reply {
    let request = studio.request(Method::POST, IMAGE).header("Idempotency-Key", key).json(body);
    Studio::send(request).await.unwrap()
}

#[tokio::test]
async fn f17_a_repeat_finds_the_first_ones_job_and_is_charged_once() {
    let studio = Studio::start(setup().config(PRICED)).unwrap();
    let first = post(&studio, "order-1", &small("a cat")).await;
    // Fields in another order are the same request.
    let again =
        post(&studio, "order-1", &json!({ "quality": "standard", "height": 64, "prompt": "a cat", "width": 64 })).await;
    assert_eq!((first.status, again.status), (StatusCode::OK, StatusCode::OK));
    assert_eq!(first.json(), again.json());
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    let other = post(&studio, "order-1", &small("a dog")).await;
    assert_eq!((other.status.as_u16(), &other.json()["error"]), (422, &json!("idempotency_key_reused")));
    let usage = studio.get("/api/v1/usage").await.unwrap().json();
    assert_eq!((&usage["total"]["jobs"], &usage["total"]["cost"]["amount"]), (&json!(1), &json!("0.002")));
    // Another user's same key is another key.
    let theirs = studio.make_key("other@example.com", &[]).unwrap();
    let request =
        studio.request_as(&theirs, Method::POST, IMAGE).header("Idempotency-Key", "order-1").json(&small("a dog"));
    let theirs = Studio::send(request).await.unwrap();
    assert_eq!((theirs.status, theirs.header("idempotent-replayed")), (StatusCode::OK, ""));
}

#[tokio::test]
async fn two_hundred_at_once_are_one_job_and_one_call_against_the_limit() {
    let studio = Studio::start(setup().variable("STUDIO_LIMITS__GENERATION", "1/h")).unwrap();
    let mut posts = JoinSet::new();
    for _ in 0..200 {
        let request = studio.request(Method::POST, IMAGE).header("Idempotency-Key", "once").json(&seeded("a storm", 1));
        posts.spawn(async move { Studio::send(request).await.unwrap() });
    }
    let replies = posts.join_all().await;
    let mut jobs: Vec<_> =
        replies.iter().map(|reply| reply.json()["jobId"].as_str().unwrap_or("none").to_owned()).collect();
    jobs.sort();
    jobs.dedup();
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    assert!(replies.iter().all(|reply| reply.status == StatusCode::OK));
    let replayed = replies.iter().filter(|reply| reply.header("idempotent-replayed") == "true").count();
    assert_eq!(replayed, 199);
    assert_eq!(studio.verify().unwrap()["jobs"], 1);
}

#[tokio::test]
async fn a_repeat_of_what_failed_says_that_it_is_one() {
    let worker = CogWorker::start(Behaviour::FailedPrediction("no".into())).unwrap();
    let config = format!(
        "[providers.lab]\nkind = \"cog\"\nbase_url = \"{}\"\n\
         [[models]]\nid = \"lab\"\nmodality = \"image\"\nprovider = \"lab\"\n",
        worker.base_url()
    );
    let studio = Studio::start(setup().config(&config)).unwrap();
    let body = json!({ "prompt": "x", "modelId": "lab" });
    let (first, again) = (post(&studio, "k", &body).await, post(&studio, "k", &body).await);
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (502, 502));
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
    assert_eq!(worker.requests(), 1);
}

#[tokio::test]
async fn a_refusal_is_not_remembered() {
    let studio = studio();
    assert_eq!(post(&studio, "k", &json!({ "prompt": "" })).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(post(&studio, "k", &small("now it is right")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_repeat_after_a_restart_finds_the_job_too() {
    let mut studio = studio();
    let first = post(&studio, "k", &small("a tree")).await.json();
    studio.kill().unwrap();
    studio.launch().unwrap();
    let again = post(&studio, "k", &small("a tree")).await;
    assert_eq!((again.json()["jobId"].clone(), again.header("idempotent-replayed")), (first["jobId"].clone(), "true"));
}
