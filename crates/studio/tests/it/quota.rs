//! The quota of what somebody brings: however it comes, however many come at once, and what it is not for.

use crate::{
    chat::{CHAT, TALKER},
    setup,
    upload::{
        UPLOAD, blobs, form, good, head, kept, png, refusal, send, taken_in_the_end, wait_until_on_its_way,
        wait_until_settled,
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::io::Write;
use studio_testkit::{
    good_files::{self, png::Picture},
    openai::{Behaviour, KEY, OpenAi},
    studio::Studio,
};
use tokio::task::JoinSet;

#[tokio::test]
async fn a_quota_is_never_passed_however_many_come_at_once() {
    let bytes = png();
    let quota = bytes.len() * 5 + bytes.len() / 2;
    let config = format!("[uploads]\nper_user = \"{quota}\"\nat_once = 100\n");
    let studio = Studio::start(setup().config(&config)).unwrap();
    let mut calls = JoinSet::new();
    for _ in 0..20 {
        calls.spawn(Studio::send(studio.request(Method::POST, UPLOAD).body(bytes.clone())));
    }
    let replies: Vec<_> = calls.join_all().await.into_iter().map(Result::unwrap).collect();
    let taken = replies.iter().filter(|reply| reply.status == StatusCode::OK).count();
    for reply in replies.iter().filter(|reply| reply.status != StatusCode::OK) {
        let (status, code, details) = refusal(reply);
        assert_eq!((status, &*code, &details["quotaBytes"]), (413, "quota_exceeded", &json!(quota)), "{details}");
    }
    let list = studio.get("/api/v1/assets?limit=100").await.unwrap().json();
    let sum: u64 = list["items"].as_array().unwrap().iter().map(|asset| asset["bytes"].as_u64().unwrap()).sum();
    assert!(taken <= 5 && sum == (taken * bytes.len()) as u64 && sum <= quota as u64, "{taken}: {sum} of {quota}");
    // One after the other they fill it up; another user has their own; what is removed makes room.
    while send(&studio, "", bytes.clone()).await.status == StatusCode::OK {}
    let full = studio.get("/api/v1/assets?limit=100").await.unwrap().json();
    assert_eq!(full["items"].as_array().unwrap().len(), 5);
    let key = studio.make_key("other@example.com", &[]).unwrap();
    let other = Studio::send(studio.request_as(&key, Method::POST, UPLOAD).body(bytes.clone())).await.unwrap();
    assert_eq!(other.status, StatusCode::OK);
    let first = full["items"][0]["url"].as_str().unwrap();
    assert_eq!(Studio::send(studio.request(Method::DELETE, first)).await.unwrap().status, StatusCode::OK);
    kept(&studio, "", bytes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_on_its_way_counts_against_the_quota() {
    let studio = Studio::start(setup().config("[uploads]\nper_user = \"100 KiB\"\n")).unwrap();
    let whole = [png(), vec![0; 80 << 10]].concat();
    let mut stream = studio.connect().unwrap();
    stream.write_all(head(&studio, "Transfer-Encoding: chunked\r\n").as_bytes()).unwrap();
    stream.write_all(format!("{:x}\r\n", whole.len()).as_bytes()).unwrap();
    stream.write_all(&whole).unwrap();
    wait_until_on_its_way(&studio, whole.len() as u64);
    let more = [png(), vec![0; 30 << 10]].concat();
    let (status, code, details) = refusal(&send(&studio, "", more.clone()).await);
    assert_eq!((status, &*code), (413, "quota_exceeded"));
    assert_eq!((&details["usedBytes"], &details["leavingBytes"]), (&json!(whole.len()), &json!(0)), "{details}");
    drop(stream);
    wait_until_settled(&studio);
    taken_in_the_end(&studio, more).await;
}

#[tokio::test]
async fn pictures_inside_requests_are_in_the_same_quota() {
    let (bytes, api) = (png(), OpenAi::start(Behaviour::Normal).unwrap());
    let config = format!("[uploads]\nper_user = \"{}\"\n{TALKER}", bytes.len() * 2 + bytes.len() / 2);
    let setup = setup().variable("OPENAI_API_KEY", KEY).variable("OPENAI_BASE_URL", &api.base_url());
    let studio = Studio::start(setup.config(&config)).unwrap();
    let ask = async |bytes: &[u8]| {
        let inline = format!("data:image/png;base64,{}", STANDARD.encode(bytes));
        let picture = json!({ "type": "image", "url": inline });
        let content = [json!({ "type": "text", "text": "what?" }), picture];
        let body = json!({ "modelId": "talker", "messages": [{ "role": "user", "content": content }] });
        studio.post(CHAT, &body).await.unwrap()
    };
    kept(&studio, "", bytes.clone()).await;
    assert_eq!(ask(&bytes).await.status, StatusCode::OK);
    let (before, other) = (blobs(&studio), good_files::png::file(&Picture::rgb(41, 30), &[]));
    let refused = ask(&other).await;
    let (status, code, details) = refusal(&refused);
    assert_eq!((status, &*code), (413, "quota_exceeded"), "{}", refused.json());
    let expected = json!({ "quotaBytes": bytes.len() * 5 / 2, "usedBytes": bytes.len() * 2, "leavingBytes": 0, "receivedBytes": other.len() });
    assert_eq!((details, blobs(&studio)), (expected, before));
    assert_eq!(refusal(&send(&studio, "", bytes.clone()).await).1, "quota_exceeded");
    assert_eq!((api.chats().len(), studio.verify().unwrap()["violations"].clone()), (1, json!([])));
    // What came inside a request can be removed as all else.
    let sent = studio.get("/api/v1/assets?origin=sent").await.unwrap().json()["items"][0].clone();
    let gone = studio.request(Method::DELETE, sent["url"].as_str().unwrap());
    assert_eq!(Studio::send(gone).await.unwrap().status, StatusCode::OK);
    assert_eq!(ask(&bytes).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_same_request_again_needs_no_room() {
    let sent = good("told.png");
    let config = format!("[uploads]\nper_user = \"{}\"\n", sent.len() + sent.len() / 2);
    let studio = Studio::start(setup().config(&config)).unwrap();
    let send = async |key: &str, bytes: Vec<u8>| {
        let request = studio.request(Method::POST, UPLOAD).header("Idempotency-Key", key).body(bytes);
        Studio::send(request).await.unwrap()
    };
    let in_form = async |file: &[u8]| {
        let request = studio.request(Method::POST, UPLOAD).header("content-type", "multipart/form-data; boundary=xyz");
        Studio::send(request.header("Idempotency-Key", "a").body(form(&[("file", Some("cat.png"), file)])))
            .await
            .unwrap()
    };
    let first = send("a", sent.clone()).await.json()["asset"].clone();
    assert!(!first["stripped"].is_null(), "other bytes are kept than were sent: {first}");
    let before = blobs(&studio);
    let (status, code, _) = refusal(&send("b", sent.clone()).await);
    assert_eq!((status, &*code), (413, "quota_exceeded"));
    for again in [send("a", sent.clone()).await, in_form(&sent).await] {
        assert_eq!((again.status, again.header("idempotent-replayed")), (StatusCode::OK, "true"), "{}", again.json());
        assert_eq!(again.json()["asset"], first);
    }
    for other in [send("a", good("plain.gif")).await, in_form(&png()).await] {
        let (status, code, _) = refusal(&other);
        assert_eq!((status, &*code), (422, "idempotency_key_reused"));
    }
    assert_eq!(blobs(&studio), before, "nothing more is kept");
}
