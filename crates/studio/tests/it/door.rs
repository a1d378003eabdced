//! The door: every refusal is a 4xx with the one error body, and leaves nothing behind.

use crate::{IMAGE, NOBODY, setup, small, studio};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::io::{Read, Write};
use studio_server::http::{ROUTES, Who};
use studio_testkit::studio::{Reply, Studio};

/// Checks that a reply is a refusal with the one error body.
pub(crate) fn assert_refused(reply: &Reply, status: u16, code: &str) {
    let body = reply.json();
    assert_eq!((reply.status.as_u16(), &body["error"]), (status, &json!(code)), "{body}");
    assert_eq!((&body["success"], reply.header("content-type")), (&json!(false), "application/json"), "{body}");
    assert!(!body["message"].as_str().unwrap().is_empty());
    assert_eq!(body["requestId"], reply.header("x-request-id"));
    assert!(body["timestamp"].as_str().unwrap().ends_with('Z'));
}

pub(crate) fn path_of(route: &str) -> String {
    let route = route.replace("{modality}", "image");
    let route = route.replace("{provider}", "openai").replace("{slug}", "none").replace("{token}", "none");
    route.replace("{id}", NOBODY).replace("{ticket}", "none").replace("{file}", "x.png")
}

#[tokio::test]
async fn every_route_asks_who_calls_as_its_row_says() {
    let studio = studio();
    let read_only = studio.make_key("reader@example.com", &["--scopes", "read"]).unwrap();
    let make_only = studio.make_key("maker@example.com", &["--scopes", "generate"]).unwrap();
    for route in ROUTES {
        let (method, path) = (route.method.as_method(), path_of(route.path));
        let bare = Studio::send(studio.bare_request(method.clone(), &path)).await.unwrap();
        match route.who() {
            // What changes something wants a body, from whomever it comes.
            Who::Anyone if method != Method::GET => assert_refused(&bare, 415, "unsupported_media_type"),
            // Whoever knows the address of a page may see it; nobody knows this one.
            Who::Anyone if route.path.contains("{slug}") => assert_eq!(bare.status, StatusCode::NOT_FOUND, "{path}"),
            Who::Anyone => assert_eq!(bare.status, StatusCode::OK, "{path}"),
            Who::Ticket => assert_refused(&bare, 404, "not_found"),
            Who::Key(scope) => {
                assert_refused(&bare, 401, "unauthorized");
                let lacking = if scope.as_str() == "read" { &make_only } else { &read_only };
                let other = Studio::send(studio.request_as(lacking, method.clone(), &path)).await.unwrap();
                assert_refused(&other, 403, "missing_scope");
                let wrong = studio.request_as("mgs_000000000000000000000000000000000000", method, &path);
                assert_refused(&Studio::send(wrong).await.unwrap(), 401, "unauthorized");
            }
        }
        // A method that no path has.
        let refused = Studio::send(studio.request(Method::TRACE, &path)).await.unwrap();
        assert_refused(&refused, 405, "method_not_allowed");
        assert!(refused.header("allow").contains(route.method.as_method().as_str()), "{path}");
    }
}

#[tokio::test]
async fn f08_absent_and_not_yours_are_the_same_answer() {
    let studio = studio();
    let made = studio.post(IMAGE, &small("a cat")).await.unwrap().json();
    let other = studio.make_key("other@example.com", &[]).unwrap();
    let job = made["jobId"].as_str().unwrap().to_owned();
    let asset = made["images"][0]["assetId"].as_str().unwrap().to_owned();
    for (method, theirs, nobodys) in [
        (Method::GET, format!("/api/v1/jobs/{job}"), "/api/v1/jobs/019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b"),
        (Method::GET, format!("/api/v1/jobs/{job}/events"), "/api/v1/jobs/019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b/events"),
        (
            Method::POST,
            format!("/api/v1/jobs/{job}/cancel"),
            "/api/v1/jobs/019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b/cancel",
        ),
        (Method::GET, format!("/api/v1/assets/{asset}"), "/api/v1/assets/019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b"),
    ] {
        let a = Studio::send(studio.request_as(&other, method.clone(), &theirs)).await.unwrap();
        let b = Studio::send(studio.request_as(&other, method, nobodys)).await.unwrap();
        assert_refused(&a, 404, "not_found");
        assert_eq!(a.json()["message"], b.json()["message"]);
    }
    let theirs = Studio::send(studio.request_as(&other, Method::GET, "/api/v1/jobs")).await.unwrap();
    assert_eq!(theirs.json()["items"], json!([]));
}

#[tokio::test]
async fn bad_requests_are_named_and_leave_nothing() {
    let studio = studio();
    for (body, field) in [
        (json!([]), "body"),
        (json!({}), "prompt"),
        (json!({ "prompt": "" }), "prompt"),
        (json!({ "prompt": "a\u{0}b" }), "prompt"),
        (json!({ "prompt": "x".repeat(101) }), "prompt"),
        (json!({ "prompt": "a\u{1b}[31mb" }), "prompt"),
        (json!({ "prompt": "x", "width": "wide" }), "width"),
        (json!({ "prompt": "x", "height": [4096] }), "height"),
        (json!({ "prompt": "x", "numImages": {} }), "numImages"),
        (json!({ "prompt": "x", "seed": true }), "seed"),
        (json!({ "prompt": "x", "format": "gif" }), "format"),
        (json!({ "prompt": "x", "modelId": "sketchy" }), "modelId"),
        (json!({ "prompt": "x", "colour": "red" }), "colour"),
        (json!({ "prompt": "x", "modelParams": { "width": null, "height": "x" } }), "modelParams.height"),
        (json!({ "prompt": "x", "deadline": "2001-01-01T00:00:00Z" }), "deadline"),
        (json!({ "prompt": "x", "image": "data:image/png;base64,AAAA" }), "image"),
    ] {
        let reply = studio.post(IMAGE, &body).await.unwrap();
        assert_refused(&reply, 400, "invalid_request");
        let fields = reply.json()["details"]["fields"].clone();
        assert_eq!(fields[0]["field"], field, "{body}: {fields}");
        assert!(!fields[0]["message"].as_str().unwrap().is_empty());
    }
    for (header, value) in [("Prefer", "wait=61"), ("Prefer", "wait=soon"), ("Idempotency-Key", "with space")] {
        let reply =
            Studio::send(studio.request(Method::POST, IMAGE).header(header, value).json(&small("x"))).await.unwrap();
        assert_refused(&reply, 400, "invalid_request");
        assert_eq!(reply.json()["details"]["fields"][0]["field"], header);
    }
    for path in [
        "/api/v1/jobs?limit=0",
        "/api/v1/jobs?limit=101",
        "/api/v1/jobs?status=done",
        "/api/v1/jobs?colour=red",
        "/api/v1/jobs?cursor=x",
        "/api/v1/jobs/1",
        "/api/v1/assets/x",
        "/api/v1/jobs?limit=1&limit=2",
    ] {
        assert_refused(&studio.get(path).await.unwrap(), 400, "invalid_request");
    }
    assert_refused(&studio.get("/api/v1/jobs?a=%ff").await.unwrap(), 400, "malformed_query");
    assert_refused(&studio.get("/api/v1/nonsense").await.unwrap(), 404, "not_found");
    let verified = studio.verify().unwrap();
    assert_eq!((&verified["jobs"], &verified["entries"]), (&json!(0), &json!(0)), "nothing was held or stored");
}

#[tokio::test]
async fn f02_broken_large_and_mistyped_bodies_are_refused() {
    let studio = studio();
    let post = |kind: &'static str, body: Vec<u8>| {
        Studio::send(studio.request(Method::POST, IMAGE).header("Content-Type", kind).body(body))
    };
    assert_refused(&post("application/json", b"{\"prompt\":".to_vec()).await.unwrap(), 400, "malformed_json");
    assert_refused(&post("application/json", vec![]).await.unwrap(), 400, "malformed_json");
    assert_refused(&post("application/json", b"[".repeat(100_000)).await.unwrap(), 400, "json_too_deep");
    assert_refused(&post("application/json", b"{\"prompt\":\"\xff\"}".to_vec()).await.unwrap(), 400, "malformed_json");
    assert_refused(&post("text/plain", b"{}".to_vec()).await.unwrap(), 415, "unsupported_media_type");
    for kind in
        ["application/json; charset=latin1", "", "multipart/form-data; boundary=x", "application/json, text/plain"]
    {
        assert_refused(&post(kind, b"{}".to_vec()).await.unwrap(), 415, "unsupported_media_type");
    }
    let packed = studio.request(Method::POST, IMAGE).header("Content-Encoding", "gzip").json(&small("x"));
    assert_refused(&Studio::send(packed).await.unwrap(), 415, "unsupported_media_type");
    assert_refused(&post("application/jsonp", b"{}".to_vec()).await.unwrap(), 415, "unsupported_media_type");
    // Of very many faults some are told: an answer is not as large as its body.
    let many: serde_json::Map<_, _> = (0..20_000).map(|n| (format!("unknown{n}"), json!(n))).collect();
    for (method, path) in [(Method::POST, IMAGE), (Method::PUT, "/api/v1/budgets/019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b")]
    {
        let refused = Studio::send(studio.request(method, path).json(&many)).await.unwrap();
        assert_refused(&refused, 400, "invalid_request");
        assert!(refused.body.len() < 20_000, "{}", refused.body.len());
    }
    let large = post("application/json; charset=utf-8", vec![b' '; (1 << 20) + 1]).await.unwrap();
    assert_refused(&large, 413, "body_too_large");
    assert_eq!(large.json()["details"]["limitBytes"], 1 << 20);
    assert_refused(&studio.get(&format!("/api/v1/jobs?a={}", "x".repeat(9000))).await.unwrap(), 414, "uri_too_long");
    let heavy =
        Studio::send(studio.request(Method::GET, "/api/v1/jobs").header("x-much", "x".repeat(40_000))).await.unwrap();
    assert_refused(&heavy, 431, "headers_too_large");
    assert_eq!(studio.verify().unwrap()["jobs"], 0);
}

#[test]
fn a_body_of_unannounced_length_is_stopped_at_the_limit_and_the_answer_can_be_read() {
    let studio = studio();
    let mut stream = studio.connect().unwrap();
    let head = format!(
        "POST {IMAGE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        studio.key()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = [b"10000\r\n".to_vec(), vec![b' '; 0x10000], b"\r\n".to_vec()].concat();
    // Two MiB: over the limit, within what is cleared away. Everything can be sent before the answer is read.
    for _ in 0..32 {
        stream.write_all(&chunk).unwrap();
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    let mut buffer = [0; 4096];
    while !String::from_utf8_lossy(&answer).contains("\"body_too_large\"") {
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "closed early: {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&buffer[..read]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 413"));
}

#[tokio::test]
async fn f10_every_request_has_an_id_of_its_own_or_of_the_caller() {
    let studio = studio();
    let own = studio.get("/api/v1/health/live").await.unwrap();
    assert_eq!(own.header("x-request-id").len(), 36);
    let theirs = studio.bare_request(Method::GET, "/api/v1/health/live").header("x-request-id", "trace-42");
    assert_eq!(Studio::send(theirs).await.unwrap().header("x-request-id"), "trace-42");
    let forged = studio.bare_request(Method::GET, "/api/v1/health/live").header("x-request-id", "a b\u{e9}");
    assert_eq!(Studio::send(forged).await.unwrap().header("x-request-id").len(), 36);
    assert!(own.header("x-response-time").ends_with("ms"));
}

#[tokio::test]
async fn f27_limits_are_told_before_and_when_they_are_reached() {
    let studio = Studio::start(setup().variable("STUDIO_LIMITS__GENERATION", "2/min")).unwrap();
    for left in ["1", "0"] {
        let reply = studio.post(IMAGE, &small("x")).await.unwrap();
        assert_eq!((reply.status, reply.header("x-ratelimit-remaining")), (StatusCode::OK, left));
        assert_eq!(reply.header("ratelimit-policy"), "\"generation\";q=2;w=60");
    }
    let refused = studio.post(IMAGE, &small("x")).await.unwrap();
    assert_refused(&refused, 429, "rate_limited");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
    assert_eq!(refused.header("x-ratelimit-remaining"), "0");
    // Another key has its own count.
    let other = studio.make_key("other@example.com", &[]).unwrap();
    let reply = Studio::send(studio.request_as(&other, Method::POST, IMAGE).json(&small("x"))).await.unwrap();
    assert_eq!(reply.status, StatusCode::OK);
}

#[tokio::test]
async fn health_tells_each_part_and_starts_nothing() {
    let studio = studio();
    let reply = studio.get("/api/v1/health/ready").await.unwrap();
    assert_eq!(reply.status, StatusCode::OK);
    let body = reply.json();
    assert_eq!((&body["status"], &body["checks"]["database"]), (&json!("ready"), &json!("ok")));
    assert_eq!(
        body["checks"]["workers"],
        json!({ "guide": "idle", "sketch": "idle", "title": "idle" }),
        "asking did not start it"
    );
    let page = studio.get("/").await.unwrap();
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
    let expecting = studio.request(Method::GET, "/api/v1/jobs").header("expect", "100-continue");
    assert_eq!(Studio::send(expecting).await.unwrap().status, StatusCode::OK, "there is no body to wait for");
    let probe = studio.get("/api/v1/health/live?nocache=1").await.unwrap();
    assert_eq!(probe.status, StatusCode::OK, "what others add to a public address is let be");
    let head = Studio::send(studio.bare_request(Method::HEAD, "/api/v1/health/live")).await.unwrap();
    assert_eq!(head.header("content-length"), probe.header("content-length"), "as GET would say it");
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
}

#[tokio::test]
async fn usage_and_models_say_what_there_is() {
    let studio = studio();
    studio.post(IMAGE, &small("x")).await.unwrap();
    let usage = studio.get("/api/v1/usage").await.unwrap().json();
    assert_eq!((&usage["total"]["jobs"], &usage["items"][0]["modelId"]), (&json!(1), &json!("sketch")));
    let models = studio.get("/api/v1/models").await.unwrap().json();
    let sketch = &models["items"][0];
    assert_eq!(sketch["parameters"]["width"], json!({ "kind": "integer", "min": 64, "max": 2048, "default": 1024 }));
    assert_eq!(sketch["prices"]["rates"]["image"]["amount"], "0");
    assert_eq!(sketch["available"], Value::Bool(true));
}
