//! What is counted for whoever watches the studio from outside, as Prometheus reads it.

use crate::{
    IMAGE, NOBODY,
    jobs::{lab, with_worker},
    setup, small, studio, submit,
};
use reqwest::{Method, StatusCode};
use std::collections::BTreeMap;
use studio_testkit::{
    cog_worker::{Behaviour, CogWorker},
    studio::Studio,
};

const UPLOAD: &str = "/api/v1/worker-outputs/{ticket}/{file}";

type Labels = BTreeMap<String, String>;

/// What one scrape brings: the type of each family, and the samples of each name.
struct Scrape {
    types: BTreeMap<String, String>,
    samples: BTreeMap<String, BTreeMap<Labels, f64>>,
}

/// Labels from pairs.
fn labels<const N: usize>(pairs: [(&str, &str); N]) -> Labels {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

impl Scrape {
    /// Reads the text form, and fails on what is none.
    fn read(text: &str) -> Self {
        let mut scrape = Self { types: BTreeMap::new(), samples: BTreeMap::new() };
        let lines = text.strip_suffix("# EOF\n").ok_or_else(|| format!("it has no end: {text}")).unwrap();
        for line in lines.lines() {
            if let Some(described) = line.strip_prefix("# ") {
                if let Some((name, kind)) = described.strip_prefix("TYPE ").and_then(|rest| rest.split_once(' ')) {
                    assert!(scrape.types.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} is told twice");
                }
                continue;
            }
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, inside) = match series.split_once('{') {
                Some((name, rest)) => (name, rest.strip_suffix('}').unwrap()),
                None => (series, ""),
            };
            let pairs =
                inside.split_terminator("\",").map(|pair| pair.trim_end_matches('"').split_once("=\"").unwrap());
            let labels = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let known = scrape.samples.entry(name.to_owned()).or_default().insert(labels, value.parse().unwrap());
            assert!(known.is_none(), "{series} is there twice");
        }
        scrape
    }

    async fn of(studio: &Studio) -> Self {
        let reply = studio.get("/metrics").await.unwrap();
        assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.json());
        assert_eq!(reply.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
        Self::read(std::str::from_utf8(&reply.body).unwrap())
    }

    fn all(&self, name: &str) -> BTreeMap<Labels, f64> {
        self.samples.get(name).cloned().unwrap_or_default()
    }

    /// One sample; nothing was counted where there is none.
    fn one<const N: usize>(&self, name: &str, wanted: [(&str, &str); N]) -> f64 {
        self.all(name).get(&labels(wanted)).copied().unwrap_or(0.0)
    }

    /// The sums of a counter or a histogram by method and route.
    fn by_route(&self, name: &str) -> BTreeMap<(String, String), f64> {
        let mut sums = BTreeMap::new();
        for (labels, value) in self.all(name) {
            *sums.entry((labels["method"].clone(), labels["route"].clone())).or_default() += value;
        }
        sums
    }
}

/// Scrapes until something has been counted: an attempt may still be putting its things away when its job is told to be over.
async fn scraped(studio: &Studio, counted: impl Fn(&Scrape) -> bool) -> Scrape {
    loop {
        let scrape = Scrape::of(studio).await;
        if counted(&scrape) {
            return scrape;
        }
    }
}

async fn answered(studio: &Studio, method: Method, path: &str) -> StatusCode {
    Studio::send(studio.request(method, path)).await.unwrap().status
}

#[tokio::test]
async fn f32_requests_are_counted_by_method_route_and_status() {
    let studio = Studio::start(setup().variable("STUDIO_LIMITS__GENERATION", "2/min")).unwrap();
    let mut statuses = Vec::new();
    for body in [small("counted"), small(""), small("one too many")] {
        statuses.push(studio.post(IMAGE, &body).await.unwrap().status.as_u16());
    }
    assert_eq!(statuses, [200, 400, 429]);
    for _ in 0..3 {
        assert_eq!(answered(&studio, Method::GET, &format!("/api/v1/jobs/{NOBODY}")).await, StatusCode::NOT_FOUND);
    }
    assert_eq!(answered(&studio, Method::HEAD, "/api/v1/models").await, StatusCode::OK);
    assert_eq!(answered(&studio, Method::DELETE, "/api/v1/models").await, StatusCode::METHOD_NOT_ALLOWED);
    for n in 0..100 {
        assert_eq!(answered(&studio, Method::GET, &format!("/odd/{n}?n={n}")).await, StatusCode::NOT_FOUND);
        let method = Method::from_bytes(format!("BREW{n}").as_bytes()).unwrap();
        assert_eq!(answered(&studio, method, &format!("/pot/{n}")).await, StatusCode::NOT_FOUND);
    }
    let scrape = Scrape::of(&studio).await;
    let wanted = [
        ("POST", IMAGE, "200", 1.0),
        ("POST", IMAGE, "400", 1.0),
        ("POST", IMAGE, "429", 1.0),
        ("PUT", UPLOAD, "201", 1.0),
        ("GET", "/api/v1/jobs/{id}", "404", 3.0),
        ("HEAD", "/api/v1/models", "200", 1.0),
        ("DELETE", "/api/v1/models", "405", 1.0),
        ("GET", "unmatched", "404", 100.0),
        ("other", "unmatched", "404", 100.0),
    ];
    let wanted = wanted.map(|(method, route, status, count)| {
        (labels([("method", method), ("route", route), ("status", status)]), count)
    });
    assert_eq!(scrape.all("api_requests_total"), BTreeMap::from(wanted));
    assert_eq!(scrape.types["api_requests"], "counter");
    assert_eq!(scrape.types["api_request_duration_seconds"], "histogram");

    let limited = ["asset", "auth", "chat", "control", "generation", "open", "status", "upload"]
        .map(|class| (labels([("class", class)]), class == "generation"));
    let limited = limited.map(|(labels, reached)| (labels, f64::from(u8::from(reached))));
    assert_eq!(scrape.all("api_rate_limited_total"), BTreeMap::from(limited));
    let refused = [("invalid_request", 1.0), ("rate_limited", 1.0), ("not_found", 203.0), ("method_not_allowed", 1.0)];
    let refused = refused.map(|(error, count)| (labels([("error", error)]), count));
    assert_eq!(scrape.all("api_refusals_total"), BTreeMap::from(refused));
    // The scrape before is counted by now.
    let again = Scrape::of(&studio).await;
    let scrapes = again.one("api_requests_total", [("method", "GET"), ("route", "/metrics"), ("status", "200")]);
    assert_eq!(scrapes, 1.0);
}

#[tokio::test]
async fn f22_every_answer_tells_how_long_it_took() {
    let studio = studio();
    for (method, path, status) in [
        (Method::GET, "/api/v1/models", 200),
        (Method::GET, "/api/v1/jobs?limit=0", 400),
        (Method::GET, &*format!("/api/v1/jobs/{NOBODY}"), 404),
        (Method::GET, "/nowhere", 404),
        (Method::DELETE, "/api/v1/jobs", 405),
    ] {
        let reply = Studio::send(studio.request(method, path)).await.unwrap();
        assert_eq!(reply.status.as_u16(), status, "{path}");
        let told = reply.header("x-response-time");
        let took: f64 = told.strip_suffix("ms").and_then(|number| number.parse().ok()).unwrap_or(-1.0);
        assert!(took >= 0.0, "{path} tells {told:?}");
    }
    assert_eq!(studio.post(IMAGE, &small("timed")).await.unwrap().status, StatusCode::OK);
    let scrape = Scrape::of(&studio).await;
    let counted = scrape.by_route("api_requests_total");
    assert_eq!(counted.len(), 7, "{counted:?}");
    assert_eq!(scrape.by_route("api_request_duration_seconds_count"), counted);
    for ((method, route), count) in counted {
        let bucket = |le| [("method", method.as_str()), ("route", route.as_str()), ("le", le)];
        let below = |le| scrape.one("api_request_duration_seconds_bucket", bucket(le));
        assert_eq!(below("+Inf"), count, "{method} {route}");
        assert!(below("0.001") <= below("60.0") && below("60.0") <= count, "{method} {route}");
        let sum = scrape.one("api_request_duration_seconds_sum", [("method", &method), ("route", &route)]);
        assert!(sum > 0.0, "{method} {route}");
    }
}

#[tokio::test]
async fn f32_jobs_attempts_and_what_waits_are_counted() {
    let worker = CogWorker::start(Behaviour::Async).unwrap();
    let studio = with_worker(&worker);
    let scrape = Scrape::of(&studio).await;
    assert_eq!(scrape.one("build_info", [("version", env!("CARGO_PKG_VERSION"))]), 1.0);
    assert_eq!(scrape.all("worker_up").get(&labels([("worker", "sketch")])), Some(&1.0), "idle is well");
    assert_eq!(scrape.all("store_busy_total"), BTreeMap::from([(Labels::new(), 0.0)]));
    assert!(scrape.one("api_connections", []) >= 1.0, "its own");
    assert_eq!(scrape.all("jobs_queued").get(&labels([("provider", "lab")])), Some(&0.0));

    worker.hold();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(submit(&studio, &lab()).await);
    }
    let lab = [("modality", "image"), ("model", "lab")];
    let scrape = scraped(&studio, |scrape| scrape.one("jobs_queued", [("provider", "lab")]) == 2.0).await;
    assert_eq!(scrape.one("jobs_accepted_total", lab), 3.0);
    assert_eq!(scrape.all("jobs_ended_total"), BTreeMap::new());
    assert_eq!(answered(&studio, Method::POST, &format!("/api/v1/jobs/{}/cancel", ids[2])).await, StatusCode::OK);
    worker.release();
    let outcome = |outcome| [("provider", "lab"), ("outcome", outcome)];
    let scrape = scraped(&studio, |scrape| scrape.one("provider_attempts_total", outcome("succeeded")) == 2.0).await;
    let ended = [("succeeded", 2.0), ("canceled", 1.0)];
    let ended = ended.map(|(status, n)| (labels([lab[0], lab[1], ("status", status)]), n));
    assert_eq!(scrape.all("jobs_ended_total"), BTreeMap::from(ended));
    assert_eq!(scrape.all("provider_attempts_total").len(), 1, "what was canceled in the queue was not attempted");
    scraped(&studio, |scrape| scrape.one("jobs_queued", [("provider", "lab")]) == 0.0).await;
}

#[tokio::test]
async fn f32_metrics_are_for_whoever_runs_the_studio() {
    let studio = studio();
    let user = studio.make_key("user@example.com", &["--scopes", "read,generate"]).unwrap();
    let watcher = studio.make_key("prometheus@example.com", &["--scopes", "admin"]).unwrap();
    let bare = Studio::send(studio.bare_request(Method::GET, "/metrics")).await.unwrap();
    assert_eq!((bare.status.as_u16(), bare.json()["error"].as_str()), (401, Some("unauthorized")));
    let refused = Studio::send(studio.request_as(&user, Method::GET, "/metrics")).await.unwrap();
    assert_eq!((refused.status.as_u16(), refused.json()["error"].as_str()), (403, Some("missing_scope")));
    let shown = Studio::send(studio.request_as(&watcher, Method::GET, "/metrics")).await.unwrap();
    assert_eq!(shown.status, StatusCode::OK);
    let text = String::from_utf8(shown.body).unwrap();
    assert!(!text.contains("user@example.com") && !text.contains("mgs_"), "it names nobody");
}
