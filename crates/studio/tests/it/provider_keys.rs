//! People's own keys for providers: stored, or sent with one request. They are used for their owner only, pay no budget of ours,
//! and are seen by nobody; the studio's own key is never tried in their place.

use crate::{IMAGE, assert_clean, openai::with as with_openai, setup};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, path::Path};
use studio_testkit::{
    canaries,
    openai::{Behaviour, KEY, OpenAi},
    studio::{Reply, Setup, Studio},
};

const KEYS: &str = "/api/v1/provider-keys";
/// Two keys of people.
pub(crate) const OWN: &str = "sk-own-canary-0123456789-abcd";
pub(crate) const OTHER: &str = "sk-other-canary-0123456789-efgh";

/// An API that accepts those, and a studio with or without a key for it.
fn town(has_key: bool) -> (OpenAi, Studio) {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    api.accept(OWN);
    api.accept(OTHER);
    let studio = if has_key { with_openai(&api) } else { Studio::start(keyless(&api)).unwrap() };
    (api, studio)
}

/// A studio that has no key for that API.
pub(crate) fn keyless(api: &OpenAi) -> Setup {
    let setup = setup().variable("OPENAI_BASE_URL", &api.base_url()).variable("STUDIO_LOG", "trace");
    // It asks for keys, as OpenAI does.
    setup.variable("STUDIO_PROVIDERS__OPENAI__OWN_KEYS", "true")
}

fn picture() -> Value {
    json!({ "prompt": "a sea", "modelId": "gpt-image-2" })
}

async fn put(studio: &Studio, key: &str, provider: &str, text: &str) -> Reply {
    let request = studio.request_as(key, Method::PUT, &format!("{KEYS}/{provider}"));
    Studio::send(request.json(&json!({ "apiKey": text }))).await.unwrap()
}

pub(crate) async fn store(studio: &Studio, key: &str, text: &str) {
    canaries::plant(text);
    let reply = put(studio, key, "openai", text).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.json());
}

/// Asks for a picture by a key of the studio's, with headers.
pub(crate) async fn make(studio: &Studio, key: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = studio.request_as(key, Method::POST, IMAGE).json(&picture());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Studio::send(request).await.unwrap()
}

pub(crate) async fn job(studio: &Studio, key: &str, made: &Reply) -> Value {
    let id = made.json()["jobId"].as_str().or(made.json()["details"]["jobId"].as_str()).unwrap_or_default().to_owned();
    let request = studio.request_as(key, Method::GET, &format!("/api/v1/jobs/{id}"));
    Studio::send(request).await.unwrap().json()["job"].clone()
}

/// By which keys that API was asked, in order.
pub(crate) fn shown(api: &OpenAi) -> Vec<String> {
    let of = |headers: &std::collections::BTreeMap<String, String>| headers["authorization"].replace("Bearer ", "");
    api.requests().iter().map(|request| of(&request.headers)).collect()
}

/// In which files of a folder a text stands.
pub(crate) fn files_with(folder: &Path, text: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if fs::read(&path).is_ok_and(|bytes| bytes.windows(text.len()).any(|window| window == text)) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test]
async fn an_own_key_is_used_for_its_owner_and_for_nobody_else() {
    let (api, studio) = town(true);
    let [ann, ben, cid] = ["ann", "ben", "cid"]
        .map(|name| studio.make_key(&format!("{name}@x.org"), &["--scopes", "generate,read,account"]).unwrap());
    store(&studio, &ann, OWN).await;
    store(&studio, &ben, OTHER).await;
    for (key, source, shown_key) in
        [(&ann, "own", OWN), (&ben, "own", OTHER), (&cid, "studio", KEY), (&ann, "own", OWN)]
    {
        let made = make(&studio, key, &[]).await;
        assert_eq!((made.status, &job(&studio, key, &made).await["keySource"]), (StatusCode::OK, &json!(source)));
        assert_eq!(shown(&api).last().unwrap(), shown_key);
    }
    // One that comes with the request comes first.
    let made = make(&studio, &ann, &[("X-API-Key-OpenAI", OTHER)]).await;
    assert_eq!(job(&studio, &ann, &made).await["keySource"], "request");
    assert_eq!(shown(&api).last().unwrap(), OTHER);
    let list = async |key: &str| Studio::send(studio.request_as(key, Method::GET, KEYS)).await.unwrap().json();
    let own = list(&ann).await;
    assert_eq!(own["items"].as_array().unwrap().len(), 1);
    assert_eq!((&own["items"][0]["last4"], &own["items"][0]["usable"]), (&json!("abcd"), &json!(true)));
    assert_eq!((&list(&cid).await["items"], &own["providers"]), (&json!([]), &json!(["openai"])));
    // Set again it is another one; removed, the studio pays again.
    store(&studio, &ann, OTHER).await;
    make(&studio, &ann, &[]).await;
    assert_eq!(shown(&api).last().unwrap(), OTHER);
    for removed in [true, false] {
        let request = studio.request_as(&ann, Method::DELETE, &format!("{KEYS}/openai"));
        assert_eq!(Studio::send(request).await.unwrap().json()["removed"], removed);
    }
    // It is told who set and removed what, and nothing of what was not there.
    let log = studio.get("/api/v1/audit?limit=100").await.unwrap().json();
    let told = log["items"].as_array().unwrap().iter().filter(|entry| entry["target"] == "provider:openai");
    let told: Vec<_> = told
        .map(|entry| format!("{} {}", entry["user"].as_str().unwrap(), entry["action"].as_str().unwrap()))
        .collect();
    let set = |who: &str| format!("{who}@x.org provider_key.set");
    assert_eq!(told, ["ann@x.org provider_key.removed".to_owned(), set("ann"), set("ben"), set("ann")]);
    make(&studio, &ann, &[]).await;
    assert_eq!(
        (shown(&api).last().unwrap().as_str(), list(&ben).await["items"][0]["last4"].as_str()),
        (KEY, Some("efgh"))
    );
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn a_provider_without_a_key_of_ours_is_there_for_who_brings_one() {
    let (api, studio) = town(false);
    let [ann, ben] = ["ann", "ben"]
        .map(|name| studio.make_key(&format!("{name}@x.org"), &["--scopes", "generate,read,account"]).unwrap());
    store(&studio, &ann, OWN).await;
    let available = async |key: &str| {
        let models = Studio::send(studio.request_as(key, Method::GET, "/api/v1/models")).await.unwrap().json();
        models["items"].as_array().unwrap().iter().find(|model| model["id"] == "gpt-image-2").unwrap()["available"]
            == true
    };
    assert!(available(&ann).await && !available(&ben).await);
    assert_eq!(make(&studio, &ann, &[]).await.status, StatusCode::OK);
    let refused = make(&studio, &ben, &[]).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]), (409, &json!("provider_not_configured")));
    assert_eq!(make(&studio, &ben, &[("x-api-key-openai", OTHER)]).await.status, StatusCode::OK);
    assert_eq!(shown(&api), [OWN, OTHER]);
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn what_an_own_key_pays_is_recorded_and_counts_against_no_budget() {
    let (_api, studio) = town(true);
    let ann = studio.make_key("ann@x.org", &["--scopes", "generate,read,account", "--budget", "0.07"]).unwrap();
    let usage = async || Studio::send(studio.request_as(&ann, Method::GET, "/api/v1/usage")).await.unwrap().json();
    let budget = async || {
        let request = studio.request_as(&ann, Method::GET, "/api/v1/budgets");
        let rows = Studio::send(request).await.unwrap().json();
        rows["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["windows"][2]["committed"]["amount"].clone())
            .collect::<Vec<_>>()
    };
    for _ in 0..3 {
        let made = make(&studio, &ann, &[("x-api-key-openai", OWN)]).await;
        assert_eq!((made.status, &made.json()["cost"]["amount"]), (StatusCode::OK, &json!("0.063")));
    }
    assert_eq!(budget().await, ["0", "0"]);
    assert_eq!(make(&studio, &ann, &[]).await.status, StatusCode::OK, "all of the budget was left");
    assert_eq!(make(&studio, &ann, &[]).await.status, StatusCode::PAYMENT_REQUIRED);
    let tried = Studio::send(
        studio
            .request_as(&ann, Method::POST, &format!("{IMAGE}?dryRun=true"))
            .header("x-api-key-openai", OWN)
            .json(&picture()),
    );
    let tried = tried.await.unwrap().json();
    assert_eq!((&tried["withinBudget"], &tried["available"]), (&json!(true), &json!(true)), "{tried}");
    let total = usage().await["total"].clone();
    assert_eq!((&total["cost"]["amount"], &total["ownKey"]["amount"]), (&json!("0.063"), &json!("0.189")), "{total}");
    let entries = Studio::send(studio.request_as(&ann, Method::GET, "/api/v1/usage/entries")).await.unwrap().json();
    let payers: BTreeSet<_> = entries["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["payer"].as_str().unwrap().split(':').next().unwrap())
        .collect();
    assert_eq!(payers, BTreeSet::from(["key", "own"]));
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn a_key_that_is_refused_fails_its_job_and_ours_is_not_tried() {
    let (api, studio) = town(true);
    let ann = studio.make_key("ann@x.org", &["--scopes", "generate,read,account"]).unwrap();
    canaries::plant("sk-refused-canary-0123456789");
    let stored = "sk-stored-and-refused-canary";
    store(&studio, &ann, stored).await;
    for headers in [&[("x-api-key-openai", "sk-refused-canary-0123456789")][..], &[]] {
        let refused = make(&studio, &ann, headers).await;
        let body = refused.json();
        assert_eq!((refused.status.as_u16(), &body["details"]["reason"]), (502, &json!("own_key_unusable")), "{body}");
        assert!(body["message"].as_str().unwrap().contains("your key was refused by openai"), "{body}");
    }
    assert_eq!(shown(&api), ["sk-refused-canary-0123456789", stored], "each was shown once, and ours never");
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn headers_that_can_not_be_meant_are_refused_and_others_do_nothing() {
    let (api, studio) = town(true);
    let key = studio.key().to_owned();
    let long = "x".repeat(513);
    for headers in [
        &[("x-api-key-openai", OWN), ("x-api-key-openai", OTHER)][..],
        &[("x-api-key-openai", "two words")],
        &[("x-api-key-openai", &long)],
    ] {
        let refused = make(&studio, &key, headers).await;
        let body = refused.json();
        assert_eq!((refused.status.as_u16(), &body["error"]), (400, &json!("invalid_request")));
        assert_eq!(body["details"]["fields"][0]["field"], "x-api-key-openai");
    }
    assert!(api.requests().is_empty());
    let made = make(&studio, &key, &[("x-api-key-stability", OWN), ("x-api-key-openai", "")]).await;
    assert_eq!(job(&studio, &key, &made).await["keySource"], "studio");
    assert!(made.json()["warnings"].to_string().contains("was ignored"), "{}", made.json());
    let body = json!({ "prompt": "a cat", "width": 64, "height": 64 });
    let request = studio.request(Method::POST, IMAGE).header("x-api-key-sketch", OWN).json(&body);
    let made = Studio::send(request).await.unwrap().json();
    assert!(made["warnings"].to_string().contains("was ignored"), "an engine of ours takes none: {made}");
    for (provider, text, status) in [
        ("sketch", OWN, 404),
        ("nowhere", OWN, 404),
        ("openai", "", 400),
        ("openai", "a b", 400),
        ("openai", &long, 400),
    ] {
        assert_eq!(put(&studio, &key, provider, text).await.status.as_u16(), status, "{provider}");
    }
    let preflight = studio.bare_request(Method::OPTIONS, IMAGE).header("origin", "https://app.example.com");
    let told = Studio::send(preflight.header("access-control-request-method", "POST")).await.unwrap();
    assert_eq!(told.header("access-control-allow-headers"), "", "nobody is listed");
}

#[tokio::test]
async fn a_page_of_another_origin_may_send_a_key() {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    let studio = Studio::start(keyless(&api).variable("STUDIO_CORS__ORIGINS", "https://app.example.com")).unwrap();
    let preflight = studio.bare_request(Method::OPTIONS, IMAGE).header("origin", "https://app.example.com");
    let told = Studio::send(preflight.header("access-control-request-method", "POST")).await.unwrap();
    assert!(told.header("access-control-allow-headers").ends_with(", X-API-Key-openai"), "{:?}", told.headers);
}

#[tokio::test]
async fn a_server_that_asks_nobody_for_a_key_takes_none_unless_it_is_told_to() {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    api.accept(OWN);
    // By the name of OpenAI, too: what counts is where it is.
    for name in ["lan", "openai"] {
        let config = |more: &str| {
            format!(
                "[providers.{name}]\nkind = \"openai\"\nbase_url = \"{}\"\napi_key = \"{KEY}\"\n{more}\n\
                 [[models]]\nid = \"lan\"\nmodality = \"image\"\nprovider = \"{name}\"\nupstream = \"gpt-image-2\"\n\
                 without = [\"seed\"]\n[models.prices]\nimage = 0.1\n",
                api.base_url()
            )
        };
        for (more, status) in [("", 402), ("own_keys = true", 200)] {
            let studio = Studio::start(setup().config(&config(more))).unwrap();
            let poor = ["--scopes", "generate,read,account", "--budget", "0.01"];
            let poor = studio.make_key("poor@x.org", &poor).unwrap();
            let request = studio.request_as(&poor, Method::POST, IMAGE).header(format!("x-api-key-{name}"), OWN);
            let reply = Studio::send(request.json(&json!({ "prompt": "a sea", "modelId": "lan" }))).await.unwrap();
            assert_eq!(reply.status.as_u16(), status, "{name}: {}", reply.json());
        }
    }
    assert_eq!(shown(&api), [OWN, OWN]);
}

#[tokio::test]
async fn the_key_is_no_part_of_what_a_repeat_is_known_by() {
    let (api, studio) = town(true);
    let ask = async |own: &str| {
        let request =
            studio.request(Method::POST, IMAGE).header("idempotency-key", "k1").header("x-api-key-openai", own);
        Studio::send(request.json(&picture())).await.unwrap()
    };
    let (first, second) = (ask(OWN).await, ask(OTHER).await);
    assert_eq!(first.json()["jobId"], second.json()["jobId"]);
    assert_eq!((second.header("idempotent-replayed"), shown(&api)), ("true", vec![OWN.to_owned()]));
}
