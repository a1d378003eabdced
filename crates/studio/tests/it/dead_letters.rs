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
    // Whoever runs the studio sees how it went, and nothing of what was asked.
    let one = studio.get(&format!("/api/v1/dead-letters/{id}")).await.unwrap().json();
    let attempts = one["attempts"].as_array().unwrap();
    assert_eq!((attempts.len(), &attempts[2]["outcome"]), (3, &json!("provider_unavailable")));
    assert!(!one.to_string().contains("a slow picture"));
    let absent = studio.get("/api/v1/dead-letters/019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b").await.unwrap();
    assert_eq!(absent.status, StatusCode::NOT_FOUND);
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
        jobs.push(crate::submit(&studio, &lab()).await);
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

#[tokio::test]
async fn whoever_runs_the_studio_does_one_again_for_its_owner() {
    let worker = CogWorker::start(Behaviour::NotReady503).unwrap();
    let studio = with_worker(&worker);
    let app = studio.make_key("app@example.com", &["--budget", "0.5"]).unwrap();
    let failed = Studio::send(studio.request_as(&app, Method::POST, IMAGE).json(&lab())).await.unwrap().json();
    let id = failed["details"]["jobId"].as_str().unwrap();
    worker.set(Behaviour::Normal);
    let replay = || Studio::send(studio.request(Method::POST, &format!("/api/v1/dead-letters/{id}/replay")));
    let replayed = replay().await.unwrap();
    assert_eq!(replayed.status, StatusCode::ACCEPTED, "{:?}", replayed.json());
    let new = replayed.json()["job"].clone();
    assert_eq!(new["retryOf"], json!(id));
    let told = studio.get("/api/v1/audit?limit=1").await.unwrap().json()["items"][0].clone();
    assert_eq!((&told["action"], &told["target"]), (&json!("job.replayed"), &json!(format!("job:{id}"))), "{told}");
    let path = format!("/api/v1/jobs/{}", new["jobId"].as_str().unwrap());
    let mut status = json!(null);
    while status != "succeeded" {
        status =
            Studio::send(studio.request_as(&app, Method::GET, &path)).await.unwrap().json()["job"]["status"].clone();
        assert_ne!(status, "failed");
    }
    assert_eq!(studio.get(&path).await.unwrap().status, StatusCode::NOT_FOUND, "it is its owner's, not ours");
    // By the same budget, which is used up now.
    assert_eq!(replay().await.unwrap().status, StatusCode::PAYMENT_REQUIRED);
    assert_eq!(dead_letters(&studio, "").await, Vec::<Value>::new());
}

#[tokio::test]
async fn what_nobody_knows_is_listed_and_settled_by_a_person() {
    // It took the work, and its answer was lost; it can't be asked.
    let worker = CogWorker::start(Behaviour::DiesBeforeReply).unwrap();
    let config = format!(
        "[providers.mute]\nkind = \"cog\"\nbase_url = \"{}\"\n[[models]]\nid = \"mute\"\nmodality = \"image\"\n\
         provider = \"mute\"\n[models.prices]\nimage = 0.5\n",
        worker.base_url()
    );
    let studio = Studio::start(crate::setup().config(&config)).unwrap();
    let lost = studio.post(IMAGE, &json!({ "prompt": "a slow picture", "modelId": "mute" })).await.unwrap();
    assert_eq!((lost.status, &lost.json()["status"]), (StatusCode::ACCEPTED, &json!("unknown")));
    let id = lost.json()["jobId"].as_str().unwrap().to_owned();
    let stuck = studio.get("/api/v1/stuck-jobs").await.unwrap().json();
    let [listed] = &stuck["items"].as_array().unwrap()[..] else { panic!("{stuck}") };
    assert_eq!((&listed["jobId"], &listed["hold"]["amount"]), (&json!(id), &json!("0.5")));
    assert!(
        listed["why"].as_str().unwrap().contains("resolve") && listed["providerRef"] == format!("{id}-1"),
        "{listed}"
    );
    assert!(!stuck.to_string().contains("a slow picture"));
    let shown = studio.run_json(&["job", "stuck"]).unwrap();
    assert_eq!(shown["jobs"][0]["id"], json!(id));
    let say = |verb: &str, body: Value| {
        Studio::send(studio.request(Method::POST, &format!("/api/v1/jobs/{id}/{verb}")).json(&body))
    };
    for (verb, body, field) in [
        ("resolve", json!({}), "charged"),
        ("resolve", json!({ "charged": "1", "notLanded": true }), "charged"),
        ("resolve", json!({ "charged": "much" }), "charged"),
        ("resolve", json!({ "charged": -1 }), "charged"),
        ("adjust", json!({ "reason": "x" }), "providerCharged"),
    ] {
        let refused = say(verb, body.clone()).await.unwrap();
        let fault = refused.json()["details"]["fields"][0]["field"].clone();
        assert_eq!((refused.status.as_u16(), fault), (400, json!(field)), "{verb} {body}");
    }
    let early = say("adjust", json!({ "payerPays": "0", "reason": "x" })).await.unwrap();
    assert_eq!((early.status.as_u16(), &early.json()["error"]), (409, &json!("not_to_settle")));
    let app = studio.make_key("app@example.com", &[]).unwrap();
    let path = format!("/api/v1/jobs/{id}/resolve");
    let not_theirs = studio.request_as(&app, Method::POST, &path).json(&json!({ "notLanded": true }));
    assert_eq!(Studio::send(not_theirs).await.unwrap().status, StatusCode::FORBIDDEN);
    let told = say("resolve", json!({ "charged": "0.25", "reason": "seen on the dashboard" })).await.unwrap();
    assert_eq!((told.status, &told.json()["job"]["cost"]["amount"]), (StatusCode::OK, &json!("0.25")));
    assert_eq!(say("resolve", json!({ "notLanded": true })).await.unwrap().status, StatusCode::CONFLICT);
    let told = say("adjust", json!({ "payerPays": 0, "reason": "for the trouble" })).await.unwrap().json();
    assert_eq!((&told["job"]["cost"]["amount"], &told["job"]["writtenOff"]["amount"]), (&json!("0"), &json!("0.25")));
    assert_eq!(studio.get("/api/v1/stuck-jobs").await.unwrap().json()["items"], json!([]));
    // Who said it is told, once, and of what was refused nothing; why stands in the ledger.
    let log = studio.get("/api/v1/audit?limit=100").await.unwrap().json();
    let told: Vec<_> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["target"] == format!("job:{id}"))
        .map(|entry| json!([entry["action"], entry["user"], entry["via"], entry["details"]]))
        .collect();
    let by = |action: &str, details: Value| json!([action, "owner@localhost", "key", details]);
    let adjusted = by("job.adjusted", json!({ "cost": "0", "writtenOff": "0.25" }));
    assert_eq!(told, [adjusted, by("job.resolved", json!({ "charged": "0.25" }))]);
    let entries = studio.get(&format!("/api/v1/usage/entries?jobId={id}")).await.unwrap().json();
    let notes: Vec<_> = entries["items"].as_array().unwrap().iter().map(|entry| entry["note"].clone()).collect();
    assert_eq!(notes, [json!("for the trouble"), json!("seen on the dashboard"), json!(null)]);
    assert_eq!(studio.verify().unwrap()["violations"], json!([]));
}
