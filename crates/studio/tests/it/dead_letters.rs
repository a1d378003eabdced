//! What failed for no fault of its request: seen by whoever runs the studio, until it is done again.

use crate::{
    IMAGE,
    jobs::{lab, with_worker},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use studio_testkit::{
    cog_worker::{Behaviour, CogWorker},
    studio::Studio,
};

async fn dead_letters(studio: &Studio, query: &str) -> Vec<Value> {
    studio.get(&format!("/api/v1/dead-letters{query}")).await.unwrap().json()["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn what_failed_for_no_fault_of_its_own_is_listed_until_it_is_done_again() {
    let worker = CogWorker::start(Behaviour::NotReady503).unwrap();
    let studio = with_worker(&worker);
    let app = studio.make_key("app@example.com", &[]).unwrap();
    let post = || Studio::send(studio.request_as(&app, Method::POST, IMAGE).json(&lab()));
    let failed = post().await.unwrap().json();
    assert_eq!(failed["details"]["reason"], "provider_unavailable", "{failed}");
    worker.set(Behaviour::Rejects422);
    assert_eq!(post().await.unwrap().json()["details"]["reason"], "rejected_by_provider");
    let [letter] = &dead_letters(&studio, "").await[..] else {
        panic!("one, and not what was refused for what it asked")
    };
    let id = failed["details"]["jobId"].as_str().unwrap();
    assert_eq!(
        (&letter["jobId"], &letter["error"]["code"], &letter["attempt"]),
        (&json!(id), &json!("provider_unavailable"), &json!(3))
    );
    assert!(!letter.to_string().contains("a slow picture"), "nothing of what was asked: {letter}");
    assert_eq!(dead_letters(&studio, &format!("?cursor={id}")).await, Vec::<Value>::new());
    worker.set(Behaviour::Normal);
    let again = Studio::send(studio.request_as(&app, Method::POST, &format!("/api/v1/jobs/{id}/retry"))).await.unwrap();
    assert_eq!(again.status, StatusCode::ACCEPTED);
    assert_eq!(dead_letters(&studio, "").await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_job_whose_provider_is_gone_says_so() {
    let worker = CogWorker::start(Behaviour::Async).unwrap();
    let mut studio = with_worker(&worker);
    worker.hold();
    let mut jobs = Vec::new();
    for _ in 0..2 {
        jobs.push(crate::jobs::submit(&studio, &lab()).await);
    }
    worker.wait_for_predictions(1);
    studio.kill().unwrap();
    studio.configure("").unwrap();
    studio.launch().unwrap();
    let end = studio.end_of(&jobs[1]).await.unwrap();
    assert_eq!((&end["status"], &end["error"]["code"]), (&json!("failed"), &json!("provider_not_configured")));
    let listed = dead_letters(&studio, "").await;
    assert_eq!(listed.iter().map(|letter| letter["jobId"].clone()).collect::<Vec<_>>(), [json!(jobs[1])]);
}
