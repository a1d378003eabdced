//! Hostile text in every place where the API takes text: it is refused or kept as it is, and breaks nothing: no answer, no
//! header, no event, no line of the log, no book.

mod places;

use crate::{
    IMAGE, NOBODY, PRICED, assert_clean,
    chat::{CHAT, TITLE, ask, knowing},
    logs::is_hidden,
    pages, small,
};
use places::{Known, Manner, Place, Written, filled, hole};
use reqwest::{Method, StatusCode, header::HeaderValue};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicUsize, Ordering},
};
use studio_testkit::{
    openai::{Behaviour, OpenAi},
    people::PASSWORD,
    raw_client::{RawClient, RawReply},
    studio::{Reply, Studio},
    text_attacks::{Attack, Kind, corpus},
};

/// Callers at once.
const CALLERS: usize = 8;
/// Texts of each kind that real jobs are made of.
const REAL_OF_A_KIND: usize = 2;
/// Most faults that are shown.
const SHOWN: usize = 30;
/// A refusal can't be made as large as what is refused.
const LONGEST_REFUSAL: usize = 64 << 10;

/// Bodies that are taken, with a text wherever one may be.
fn bodies() -> BTreeMap<&'static str, Value> {
    let call = json!({ "id": "a", "name": "look", "arguments": "{\"x\":1}" });
    let shape = json!({ "type": "object", "properties": { "x": { "type": "string", "description": "an x" } } });
    let messages = json!([
        { "role": "user", "content": "what is it?" },
        { "role": "assistant", "content": "wait", "toolCalls": [call] },
        { "role": "tool", "toolCallId": "a", "content": [{ "type": "text", "text": "a cat" }] },
        { "role": "user", "content": "and now?" },
    ]);
    let mut image = small("a cat");
    image["modelParams"] = json!({ "format": "png" });
    let chat = json!({
        "modelId": "talker", "messages": messages, "stop": ["END"], "modelParams": { "temperature": 0.5 },
        "tools": [{ "name": "look", "description": "looks", "parameters": shape }], "toolChoice": "auto",
        "responseFormat": { "type": "json_schema", "name": "shape", "schema": shape },
    });
    let login = json!({ "email": "owner@localhost", "password": PASSWORD });
    let password = json!({ "current": PASSWORD, "new": PASSWORD });
    [("ImageRequest", image), ("ChatRequest", chat), ("LoginRequest", login), ("PasswordRequest", password)].into()
}

/// What is wrong with an answer to such a text.
fn fault_of(reply: &RawReply) -> Option<&'static str> {
    let is_line = |line: &[u8]| line.iter().all(|byte| !byte.is_ascii_control() || *byte == b'\t');
    let head = String::from_utf8_lossy(&reply.head).to_ascii_lowercase();
    let lines: Vec<_> = reply.head.strip_suffix(b"\r\n").unwrap_or_default().split(|byte| *byte == b'\n').collect();
    let (last, others) = lines.split_last()?;
    let whole = is_line(last) && others.iter().all(|line| line.strip_suffix(b"\r").is_some_and(is_line));
    let text = std::str::from_utf8(&reply.body).ok();
    let value: Option<Value> = text.and_then(|text| serde_json::from_str(text).ok());
    let kind = reply.header("content-type");
    let fine = (200..300).contains(&reply.status) || reply.status == 304;
    let is_refusal = |body: &Value| {
        let words = ["error", "message", "requestId", "timestamp"].iter();
        body["success"] == false && words.clone().all(|word| body[*word].as_str().is_some_and(|text| !text.is_empty()))
    };
    if reply.status >= 500 {
        Some("is an error of the server")
    } else if !whole || head.contains("x-injected") || head.contains("\nset-cookie") {
        Some("has a header of the caller's")
    } else if !fine && (!kind.starts_with("application/json") || !value.as_ref().is_some_and(is_refusal)) {
        Some("is a refusal without the error body")
    } else if !fine && reply.body.len() > LONGEST_REFUSAL {
        Some("is a refusal without end")
    } else if kind.starts_with("application/json") && value.is_none() {
        Some("is no JSON")
    } else if kind.starts_with("text/") && text.is_none() {
        Some("is no text")
    } else if text.is_some_and(|text| text.split(['\r', '\n']).any(|line| line.starts_with("event: forged"))) {
        Some("has an event of the caller's")
    } else {
        None
    }
}

/// What was seen in many answers.
#[derive(Default)]
struct Seen {
    requests: usize,
    errors: usize,
    /// What no server could read.
    unsent: usize,
    statuses: BTreeMap<u16, usize>,
    faults: Vec<String>,
}

impl Seen {
    fn look_at(&mut self, place: &Place, attack: &Attack, reply: anyhow::Result<RawReply>) {
        self.requests += 1;
        let fault = match &reply {
            Err(error) => Some(format!("has no answer: {error:#}")),
            Ok(reply) if place.is_no_http(attack, reply) => None,
            Ok(reply) => fault_of(reply).map(|fault| {
                let body: String = String::from_utf8_lossy(&reply.body).chars().take(300).collect();
                format!("{fault}: {} {body}", reply.status)
            }),
        };
        if let Ok(reply) = &reply {
            self.errors += usize::from(reply.status >= 500);
            *self.statuses.entry(reply.status).or_default() += 1;
        }
        self.faults.extend(fault.map(|fault| format!("{} in {} {fault}", attack.name, place.name)));
    }

    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.unsent += other.unsent;
        self.faults.extend(other.faults);
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
    }
}

/// Every text in every place.
fn try_all(origin: &str, places: &[Place], attacks: &[Attack]) -> Seen {
    let next = AtomicUsize::new(0);
    let written: Vec<_> = attacks.iter().map(Written::of).collect();
    let caller = || {
        let (mut client, mut seen) = (RawClient::new(origin), Seen::default());
        loop {
            let turn = next.fetch_add(1, Ordering::Relaxed);
            let (text, place) = (turn / places.len(), &places[turn % places.len()]);
            let Some(attack) = attacks.get(text) else { return seen };
            let Some(request) = place.request(&written[text]) else {
                seen.unsent += 1;
                continue;
            };
            // What stands in a header may be the end of it, and the rest a request of its own: not on a shared connection.
            let alone = place.manner == Manner::Header && attack.bytes().iter().any(|byte| b"\r\n".contains(byte));
            let reply = if alone { client.send_alone(&request) } else { client.send(&request) };
            seen.look_at(place, attack, reply);
        }
    };
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(caller)).collect();
        callers.into_iter().fold(Seen::default(), |mut all, caller| {
            all.add(caller.join().unwrap());
            all
        })
    })
}

/// A few of each kind.
fn chosen(attacks: &[Attack]) -> Vec<&Attack> {
    let mut taken: BTreeMap<Kind, usize> = BTreeMap::new();
    let few = attacks.iter().filter(|attack| {
        let count = taken.entry(attack.kind).or_default();
        *count += 1;
        *count <= REAL_OF_A_KIND
    });
    few.collect()
}

/// Whether that is what was sent: the same, but for white space around it.
fn is_kept(attack: &Attack, shown: &Value) -> bool {
    let sent = attack.text();
    sent.zip(shown.as_str()).is_some_and(|(sent, shown)| sent == shown || sent.trim() == shown)
}

/// Submits a body with that text, and reads its job: what is shown of the text. Nothing when it was refused.
async fn submitted(studio: &Studio, path: &str, body: &Value, attack: &Attack) -> Option<(String, Value)> {
    let request =
        studio.request(Method::POST, path).header("Prefer", "wait=0").header("content-type", "application/json");
    let reply = Studio::send(request.body(filled(body, attack))).await.unwrap();
    if reply.status.is_client_error() {
        return None;
    }
    assert_eq!(reply.status, StatusCode::ACCEPTED, "{}: {}", attack.name, reply.json());
    let id = reply.json()["jobId"].as_str().unwrap().to_owned();
    let job = studio.get(&format!("/api/v1/jobs/{id}")).await.unwrap().json()["job"].clone();
    let shown = if path == IMAGE { &job["prompt"] } else { &job["messages"][0]["content"][0]["text"] };
    Some((id, shown.clone()))
}

/// Jobs made of such texts come to their end, and show what was sent.
async fn make_real(studio: &Studio, api: &OpenAi, attacks: &[&Attack], faults: &mut Vec<String>) {
    let mut guide = ask("");
    guide["modelId"] = "guide".into();
    let mut talker = ask("");
    for body in [&mut guide, &mut talker] {
        body["messages"][0]["content"] = hole();
    }
    let mut image = small("");
    image["prompt"] = hole();
    let title = json!({ "messages": talker["messages"] });
    let (mut jobs, mut said) = (Vec::new(), Vec::new());
    for attack in attacks {
        for (path, body) in [(IMAGE, &image), (CHAT, &guide), (CHAT, &talker), (TITLE, &title)] {
            let Some((id, shown)) = submitted(studio, path, body, attack).await else { continue };
            if !is_kept(attack, &shown) {
                faults.push(format!("{} came back as {shown}", attack.name));
            }
            jobs.push((attack, id));
            said.extend(std::ptr::eq(body, &talker).then_some(shown));
        }
        for header in ["idempotency-key", "prefer"] {
            let Ok(value) = HeaderValue::from_bytes(attack.bytes()) else { continue };
            let request = studio.request(Method::POST, IMAGE).header(header, value).json(&small("a cat"));
            let reply: Reply = Studio::send(request).await.unwrap();
            if !reply.status.is_client_error() && !reply.status.is_success() {
                faults.push(format!("{} in {header}: {} {}", attack.name, reply.status, reply.json()));
            }
        }
    }
    assert!(jobs.len() > attacks.len(), "most are only odd: {} jobs of {} texts", jobs.len(), attacks.len());
    for (attack, id) in jobs {
        let end = studio.end_of(&id).await.unwrap();
        if end["status"] != "succeeded" {
            faults.push(format!("{}: {end}", attack.name));
        }
    }
    let heard: BTreeSet<_> = api.chats().iter().map(|chat| chat.body["messages"][0]["content"].to_string()).collect();
    let unheard = said.iter().filter(|text| !heard.contains(&text.to_string()));
    faults.extend(unheard.map(|text| format!("the provider was not given {text}")));
}

/// What an operator writes into the ledger is read there.
async fn note_in_ledger(studio: &Studio, job: &str, attacks: &[&Attack], faults: &mut Vec<String>) {
    let mut wanted = Vec::new();
    for (number, attack) in attacks.iter().enumerate() {
        // Both, for whatever the texts before have made of what it costs.
        let amount = format!("0.{:04}", number + 1);
        let body = json!({ "providerCharged": amount, "payerPays": amount, "reason": hole() });
        let request = studio.request(Method::POST, &format!("/api/v1/jobs/{job}/adjust"));
        let request = request.header("content-type", "application/json").body(filled(&body, attack));
        if Studio::send(request).await.unwrap().status.is_success() {
            wanted.push(attack);
        }
    }
    assert!(!wanted.is_empty());
    let entries = pages(studio, &format!("/api/v1/usage/entries?limit=100&jobId={job}")).await;
    let missing = wanted.iter().filter(|attack| !entries.iter().any(|entry| is_kept(attack, &entry["note"])));
    faults.extend(missing.map(|attack| format!("{} is not in the ledger as it was written", attack.name)));
}

/// What is wrong with a line of the log.
fn fault_of_line(line: &str) -> Option<&'static str> {
    let value: Value = serde_json::from_str(line).unwrap_or_default();
    if !value["timestamp"].is_string() || !value["level"].is_string() {
        Some("is no line of ours")
    } else if value["message"] == "forged" || line.contains("forged") {
        Some("has a stranger's words")
    } else if line.chars().any(is_hidden) {
        Some("has hidden characters")
    } else {
        None
    }
}

/// A job of each kind that has what its routes ask for, and whose budgets may be set.
async fn ids(studio: &Studio) -> Vec<(&'static str, String)> {
    let made = studio.post(IMAGE, &small("a cat")).await.unwrap().json();
    let said = studio.post(CHAT, &ask("hello")).await.unwrap().json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    studio.make_key("other@example.org", &[]).unwrap();
    let budgets = studio.get("/api/v1/budgets?all=true").await.unwrap().json();
    let mut budgets = budgets["items"].as_array().unwrap().iter();
    let other = budgets.find(|budget| budget["user"] == "other@example.org").unwrap();
    vec![
        ("/api/v1/jobs/", text(&made["jobId"])),
        ("/api/v1/jobs/{id}/stream", text(&said["jobId"])),
        ("/api/v1/assets/", text(&made["images"][0]["assetId"])),
        ("/api/v1/budgets/", text(&other["id"])),
        ("/api/v1/dead-letters/", NOBODY.to_owned()),
        ("/api/v1/invitations/", NOBODY.to_owned()),
        ("/api/v1/keys/", NOBODY.to_owned()),
        ("/api/v1/sessions/", NOBODY.to_owned()),
        ("/api/v1/users/", NOBODY.to_owned()),
    ]
}

#[tokio::test]
async fn hostile_text_is_refused_or_kept_and_never_breaks_anything() {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    let setup = knowing(&api).config(PRICED).endless_queues();
    let setup = setup.variable("STUDIO_LOG", "debug").variable("STUDIO_LOG_FORMAT", "json");
    let studio = Studio::start(setup).unwrap();
    studio.set_up().await.unwrap();
    let document = studio.get("/openapi.json").await.unwrap().json();
    let (mut bodies, ids, attacks) = (bodies(), ids(&studio).await, corpus());
    let (_, asset) = ids.iter().find(|(path, _)| *path == "/api/v1/assets/").unwrap();
    bodies.insert("ShareRequest", json!({ "assetId": asset, "title": "a cat" }));
    let known = Known { document: &document, key: studio.key(), bodies: &bodies, ids: &ids };
    let (places, plain) = known.places();

    // Without an attack each route takes what it is given: a refusal is the text's.
    let harmless = attacks.iter().find(|attack| attack.name == "nfc").unwrap();
    for place in &plain {
        let reply = RawClient::new(studio.address()).send(&place.request(&Written::of(harmless)).unwrap()).unwrap();
        let body = String::from_utf8_lossy(&reply.body);
        assert!(reply.status < 400 || [404, 409].contains(&reply.status), "{}: {} {body}", place.name, reply.status);
    }

    // On a thread of its own: this one must see that the connections of its own client end meanwhile.
    let (origin, count) = (studio.address().to_owned(), places.len());
    let trying = move || (try_all(&origin, &places, &attacks), attacks);
    let (mut seen, attacks) = tokio::task::spawn_blocking(trying).await.unwrap();
    let few = chosen(&attacks);
    make_real(&studio, &api, &few, &mut seen.faults).await;
    note_in_ledger(&studio, &ids[0].1, &few, &mut seen.faults).await;

    let log = studio.log();
    let told = log.lines().filter_map(|line| Some((line, fault_of_line(line)?)));
    seen.faults.extend(told.map(|(line, fault)| format!("the log {fault}: {line:?}")));
    println!(
        "{} texts, {} of them in real jobs, in {} places: {} requests, {} not sent, {} errors of the server, {} faults; {:?}",
        attacks.len(),
        few.len(),
        count,
        seen.requests,
        seen.unsent,
        seen.errors,
        seen.faults.len(),
        seen.statuses
    );
    let shown = &seen.faults[..seen.faults.len().min(SHOWN)];
    assert!(shown.is_empty(), "{} faults, such as {shown:#?}", seen.faults.len());
    assert_eq!(studio.get("/api/v1/health/ready").await.unwrap().json()["status"], "ready");
    assert_clean(&studio, 0);
}
