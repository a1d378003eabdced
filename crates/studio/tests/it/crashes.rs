//! kill -9, of the server and of its worker: everything accepted comes to exactly one end.

use crate::{IMAGE, PRICED, setup, small, studio, submit};
use reqwest::StatusCode;
use serde_json::{Value, json};
use studio_testkit::studio::{Studio, children_of, is_running, kill_process};

/// A picture that takes a while, so that a kill finds it in the middle.
fn large(n: u32) -> Value {
    json!({ "prompt": format!("a storm over the sea, number {n}"), "width": 1536, "height": 1536, "seed": n })
}

pub(crate) fn worker_of(studio: &Studio) -> u32 {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let children = children_of(studio.pid().unwrap());
        if let Some((pid, _)) = children.iter().find(|(_, command)| command.contains("worker sketch")) {
            return *pid;
        }
        assert!(std::time::Instant::now() < deadline, "no worker came");
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn a_killed_server_comes_back_and_every_job_reaches_one_end() {
    let mut studio = Studio::start(setup().config(PRICED)).unwrap();
    let mut jobs = Vec::new();
    for n in 0..20 {
        jobs.push(submit(&studio, &large(n)).await);
    }
    let worker = worker_of(&studio);
    studio.kill().unwrap();
    // What was answered with 202 is there, whatever was being done.
    let verified = studio.verify().unwrap();
    assert_eq!((&verified["jobs"], &verified["sum"], &verified["violations"]), (&json!(20), &json!("0"), &json!([])));
    studio.launch().unwrap();
    for job in &jobs {
        let end = studio.end_of(job).await.unwrap();
        assert_eq!((&end["status"], &end["cost"]["amount"]), (&json!("succeeded"), &json!("0.002")), "{end}");
    }
    assert!(!is_running(worker), "the worker of the killed server is gone");
    let verified = studio.verify().unwrap();
    assert_eq!(
        (&verified["sum"], &verified["openHolds"], &verified["violations"]),
        (&json!("0"), &json!(0), &json!([]))
    );
    let usage = studio.get("/api/v1/usage").await.unwrap().json();
    assert_eq!((&usage["total"]["cost"]["amount"], &usage["items"][0]["succeeded"]), (&json!("0.04"), &json!(20)));
}

#[tokio::test]
async fn a_killed_worker_is_started_again_and_its_job_with_it() {
    let studio = studio();
    let job = submit(&studio, &large(1)).await;
    kill_process(worker_of(&studio)).unwrap();
    let end = studio.end_of(&job).await.unwrap();
    assert_eq!(end["status"], "succeeded", "{end}");
    assert!(end["attempt"].as_u64().unwrap() >= 2, "{end}");
    assert_eq!(studio.get("/api/v1/health/ready").await.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn a_job_that_keeps_losing_its_worker_fails_by_rule_and_costs_nothing() {
    let studio = Studio::start(setup().config(PRICED)).unwrap();
    let mut body = large(1);
    body["numImages"] = json!(4);
    let job = submit(&studio, &body).await;
    let path = format!("/api/v1/jobs/{job}");
    while studio.get(&path).await.unwrap().json()["job"]["endedAt"].is_null() {
        for (worker, _) in children_of(studio.pid().unwrap()) {
            // It may be gone already.
            drop(kill_process(worker));
        }
    }
    let end = studio.end_of(&job).await.unwrap();
    assert_eq!(end["status"], "failed", "{end}");
    // Killed while it drew, or before it had begun to listen.
    assert!(["worker_died", "provider_unavailable"].contains(&end["error"]["code"].as_str().unwrap()), "{end}");
    assert_eq!(end["cost"]["amount"], "0");
    // Others are not held against it: the next job gets a worker, after a pause at most.
    assert_eq!(studio.post(IMAGE, &small("calm")).await.unwrap().status, StatusCode::OK);
    assert_eq!(studio.verify().unwrap()["violations"], json!([]));
}

#[tokio::test]
async fn ctrl_c_lets_running_work_end_and_stops_the_worker() {
    let mut studio = studio();
    let job = submit(&studio, &large(1)).await;
    let worker = worker_of(&studio);
    assert!(studio.stop().unwrap().success());
    assert!(!is_running(worker));
    studio.launch().unwrap();
    let end = studio.end_of(&job).await.unwrap();
    assert_eq!(
        (&end["status"], &end["attempt"]),
        (&json!("succeeded"), &json!(1)),
        "it ended before the server did: {end}"
    );
}
