//! The studio as a stranger sees it: the real binary, by HTTP and by its command line. One test binary, one file for each
//! story.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod access;
mod assets;
mod backup;
mod brought;
mod budgets;
mod chat;
mod clock;
mod crashes;
mod csrf;
mod dead_letters;
mod doctor;
mod door;
mod dry_run;
mod edits;
mod elsewhere;
mod fairness;
mod faults;
mod findings;
mod front;
mod gibibyte;
mod hostile_replies;
mod idempotency;
mod images;
mod inspect;
mod jobs;
mod keys;
mod library;
mod logs;
mod metrics;
mod money;
mod openai;
mod openapi;
mod overload;
mod pages;
mod people;
mod polyglots;
mod provider_keys;
mod quota;
mod refusals;
mod secrets;
mod sessions;
mod shares;
mod ssrf;
mod start;
mod streams;
mod text_attacks;
mod tidy;
mod torture;
mod upload;
mod workers;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use studio_testkit::{
    cog_worker::{Behaviour, CogWorker},
    studio::{Setup, Studio},
};

/// A setup of the binary under test.
fn setup() -> Setup {
    Setup::of(env!("CARGO_BIN_EXE_studio"))
}

/// A started studio.
fn studio() -> Studio {
    Studio::start(setup()).unwrap()
}

/// A small picture: quick to make.
fn small(prompt: &str) -> Value {
    json!({ "prompt": prompt, "width": 64, "height": 64, "quality": "standard" })
}

/// A small picture that is always the same.
fn seeded(prompt: &str, seed: u32) -> Value {
    json!({ "prompt": prompt, "width": 64, "height": 64, "quality": "standard", "seed": seed })
}

const IMAGE: &str = "/api/v1/generate/image";
/// An id that nothing has.
const NOBODY: &str = "019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b";

/// A `sketch` that costs something, so that money can be seen to move.
const PRICED: &str = "[[models]]\nid = \"sketch\"\n[models.prices]\nversion = \"test-1\"\nimage = 0.002\n";

/// Asks for a picture and does not wait for it: its job.
async fn submit(studio: &Studio, body: &Value) -> String {
    let request = studio.request(Method::POST, IMAGE).header("Prefer", "wait=0").json(body);
    let reply = Studio::send(request).await.unwrap();
    assert_eq!(reply.status, StatusCode::ACCEPTED, "{:?}", reply.json());
    reply.json()["jobId"].as_str().unwrap().to_owned()
}

/// Every item of a list, page by page. `path` has a question in it already.
async fn pages(studio: &Studio, path: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = studio.get(&format!("{path}{cursor}")).await.unwrap().json();
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["nextCursor"].as_str() else { return items };
        cursor = format!("&cursor={next}");
    }
}

/// A worker that keeps its answers back, and a studio whose model `lab` runs on it and is at work on this job.
async fn at_work(behaviour: Behaviour) -> (CogWorker, Studio, String) {
    let worker = CogWorker::start(behaviour).unwrap();
    let studio = jobs::with_worker(&worker);
    worker.hold();
    let id = submit(&studio, &jobs::lab()).await;
    worker.wait_for_predictions(1);
    (worker, studio, id)
}

/// The books are in order, and so many holds are open.
fn assert_clean(studio: &Studio, open_holds: u64) {
    let verified = studio.verify().unwrap();
    assert_eq!(
        (&verified["sum"], &verified["openHolds"], &verified["violations"]),
        (&json!("0"), &json!(open_holds), &json!([])),
        "{verified}"
    );
}

/// A moment from now, as the API takes it.
fn in_millis(millis: u64) -> String {
    let wanted = format!("+{}.{:03} seconds", millis / 1000, millis % 1000);
    let printed = std::process::Command::new("date").args(["-u", "-d", &wanted, "+%Y-%m-%dT%H:%M:%S.%3NZ"]).output();
    String::from_utf8(printed.unwrap().stdout).unwrap().trim().to_owned()
}
