//! Every route, in one table. From a row comes all that the door enforces: who may pass, against which limit, with how large
//! a body, and whether a repeat is recognised. A handler that needs a signed-in caller can't be put into a public row: the
//! types don't fit.

mod library;
mod pages;
mod people;

use super::api;
pub(crate) use super::row::{Access, Answer};
pub use super::row::{Audience, BodyRule, Cost, Query, QueryKind, Route, Shape, Verb, Who};
use crate::settings::{JSON_BODY_LIMIT, OUTPUT_LIMIT};
pub use pages::PAGES;
use studio_core::{caller::Scope, limits::LimitClass};

/// A route that only shows something.
const fn get(
    path: &'static str,
    access: Access,
    (limit, cost): (Option<LimitClass>, Cost),
    answers: &'static [(u16, Shape)],
    about: &'static str,
) -> Route {
    Route {
        method: Verb::Get,
        path,
        access,
        limit,
        cost,
        body: BodyRule::None,
        idempotent: false,
        query: &[],
        answers,
        legacy: &[],
        refuses: &[],
        page: false,
        about,
    }
}

/// A route that does something.
const fn post(
    path: &'static str,
    access: Access,
    (limit, cost): (LimitClass, Cost),
    answers: &'static [(u16, Shape)],
    about: &'static str,
) -> Route {
    // What is paid for is never done twice for one request.
    let idempotent = matches!(cost, Cost::Paid);
    Route { method: Verb::Post, idempotent, ..get(path, access, (Some(limit), cost), answers, about) }
}

/// The query parameter by which a request is only tried.
pub(crate) const DRY_RUN: &str = "dryRun";

/// Jobs on a page at most.
pub(crate) const LONGEST_PAGE: u32 = 100;

const JOB_QUERY: &[Query] = &[
    Query::new("status", QueryKind::Status, "Only jobs of this status"),
    Query::new("modality", QueryKind::Modality, "Only jobs of this modality"),
    Query::new("limit", QueryKind::Integer(1, LONGEST_PAGE), "Jobs on a page; 20 unless said otherwise"),
    Query::new("cursor", QueryKind::Id, "The `nextCursor` of the page before"),
];

/// What every generating route takes.
const GENERATING: &[Query] = &[Query::new(
    DRY_RUN,
    QueryKind::Boolean,
    "`true`: only checks the request and tells what it can cost; nothing is made or held",
)];

/// The query parameter by which whoever runs the studio sees everyone's.
pub(crate) const ALL: &str = "all";

const EVERYONES: Query =
    Query::new(ALL, QueryKind::Boolean, "`true`: everyone's, not only your own; needs the scope `admin`");
const FROM: Query = Query::new("from", QueryKind::Time, "Not before this day or time");
const UNTIL: Query = Query::new("until", QueryKind::Time, "Before this day or time");
const LIMIT: Query =
    Query::new("limit", QueryKind::Integer(1, LONGEST_PAGE), "Items on a page; 20 unless said otherwise");

const ENTRY_QUERY: &[Query] = &[
    FROM,
    UNTIL,
    Query::new("jobId", QueryKind::Id, "Only of this job"),
    LIMIT,
    Query::new("cursor", QueryKind::Number, "The `nextCursor` of the page before"),
    Query::new(
        "format",
        QueryKind::Choice(&["json", "csv"]),
        "`csv`: all of them as a table, as with `Accept: text/csv`",
    ),
    EVERYONES,
];

const DEAD_LETTER_QUERY: &[Query] =
    &[LIMIT, Query::new("cursor", QueryKind::Id, "The `nextCursor` of the page before")];

const NEXT: Query = Query::new("cursor", QueryKind::Id, "The `nextCursor` of the page before");

const STREAM_QUERY: &[Query] =
    &[Query::new("offset", QueryKind::EventId, "Begin after this event id, as `Last-Event-ID` does")];

/// What a job's status is asked for by, in the system that this one replaces.
pub(crate) const JOB_ID: &str = "jobId";

use Access::{Key, Public, Ticket};
use Cost::{Memory, Paid, Read, Write};
use LimitClass::{Chat, Control, Generation, Open, Status};
use Scope::Admin;

const READS: (Option<LimitClass>, Cost) = (Some(Status), Read);
const SHOWS: (Option<LimitClass>, Cost) = (Some(Open), Memory);
/// Asked by whoever decides whether the server lives: never refused.
const ALWAYS: (Option<LimitClass>, Cost) = (None, Read);

/// Every route of the API: the rows of this file and of those beside it, one after another. Pages for people are in [`PAGES`].
pub const ROUTES: &[Route] = {
    const PARTS: [&[Route]; 3] = [WORK, library::ROWS, people::ROWS];
    const ALL: [Route; PARTS[0].len() + PARTS[1].len() + PARTS[2].len()] = joined(PARTS);
    &ALL
};

const fn joined<const N: usize>(parts: [&[Route]; 3]) -> [Route; N] {
    let mut rows = [parts[0][0]; N];
    let (mut next, mut part) = (0, 0);
    while part < parts.len() {
        let mut row = 0;
        while row < parts[part].len() {
            rows[next] = parts[part][row];
            (next, row) = (next + 1, row + 1);
        }
        part += 1;
    }
    rows
}

/// What is made, what it costs, and how the studio is.
const WORK: &[Route] = &[
    // Make
    Route {
        body: BodyRule::Json(JSON_BODY_LIMIT, "ImageRequest"),
        query: GENERATING,
        legacy: &["/api/generate/image"],
        ..post(
            "/api/v1/generate/image",
            Key(Scope::Generate, api::generate_image),
            (Generation, Paid),
            &[(200, Shape::Images), (202, Shape::Accepted)],
            "Make pictures from a prompt",
        )
    },
    Route {
        query: &[Query { required: true, ..Query::new(JOB_ID, QueryKind::Id, "The job") }],
        legacy: &["/api/generate/image/status"],
        ..get(
            "/api/v1/generate/image/status",
            Key(Scope::Read, api::legacy_status),
            READS,
            &[(200, Shape::LegacyStatus)],
            "See where a job stands, in the words of the system that this one replaces",
        )
    },
    Route {
        body: BodyRule::Json(JSON_BODY_LIMIT, "ChatRequest"),
        query: GENERATING,
        legacy: &["/api/chat"],
        ..post(
            "/api/v1/chat",
            Key(Scope::Generate, api::chat),
            (Chat, Paid),
            &[(200, Shape::Chat), (202, Shape::Accepted)],
            "Go on with a conversation, as JSON or as a stream",
        )
    },
    Route {
        body: BodyRule::Json(JSON_BODY_LIMIT, "TitleRequest"),
        query: GENERATING,
        legacy: &["/api/title"],
        ..post(
            "/api/v1/title",
            Key(Scope::Generate, api::title),
            (Chat, Paid),
            &[(200, Shape::Title), (202, Shape::Accepted)],
            "Name a conversation",
        )
    },
    // Jobs
    Route {
        query: JOB_QUERY,
        ..get(
            "/api/v1/jobs",
            Key(Scope::Read, api::list_jobs),
            READS,
            &[(200, Shape::Jobs)],
            "List your jobs, newest first",
        )
    },
    get("/api/v1/jobs/{id}", Key(Scope::Read, api::get_job), READS, &[(200, Shape::Job)], "See one job"),
    Route {
        legacy: &["/api/jobs/{id}/events"],
        ..get(
            "/api/v1/jobs/{id}/events",
            Key(Scope::Read, api::job_events),
            READS,
            &[(200, Shape::Events), (204, Shape::Nothing)],
            "Follow one job, as an event stream of snapshots",
        )
    },
    Route {
        query: STREAM_QUERY,
        refuses: &[(409, "The job says nothing: it makes files")],
        ..get(
            "/api/v1/jobs/{id}/stream",
            Key(Scope::Read, api::job_stream),
            READS,
            &[(200, Shape::Words), (204, Shape::Nothing)],
            "Follow what one job says, as an event stream of deltas",
        )
    },
    Route {
        refuses: &[(409, "The job is over already")],
        ..post(
            "/api/v1/jobs/{id}/cancel",
            Key(Scope::Generate, api::cancel_job),
            (Control, Write),
            &[(200, Shape::Job), (202, Shape::Job)],
            "Cancel one job",
        )
    },
    Route {
        refuses: &[(
            409,
            "The job is not over, or it has a result, or what it needs is gone: its model, a key, a picture",
        )],
        ..post(
            "/api/v1/jobs/{id}/retry",
            Key(Scope::Generate, api::retry_job),
            (Generation, Paid),
            &[(202, Shape::Accepted)],
            "Do a job again that ended without a result: a new job",
        )
    },
    Route {
        body: BodyRule::Json(JSON_BODY_LIMIT, "ResolveRequest"),
        refuses: &[(409, "The job is not unknown, or not over")],
        ..post(
            "/api/v1/jobs/{id}/resolve",
            Key(Admin, api::resolve_job),
            (Control, Write),
            &[(200, Shape::Settled)],
            "Say what became of an unknown job, anyone's, once you have looked it up at its provider",
        )
    },
    Route {
        body: BodyRule::Json(JSON_BODY_LIMIT, "AdjustRequest"),
        refuses: &[(409, "The job is not unknown, or not over")],
        ..post(
            "/api/v1/jobs/{id}/adjust",
            Key(Admin, api::adjust_job),
            (Control, Write),
            &[(200, Shape::Settled)],
            "Say what a job that is over, anyone's, cost after all, as its provider's bill shows",
        )
    },
    // Catalog and money
    get(
        "/api/v1/models",
        Key(Scope::Read, api::list_models),
        (Some(Status), Memory),
        &[(200, Shape::Models)],
        "List models with their parameters and prices",
    ),
    Route {
        legacy: &["/api/models/{modality}"],
        ..get(
            "/api/v1/models/{modality}",
            Key(Scope::Read, api::list_models_of),
            (Some(Status), Memory),
            &[(200, Shape::Models)],
            "List models of one modality",
        )
    },
    Route {
        query: &[FROM, UNTIL],
        ..get(
            "/api/v1/usage",
            Key(Scope::Read, api::get_usage),
            READS,
            &[(200, Shape::Usage)],
            "See what you used and what it cost, by model",
        )
    },
    Route {
        query: ENTRY_QUERY,
        ..get(
            "/api/v1/usage/entries",
            Key(Scope::Read, api::list_entries),
            READS,
            &[(200, Shape::Entries)],
            "See every entry of the ledger about your jobs, newest first",
        )
    },
    Route {
        query: &[EVERYONES],
        ..get(
            "/api/v1/budgets",
            Key(Scope::Read, api::list_budgets),
            READS,
            &[(200, Shape::Budgets)],
            "See your budgets and those of your keys, as they stand",
        )
    },
    Route {
        method: Verb::Put,
        body: BodyRule::Json(JSON_BODY_LIMIT, "BudgetRequest"),
        ..post(
            "/api/v1/budgets/{id}",
            Key(Admin, api::put_budgets),
            (Control, Write),
            &[(200, Shape::Budget)],
            "Set all budgets of a user or of a key, by its id",
        )
    },
    // Operations
    Route {
        query: DEAD_LETTER_QUERY,
        ..get(
            "/api/v1/dead-letters",
            Key(Admin, api::list_dead_letters),
            READS,
            &[(200, Shape::DeadLetters)],
            "List jobs that failed for no fault of their request and were not done again, newest first",
        )
    },
    get(
        "/api/v1/dead-letters/{id}",
        Key(Admin, api::get_dead_letter),
        READS,
        &[(200, Shape::DeadLetter)],
        "See one of them, with its attempts",
    ),
    Route {
        refuses: &[(409, "What the job needs is gone: its model, a key, a picture")],
        ..post(
            "/api/v1/dead-letters/{id}/replay",
            Key(Admin, api::replay_dead_letter),
            (Control, Paid),
            &[(202, Shape::Settled)],
            "Do one of them again, for its owner and paid as before: a new job",
        )
    },
    get(
        "/api/v1/stuck-jobs",
        Key(Admin, api::list_stuck),
        READS,
        &[(200, Shape::StuckJobs)],
        "List jobs that don't come to their end by themselves, and why",
    ),
    Route {
        legacy: &["/api/health"],
        ..get("/api/v1/health", Public(api::health), ALWAYS, &[(200, Shape::Health)], "Health, with each part")
    },
    Route {
        legacy: &["/api/health/live"],
        ..get(
            "/api/v1/health/live",
            Public(api::live),
            (None, Memory),
            &[(200, Shape::Live)],
            "Whether the process runs",
        )
    },
    Route {
        legacy: &["/api/health/ready"],
        ..get(
            "/api/v1/health/ready",
            Public(api::ready),
            ALWAYS,
            &[(200, Shape::Health)],
            "Whether requests can be served",
        )
    },
    get(
        "/metrics",
        Key(Admin, api::metrics),
        (Some(Status), Memory),
        &[(200, Shape::Metrics)],
        "See what is counted since the start, as Prometheus reads it",
    ),
    get("/openapi.json", Public(api::openapi), SHOWS, &[(200, Shape::OpenApi)], "This description of the API"),
    get("/docs", Public(api::docs), SHOWS, &[(200, Shape::Page)], "This description of the API, as a page for people"),
    // Our own workers
    Route {
        method: Verb::Put,
        body: BodyRule::Stream(OUTPUT_LIMIT),
        ..get(
            "/api/v1/worker-outputs/{ticket}/{file}",
            Ticket(api::receive_output),
            (None, Write),
            &[(201, Shape::Nothing)],
            "Where the studio's own workers put what they made",
        )
    },
    // People
    get(
        "/favicon.ico",
        Public(api::favicon),
        SHOWS,
        &[(200, Shape::Icon)],
        "The sign of the studio in a browser's tab",
    ),
];
