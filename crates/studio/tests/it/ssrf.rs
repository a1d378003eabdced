//! No place inside is reached from outside (promise 37), by the front door: every hostile target at every place where the program takes
//! an address from somebody else. Canaries listen on all addresses of this machine.
//!
//! What needs a public place that redirects, or names that change their minds, is tried where names can be given:
//! `crates/studio-outbound/src/hostile.rs`.

use crate::{
    IMAGE,
    chat::{CHAT, TALKER},
    setup, upload,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use studio_testkit::{
    canary::Canaries,
    openai::{Behaviour, KEY, OpenAi},
    scripted::{Scripted, redirect, whole},
    studio::Studio,
};

/// A conversation that shows what is there.
fn shows(url: &str) -> Value {
    json!({ "modelId": "talker", "messages": [{ "role": "user", "content": [
        { "type": "text", "text": "what is it?" }, { "type": "image", "url": url }] }] })
}

#[tokio::test]
async fn no_target_is_reached_by_what_a_user_names() {
    let (canaries, api) = (Canaries::start().unwrap(), OpenAi::start(Behaviour::Normal).unwrap());
    let setup = setup().variable("OPENAI_API_KEY", KEY).variable("OPENAI_BASE_URL", &api.base_url());
    let studio = Studio::start(setup.config(TALKER)).unwrap();
    let targets = canaries.targets();
    assert!(targets.len() >= 250, "{}", targets.len());
    let good = format!("data:image/png;base64,{}", STANDARD.encode(upload::png()));
    let dry = format!("{CHAT}?dryRun=true");
    for url in &targets {
        for (path, body) in [
            (CHAT, shows(url)),
            (dry.as_str(), shows(url)),
            (IMAGE, json!({ "prompt": "a cat", "image": url })),
            (IMAGE, json!({ "prompt": "a cat", "image": good, "mask": { "url": url } })),
        ] {
            let reply = studio.post(path, &body).await.unwrap();
            // A try asks nobody, so a name may be anybody's.
            let tried = path == dry && reply.status == StatusCode::OK;
            assert!(tried || reply.status == StatusCode::BAD_REQUEST, "{path} {url}: {}", reply.json());
            // The rest of it is good: it is refused for the address alone.
            let masked = !body["mask"].is_null();
            assert!(!masked || reply.json()["details"]["fields"][0]["field"] == "mask", "{url}: {}", reply.json());
        }
    }
    println!("user-given: {} tries, {} reached a canary", targets.len() * 4, canaries.visits());
    assert_eq!(canaries.visits(), 0);
    assert!(api.requests().is_empty(), "nothing was accepted");
}

/// Who may hand us an address, and how.
struct Site {
    model: &'static str,
    redirects: bool,
    answer: fn(&str) -> (&'static str, Value),
}

fn of_cog(url: &str) -> (&'static str, Value) {
    ("/predictions/", json!({ "status": "succeeded", "output": [url] }))
}

fn of_openai(url: &str) -> (&'static str, Value) {
    ("/v1/images/generations", json!({ "data": [{ "url": url }] }))
}

/// Has every target handed out as an output; the jobs.
async fn hand_out(studio: &Studio, place: &Scripted, site: &Site, targets: &[String]) -> Vec<String> {
    let mut jobs = Vec::new();
    for (index, target) in targets.iter().enumerate() {
        let mut url = target.clone();
        if site.redirects {
            // A header has one line.
            let location = target.replace(['\r', '\n', '\0', '\t', '\u{1f}'], "%0a");
            url = format!("{}/go{index}/", place.origin());
            place.answer(&format!("/go{index}/"), redirect(&location));
        }
        let (path, body) = (site.answer)(&url);
        place.answer(path, whole(200, "application/json", body.to_string().as_bytes()));
        let asked = json!({ "prompt": "a cat", "modelId": site.model });
        let request = studio.request(Method::POST, IMAGE).header("Prefer", "wait=0").json(&asked);
        let reply = Studio::send(request).await.unwrap();
        assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.json());
        jobs.push(reply.json()["jobId"].as_str().unwrap().to_owned());
        // The next answer is for the next job.
        let submits = |asked: &String| asked.contains(path.trim_end_matches('/'));
        while place.asked().iter().filter(|asked| submits(asked)).count() <= index {
            tokio::task::yield_now().await;
        }
    }
    jobs
}

#[tokio::test]
async fn no_target_is_reached_by_what_a_provider_names() {
    let canaries = Canaries::start().unwrap();
    let sites = [
        Site { model: "cog-direct", redirects: false, answer: of_cog },
        Site { model: "cog-redirect", redirects: true, answer: of_cog },
        Site { model: "api-direct", redirects: false, answer: of_openai },
        Site { model: "api-redirect", redirects: true, answer: of_openai },
    ];
    let places: Vec<_> = sites.iter().map(|_| Scripted::start().unwrap()).collect();
    let config: String = sites
        .iter()
        .zip(&places)
        .map(|(site, place)| {
            let (kind, root) = if site.model.starts_with("cog") { ("cog", "") } else { ("openai", "/v1") };
            let (model, origin) = (site.model, place.origin());
            format!(
                "[providers.{model}]\nkind = \"{kind}\"\nbase_url = \"{origin}{root}\"\nconcurrency = 10000\n\
                 [[models]]\nid = \"{model}\"\nmodality = \"image\"\nprovider = \"{model}\"\n"
            )
        })
        .collect();
    let studio = Studio::start(setup().endless_queues().config(&config)).unwrap();
    let targets = canaries.targets();
    let handing = sites.iter().zip(&places).map(|(site, place)| hand_out(&studio, place, site, &targets));
    let jobs = futures_util::future::join_all(handing).await;
    let (mut failed, mut away) = (0, 0);
    for (site, (place, jobs)) in sites.iter().zip(places.iter().zip(&jobs)) {
        for (target, id) in targets.iter().zip(jobs) {
            // It has failed; or it names what is nowhere, and what was paid for is tried again for a while.
            loop {
                let job = studio.get(&format!("/api/v1/jobs/{id}")).await.unwrap().json()["job"].clone();
                if !job["endedAt"].is_null() {
                    assert_eq!(job["status"], "failed", "{} {target}: {job}", site.model);
                    failed += 1;
                    break;
                }
                if studio.log().lines().any(|line| line.contains(id) && line.contains("could not be fetched")) {
                    away += 1;
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        // What is no whole address leads to the place that redirects itself.
        let asked = place.asked().into_iter().find(|asked| asked.starts_with("GET"));
        assert!(site.redirects || asked.is_none(), "{}: {asked:?}", site.model);
    }
    let tries = sites.len() * targets.len();
    println!("provider-given: {tries} tries, {failed} failed, {away} nowhere, {} reached a canary", canaries.visits());
    assert_eq!((canaries.visits(), failed + away), (0, tries));
    assert_eq!(studio.verify().unwrap()["violations"], json!([]));
}
