//! Every kind of refusal, on every route that can make it: one body, a status that means what it says, and nothing left behind.

use crate::{
    IMAGE, NOBODY, PRICED,
    chat::CHAT,
    door::{assert_refused, path_of},
    in_millis,
    jobs::{lab, with_worker},
    setup, small, studio, submit,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use studio_server::http::{BodyRule, QueryKind, ROUTES, Route, Verb};
use studio_testkit::{
    cog_worker::{Behaviour, CogWorker},
    studio::{Reply, Studio},
};
use tokio::task::JoinSet;

/// Texts that are no ids, as they stand in an address.
const HOSTILE: &[&str] = &[
    "1",
    "-1",
    "null",
    "%00",
    "%ff",
    "%F0%9F%8C%8A",
    "123e4567-e89b-42d3-a456-426614174000",
    "019a0b1c-2d3e-7f40-0a5b-6c7d8e9f0a1b",
    "019a0b1c2d3e7f408a5b6c7d8e9f0a1b",
    "%7B019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b%7D",
    "019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b%20",
    "019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b%27%20OR%20%271%27=%271",
    "%27;%20DROP%20TABLE%20jobs;--",
    "$(touch%20pwned)",
    "%60id%60",
    "..%2F..%2Fetc%2Fpasswd",
    "%252e%252e%252f",
    "%0d%0aSet-Cookie:%20a=b",
    "%7B%7B7*7%7D%7D",
    "%E2%80%AE019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b",
];

/// A body that a row takes, so that nothing but what is tried is wrong.
fn fitting(route: &Route) -> Option<Value> {
    match route.body {
        BodyRule::Json(_, "ResolveRequest") => Some(json!({ "notLanded": true, "reason": "looked up" })),
        BodyRule::Json(_, "AdjustRequest") => Some(json!({ "payerPays": "0", "reason": "a bill" })),
        BodyRule::Json(..) => Some(json!({})),
        BodyRule::None | BodyRule::Form(_) | BodyRule::Stream(_) | BodyRule::File => None,
    }
}

async fn send(studio: &Studio, method: Method, path: &str, body: Option<&Value>) -> Reply {
    let request = studio.request(method, path);
    Studio::send(body.into_iter().fold(request, |request, body| request.json(body))).await.unwrap()
}

#[tokio::test]
async fn f06_what_is_no_id_reaches_nothing() {
    let studio = studio();
    let kept = studio.post(IMAGE, &small("a cat")).await.unwrap().json();
    let mut tried = 0;
    for route in ROUTES {
        let method = route.method.as_method();
        let queries = route.query.iter().filter(|query| matches!(query.kind, QueryKind::Id));
        let mut places: Vec<_> = queries.map(|query| (query.name, format!("{}?{}=", route.path, query.name))).collect();
        if route.path.contains("{id}") {
            places.push(("id", route.path.to_owned()));
        }
        for (name, place) in places {
            for hostile in HOSTILE {
                let path = match name {
                    "id" => place.replace("{id}", hostile),
                    _ => format!("{place}{hostile}"),
                };
                let body = if name == "id" { fitting(route) } else { None };
                let reply = send(&studio, method.clone(), &path, body.as_ref()).await;
                // A query that is no text at all is refused as a whole.
                if name != "id" && *hostile == "%ff" {
                    assert_refused(&reply, 400, "malformed_query");
                    continue;
                }
                assert_refused(&reply, 400, "invalid_request");
                assert_eq!(reply.json()["details"]["fields"][0]["field"], name, "{method} {path}");
                tried += 1;
            }
        }
    }
    assert!(tried > HOSTILE.len() * 10, "{tried}");
    let job = kept["jobId"].as_str().unwrap();
    assert_eq!(studio.get(&format!("/api/v1/jobs/{job}")).await.unwrap().json()["job"]["status"], "succeeded");
    let verified = studio.verify().unwrap();
    assert_eq!((&verified["jobs"], &verified["violations"]), (&json!(1), &json!([])));
    assert!(!studio.log().contains("Set-Cookie") && !studio.log().contains("DROP TABLE"), "{}", studio.log());
}

#[tokio::test]
async fn f09_every_refusal_has_the_one_body() {
    let setup = setup().config(PRICED).variable("STUDIO_LIMITS__STATUS", "20/h");
    let studio = Studio::start(setup).unwrap();
    let made = studio.post(IMAGE, &small("a cat")).await.unwrap().json();
    let job = made["jobId"].as_str().unwrap();
    let picture = made["images"][0]["url"].as_str().unwrap();
    let poor = studio.make_key("poor@example.com", &["--budget", "0.001"]).unwrap();
    let reader = studio.make_key("reader@example.com", &["--scopes", "read"]).unwrap();
    let named = |body: &Value| studio.request(Method::POST, IMAGE).header("idempotency-key", "k").json(body);
    assert_eq!(Studio::send(named(&small("a cat"))).await.unwrap().status, StatusCode::OK);
    let get = |path: &str| studio.request(Method::GET, path);
    let post = |path: &str| studio.request(Method::POST, path);
    let cases = [
        (400, "invalid_request", post(IMAGE).json(&json!({}))),
        (400, "malformed_json", post(CHAT).header("content-type", "application/json").body("{")),
        (400, "malformed_query", get("/api/v1/jobs?a=%ff")),
        (401, "unauthorized", studio.bare_request(Method::GET, "/api/v1/jobs")),
        (402, "over_budget", studio.request_as(&poor, Method::POST, IMAGE).json(&small("a cat"))),
        (403, "missing_scope", studio.request_as(&reader, Method::POST, IMAGE).json(&small("a cat"))),
        (404, "not_found", get("/nonsense")),
        (404, "not_found", get(&format!("/api/v1/jobs/{NOBODY}"))),
        (405, "method_not_allowed", studio.request(Method::PATCH, "/api/v1/jobs")),
        (409, "job_over", post(&format!("/api/v1/jobs/{job}/cancel"))),
        (409, "not_to_retry", post(&format!("/api/v1/jobs/{job}/retry"))),
        (413, "body_too_large", post(CHAT).header("content-type", "application/json").body(vec![b' '; (1 << 20) + 1])),
        (414, "uri_too_long", get(&format!("/api/v1/jobs?a={}", "x".repeat(9000)))),
        (415, "unsupported_media_type", post(CHAT).header("content-type", "text/plain").body("hello")),
        (416, "range_not_satisfiable", get(picture).header("range", "bytes=999999999-")),
        (422, "idempotency_key_reused", named(&small("a dog"))),
        (431, "headers_too_large", get("/api/v1/jobs").header("x-much", "x".repeat(40_000))),
        (409, "provider_not_configured", post(IMAGE).json(&json!({ "prompt": "x", "modelId": "gpt-image-2" }))),
    ];
    for (status, code, request) in cases {
        assert_refused(&Studio::send(request).await.unwrap(), status, code);
    }
    let mut last = studio.get("/api/v1/jobs").await.unwrap();
    for _ in 0..20 {
        last = studio.get("/api/v1/jobs").await.unwrap();
    }
    assert_refused(&last, 429, "rate_limited");
    // Nothing of it was made.
    assert_eq!(studio.verify().unwrap()["jobs"], 2);
}

#[tokio::test]
async fn f33_a_status_says_whose_fault_it_was() {
    let worker = CogWorker::start(Behaviour::FailedPrediction("it broke".into())).unwrap();
    let studio = with_worker(&worker);
    for (behaviour, reason) in [
        (Behaviour::FailedPrediction("it broke".into()), "model_failed"),
        (Behaviour::Rejects422, "rejected_by_provider"),
        (Behaviour::NotAnImage, "bad_output"),
        (Behaviour::NotReady503, "provider_unavailable"),
    ] {
        worker.set(behaviour);
        let reply = studio.post(IMAGE, &lab()).await.unwrap();
        assert_refused(&reply, 502, "generation_failed");
        let details = reply.json()["details"].clone();
        assert_eq!((&details["reason"], &details["cost"]["amount"]), (&json!(reason), &json!("0")));
    }
    let absent = studio.post(IMAGE, &json!({ "prompt": "x", "modelId": "gpt-image-2" })).await.unwrap();
    assert_refused(&absent, 409, "provider_not_configured");
    // Who waits is told what became of it, whoever ended it.
    worker.set(Behaviour::Async);
    worker.hold();
    let at_work = submit(&studio, &lab()).await;
    let mut late = lab();
    late["deadline"] = in_millis(500).into();
    assert_refused(&studio.post(IMAGE, &late).await.unwrap(), 504, "deadline_exceeded");
    let waiting = studio.request(Method::POST, IMAGE).header("prefer", "wait=60").json(&lab());
    let mut waits = JoinSet::from_iter([Studio::send(waiting)]);
    let queued = loop {
        let listed = studio.get("/api/v1/jobs?status=queued").await.unwrap().json();
        if let Some(id) = listed["items"][0]["id"].as_str() {
            break id.to_owned();
        }
    };
    send(&studio, Method::POST, &format!("/api/v1/jobs/{queued}/cancel"), None).await;
    assert_refused(&waits.join_next().await.unwrap().unwrap().unwrap(), 409, "canceled");
    worker.release();
    assert_eq!(studio.end_of(&at_work).await.unwrap()["status"], "succeeded");
    assert!(!studio.log().contains("status=500"), "{}", studio.log());
}

#[tokio::test]
async fn f34_every_route_has_its_limit_on_bodies() {
    let studio = studio();
    let mut tried = 0;
    for route in ROUTES.iter().filter(|route| route.method != Verb::Get) {
        let (method, path) = (route.method.as_method(), path_of(route.path));
        let limit = match route.body {
            BodyRule::Json(limit, _) => limit,
            // How large a file may be depends on what it is: tests of uploads.
            BodyRule::File => continue,
            // What comes there is counted as it is written to disk: tests of workers.
            BodyRule::Stream(limit) => {
                assert!(limit <= 64 << 20, "{path}");
                continue;
            }
            // Pages have theirs.
            BodyRule::None | BodyRule::Form(_) => continue,
        };
        assert_eq!(limit, 1 << 20, "{path}");
        for (bytes, status, code) in [(limit, 400, "malformed_json"), (limit + 1, 413, "body_too_large")] {
            let body = vec![b' '; usize::try_from(bytes).unwrap()];
            let request = studio.request(method.clone(), &path).header("content-type", "application/json").body(body);
            let reply = Studio::send(request).await.unwrap();
            assert_refused(&reply, status, code);
            tried += 1;
        }
    }
    assert!(tried >= 12, "{tried}");
    assert_eq!(studio.verify().unwrap()["jobs"], 0);
}

#[tokio::test]
async fn f26_a_body_that_does_not_say_that_it_is_json_is_a_415() {
    let studio = studio();
    for route in ROUTES.iter().filter(|route| matches!(route.body, BodyRule::Json(..))) {
        for path in std::iter::once(&route.path).chain(route.legacy) {
            for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/jsonx")]
            {
                let mut request = studio.request(route.method.as_method(), &path_of(path)).body("{}");
                if let Some(kind) = kind {
                    request = request.header("content-type", kind);
                }
                assert_refused(&Studio::send(request).await.unwrap(), 415, "unsupported_media_type");
            }
        }
    }
}
