//! Every route, in one table. From a row comes all that the door enforces: who may pass, against which limit, with how large
//! a body, and whether a repeat is recognised. A handler that needs a signed-in caller can't be put into a public row: the
//! types don't fit.

mod pages;

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

const KINDS: &[&str] = &["image", "audio", "video", "dataset"];

const ASSET_QUERY: &[Query] = &[
    Query::new("kind", QueryKind::Choice(KINDS), "Only assets of this kind"),
    Query::new("origin", QueryKind::Choice(&["uploaded", "sent", "made"]), "Only what came so"),
    LIMIT,
    NEXT,
];

const UPLOAD_QUERY: &[Query] = &[
    Query::new("name", QueryKind::Text, "What the file is called; its ending must say what it is"),
    Query::new("kind", QueryKind::Choice(KINDS), "As what it is to be taken"),
    Query::new(
        "keepMetadata",
        QueryKind::Boolean,
        "`true`: what a file says of where, when and by what it was made stays in it",
    ),
];

const STREAM_QUERY: &[Query] =
    &[Query::new("offset", QueryKind::EventId, "Begin after this event id, as `Last-Event-ID` does")];

const AUDIT_QUERY: &[Query] = &[
    Query::new("userId", QueryKind::Id, "Only what this person did"),
    LIMIT,
    Query::new("cursor", QueryKind::Number, "The `nextCursor` of the page before"),
];

/// What a job's status is asked for by, in the system that this one replaces.
pub(crate) const JOB_ID: &str = "jobId";

use Access::{Key, Public, Ticket};
use Cost::{Memory, Paid, Read, Write};
use LimitClass::{Asset, Auth, Chat, Control, Generation, Open, Status, Upload};
use Scope::{Account, Admin};

const READS: (Option<LimitClass>, Cost) = (Some(Status), Read);
const SHOWS: (Option<LimitClass>, Cost) = (Some(Open), Memory);
/// Asked by whoever decides whether the server lives: never refused.
const ALWAYS: (Option<LimitClass>, Cost) = (None, Read);

/// Every route of the API.
pub const ROUTES: &[Route] = &[
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
        ..get(
            "/api/v1/jobs/{id}/stream",
            Key(Scope::Read, api::job_stream),
            READS,
            &[(200, Shape::Words), (204, Shape::Nothing)],
            "Follow what one job says, as an event stream of deltas",
        )
    },
    post(
        "/api/v1/jobs/{id}/cancel",
        Key(Scope::Generate, api::cancel_job),
        (Control, Write),
        &[(200, Shape::Job), (202, Shape::Job)],
        "Cancel one job",
    ),
    post(
        "/api/v1/jobs/{id}/retry",
        Key(Scope::Generate, api::retry_job),
        (Generation, Paid),
        &[(202, Shape::Accepted)],
        "Do a job again that ended without a result: a new job",
    ),
    Route {
        body: BodyRule::Json(JSON_BODY_LIMIT, "ResolveRequest"),
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
        ..post(
            "/api/v1/jobs/{id}/adjust",
            Key(Admin, api::adjust_job),
            (Control, Write),
            &[(200, Shape::Settled)],
            "Say what a job that is over, anyone's, cost after all, as its provider's bill shows",
        )
    },
    // Library
    get(
        "/api/v1/assets/{id}",
        Key(Scope::Read, api::get_asset),
        (Some(Asset), Read),
        &[(200, Shape::Bytes), (206, Shape::Bytes), (304, Shape::Nothing)],
        "Fetch the bytes of an asset, whole or a range",
    ),
    Route {
        query: ASSET_QUERY,
        ..get(
            "/api/v1/assets",
            Key(Scope::Read, api::list_assets),
            READS,
            &[(200, Shape::Assets)],
            "List what you uploaded and what was made for you, newest first",
        )
    },
    get(
        "/api/v1/assets/{id}/details",
        Key(Scope::Read, api::get_details),
        READS,
        &[(200, Shape::Asset)],
        "See what is known of an asset",
    ),
    get(
        "/api/v1/assets/{id}/thumbnail",
        Key(Scope::Read, api::get_thumbnail),
        (Some(Asset), Read),
        &[(200, Shape::Thumbnail), (206, Shape::Thumbnail), (304, Shape::Nothing)],
        "Fetch a small picture of an asset",
    ),
    Route {
        body: BodyRule::File,
        query: UPLOAD_QUERY,
        legacy: &["/api/upload"],
        ..post(
            "/api/v1/upload",
            Key(Scope::Generate, api::upload),
            (Upload, Write),
            &[(200, Shape::Asset)],
            "Bring a file: a picture, sound, a film, or things to learn from",
        )
    },
    Route {
        body: BodyRule::Json(JSON_BODY_LIMIT, "ShareRequest"),
        legacy: &["/api/share"],
        ..post(
            "/api/v1/share",
            Key(Scope::Generate, api::share),
            (Control, Write),
            &[(200, Shape::Share)],
            "Show an asset to whoever knows the address of its page",
        )
    },
    Route {
        query: &[LIMIT, NEXT],
        ..get(
            "/api/v1/shares",
            Key(Scope::Read, api::list_shares),
            READS,
            &[(200, Shape::Shares)],
            "List the pages by which you show assets, newest first",
        )
    },
    get(
        "/api/v1/share/{slug}",
        Public(api::get_shared),
        (Some(Open), Read),
        &[(200, Shape::Shared)],
        "See what a page shows",
    ),
    get("/share/{slug}", Public(api::get_shared_page), (Some(Open), Read), &[(200, Shape::Page)], "Such a page"),
    get(
        "/share/{slug}/content",
        Public(api::get_shared_content),
        (Some(Open), Read),
        &[(200, Shape::Bytes), (206, Shape::Bytes), (304, Shape::Nothing)],
        "The bytes that such a page shows",
    ),
    get(
        "/share/{slug}/thumbnail",
        Public(api::get_shared_thumbnail),
        (Some(Open), Read),
        &[(200, Shape::Thumbnail), (206, Shape::Thumbnail), (304, Shape::Nothing)],
        "A small picture of what such a page shows",
    ),
    Route {
        method: Verb::Delete,
        ..post(
            "/api/v1/shares/{slug}",
            Key(Scope::Generate, api::end_share),
            (Control, Write),
            &[(200, Shape::Done)],
            "End such a page, at once",
        )
    },
    Route {
        method: Verb::Delete,
        ..post(
            "/api/v1/assets/{id}",
            Key(Scope::Generate, api::delete_asset),
            (Control, Write),
            &[(200, Shape::Done)],
            "Remove an asset, and end all pages that show it",
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
    // Own keys
    get(
        "/api/v1/provider-keys",
        Key(Scope::Generate, api::list_provider_keys),
        READS,
        &[(200, Shape::ProviderKeys)],
        "List your own keys for providers: which, and since when; never what they are",
    ),
    Route {
        method: Verb::Put,
        body: BodyRule::Json(JSON_BODY_LIMIT, "ProviderKeyRequest"),
        ..post(
            "/api/v1/provider-keys/{provider}",
            Key(Scope::Generate, api::put_provider_key),
            (Control, Write),
            &[(200, Shape::ProviderKey)],
            "Store your own key for a provider, in place of the one before: your jobs there are paid by your own account",
        )
    },
    Route {
        method: Verb::Delete,
        ..post(
            "/api/v1/provider-keys/{provider}",
            Key(Scope::Generate, api::delete_provider_key),
            (Control, Write),
            &[(200, Shape::Removed)],
            "Remove your own key for a provider",
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
    post(
        "/api/v1/dead-letters/{id}/replay",
        Key(Admin, api::replay_dead_letter),
        (Control, Paid),
        &[(202, Shape::Settled)],
        "Do one of them again, for its owner and paid as before: a new job",
    ),
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
    // Access
    Route {
        body: BodyRule::Json(JSON_BODY_LIMIT, "SetupRequest"),
        ..post(
            "/api/v1/auth/setup",
            Public(api::set_up),
            (Auth, Write),
            &[(200, Shape::Session)],
            "Choose the first owner's password, by the link that the first start shows",
        )
    },
    Route {
        body: BodyRule::Json(JSON_BODY_LIMIT, "LoginRequest"),
        ..post(
            "/api/v1/auth/login",
            Public(api::log_in),
            (Auth, Write),
            &[(200, Shape::Session)],
            "Sign in with address and password: a session, kept by a cookie",
        )
    },
    Route {
        body: BodyRule::Json(JSON_BODY_LIMIT, "AcceptRequest"),
        ..post(
            "/api/v1/auth/accept",
            Public(api::accept),
            (Auth, Write),
            &[(200, Shape::Session)],
            "Accept an invitation, or choose a new password by a link",
        )
    },
    post(
        "/api/v1/auth/logout",
        Key(Account, api::log_out),
        (Control, Write),
        &[(200, Shape::Done)],
        "Sign out: end this session",
    ),
    get(
        "/api/v1/auth/session",
        Key(Scope::Read, api::who_am_i),
        READS,
        &[(200, Shape::Session)],
        "See who you are, what you may do, and the token that a page of your session must send",
    ),
    Route {
        body: BodyRule::Json(JSON_BODY_LIMIT, "PasswordRequest"),
        ..post(
            "/api/v1/auth/password",
            Key(Account, api::change_password),
            (Auth, Write),
            &[(200, Shape::Done)],
            "Change your password; all your other sessions end",
        )
    },
    get(
        "/api/v1/sessions",
        Key(Account, api::list_sessions),
        READS,
        &[(200, Shape::Sessions)],
        "List where you are signed in, newest first",
    ),
    Route {
        method: Verb::Delete,
        ..post(
            "/api/v1/sessions/{id}",
            Key(Account, api::end_session),
            (Control, Write),
            &[(200, Shape::Done)],
            "End one of your sessions",
        )
    },
    post(
        "/api/v1/sessions/revoke-others",
        Key(Account, api::revoke_other_sessions),
        (Control, Write),
        &[(200, Shape::Done)],
        "End all your sessions but this one",
    ),
    get(
        "/api/v1/keys",
        Key(Account, api::list_keys),
        READS,
        &[(200, Shape::Keys)],
        "List your keys, oldest first, with when each was used last",
    ),
    Route {
        body: BodyRule::Json(JSON_BODY_LIMIT, "KeyRequest"),
        ..post(
            "/api/v1/keys",
            Key(Account, api::create_key),
            (Control, Write),
            &[(200, Shape::NewKey)],
            "Make a key of your own; its text is told this once",
        )
    },
    Route {
        method: Verb::Delete,
        ..post(
            "/api/v1/keys/{id}",
            Key(Account, api::revoke_key),
            (Control, Write),
            &[(200, Shape::Done)],
            "Revoke one of your keys; within a second it opens nothing any more",
        )
    },
    get("/api/v1/users", Key(Admin, api::list_users), READS, &[(200, Shape::Users)], "List everyone, oldest first"),
    Route {
        method: Verb::Patch,
        body: BodyRule::Json(JSON_BODY_LIMIT, "UserRequest"),
        ..post(
            "/api/v1/users/{id}",
            Key(Admin, api::change_user),
            (Control, Write),
            &[(200, Shape::User)],
            "Change someone's role or name, or disable them; only an owner changes an owner",
        )
    },
    post(
        "/api/v1/users/{id}/reset-link",
        Key(Admin, api::create_reset_link),
        (Control, Write),
        &[(200, Shape::NewLink)],
        "Make a link by which someone chooses a password; its token is told this once",
    ),
    get(
        "/api/v1/invitations",
        Key(Admin, api::list_invitations),
        READS,
        &[(200, Shape::Invitations)],
        "List invitations that are open, newest first",
    ),
    Route {
        body: BodyRule::Json(JSON_BODY_LIMIT, "InvitationRequest"),
        ..post(
            "/api/v1/invitations",
            Key(Admin, api::create_invitation),
            (Control, Write),
            &[(200, Shape::NewLink)],
            "Invite someone, by a link; its token is told this once",
        )
    },
    Route {
        method: Verb::Delete,
        ..post(
            "/api/v1/invitations/{id}",
            Key(Admin, api::withdraw_invitation),
            (Control, Write),
            &[(200, Shape::Done)],
            "Withdraw an invitation",
        )
    },
    Route {
        query: AUDIT_QUERY,
        ..get(
            "/api/v1/audit",
            Key(Admin, api::list_audit),
            READS,
            &[(200, Shape::Audit)],
            "See who did what, of all that decides who may do what, newest first",
        )
    },
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
