//! Enforces what a route's row says, in this order and no other:
//!
//! 1. sizes of address and headers (414, 431); 2. the route (404, 405); 3. who calls and what they may (401, 403);
//! 4. the rate limit (429), except where a repeat must be recognised first; 5. the body (415, 408, 413, 400);
//! 6. repeats: the job that the same request made before, which doesn't count against the limit; 7. the handler.
//!
//! A request runs in a task of its own, so a caller who goes away cancels nothing, and a bug in a handler is a 500 and not a
//! broken connection.

use super::{
    auth,
    body::{self, check_json_type, parse_json},
    call::{Call, Caller},
    flights::Flight,
    headers,
    refusal::{Refusal, RequestIdText},
    table::{Access, BodyRule, DRY_RUN, ROUTES, Route},
};
use crate::{app::App, metrics::UNMATCHED};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
    routing::any,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts};
use http_body::Body as _;
use std::{collections::BTreeMap, sync::Arc, time::Instant};
use studio_core::{
    caller::ApiKey,
    id::RequestId,
    idempotency::{Fingerprint, IdempotencyKey, IdempotencyRecord},
    limits::{Decision, LimitClass, Rate},
    ports::Admitted,
    time::Timestamp,
};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The whole surface, made from the table of routes.
pub fn router(app: Arc<App>) -> Router {
    let mut paths: BTreeMap<&'static str, Vec<&'static Route>> = BTreeMap::new();
    for route in ROUTES {
        paths.entry(route.path).or_default().push(route);
    }
    let mut router = Router::new();
    for (path, routes) in paths {
        let routes: Arc<[&'static Route]> = routes.into();
        let handler = move |State(app): State<Arc<App>>, request: Request| {
            let routes = routes.clone();
            async move { pass(app, request, Some((path, routes))).await }
        };
        router = router.route(path, any(handler));
    }
    let fallback = |State(app): State<Arc<App>>, request: Request| async move { pass(app, request, None).await };
    router.fallback(fallback).with_state(app)
}

type Matched = Option<(&'static str, Arc<[&'static Route]>)>;

/// One request, from its first byte to its line in the log.
async fn pass(app: Arc<App>, request: Request, matched: Matched) -> Response {
    let started = Instant::now();
    let now = app.now();
    let id = RequestId::new(now, app.chance.id_bytes());
    let (parts, mut body) = request.into_parts();
    let own_name = headers::request_id(&parts.headers);
    let name = own_name.clone().unwrap_or_else(|| id.to_string());
    let path = matched.as_ref().map_or("", |(path, _)| *path);
    let head_only = parts.method == Method::HEAD;
    let method = parts.method.clone();
    let request_headers = parts.headers.clone();

    let gone = CancellationToken::new();
    // Dropped with this future, which is when the connection goes.
    let _going = gone.clone().drop_guard();
    let task_app = app.clone();
    let task = app.doors.spawn(async move {
        let mut note = Note { gone, ..Note::default() };
        let result = enforce(&task_app, id, now, parts, &mut body, matched, &mut note).await;
        let drained = match &result {
            // Whoever still sends must be able to read the answer before the connection closes.
            Err(_) => body::drain(&mut body, &request_headers).await,
            Ok(_) => true,
        };
        (result, note, drained)
    });
    let (result, note, drained) = match task.await {
        Ok(done) => done,
        Err(error) => {
            tracing::error!(request.id = name, %error, "a handler broke");
            (Err(Refusal::internal()), Note::default(), false)
        }
    };
    let mut limit = note.limit;
    let place = note.place;
    let mut response = match result {
        Ok(response) => response,
        Err(refusal) => {
            let limited = refusal.limited.as_deref().copied();
            app.metrics.refused(refusal.code, limited.map(|(class, _)| class));
            limit = limited.or(limit);
            refusal.into_response(RequestIdText(&name), now)
        }
    };
    if let Some((class, decision)) = &limit {
        headers::tell_limit(response.headers_mut(), *class, decision);
    }
    if note.replayed {
        response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    if !drained {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let took = started.elapsed();
    headers::finish(response.headers_mut(), &name, took);
    if head_only {
        let length = response.body().size_hint().exact();
        *response.body_mut() = Body::empty();
        let bodiless = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&response.status());
        if let Some(length) = length.filter(|_| !bodiless) {
            response.headers_mut().entry(header::CONTENT_LENGTH).or_insert(HeaderValue::from(length));
        }
    }
    if let Some(place) = place {
        let sent = std::mem::take(response.body_mut());
        *response.body_mut() = Body::new(body::Held::new(sent, place));
    }
    app.metrics.answered(&method, if path.is_empty() { UNMATCHED } else { path }, response.status(), took);
    let key = note.key.as_ref();
    tracing::info!(
        request.id = %id, request.name = own_name, method = %method, path, status = response.status().as_u16(),
        ms = format!("{:.1}", took.as_secs_f64() * 1000.0),
        user = key.map(|key| key.user.to_string()), key = key.map(|key| key.id.to_string()),
        "request"
    );
    response
}

/// What the log and the headers should know of a request, however it ends.
#[derive(Default)]
struct Note {
    key: Option<Arc<ApiKey>>,
    limit: Option<(LimitClass, Decision)>,
    /// It found what the same request had made before.
    replayed: bool,
    /// Falls when nobody waits for the answer any more.
    gone: CancellationToken,
    /// Where it may stay for long: until its answer is sent.
    place: Option<OwnedSemaphorePermit>,
}

async fn enforce(
    app: &Arc<App>,
    id: RequestId,
    now: Timestamp,
    parts: Parts,
    body: &mut Body,
    matched: Matched,
    note: &mut Note,
) -> Result<Response, Refusal> {
    headers::check_sizes(&parts.uri, &parts.headers)?;
    let (path, routes) = matched.ok_or_else(|| Refusal::not_found("path; GET / says where to begin"))?;
    let route = find(&routes, &parts.method)?;
    let caller = match route.access {
        Access::Key(scope, _) => Some(auth::sign_in(app, &parts.headers, scope).await?),
        Access::Public(_) | Access::Ticket(_) => None,
    };
    note.key = caller.as_ref().map(|caller| caller.key.clone());
    if route.is_long() {
        // The others have places of their own: who wants to know, to cancel, or to keep the books is always served.
        let place = app.long_places.clone().try_acquire_owned().map_err(|_| Refusal::overloaded())?;
        note.place = Some(place);
    }
    let key = read_idempotency_key(route, &parts.headers)?;
    let query = query_parameters(route, parts.uri.query())?;
    // What is only tried makes nothing: it is a question, counted as one, and nothing is remembered of it.
    let tried = read_dry_run(&query)?;
    let key = key.filter(|_| !tried);
    let class = if tried { Some(LimitClass::Status) } else { route.limit };

    // A repeat is no generation: it is recognised before it is counted, and for that its body must be read.
    let limit = caller.as_ref().zip(class);
    if let (Some((caller, class)), None) = (limit, &key) {
        note.limit = Some((class, count(app, caller, class, now)?));
    }
    let json = read_json(route, &parts.headers, body).await?;
    let mut call = Call {
        request: id,
        now,
        path: path_parameters(path, parts.uri.path())?,
        query,
        tried,
        headers: parts.headers,
        json,
        body: Body::empty(),
        idempotency: None,
        replayed: None,
        turn: None,
        gone: note.gone.clone(),
    };
    let mut turn = None;
    if let (Some(key), Some(caller)) = (key, &caller) {
        turn = Some(recognise(app, route, caller, key, &mut call).await?);
        if let Some(class) = class {
            let decision = match &call.replayed {
                Some(_) => peek(app, caller, class, now),
                None => count(app, caller, class, now)?,
            };
            note.limit = Some((class, decision));
        }
    }
    if let BodyRule::Stream(_) = route.body {
        call.body = std::mem::take(body);
    }
    note.replayed = call.replayed.is_some();
    match (route.access, caller) {
        (Access::Public(handler) | Access::Ticket(handler), _) => handler(app.clone(), call).await,
        (Access::Key(_, handler), Some(caller)) => {
            // Its handler ends its turn once the job is admitted: others with the same key need not wait for the picture.
            call.turn = turn;
            handler(app.clone(), caller, call).await
        }
        (Access::Key(..), None) => Err(Refusal::internal()),
    }
}

/// The row for a method. `HEAD` is `GET` without its body.
fn find(routes: &[&'static Route], method: &Method) -> Result<&'static Route, Refusal> {
    let wanted = if method == Method::HEAD { &Method::GET } else { method };
    routes.iter().find(|route| route.method.as_method() == *wanted).copied().ok_or_else(|| {
        let mut allowed: Vec<_> = routes.iter().map(|route| route.method.as_method().to_string()).collect();
        if allowed.iter().any(|method| method == "GET") {
            allowed.push("HEAD".into());
        }
        Refusal::method_not_allowed(allowed.join(", "))
    })
}

fn rate(app: &App, caller: &Caller, class: LimitClass) -> Rate {
    caller.key().limits.get(class.as_str()).copied().unwrap_or_else(|| app.limits.rate(class))
}

fn count(app: &App, caller: &Caller, class: LimitClass, now: Timestamp) -> Result<Decision, Refusal> {
    let decision = app.limiter.check(caller.key().id, class, rate(app, caller, class), now);
    if decision.allowed { Ok(decision) } else { Err(Refusal::limited(class, decision)) }
}

fn peek(app: &App, caller: &Caller, class: LimitClass, now: Timestamp) -> Decision {
    app.limiter.peek(caller.key().id, class, rate(app, caller, class), now)
}

fn read_idempotency_key(route: &Route, headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Refusal> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY).filter(|_| route.idempotent) else { return Ok(None) };
    let parsed = value.to_str().ok().and_then(|text| IdempotencyKey::parse(text).ok());
    parsed
        .map(Some)
        .ok_or_else(|| Refusal::invalid_field("Idempotency-Key", "must be 1 to 255 visible ASCII characters"))
}

fn read_dry_run(query: &BTreeMap<String, String>) -> Result<bool, Refusal> {
    match query.get(DRY_RUN).map(String::as_str) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Refusal::invalid_field(DRY_RUN, "must be true or false")),
    }
}

async fn read_json(route: &Route, headers: &HeaderMap, body: &mut Body) -> Result<serde_json::Value, Refusal> {
    match route.body {
        BodyRule::Json(limit, _) => {
            check_json_type(headers)?;
            let bytes = body::read(body, headers, limit).await?;
            parse_json(&bytes)
        }
        BodyRule::None => {
            // Nobody reads it, so nobody may be made to wait for it.
            if !body::drain(body, headers).await {
                return Err(Refusal::too_large(0));
            }
            Ok(serde_json::Value::Null)
        }
        BodyRule::Stream(_) => Ok(serde_json::Value::Null),
    }
}

/// Waits until no request with the same key is under way, then looks for what it made before.
async fn recognise(
    app: &App,
    route: &Route,
    caller: &Caller,
    key: IdempotencyKey,
    call: &mut Call,
) -> Result<Flight, Refusal> {
    let flight = app.flights.take(caller.user(), route.path, key.as_str()).await;
    // Where the address says what is meant, it is a part of the request.
    let fingerprint = match call.path.is_empty() {
        true => Fingerprint::of_json(&call.json),
        false => Fingerprint::of_json(&serde_json::json!({ "path": call.path, "body": call.json })),
    };
    let record = IdempotencyRecord { user: caller.user(), route: route.path, key, fingerprint };
    match app.store.replay(&record).await? {
        Some(Admitted::KeyReused) => return Err(crate::commands::NotSubmitted::KeyReused.into()),
        Some(Admitted::Replayed(job)) => call.replayed = Some(job),
        _ => {}
    }
    call.idempotency = Some(record);
    Ok(flight)
}

/// The values of `{parameters}`. axum matched the path; this names its pieces.
fn path_parameters(pattern: &'static str, path: &str) -> Result<BTreeMap<&'static str, String>, Refusal> {
    let mut parameters = BTreeMap::new();
    for (piece, text) in pattern.split('/').zip(path.split('/')) {
        if let Some(name) = piece.strip_prefix('{').and_then(|piece| piece.strip_suffix('}')) {
            let decoded = decode(text, false)
                .ok_or_else(|| Refusal::invalid_field(name, "is not valid percent-encoded UTF-8"))?;
            parameters.insert(name, decoded);
        }
    }
    Ok(parameters)
}

/// The query's parameters. One that the row doesn't name is refused: a typo must not be ignored in silence.
fn query_parameters(route: &Route, query: Option<&str>) -> Result<BTreeMap<String, String>, Refusal> {
    let mut parameters = BTreeMap::new();
    for pair in query.unwrap_or("").split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let bad = || {
            Refusal::new(StatusCode::BAD_REQUEST, "malformed_query", "The query is not valid percent-encoded UTF-8.")
        };
        let name = decode(name, true).ok_or_else(bad)?;
        let value = decode(value, true).ok_or_else(bad)?;
        let short: String = name.chars().take(100).collect();
        if !route.query.iter().any(|known| known.name == name) {
            // Probes and links for people carry what others add to them.
            if matches!(route.access, Access::Public(_)) {
                continue;
            }
            let known: Vec<_> = route.query.iter().map(|known| known.name).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let message = format!("is not a known query parameter; known are {known}");
            return Err(Refusal::invalid_field(&short, message));
        }
        if parameters.insert(name, value).is_some() {
            return Err(Refusal::invalid_field(&short, "is given twice"));
        }
    }
    Ok(parameters)
}

/// Percent-decodes; in a query a plus is a space. Nothing when it is not UTF-8 or a percent sign stands alone.
fn decode(text: &str, plus_is_space: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                let digits = std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = after;
            }
            b'+' if plus_is_space => bytes.push(b' '),
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_encoding_is_decoded_or_refused() {
        assert_eq!(decode("a%20b%C3%BC+c", true).as_deref(), Some("a bü c"));
        assert_eq!(decode("a+b", false).as_deref(), Some("a+b"));
        for bad in ["%", "%4", "%zz", "%+1", "%ff"] {
            assert_eq!(decode(bad, true), None, "{bad}");
        }
    }
}
