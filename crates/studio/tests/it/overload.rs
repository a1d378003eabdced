//! Too much at once: what can't be done soon is refused at once, and whoever asks, cancels or keeps the books is served.

use crate::{
    IMAGE,
    jobs::{lab, with_worker_and},
    submit,
};
use reqwest::{Method, StatusCode};
use serde_json::json;
use studio_testkit::{
    cog_worker::{Behaviour, CogWorker},
    studio::Studio,
};
use tokio::task::JoinSet;

#[tokio::test]
async fn whoever_waits_for_results_leaves_room_for_those_who_ask_and_cancel() {
    let worker = CogWorker::start(Behaviour::Async).unwrap();
    // Six of these eight may stay for long.
    let studio = with_worker_and(&worker, "[limits]\nconnections = 8\n");
    worker.hold();
    let mut waiting = JoinSet::new();
    for _ in 0..6 {
        let request = studio.request(Method::POST, IMAGE).header("Prefer", "wait=60").json(&lab());
        waiting.spawn(async move { Studio::send(request).await.unwrap() });
    }
    let jobs = || async { studio.get("/api/v1/jobs").await.unwrap().json()["items"].as_array().unwrap().clone() };
    while jobs().await.len() < 6 {}
    let refused = studio.post(IMAGE, &lab()).await.unwrap();
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]), (503, &json!("overloaded")));
    assert_eq!(refused.header("retry-after"), "1");
    let all = jobs().await;
    assert_eq!(all.len(), 6, "nothing of it was accepted");
    let follow = format!("/api/v1/jobs/{}/events", all[0]["id"].as_str().unwrap());
    assert_eq!(studio.get(&follow).await.unwrap().status, StatusCode::SERVICE_UNAVAILABLE, "to follow is to stay, too");
    assert_eq!(studio.get("/api/v1/health/ready").await.unwrap().status, StatusCode::OK);
    assert_eq!(studio.get("/api/v1/usage").await.unwrap().json()["total"]["jobs"], 6);
    // Those that only wait in the queue end at once, and their places are free again.
    let canceled = studio.request(Method::POST, &format!("/api/v1/jobs/{}/cancel", all[0]["id"].as_str().unwrap()));
    assert_eq!(Studio::send(canceled).await.unwrap().status, StatusCode::OK);
    let first = waiting.join_next().await.unwrap().unwrap();
    assert_eq!(first.json()["error"], "canceled");
    worker.release();
    let rest = waiting.join_all().await;
    assert!(rest.iter().all(|reply| reply.status == StatusCode::OK), "what was accepted is done");
    assert_eq!(studio.post(IMAGE, &lab()).await.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn a_queue_has_an_end_for_each_user_and_for_all() {
    let worker = CogWorker::start(Behaviour::Async).unwrap();
    let studio = with_worker_and(&worker, "[limits]\nqueued = 5\nqueued_per_user = 3\n");
    worker.hold();
    // One runs, three wait.
    for _ in 0..4 {
        submit(&studio, &lab()).await;
    }
    let full = studio.post(IMAGE, &lab()).await.unwrap();
    let told = full.json();
    assert_eq!(
        (full.status.as_u16(), &told["error"], &told["details"]["whose"]),
        (429, &json!("queue_full"), &json!("user"))
    );
    assert!(!full.header("retry-after").is_empty());
    let key = studio.make_key("other@example.com", &[]).unwrap();
    let theirs = || {
        let request = studio.request_as(&key, Method::POST, IMAGE).header("Prefer", "wait=0").json(&lab());
        async move { Studio::send(request).await.unwrap() }
    };
    for _ in 0..2 {
        assert_eq!(theirs().await.status, StatusCode::ACCEPTED, "another's share is theirs");
    }
    assert_eq!(theirs().await.json()["details"]["whose"], "all");
    assert_eq!(studio.verify().unwrap()["jobs"], 6, "nothing was made of what was refused");
    worker.release();
    let mut status = StatusCode::TOO_MANY_REQUESTS;
    while status == StatusCode::TOO_MANY_REQUESTS {
        status = studio.post(IMAGE, &lab()).await.unwrap().status;
    }
    assert_eq!(status, StatusCode::OK, "once they are done there is room again");
}
