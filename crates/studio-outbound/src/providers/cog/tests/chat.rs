//! Conversations at a worker: what it tells while it tells it, and what it means when it stops.

use super::*;
use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::put,
};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};
use studio_core::{
    ports::Piece,
    words::{Finish, Voice},
};
use tokio::{sync::mpsc, task::JoinSet};

/// A worker that answers what the test tells it, event by event, and keeps what it was asked.
struct Teller {
    base_url: String,
    asked: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
    /// Ends with the test.
    _serving: JoinSet<()>,
}

impl Teller {
    async fn start(status: u16, kind: &'static str, parts: mpsc::Receiver<String>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let (asked, parts) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Some(parts))));
        let seen = asked.clone();
        let answer = move |headers: HeaderMap, body: Bytes| {
            seen.lock().unwrap().push((headers, serde_json::from_slice(&body).unwrap()));
            let parts = parts.lock().unwrap().take().unwrap();
            let parts = stream::unfold(parts, |mut parts| async move { Some((parts.recv().await?, parts)) });
            let body = Body::from_stream(parts.map(Ok::<_, Infallible>));
            async move { (StatusCode::from_u16(status).unwrap(), [("content-type", kind)], body).into_response() }
        };
        let app = Router::new().route("/predictions/{id}", put(answer));
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { base_url, asked, _serving: serving }
    }
}

async fn talk(base_url: String, supervised: bool) -> Result<Saying, Failure> {
    let destination = Destination::Configured { base_url };
    let token = Some(Secret::new("s3cret"));
    let name = "lab".to_owned();
    let provider =
        CogProvider::new(CogSettings { name, destination, token, own_token: false, polled: true, supervised });
    let job = sample::chat_job(sample::chat(json!({ "maxOutputTokens": 9 })));
    // Limits that no test lives to see.
    let never = Duration::from_secs(3600);
    let (pictures, first_byte_limit, idle_limit, total_limit) = (sample::no_pictures(), never, never, never);
    let submission = Submission { job: &job, upload_to: None, pictures, first_byte_limit, idle_limit, total_limit };
    match provider.start(&submission).await? {
        Started::Saying(saying) => Ok(saying),
        other => panic!("{other:?}"),
    }
}

/// A worker that answers all of this and closes.
async fn told(status: u16, kind: &'static str, text: &str) -> Result<Vec<Result<Vec<Piece>, Failure>>, Failure> {
    let (tell, parts) = mpsc::channel(1);
    tell.send(text.to_owned()).await.unwrap();
    drop(tell);
    let teller = Teller::start(status, kind, parts).await;
    Ok(talk(teller.base_url.clone(), true).await?.collect().await)
}

fn event(name: &str, data: Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

#[tokio::test]
async fn a_worker_is_heard_as_it_speaks() {
    let (tell, parts) = mpsc::channel(1);
    let teller = Teller::start(200, "text/event-stream", parts).await;
    let send = |text: String| async { tell.send(text).await.unwrap() };
    let (saying, ()) = tokio::join!(
        talk(teller.base_url.clone(), true),
        send(event("start", json!({ "id": "x", "status": "processing" })))
    );
    let mut saying = saying.unwrap();
    let name = sample::chat_job(sample::chat(json!({}))).attempt_name();
    assert_eq!(saying.next().await, Some(Ok(vec![Piece::Named(name)])));
    for word in ["a ", "sea 🌊"] {
        send(": still here\n\n".into()).await;
        send(event("output", json!({ "chunk": word, "index": 0 }))).await;
        assert_eq!(saying.next().await, Some(Ok(vec![Piece::Said(Voice::Text, word.into())])));
    }
    send(event("completed", json!({ "status": "succeeded", "output": ["a ", "sea 🌊"] }))).await;
    assert_eq!(saying.next().await, Some(Ok(vec![Piece::Finished(Finish::Stop)])));
    drop(tell);
    assert_eq!(saying.next().await, None);
    let asked = teller.asked.lock().unwrap();
    let (headers, body) = &asked[0];
    assert_eq!(
        (&headers["accept"], &headers["authorization"]),
        (&"text/event-stream".parse().unwrap(), &"Bearer s3cret".parse().unwrap())
    );
    assert_eq!(
        *body,
        json!({ "input": { "max_output_tokens": 9,
            "messages": [{ "role": "user", "content": "why is the \"sea\" 🌊 blue?" }] } })
    );
}

#[tokio::test]
async fn whoever_stops_listening_to_a_worker_hangs_up() {
    let (tell, parts) = mpsc::channel(1);
    let teller = Teller::start(200, "text/event-stream", parts).await;
    let (saying, sent) = tokio::join!(talk(teller.base_url.clone(), true), tell.send(event("output", json!("a"))));
    let mut saying = saying.unwrap();
    sent.unwrap();
    assert!(saying.next().await.unwrap().is_ok());
    drop(saying);
    tell.closed().await;
}

#[tokio::test]
async fn what_is_no_answer_is_not_read() {
    let (tell, parts) = mpsc::channel(1);
    let teller = Teller::start(200, "text/html", parts).await;
    let (refused, sent) = tokio::join!(talk(teller.base_url.clone(), true), tell.send("<h1>It works!</h1>".into()));
    sent.unwrap();
    // Its body has no end.
    assert_eq!(refused.map(drop).unwrap_err().kind, FailureKind::BadOutput);
    tell.closed().await;
}

#[tokio::test]
async fn how_a_worker_ends_has_its_kind() {
    use FailureKind as K;
    let stream = "text/event-stream";
    let json = "application/json";
    let begun = event("output", json!("a"));
    for (text, kind) in [
        (begun.clone(), K::CutOff),
        (String::new(), K::CutOff),
        (begun.clone() + &event("completed", json!({ "status": "failed", "error": "no room" })), K::ModelFailed),
        (begun.clone() + &event("completed", json!({ "status": "canceled" })), K::Interrupted),
        (begun.clone() + &event("output", json!({})), K::BadOutput),
        (begun + "data: " + &"x".repeat(2 << 20), K::BadOutput),
    ] {
        let mut all = told(200, stream, &text).await.unwrap();
        let failure = all.pop().unwrap().unwrap_err();
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(text.is_empty() || all.len() == 1, "what was said before is told");
    }
    let whole = json!({ "status": "succeeded", "output": ["a ", "sea"] }).to_string();
    let all = told(200, json, &whole).await.unwrap();
    assert!(matches!(&all[..], [Ok(pieces)] if pieces[1] == Piece::Said(Voice::Text, "a sea".into())));
    for (status, kind, text, expected) in [
        (409, json, r#"{"detail": "all prediction slots are in use"}"#, K::Busy),
        (422, json, r#"{"detail": [{"loc": ["messages"], "msg": "must be shorter"}]}"#, K::Rejected),
        (503, json, r#"{"detail": "not ready"}"#, K::Unavailable),
        (500, stream, "", K::Lost),
        (200, "text/html", "<h1>It works!</h1>", K::BadOutput),
        (200, json, r#"{"status": "failed", "error": "no room"}"#, K::ModelFailed),
        (200, json, r#"{"status": "processing"}"#, K::BadOutput),
    ] {
        let failure = told(status, kind, text).await.map(drop).unwrap_err();
        assert_eq!(failure.kind, expected, "{status} {text}: {failure}");
    }
}
