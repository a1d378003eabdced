//! Providers' answers are hostile (promise 48). Each of a table of them ends its job with a clear reason, or as unknown where it may have
//! been paid for; nothing gets out, the books stay in order, memory stays bounded, and the next job is done as if nothing had been.

use crate::{IMAGE, chat::CHAT, jobs::status, setup};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use studio_testkit::{
    hostile_replies::{Hostile, WIRES, Wire, places},
    scripted::Scripted,
    studio::Studio,
    system::{forget_most_memory, most_memory},
};

/// Most bytes of memory that one hostile answer may cost beyond what the server has anyway. A reply may have 64 MiB, and is held
/// once as it came and once as it grew.
const MEMORY: u64 = 320 << 20;

fn name(wire: Wire) -> &'static str {
    match wire {
        Wire::ApiImage => "api-image",
        Wire::ApiChat => "api-chat",
        Wire::CogImage => "cog-image",
        Wire::CogChat => "cog-chat",
    }
}

/// A model on `place` that costs something, so that nothing is harmless to repeat, and has little time.
fn config(wire: Wire, place: &Scripted) -> String {
    let (model, origin) = (name(wire), place.origin());
    let (kind, root) = if model.starts_with("cog") { ("cog", "") } else { ("openai", "/v1") };
    let (modality, prices) = match wire {
        Wire::ApiImage | Wire::CogImage => ("image", "image = 0.5"),
        _ => ("chat", "input_tokens = 1\noutput_tokens = 10"),
    };
    format!(
        "[providers.{model}]\nkind = \"{kind}\"\nbase_url = \"{origin}{root}\"\n\
         [[models]]\nid = \"{model}\"\nmodality = \"{modality}\"\nprovider = \"{model}\"\nupstream = \"{model}\"\n\
         first_byte_limit_s = 3\nidle_limit_s = 2\ntotal_limit_s = 6\n[models.prices]\n{prices}\n"
    )
}

async fn submit(studio: &Studio, wire: Wire) -> String {
    let (path, body) = match wire {
        Wire::ApiImage | Wire::CogImage => (IMAGE, json!({ "prompt": "a cat", "modelId": name(wire) })),
        _ => (CHAT, json!({ "modelId": name(wire), "messages": [{ "role": "user", "content": "hello" }] })),
    };
    let request = studio.request(Method::POST, path).header("Prefer", "wait=0").json(&body);
    let reply = Studio::send(request).await.unwrap();
    assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.json());
    reply.json()["jobId"].as_str().unwrap().to_owned()
}

/// The job when it is over, or nobody knows.
async fn outcome(studio: &Studio, id: &str) -> Value {
    loop {
        let job = status(studio, id).await;
        if !job["endedAt"].is_null() || job["status"] == "unknown" {
            return job;
        }
        tokio::task::yield_now().await;
    }
}

#[expect(clippy::print_stdout, reason = "what it takes is told, not asserted")]
async fn try_all(wire: Wire) {
    let place = Scripted::start().unwrap();
    let studio = Studio::start(setup().config(&config(wire, &place))).unwrap();
    let pid = studio.pid().unwrap();
    places().into_iter().for_each(|(path, parts)| place.answer(path, parts));
    let (mut unknown, mut worst) = (0, (0, ""));
    for Hostile { name, parts, may_succeed } in wire.hostile(&place.origin()) {
        let before = most_memory(pid).unwrap();
        forget_most_memory(pid).unwrap();
        let start = most_memory(pid).unwrap();
        place.answer(wire.path(), parts);
        let job = outcome(&studio, &submit(&studio, wire).await).await;
        let grown = most_memory(pid).unwrap().saturating_sub(start);
        let (ended, reason) = (job["status"].as_str().unwrap(), job["error"]["message"].as_str().unwrap_or_default());
        println!("{wire:?}: {name}: {ended}, {} MiB: {reason}", grown >> 20);
        match ended {
            "unknown" => unknown += 1,
            "succeeded" => assert!(may_succeed, "{name}: {job}"),
            _ => assert!(ended == "failed" && !reason.is_empty(), "{name}: {job}"),
        }
        let said = job.to_string();
        for inside in ["127.0.0.1", "10.0.0.1", "169.254", "/etc/passwd", "Please sign in"] {
            assert!(!said.contains(inside), "{name}: {said}");
        }
        assert!(grown < MEMORY, "{name}: {} MiB, from {} MiB", grown >> 20, before >> 20);
        worst = worst.max((grown >> 20, name));
        place.answer(wire.path(), wire.honest());
        let next = outcome(&studio, &submit(&studio, wire).await).await;
        assert_eq!(next["status"], "succeeded", "after {name}: {next}");
    }
    let verified = studio.verify().unwrap();
    println!("{wire:?}: {unknown} unknown, the most memory: {worst:?} MiB, ledger {verified}");
    assert_eq!(
        (&verified["sum"], &verified["openHolds"], &verified["violations"]),
        (&json!("0"), &json!(unknown), &json!([]))
    );
}

#[tokio::test]
async fn hostile_pictures_of_an_api() {
    try_all(WIRES[0]).await;
}

#[tokio::test]
async fn hostile_chats_of_an_api() {
    try_all(WIRES[1]).await;
}

#[tokio::test]
async fn hostile_pictures_of_a_worker() {
    try_all(WIRES[2]).await;
}

#[tokio::test]
async fn hostile_chats_of_a_worker() {
    try_all(WIRES[3]).await;
}
