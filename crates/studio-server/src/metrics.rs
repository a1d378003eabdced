//! What is counted for whoever watches the studio from outside (finding 32): `GET /metrics` shows it as Prometheus reads it.
//!
//! Counts begin at zero with each start, as Prometheus expects; what must be right to the last cent is in the store. Every
//! label has few values, however strange the requests are: routes by their row and not by what was asked for, methods and
//! errors by the words that we know, models and providers by the configuration. Nothing names a user or a key.

use crate::{app::App, work::workers::WorkerHealth};
use http::{Method, StatusCode};
use prometheus_client::{
    encoding::{
        EncodeLabelSet,
        text::{encode_eof, encode_registry},
    },
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::Gauge,
        histogram::Histogram,
        info::Info,
    },
    registry::{Registry, Unit},
};
use std::{fmt, time::Duration};
use studio_core::{
    job::{Job, Status},
    limits::LimitClass,
};

/// What [`Metrics::show`] writes: OpenMetrics, which Prometheus reads since its version 2.5.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the buckets of how long answers take, in seconds: from what is read from memory to the longest wait that a
/// caller can ask for. What takes longer is in the bucket `+Inf`.
const BUCKETS: [f64; 15] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// The route of requests for a path that no row has.
pub const UNMATCHED: &str = "unmatched";

/// The method of requests with one that HTTP does not define.
pub const OTHER_METHOD: &str = "other";

/// The methods that are shown by their names.
const METHODS: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::CONNECT,
    Method::TRACE,
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: String,
    route: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Timed {
    method: String,
    route: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Accepted {
    modality: &'static str,
    model: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    modality: &'static str,
    model: String,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Attempted {
    provider: String,
    outcome: &'static str,
}

/// Counted by one word of ours.
type ByWord = Family<[(&'static str, &'static str); 1], Counter>;
/// Looked at, by one name from the configuration.
type ByName = Family<[(&'static str, String); 1], Gauge>;
type Durations = Family<Timed, Histogram, fn() -> Histogram>;

/// What is counted since the start.
pub struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    durations: Durations,
    rate_limited: ByWord,
    refusals: ByWord,
    connections: Gauge,
    accepted: Family<Accepted, Counter>,
    ended: Family<Ended, Counter>,
    attempts: Family<Attempted, Counter>,
    flags: ByWord,
}

/// An open connection, as long as it is held.
pub(crate) struct Connected(Gauge);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Nothing has happened yet.
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            rate_limited: Family::default(),
            refusals: Family::default(),
            connections: Gauge::default(),
            accepted: Family::default(),
            ended: Family::default(),
            attempts: Family::default(),
            flags: Family::default(),
        };
        // Its encoder adds `_total` to the names of counters, the unit, `_info`, and a full stop to what they are.
        let all = &mut metrics.registry;
        all.register("build", "The version that runs", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        all.register("api_requests", "Requests that were answered", metrics.requests.clone());
        let about = "Time from a request's arrival to the head of its answer";
        all.register_with_unit("api_request_duration", about, Unit::Seconds, metrics.durations.clone());
        let about = "Requests that were refused because the limit of their class was reached";
        all.register("api_rate_limited", about, metrics.rate_limited.clone());
        all.register("api_refusals", "Requests that were refused, by the code in the answer", metrics.refusals.clone());
        all.register("api_connections", "Connections that are open", metrics.connections.clone());
        all.register("jobs_accepted", "Jobs that were accepted", metrics.accepted.clone());
        all.register("jobs_ended", "Jobs that came to their end", metrics.ended.clone());
        all.register(
            "provider_attempts",
            "Attempts at jobs that are over, by what came of them",
            metrics.attempts.clone(),
        );
        all.register("prompt_flags", "Prompts that were flagged, by the kind of flag", metrics.flags.clone());
        // At zero from the start: an alert on a series that is not there yet would miss its first step.
        for class in LimitClass::ALL {
            drop(metrics.rate_limited.get_or_create(&[("class", class.as_str())]));
        }
        metrics
    }

    /// A request was answered. `route`: the path of its row, with `{parameters}`; [`UNMATCHED`] if there is none. `took`: to the
    /// head of the answer.
    pub(crate) fn answered(&self, method: &Method, route: &'static str, status: StatusCode, took: Duration) {
        let method = METHODS.iter().find(|known| *known == method).map_or(OTHER_METHOD, Method::as_str).to_owned();
        self.requests.get_or_create(&Answered { method: method.clone(), route, status: status.as_u16() }).inc();
        self.durations.get_or_create(&Timed { method, route }).observe(took.as_secs_f64());
    }

    /// A request was refused, with this code; `limited`: because the limit of this class was reached.
    pub(crate) fn refused(&self, error: &'static str, limited: Option<LimitClass>) {
        self.refusals.get_or_create(&[("error", error)]).inc();
        if let Some(class) = limited {
            self.rate_limited.get_or_create(&[("class", class.as_str())]).inc();
        }
    }

    /// A connection is open until what this gives is dropped.
    pub(crate) fn connected(&self) -> Connected {
        self.connections.inc();
        Connected(self.connections.clone())
    }

    /// A job was accepted, with what in its words is worth a second look.
    pub(crate) fn job_accepted(&self, job: &Job) {
        let (modality, model) = (job.modality.as_str(), job.model.clone());
        self.accepted.get_or_create(&Accepted { modality, model }).inc();
        for flag in job.flags.keys() {
            self.flags.get_or_create(&[("flag", flag.as_str())]).inc();
        }
    }

    /// A job came to its end.
    pub(crate) fn job_ended(&self, job: &Job) {
        let (modality, model) = (job.modality.as_str(), job.model.clone());
        self.ended.get_or_create(&Ended { modality, model, status: job.status.as_str() }).inc();
    }

    /// An attempt at a job is over; `left`: how it left its job. None: a bug of ours broke it.
    pub(crate) fn attempt_over(&self, provider: &str, left: Option<Status>) {
        let outcome = match left {
            None => "broken",
            Some(Status::Queued) => "requeued",
            // It moved on without this attempt, or the server stops.
            Some(Status::Submitting | Status::Running | Status::Collecting) => "left",
            Some(status) => status.as_str(),
        };
        self.attempts.get_or_create(&Attempted { provider: provider.to_owned(), outcome }).inc();
    }

    /// Everything as text ([`CONTENT_TYPE`]): what was counted, and how it is with `app` now.
    pub fn show(&self, app: &App) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode_registry(&mut text, &self.registry)?;
        encode_registry(&mut text, &now(app))?;
        encode_eof(&mut text)?;
        Ok(text)
    }
}

/// What is not counted as it happens, but looked at when somebody asks.
fn now(app: &App) -> Registry {
    let mut registry = Registry::default();
    let queued = ByName::default();
    let mut waiting = app.backlog.by_provider();
    for provider in app.lanes.keys() {
        waiting.entry(provider.clone()).or_default();
    }
    for (provider, count) in waiting {
        queued.get_or_create(&[("provider", provider)]).set(i64::try_from(count).unwrap_or(i64::MAX));
    }
    let workers = ByName::default();
    for worker in &app.workers {
        let up = worker.health() != WorkerHealth::Failing;
        workers.get_or_create(&[("worker", worker.name().to_owned())]).set(up.into());
    }
    registry.register("jobs_queued", "Jobs that wait for their provider, counted once a second", queued);
    registry.register(
        "worker_up",
        "Whether a worker of ours runs, or would when it is needed: 0 if it keeps dying",
        workers,
    );
    let busy = ConstCounter::new(app.store.refused_as_busy());
    registry.register("store_busy", "Reads and writes that were refused because too much waits for the database", busy);
    let hashed = ConstCounter::new(app.hashing.done());
    registry.register("passwords_hashed", "Passwords that were hashed, right, wrong or nobody's", hashed);
    registry
}
