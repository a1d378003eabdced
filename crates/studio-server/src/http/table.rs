//! Every route, in one table. From a row comes all that the door enforces: who may pass, against which limit, with how large
//! a body, and whether a repeat is recognised. A handler that needs a signed-in caller can't be put into a public row: the
//! types don't fit.

use super::{
    api,
    call::{Call, Caller},
    refusal::Refusal,
};
use crate::{
    app::App,
    settings::{JSON_BODY_LIMIT, OUTPUT_LIMIT},
};
use axum::response::Response;
use futures_util::future::BoxFuture;
use http::Method;
use std::sync::Arc;
use studio_core::{caller::Scope, limits::LimitClass};

/// What a handler gives.
pub(crate) type Answer = BoxFuture<'static, Result<Response, Refusal>>;

/// Who may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Anyone.
    Anyone,
    /// Whoever has an API key with this scope.
    Key(Scope),
    /// Whoever knows an open ticket: our own workers.
    Ticket,
}

/// Who may pass, and the handler that they reach.
#[derive(Clone, Copy)]
pub(crate) enum Access {
    /// Anyone.
    Public(fn(Arc<App>, Call) -> Answer),
    /// Whoever has an API key with this scope.
    Key(Scope, fn(Arc<App>, Caller, Call) -> Answer),
    /// Whoever knows an open ticket in the path: our own workers. The handler checks it before it reads anything.
    Ticket(fn(Arc<App>, Call) -> Answer),
}

/// What body a route takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyRule {
    /// None; one that comes all the same is cleared away.
    None,
    /// JSON of at most so many bytes.
    Json(u64),
    /// Any bytes, at most so many, read by the handler as they come.
    Stream(u64),
}

/// One route.
#[derive(Clone, Copy)]
pub struct Route {
    /// The method.
    pub method: Verb,
    /// The path, with `{parameters}`.
    pub path: &'static str,
    /// Who may pass, and what answers them.
    pub(crate) access: Access,
    /// Against which limit it counts.
    pub limit: Option<LimitClass>,
    /// What body it takes.
    pub body: BodyRule,
    /// Whether it takes an `Idempotency-Key`.
    pub idempotent: bool,
    /// What it does, in a few words.
    pub about: &'static str,
}

/// The methods that we have, as constants can hold them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// `GET`; answers `HEAD` too.
    Get,
    /// `POST`
    Post,
    /// `PUT`
    Put,
}

impl Verb {
    /// As in HTTP.
    pub const fn as_method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Post => Method::POST,
            Self::Put => Method::PUT,
        }
    }
}

impl Route {
    /// Who may pass.
    pub const fn who(&self) -> Who {
        match self.access {
            Access::Public(_) => Who::Anyone,
            Access::Key(scope, _) => Who::Key(scope),
            Access::Ticket(_) => Who::Ticket,
        }
    }
}

const fn get(path: &'static str, access: Access, limit: Option<LimitClass>, about: &'static str) -> Route {
    Route { method: Verb::Get, path, access, limit, body: BodyRule::None, idempotent: false, about }
}

use Access::{Key, Public, Ticket};
use Scope::{Generate, Read};

/// Every route.
pub const ROUTES: &[Route] = &[
    // Make
    Route {
        method: Verb::Post,
        path: "/api/v1/generate/image",
        access: Key(Generate, api::generate_image),
        limit: Some(LimitClass::Generation),
        body: BodyRule::Json(JSON_BODY_LIMIT),
        idempotent: true,
        about: "Make pictures from a prompt",
    },
    // Jobs
    get("/api/v1/jobs", Key(Read, api::list_jobs), Some(LimitClass::Status), "List your jobs, newest first"),
    get("/api/v1/jobs/{id}", Key(Read, api::get_job), Some(LimitClass::Status), "See one job"),
    get(
        "/api/v1/jobs/{id}/events",
        Key(Read, api::job_events),
        Some(LimitClass::Status),
        "Follow one job, as an event stream of snapshots",
    ),
    Route {
        method: Verb::Post,
        path: "/api/v1/jobs/{id}/cancel",
        access: Key(Generate, api::cancel_job),
        limit: None,
        body: BodyRule::None,
        idempotent: false,
        about: "Cancel one job",
    },
    // Library
    get("/api/v1/assets/{id}", Key(Read, api::get_asset), None, "Fetch the bytes of an asset, whole or a range"),
    // Catalog and money
    get(
        "/api/v1/models",
        Key(Read, api::list_models),
        Some(LimitClass::Status),
        "List models with their parameters and prices",
    ),
    get("/api/v1/usage", Key(Read, api::get_usage), Some(LimitClass::Status), "See what you used and what it cost"),
    // Operations
    get("/api/v1/health", Public(api::health), None, "Health, with each part"),
    get("/api/v1/health/live", Public(api::live), None, "Whether the process runs"),
    get("/api/v1/health/ready", Public(api::ready), None, "Whether requests can be served"),
    // Our own workers
    Route {
        method: Verb::Put,
        path: "/api/v1/worker-outputs/{ticket}/{file}",
        access: Ticket(api::receive_output),
        limit: None,
        body: BodyRule::Stream(OUTPUT_LIMIT),
        idempotent: false,
        about: "Where the studio's own workers put what they made",
    },
    // People
    get("/", Public(api::welcome), None, "A page for people who open the address in a browser"),
];
