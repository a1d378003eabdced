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
    /// JSON of at most so many bytes, described by the schema of this name.
    Json(u64, &'static str),
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
    /// The query parameters that it takes; others are refused by name.
    pub query: &'static [Query],
    /// What it answers when all goes well, by status.
    pub answers: &'static [(u16, Shape)],
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

/// A query parameter.
#[derive(Debug, Clone, Copy)]
pub struct Query {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// What it may be.
    pub kind: QueryKind,
}

/// What a query parameter may be.
#[derive(Debug, Clone, Copy)]
pub enum QueryKind {
    /// One of our ids.
    Id,
    /// A whole number in a range.
    Integer(u32, u32),
    /// The number of a ledger entry.
    Number,
    /// A job's status.
    Status,
    /// A modality.
    Modality,
    /// `true` or `false`.
    Boolean,
    /// A day or a time.
    Time,
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// What an answer looks like; [`super::openapi`] describes each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Finished pictures, as JSON or the first one's bytes.
    Images,
    /// What a model said, as JSON or as a stream.
    Chat,
    /// A title.
    Title,
    /// A stream of what a job says.
    Words,
    /// A job that goes on.
    Accepted,
    /// One job.
    Job,
    /// A page of jobs.
    Jobs,
    /// A stream of job snapshots.
    Events,
    /// Bytes of an asset.
    Bytes,
    /// Nothing.
    Nothing,
    /// Models.
    Models,
    /// Usage.
    Usage,
    /// Entries of the ledger, as JSON or as a table.
    Entries,
    /// Budgets.
    Budgets,
    /// The budgets of one.
    Budget,
    /// A page of dead letters.
    DeadLetters,
    /// That the process runs.
    Live,
    /// How each part is.
    Health,
    /// A page for people.
    Page,
    /// The description of the API.
    OpenApi,
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

/// A route that only shows something.
const fn get(
    path: &'static str,
    access: Access,
    limit: Option<LimitClass>,
    answers: &'static [(u16, Shape)],
    about: &'static str,
) -> Route {
    Route {
        method: Verb::Get,
        path,
        access,
        limit,
        body: BodyRule::None,
        idempotent: false,
        query: &[],
        answers,
        about,
    }
}

/// The query parameter by which a request is only tried.
pub(crate) const DRY_RUN: &str = "dryRun";

/// Jobs on a page at most.
pub(crate) const LONGEST_PAGE: u32 = 100;

const JOB_QUERY: &[Query] = &[
    Query { name: "status", about: "Only jobs of this status", kind: QueryKind::Status },
    Query { name: "modality", about: "Only jobs of this modality", kind: QueryKind::Modality },
    Query {
        name: "limit",
        about: "Jobs on a page; 20 unless said otherwise",
        kind: QueryKind::Integer(1, LONGEST_PAGE),
    },
    Query { name: "cursor", about: "The `nextCursor` of the page before", kind: QueryKind::Id },
];

/// What every generating route takes.
const GENERATING: &[Query] = &[Query {
    name: DRY_RUN,
    about: "`true`: only checks the request and tells what it can cost; nothing is made or held",
    kind: QueryKind::Boolean,
}];

/// The query parameter by which whoever runs the studio sees everyone's.
pub(crate) const ALL: &str = "all";

const EVERYONES: Query = Query {
    name: ALL,
    about: "`true`: everyone's, not only your own; needs the scope `admin`",
    kind: QueryKind::Boolean,
};
const FROM: Query = Query { name: "from", about: "Not before this day or time", kind: QueryKind::Time };
const UNTIL: Query = Query { name: "until", about: "Before this day or time", kind: QueryKind::Time };
const LIMIT: Query = Query {
    name: "limit",
    about: "Items on a page; 20 unless said otherwise",
    kind: QueryKind::Integer(1, LONGEST_PAGE),
};

const ENTRY_QUERY: &[Query] = &[
    FROM,
    UNTIL,
    Query { name: "jobId", about: "Only of this job", kind: QueryKind::Id },
    LIMIT,
    Query { name: "cursor", about: "The `nextCursor` of the page before", kind: QueryKind::Number },
    Query {
        name: "format",
        about: "`csv`: all of them as a table, as with `Accept: text/csv`",
        kind: QueryKind::Choice(&["json", "csv"]),
    },
    EVERYONES,
];

const DEAD_LETTER_QUERY: &[Query] =
    &[LIMIT, Query { name: "cursor", about: "The `nextCursor` of the page before", kind: QueryKind::Id }];

const STREAM_QUERY: &[Query] = &[Query {
    name: "offset",
    about: "Begin after this event id, as `Last-Event-ID` does",
    kind: QueryKind::Integer(0, u32::MAX),
}];

use Access::{Key, Public, Ticket};
use LimitClass::{Chat, Generation, Status};
use Scope::{Admin, Generate, Read};

/// Every route.
pub const ROUTES: &[Route] = &[
    // Make
    Route {
        method: Verb::Post,
        path: "/api/v1/generate/image",
        access: Key(Generate, api::generate_image),
        limit: Some(Generation),
        body: BodyRule::Json(JSON_BODY_LIMIT, "ImageRequest"),
        idempotent: true,
        query: GENERATING,
        answers: &[(200, Shape::Images), (202, Shape::Accepted)],
        about: "Make pictures from a prompt",
    },
    Route {
        method: Verb::Post,
        path: "/api/v1/chat",
        access: Key(Generate, api::chat),
        limit: Some(Chat),
        body: BodyRule::Json(JSON_BODY_LIMIT, "ChatRequest"),
        idempotent: true,
        query: GENERATING,
        answers: &[(200, Shape::Chat), (202, Shape::Accepted)],
        about: "Go on with a conversation, as JSON or as a stream",
    },
    Route {
        method: Verb::Post,
        path: "/api/v1/title",
        access: Key(Generate, api::title),
        limit: Some(Chat),
        body: BodyRule::Json(JSON_BODY_LIMIT, "TitleRequest"),
        idempotent: true,
        query: GENERATING,
        answers: &[(200, Shape::Title), (202, Shape::Accepted)],
        about: "Name a conversation",
    },
    // Jobs
    Route {
        query: JOB_QUERY,
        ..get(
            "/api/v1/jobs",
            Key(Read, api::list_jobs),
            Some(Status),
            &[(200, Shape::Jobs)],
            "List your jobs, newest first",
        )
    },
    get("/api/v1/jobs/{id}", Key(Read, api::get_job), Some(Status), &[(200, Shape::Job)], "See one job"),
    get(
        "/api/v1/jobs/{id}/events",
        Key(Read, api::job_events),
        Some(Status),
        &[(200, Shape::Events), (204, Shape::Nothing)],
        "Follow one job, as an event stream of snapshots",
    ),
    Route {
        query: STREAM_QUERY,
        ..get(
            "/api/v1/jobs/{id}/stream",
            Key(Read, api::job_stream),
            Some(Status),
            &[(200, Shape::Words), (204, Shape::Nothing)],
            "Follow what one job says, as an event stream of deltas",
        )
    },
    Route {
        method: Verb::Post,
        path: "/api/v1/jobs/{id}/cancel",
        access: Key(Generate, api::cancel_job),
        limit: None,
        body: BodyRule::None,
        idempotent: false,
        query: &[],
        answers: &[(200, Shape::Job), (202, Shape::Job)],
        about: "Cancel one job",
    },
    Route {
        method: Verb::Post,
        path: "/api/v1/jobs/{id}/retry",
        access: Key(Generate, api::retry_job),
        limit: Some(Generation),
        body: BodyRule::None,
        idempotent: true,
        query: &[],
        answers: &[(202, Shape::Accepted)],
        about: "Do a job again that ended without a result: a new job",
    },
    // Library
    get(
        "/api/v1/assets/{id}",
        Key(Read, api::get_asset),
        None,
        &[(200, Shape::Bytes), (206, Shape::Bytes), (304, Shape::Nothing)],
        "Fetch the bytes of an asset, whole or a range",
    ),
    // Catalog and money
    get(
        "/api/v1/models",
        Key(Read, api::list_models),
        Some(Status),
        &[(200, Shape::Models)],
        "List models with their parameters and prices",
    ),
    Route {
        query: &[FROM, UNTIL],
        ..get(
            "/api/v1/usage",
            Key(Read, api::get_usage),
            Some(Status),
            &[(200, Shape::Usage)],
            "See what you used and what it cost, by model",
        )
    },
    Route {
        query: ENTRY_QUERY,
        ..get(
            "/api/v1/usage/entries",
            Key(Read, api::list_entries),
            Some(Status),
            &[(200, Shape::Entries)],
            "See every entry of the ledger about your jobs, newest first",
        )
    },
    Route {
        query: &[EVERYONES],
        ..get(
            "/api/v1/budgets",
            Key(Read, api::list_budgets),
            Some(Status),
            &[(200, Shape::Budgets)],
            "See your budgets and those of your keys, as they stand",
        )
    },
    Route {
        method: Verb::Put,
        path: "/api/v1/budgets/{id}",
        access: Key(Admin, api::put_budgets),
        limit: Some(Status),
        body: BodyRule::Json(JSON_BODY_LIMIT, "BudgetRequest"),
        idempotent: false,
        query: &[],
        answers: &[(200, Shape::Budget)],
        about: "Set all budgets of a user or of a key, by its id",
    },
    // Operations
    Route {
        query: DEAD_LETTER_QUERY,
        ..get(
            "/api/v1/dead-letters",
            Key(Admin, api::list_dead_letters),
            Some(Status),
            &[(200, Shape::DeadLetters)],
            "List jobs that failed for no fault of their request and were not done again, newest first",
        )
    },
    get("/api/v1/health", Public(api::health), None, &[(200, Shape::Health)], "Health, with each part"),
    get("/api/v1/health/live", Public(api::live), None, &[(200, Shape::Live)], "Whether the process runs"),
    get("/api/v1/health/ready", Public(api::ready), None, &[(200, Shape::Health)], "Whether requests can be served"),
    get("/openapi.json", Public(api::openapi), None, &[(200, Shape::OpenApi)], "This description of the API"),
    get("/docs", Public(api::docs), None, &[(200, Shape::Page)], "This description of the API, as a page for people"),
    // Our own workers
    Route {
        method: Verb::Put,
        path: "/api/v1/worker-outputs/{ticket}/{file}",
        access: Ticket(api::receive_output),
        limit: None,
        body: BodyRule::Stream(OUTPUT_LIMIT),
        idempotent: false,
        query: &[],
        answers: &[(201, Shape::Nothing)],
        about: "Where the studio's own workers put what they made",
    },
    // People
    get("/", Public(api::welcome), None, &[(200, Shape::Page)], "A page for people who open the address in a browser"),
];
