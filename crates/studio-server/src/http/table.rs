//! Every route, in one table. From a row comes all that the door enforces: who may pass, against which limit, with how large
//! a body, and whether a repeat is recognised. A handler that needs a signed-in caller can't be put into a public row: the
//! types don't fit.

use super::api;
pub(crate) use super::row::{Access, Answer};
pub use super::row::{BodyRule, Query, QueryKind, Route, Shape, Verb, Who};
use crate::settings::{JSON_BODY_LIMIT, OUTPUT_LIMIT};
use studio_core::{caller::Scope, limits::LimitClass};

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

const STREAM_QUERY: &[Query] =
    &[Query { name: "offset", about: "Begin after this event id, as `Last-Event-ID` does", kind: QueryKind::EventId }];

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
    Route {
        method: Verb::Post,
        path: "/api/v1/jobs/{id}/resolve",
        access: Key(Admin, api::resolve_job),
        limit: None,
        body: BodyRule::Json(JSON_BODY_LIMIT, "ResolveRequest"),
        idempotent: false,
        query: &[],
        answers: &[(200, Shape::Settled)],
        about: "Say what became of an unknown job, anyone's, once you have looked it up at its provider",
    },
    Route {
        method: Verb::Post,
        path: "/api/v1/jobs/{id}/adjust",
        access: Key(Admin, api::adjust_job),
        limit: None,
        body: BodyRule::Json(JSON_BODY_LIMIT, "AdjustRequest"),
        idempotent: false,
        query: &[],
        answers: &[(200, Shape::Settled)],
        about: "Say what a job that is over, anyone's, cost after all, as its provider's bill shows",
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
    get(
        "/api/v1/dead-letters/{id}",
        Key(Admin, api::get_dead_letter),
        Some(Status),
        &[(200, Shape::DeadLetter)],
        "See one of them, with its attempts",
    ),
    Route {
        method: Verb::Post,
        path: "/api/v1/dead-letters/{id}/replay",
        access: Key(Admin, api::replay_dead_letter),
        limit: None,
        body: BodyRule::None,
        idempotent: true,
        query: &[],
        answers: &[(202, Shape::Settled)],
        about: "Do one of them again, for its owner and paid as before: a new job",
    },
    get(
        "/api/v1/stuck-jobs",
        Key(Admin, api::list_stuck),
        Some(Status),
        &[(200, Shape::StuckJobs)],
        "List jobs that don't come to their end by themselves, and why",
    ),
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
