//! A wall clock that is set forwards and backwards by hours while the studio runs: nothing is lost or done twice, no id comes
//! again, deadlines are those of the clock, and nobody waits for a time that was never meant.

use crate::{IMAGE, assert_clean, in_millis, setup};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use studio_testkit::{
    clock::WallClock,
    cog_worker::{Behaviour, CogWorker},
    events::read_events,
    studio::{Reply, Studio},
};

const HOUR_MILLIS: u64 = 3_600_000;

/// A worker that can be asked after its work and makes one picture at a time, and a studio that lives by a clock of its own.
fn living_by(clock: &WallClock) -> (CogWorker, Studio) {
    let worker = CogWorker::start(Behaviour::Async).unwrap();
    let config = format!(
        "[providers.lab]\nkind = \"cog\"\nbase_url = \"{}\"\npolled = true\nconcurrency = 1\n\
         [[models]]\nid = \"lab\"\nmodality = \"image\"\nprovider = \"lab\"\n[models.prices]\nimage = 0.5\n",
        worker.base_url()
    );
    let studio = Studio::start(clock.given_to(setup().config(&config))).unwrap();
    (worker, studio)
}

fn lab(prompt: &str) -> Value {
    json!({ "prompt": prompt, "modelId": "lab" })
}

/// Sends a request until its answer is another than that it comes too soon: a clock that is set back uses up a limit, which
/// here is there again within a millisecond.
async fn send(request: impl Fn() -> RequestBuilder) -> Reply {
    loop {
        let reply = Studio::send(request()).await.unwrap();
        if reply.status != StatusCode::TOO_MANY_REQUESTS {
            return reply;
        }
    }
}

async fn post(studio: &Studio, key: &str, body: &Value) -> Reply {
    let request = || {
        let request = studio.request(Method::POST, IMAGE).header("Prefer", "wait=0").header("Idempotency-Key", key);
        request.json(body)
    };
    let reply = send(request).await;
    assert_eq!(reply.status, StatusCode::ACCEPTED, "{:?}", reply.json());
    reply
}

async fn end_of(studio: &Studio, id: &str) -> Value {
    let events = send(|| studio.request(Method::GET, &format!("/api/v1/jobs/{id}/events"))).await;
    read_events(&events.body).pop().unwrap().data
}

async fn submit(studio: &Studio, key: &str, body: &Value) -> String {
    post(studio, key, body).await.json()["jobId"].as_str().unwrap().to_owned()
}

async fn wait_for_status(studio: &Studio, id: &str, status: &str) -> Value {
    loop {
        let job = send(|| studio.request(Method::GET, &format!("/api/v1/jobs/{id}"))).await.json()["job"].clone();
        if job["status"] == status {
            return job;
        }
        assert!(job["endedAt"].is_null(), "{job}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_clock_that_is_set_forwards_ends_what_has_a_deadline_and_nothing_else() {
    let clock = WallClock::new().unwrap();
    let (worker, studio) = living_by(&clock);
    worker.hold();
    let mut dying = lab("by noon");
    dying["deadline"] = in_millis(HOUR_MILLIS).into();
    let dying = submit(&studio, "dying", &dying).await;
    let before = wait_for_status(&studio, &dying, "running").await;
    let waiting = submit(&studio, "waiting", &lab("whenever")).await;
    clock.set(3).unwrap();
    let end = end_of(&studio, &dying).await;
    assert_eq!((&end["status"], &end["cost"]["amount"]), (&json!("expired"), &json!("0")), "{end}");
    let day = |time: &Value| time.as_str().unwrap()[..13].to_owned();
    assert_ne!(day(&end["endedAt"]), day(&before["createdAt"]), "it did step: {end}");
    assert_eq!(worker.canceled(), [format!("{dying}-1")]);
    // The other one had to wait for its place, and takes as long as it takes.
    wait_for_status(&studio, &waiting, "running").await;
    clock.set(6).unwrap();
    worker.release();
    let end = end_of(&studio, &waiting).await;
    assert_eq!((&end["status"], &end["attempt"]), (&json!("succeeded"), &json!(1)), "{end}");
    assert_eq!(worker.predictions().len(), 2);
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn a_clock_that_is_set_back_keeps_nobody_waiting() {
    let clock = WallClock::new().unwrap();
    let (worker, studio) = living_by(&clock);
    worker.hold();
    let working = submit(&studio, "working", &lab("at work")).await;
    wait_for_status(&studio, &working, "running").await;
    let queued = submit(&studio, "queued", &lab("in the queue")).await;
    clock.set(-5).unwrap();
    worker.release();
    for id in [&working, &queued] {
        let end = end_of(&studio, id).await;
        assert_eq!((&end["status"], &end["attempt"]), (&json!("succeeded"), &json!(1)), "{end}");
    }
    // One that waits for its next attempt, too: that was to be in a moment, and not in five hours.
    worker.set(Behaviour::Refuses409);
    let refused = submit(&studio, "refused", &lab("no room")).await;
    let requests = worker.requests();
    worker.wait_for_requests(requests + 1);
    clock.set(-10).unwrap();
    worker.set(Behaviour::Async);
    let end = end_of(&studio, &refused).await;
    assert_eq!(end["status"], "succeeded", "{end}");
    assert_eq!(worker.predictions().len(), 3, "each once");
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn keys_and_ids_are_good_whatever_the_clock_says() {
    let clock = WallClock::new().unwrap();
    let (worker, mut studio) = living_by(&clock);
    let mut ids = BTreeSet::new();
    for (step, hours) in [0, 3, -5, 0, 30, -2].into_iter().enumerate() {
        clock.set(hours).unwrap();
        for n in 0..5 {
            ids.insert(
                submit(&studio, &format!("key {step} {n}").replace(' ', "-"), &lab(&format!("{step}, {n}"))).await,
            );
        }
        // The first one is still the first one, in every time.
        let again = post(&studio, "key-0-0", &lab("0, 0")).await;
        assert_eq!(again.header("idempotent-replayed"), "true");
        assert!(ids.contains(again.json()["jobId"].as_str().unwrap()));
        if step == 3 {
            // At rest: what is on its way to a provider that charges when its server is killed would be unknown, rightly.
            for id in &ids {
                assert_eq!(end_of(&studio, id).await["status"], "succeeded");
            }
            studio.kill().unwrap();
            studio.launch().unwrap();
        }
    }
    assert_eq!(ids.len(), 30, "no id came twice");
    for id in &ids {
        let end = end_of(&studio, id).await;
        assert_eq!(end["status"], "succeeded", "{end}");
    }
    assert_eq!(worker.predictions().len(), 30, "each was made once");
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn a_limit_outlives_no_clock() {
    let clock = WallClock::new().unwrap();
    let setup = clock.given_to(setup().variable("STUDIO_LIMITS__GENERATION", "3/min"));
    let studio = Studio::start(setup).unwrap();
    let status = || async { studio.post(IMAGE, &crate::small("a tree")).await.unwrap().status.as_u16() };
    for expected in [200, 200, 200, 429] {
        assert_eq!(status().await, expected);
    }
    clock.set(2).unwrap();
    assert_eq!(status().await, 200, "two hours later");
    clock.set(-2).unwrap();
    // What was counted in the future does not shut anyone out until then: a minute at most.
    let refused = studio.post(IMAGE, &crate::small("a tree")).await.unwrap();
    let wait: u64 = refused.header("retry-after").parse().unwrap_or(0);
    assert!(wait <= 60, "{wait} s: {:?}", refused.json());
}
