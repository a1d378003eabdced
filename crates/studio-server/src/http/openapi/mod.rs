//! The description of the API, OpenAPI 3.1, made from the table of routes and the catalog: what the door enforces is what is
//! described, and a route can't be forgotten. Only what answers look like is written by hand, in [`schemas`]; the black-box
//! tests hold real answers against it.

mod page;
mod people;
mod requests;
mod schemas;

pub(super) use page::page;

use requests::Served;

use super::table::{Access, BodyRule, DRY_RUN, QueryKind, ROUTES, Route, Shape};
use serde_json::{Map, Value, json};
use studio_core::{
    catalog::{Catalog, Modality},
    idempotency::MAX_KEY_BYTES,
    job::Status,
    limits::LimitClass,
};

/// The whole document, for a catalog and those of its providers that are ready: tools, pictures and JSON in conversations are
/// not offered where no model can do them.
pub fn document(catalog: &Catalog, ready: impl Fn(&str) -> bool) -> Value {
    let served = Served { catalog, ready: &ready };
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.as_method().as_str().to_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Multi-Modal Generation Studio",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "One governed API for generated media",
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "description": "An API key: mgs_…" },
                "session": {
                    "type": "apiKey", "in": "cookie", "name": super::cookie::SECURE,
                    "description": "A session, as signing in sets it (by plain http its name is studio_session). Methods that \
                        change something also need `X-CSRF-Token`",
                },
                "header": { "type": "apiKey", "in": "header", "name": "x-api-key", "description": "An API key: mgs_…" },
            },
            "schemas": schemas::all(served),
        },
    })
}

const DESCRIPTION: &str = "Every generating request makes one job. Times are ISO 8601 in UTC, money is a decimal string with \
    its currency, ids are UUIDs (version 7). What is absent and what is another's is the same 404. Every refusal has the body \
    `Refusal`. Limited routes tell what is left in `RateLimit` and `X-RateLimit-*` headers.";

fn operation(route: &Route) -> Value {
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.about,
        "tags": [tag(route.path)],
        "responses": responses(route),
    });
    let parameters = parameters(route);
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    match route.body {
        BodyRule::Json(_, name) => {
            let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
            operation["requestBody"] =
                json!({ "required": true, "content": { "application/json": { "schema": schema } } });
        }
        BodyRule::Form(_) => {
            operation["requestBody"] = json!({ "required": true, "content": { "application/x-www-form-urlencoded": { "schema": { "type": "object" } } } });
        }
        BodyRule::Stream(_) => {
            operation["requestBody"] = json!({ "required": true, "content": { "application/octet-stream": {} } });
        }
        BodyRule::File => {
            // Every type that is taken is described by what is sent without one: a type that is said must only be true.
            let form = json!({ "$ref": "#/components/schemas/UploadForm" });
            operation["requestBody"] = json!({ "required": true, "content": {
                "application/octet-stream": {}, "multipart/form-data": { "schema": form },
            } });
        }
        BodyRule::None => {}
    }
    operation["security"] = match route.access {
        Access::Key(..) => json!([{ "bearer": [] }, { "header": [] }, { "session": [] }]),
        Access::Public(_) | Access::Visitor(_) | Access::Ticket(_) => json!([]),
    };
    operation["x-audience"] = route.audience().as_str().into();
    operation["x-cost"] = route.cost.as_str().into();
    if let Some(class) = route.limit {
        operation["x-limit-class"] = class.as_str().into();
    }
    if !route.legacy.is_empty() {
        operation["x-legacy-paths"] = json!(route.legacy);
    }
    operation
}

/// `GET /api/v1/jobs/{id}/events` is `get_jobs_id_events`.
fn operation_id(route: &Route) -> String {
    let path = route.path.trim_start_matches("/api/v1").replace(['{', '}'], "");
    let words: Vec<_> = path.split(['/', '-', '.']).filter(|word| !word.is_empty()).collect();
    // A page that shows a thing is not the thing.
    let page = !route.path.starts_with("/api/") && route.path.contains('{');
    let words = if page { [vec!["page"], words].concat() } else { words };
    let name = if words.is_empty() { "welcome".to_owned() } else { words.join("_") };
    format!("{}_{name}", route.method.as_method().as_str().to_lowercase())
}

/// The first word of the path, for grouping.
fn tag(path: &str) -> &str {
    match path.strip_prefix("/api/v1/").and_then(|rest| rest.split('/').next()) {
        Some(first) => first,
        None => "pages",
    }
}

/// The name of a file: something that can be seen, besides dots, after the last slash.
const FILE_NAME: &str =
    r"[^\s./\\\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb][^/\\]*$";

fn parameters(route: &Route) -> Vec<Value> {
    let mut parameters = Vec::new();
    for name in route.path.split('/').filter_map(|piece| piece.strip_prefix('{')?.strip_suffix('}')) {
        let schema = match name {
            "id" => schemas::id(),
            "modality" => json!({ "enum": Modality::ALL.map(Modality::as_str) }),
            _ => json!({ "type": "string" }),
        };
        parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": schema }));
    }
    for query in route.query {
        let schema = match query.kind {
            QueryKind::Id => schemas::id(),
            QueryKind::Integer(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
            QueryKind::Number => json!({ "type": "integer", "minimum": 1, "maximum": i64::MAX }),
            QueryKind::EventId => json!({ "type": "string", "pattern": "^([0-9]{1,19}|end)$" }),
            QueryKind::Boolean => json!({ "type": "boolean" }),
            QueryKind::Time => json!({
                "type": "string",
                "anyOf": [{ "format": "date" }, { "format": "date-time" }],
                "examples": ["2026-11-24", "2026-11-24T12:00:00Z"],
            }),
            QueryKind::FileName => json!({ "type": "string", "pattern": FILE_NAME, "examples": ["cat.png"] }),
            QueryKind::Choice(words) => json!({ "enum": words }),
            QueryKind::Status => json!({ "enum": Status::ALL.map(Status::as_str) }),
            QueryKind::Modality => json!({ "enum": Modality::ALL.map(Modality::as_str) }),
        };
        let mut parameter = json!({ "name": query.name, "in": "query", "description": query.about, "schema": schema });
        if query.required {
            parameter["required"] = true.into();
        }
        parameters.push(parameter);
    }
    let mut header = |name: &str, about: &str, schema: Value| {
        parameters.push(json!({ "name": name, "in": "header", "description": about, "schema": schema }));
    };
    if route.idempotent || matches!(route.body, BodyRule::File) {
        let about = "Your own name for this request: the same request again finds the first one's job";
        header(
            "Idempotency-Key",
            about,
            json!({ "type": "string", "pattern": format!("^[!-~]{{1,{MAX_KEY_BYTES}}}$") }),
        );
    }
    if waits(route) {
        let about = "`wait=N`: how many seconds HTTP stays open for the result, 0 to 60; 30 unless said otherwise";
        header("Prefer", about, json!({ "type": "string", "examples": ["wait=10"] }));
    }
    if route.path.ends_with("/cancel") {
        let about = "`wait=N`: how many seconds HTTP stays open for the job to end, 0 to 60; 0 unless said otherwise";
        header("Prefer", about, json!({ "type": "string", "examples": ["wait=10"] }));
    }
    for (status, shape) in route.answers {
        match (status, shape) {
            (200, Shape::Events | Shape::Words) if route.path.contains('{') => {
                let ids = if *shape == Shape::Events { "^([0-9]{1,19})?$" } else { "^([0-9]{1,19}|end)?$" };
                let about = "The id of the last event that you have seen";
                header("Last-Event-ID", about, json!({ "type": "string", "pattern": ids }));
            }
            (304, _) => header("If-None-Match", "The `ETag` that you have", json!({ "type": "string" })),
            _ => {}
        }
    }
    parameters
}

fn responses(route: &Route) -> Value {
    let mut responses = Map::new();
    for (status, shape) in route.answers {
        let mut answer = answer(*shape);
        if *status == 206 {
            // HTTP's own header, which is right or wrong by the asset's length: no schema could say so.
            answer["description"] = "The bytes that `Range: bytes=0-99` asks for".into();
        }
        if waits(route) && *status == 200 {
            // With `dryRun`.
            let result = answer["content"]["application/json"]["schema"].take();
            let estimate = json!({ "$ref": "#/components/schemas/Estimate" });
            answer["content"]["application/json"]["schema"] = json!({ "anyOf": [result, estimate] });
        }
        responses.insert(status.to_string(), answer);
    }
    for (status, about) in refusals(route) {
        let schema = json!({ "$ref": "#/components/schemas/Refusal" });
        let body = json!({ "description": about, "content": { "application/json": { "schema": schema } } });
        responses.entry(status.to_string()).or_insert(body);
    }
    responses.into()
}

/// Whether a route makes something and waits for it: only these can be tried, too.
fn waits(route: &Route) -> bool {
    route.query.iter().any(|query| query.name == DRY_RUN)
}

/// How a route may refuse, told by its row.
fn refusals(route: &Route) -> Vec<(u16, &'static str)> {
    let mut refusals = vec![(400, "It can't be read, or a field is wrong; `details.fields` names each")];
    if matches!(route.access, Access::Key(..)) {
        refusals.push((401, "No good key"));
        refusals.push((403, "The key lacks the scope"));
    }
    if matches!(route.access, Access::Public(_)) && route.limit == Some(LimitClass::Auth) {
        refusals.push((403, "A page of another site sent it"));
    }
    let named = route.query.iter().any(|query| query.required && matches!(query.kind, QueryKind::Id));
    if named || route.path.contains('{') {
        refusals.push((404, "There is no such thing, or it is another's"));
    }
    if route.limit.is_some() {
        refusals.push((429, "The limit is reached; `Retry-After` says when it is not"));
    }
    if route.body != BodyRule::None {
        refusals.push((408, "The body came too slowly"));
        let brings = route.idempotent || matches!(route.body, BodyRule::File);
        let too_much =
            if brings { "The body is too large, or all that you brought would be" } else { "The body is too large" };
        refusals.push((413, too_much));
        refusals.push((507, "The disk is full; nothing was accepted"));
    }
    if matches!(route.body, BodyRule::Json(..)) {
        refusals.push((415, "The body is not JSON"));
    }
    if route.idempotent {
        refusals.push((402, "It could cost more than the key's budget has left"));
        refusals.push((422, "The idempotency key named another request before"));
    }
    if waits(route) {
        refusals.push((409, "The job was canceled, or a picture that it needs was removed before it was accepted"));
        refusals.push((502, "The job failed; `details.reason` says why"));
        refusals.push((504, "The job's deadline passed"));
    }
    if matches!(route.body, BodyRule::File) {
        refusals.push((422, "The idempotency key named another file before"));
    }
    refusals.extend(route.refuses);
    if route.answers.iter().any(|(status, _)| *status == 206) {
        refusals.push((416, "The range lies outside of the asset"));
    }
    refusals.push((414, "The address is too long"));
    refusals.push((431, "The headers are too large"));
    // Health says with the same body that it is not well.
    let about = match route.answers {
        [(200, Shape::Health)] => "A part that is needed is not well",
        _ => "The database or a provider can't be used now",
    };
    refusals.push((503, about));
    refusals
}

fn answer(shape: Shape) -> Value {
    let json_of = |name: &str, about: &str| {
        let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
        json!({ "description": about, "content": { "application/json": { "schema": schema } } })
    };
    match shape {
        Shape::Images => {
            let mut answer = json_of("Images", "The pictures; with `Accept: image/*` the first one's bytes");
            answer["content"]["image/*"] = json!({});
            answer
        }
        Shape::Chat => {
            let mut answer =
                json_of("ChatAnswer", "The answer; with `stream` or `Accept: text/event-stream` as it is said");
            answer["content"]["text/event-stream"] = json!({ "schema": { "$ref": "#/components/schemas/WordEvent" } });
            answer
        }
        Shape::Title => json_of("TitleAnswer", "The title"),
        Shape::Words => json!({
            "description": "Server-sent events: `start`, `status`, `delta` (its `id` is the output offset), `reset`, `end`",
            "content": { "text/event-stream": { "schema": { "$ref": "#/components/schemas/WordEvent" } } },
        }),
        Shape::Accepted => json_of("Accepted", "Accepted; it goes on"),
        Shape::Job => json_of("JobAnswer", "The job"),
        Shape::Jobs => json_of("JobPage", "A page of jobs"),
        Shape::Models => json_of("ModelList", "The models"),
        Shape::Usage => json_of("UsageReport", "What you used"),
        Shape::Entries => {
            let mut answer = json_of("EntryPage", "A page of entries; with `format=csv` all of them as a table");
            answer["content"]["text/csv"] = json!({ "schema": { "type": "string" } });
            answer
        }
        Shape::Budgets => json_of("BudgetList", "The budgets"),
        Shape::Budget => json_of("BudgetAnswer", "The budgets as they stand now"),
        Shape::DeadLetters => json_of("DeadLetterPage", "A page of dead letters"),
        Shape::DeadLetter => json_of("DeadLetterAnswer", "It, and its attempts"),
        Shape::ProviderKeys => json_of("ProviderKeyList", "Your own keys, and the providers that take them"),
        Shape::ProviderKey => json_of("ProviderKeyAnswer", "The key as it is kept"),
        Shape::Removed => json_of("Removed", "Whether there was one"),
        Shape::StuckJobs => json_of("StuckJobs", "The jobs, each with the reason"),
        Shape::Settled => json_of("SettledAnswer", "The job as it stands now"),
        Shape::Session => json_of("SessionAnswer", "Who is signed in; a new session also sets its cookie"),
        Shape::Done => json_of("DoneAnswer", "It is done"),
        Shape::Sessions => json_of("SessionList", "The sessions"),
        Shape::Keys => json_of("KeyList", "The keys"),
        Shape::NewKey => json_of("NewKeyAnswer", "The key, with its text"),
        Shape::Users => json_of("UserList", "Everyone"),
        Shape::User => json_of("UserAnswer", "Them, as they are now"),
        Shape::NewLink => json_of("NewLinkAnswer", "The link, with its token"),
        Shape::Invitations => json_of("InvitationList", "The invitations"),
        Shape::Audit => json_of("AuditPage", "A page of entries"),
        Shape::Live => json_of("Live", "It runs"),
        Shape::Health => json_of("Health", "How each part is"),
        Shape::OpenApi => json!({ "description": "An OpenAPI 3.1 document", "content": { "application/json": {} } }),
        Shape::Events => json!({
            "description": "Server-sent events named `job`: whole snapshots of the job, `id` its version",
            "content": { "text/event-stream": { "schema": { "$ref": "#/components/schemas/JobEvent" } } },
        }),
        Shape::Bytes => json!({ "description": "The bytes", "content": { "*/*": {} } }),
        Shape::Thumbnail => {
            json!({ "description": "A picture of at most 320 by 320 pixels", "content": { "image/*": {} } })
        }
        Shape::Asset => json_of("AssetAnswer", "The asset"),
        Shape::Assets => json_of("AssetPage", "A page of assets"),
        Shape::Share => json_of("ShareAnswer", "The page's address"),
        Shape::Shares => json_of("SharePage", "The pages"),
        Shape::Shared => json_of("Shared", "What it shows"),
        Shape::LegacyStatus => json_of("LegacyStatus", "Where the job stands"),
        Shape::Icon => json!({ "description": "A picture", "content": { "image/svg+xml": {} } }),
        Shape::Metrics => json!({
            "description": "Counters, gauges and histograms in the text form of OpenMetrics",
            "content": { (crate::metrics::CONTENT_TYPE): { "schema": { "type": "string" } } },
        }),
        Shape::Page => json!({ "description": "A page", "content": { "text/html": {} } }),
        Shape::Nothing => json!({ "description": "No body" }),
    }
}
