//! Enforces what a route's row says, in this order and no other:
//!
//! 1. sizes of address and headers (414, 431);
//! 2. the route (404, 405), and questions of browsers about it (`OPTIONS`);
//! 3. who calls, whether they mean it, and what they may (401, 403);
//! 4. a place, for what may stay for long (429, 503);
//! 5. the rate limit (429), except where a repeat must be recognised first;
//! 6. the body (415, 408, 413, 400);
//! 7. repeats: the job that the same request made before, which doesn't count against the limit;
//! 8. the handler.
//!
//! A request runs in a task of its own, so a caller who goes away cancels nothing, and a bug in a handler is a 500 and not a
//! broken connection.

use super::{
    address::{path_parameters, query_parameters},
    auth,
    body::{self, check_json_type, parse_json},
    call::{Call, Caller},
    codes,
    counting::{count, peek},
    cross_origin, csrf,
    csrf::Way,
    flights::Flight,
    form, headers,
    network::{Peer, client},
    pages,
    places::Place,
    refusal::{Refusal, RequestIdText},
    table::{Access, BodyRule, Cost, DRY_RUN, PAGES, ROUTES, Route},
};
use crate::{app::App, commands::own_key_providers, metrics::UNMATCHED, settings::LEGACY_BODY_LIMIT};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
    routing::any,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts};
use http_body::Body as _;
use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Instant};
use studio_core::{
    caller::Scope,
    id::RequestId,
    idempotency::{Fingerprint, IdempotencyKey, IdempotencyRecord},
    limits::{Counted, Decision, LimitClass},
    ports::Admitted,
    request::modern,
    time::Timestamp,
};
use tokio_util::sync::CancellationToken;

pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The whole surface, made from the table of routes.
pub fn router(app: Arc<App>) -> Router {
    let mut paths: BTreeMap<&'static str, Vec<&'static Route>> = BTreeMap::new();
    for route in ROUTES.iter().chain(PAGES) {
        for path in std::iter::once(&route.path).chain(route.legacy) {
            paths.entry(path).or_default().push(route);
        }
    }
    let mut router = Router::new();
    for (path, routes) in paths {
        let matched = Matched { path, routes: routes.into() };
        let handler = move |State(app): State<Arc<App>>, request: Request| {
            let matched = matched.clone();
            async move { pass(app, request, Some(matched)).await }
        };
        router = router.route(path, any(handler));
    }
    let fallback = |State(app): State<Arc<App>>, request: Request| async move { pass(app, request, None).await };
    router.fallback(fallback).with_state(app)
}

/// A path that is there, and the rows that it has.
#[derive(Clone)]
struct Matched {
    path: &'static str,
    routes: Arc<[&'static Route]>,
}

impl Matched {
    /// The path of today, where this one is of the system that we replace.
    fn successor(&self) -> Option<&'static str> {
        self.routes.first().map(|route| route.path).filter(|path| *path != self.path)
    }

    /// The methods that it takes, as in `Allow`.
    fn methods(&self) -> String {
        let mut methods: Vec<_> = self.routes.iter().map(|route| route.method.as_method().to_string()).collect();
        if methods.iter().any(|method| method == "GET") {
            methods.push("HEAD".into());
        }
        methods.push("OPTIONS".into());
        methods.join(", ")
    }

    /// The row for a method. `HEAD` is `GET` without its body.
    fn find(&self, method: &Method) -> Result<&'static Route, Refusal> {
        let wanted = if method == Method::HEAD { &Method::GET } else { method };
        let found = self.routes.iter().find(|route| route.method.as_method() == *wanted).copied();
        found.ok_or_else(|| Refusal::method_not_allowed(self.methods()))
    }
}

/// One request, from its first byte to its line in the log.
async fn pass(app: Arc<App>, request: Request, matched: Option<Matched>) -> Response {
    let started = Instant::now();
    let now = app.now();
    let id = RequestId::new(now, app.chance.id_bytes());
    let (parts, body) = request.into_parts();
    let (mut body, waiting) = body::watch(body, &parts.headers);
    let own_name = headers::request_id(&parts.headers);
    let name = own_name.clone().unwrap_or_else(|| id.to_string());
    let path = matched.as_ref().map_or("", |matched| matched.path);
    let successor = matched.as_ref().and_then(Matched::successor);
    let peer = parts.extensions.get::<Peer>().map(|Peer(address)| *address);
    let from = peer.map(|peer| client(&app.front.trusted_proxies, peer, &parts.headers));
    let head_only = parts.method == Method::HEAD;
    let method = parts.method.clone();
    let request_headers = parts.headers.clone();

    let gone = CancellationToken::new();
    // Dropped with this future, which is when the connection goes.
    let _going = gone.clone().drop_guard();
    let task_app = app.clone();
    let task = app.doors.spawn(async move {
        let way = Way::of(&task_app.front, peer, &parts.headers);
        let mut note = Note { gone, from, way, ..Note::default() };
        let result = enforce(&task_app, id, now, parts, &mut body, matched, &mut note).await;
        let drained = match &result {
            // Whoever still sends must be able to read the answer before the connection closes.
            Err(_) => body::drain(&mut body, waiting.now()).await,
            Ok(_) => true,
        };
        (result, note, drained, request_headers)
    });
    let (result, note, drained, request_headers) = match task.await {
        Ok(done) => done,
        Err(error) => {
            // The error of a panic repeats its text, which may hold what a person wrote.
            tracing::error!(request.id = name, panicked = error.is_panic(), "a handler broke");
            (Err(Refusal::internal()), Note::default(), false, HeaderMap::new())
        }
    };
    let mut limit = note.limit;
    let mut response = match result {
        Ok(response) => response,
        Err(refusal) => {
            let limited = refusal.limited.as_deref().copied();
            app.metrics.refused(refusal.code.code, limited.map(|(class, _)| class));
            limit = limited.or(limit);
            match note.page {
                true => pages::refused(refusal, &note.seen(path), RequestIdText(&name), now),
                false => refusal.into_response(RequestIdText(&name), now),
            }
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
    if note.page {
        // By plain http a form of ours is known by its `Origin`, and without this a browser would not write one.
        response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    }
    if let Some(successor) = successor {
        headers::tell_successor(response.headers_mut(), successor);
    }
    cross_origin::tell(&app.front.origins, &request_headers, response.headers_mut());
    let took = started.elapsed();
    headers::finish(response.headers_mut(), &name, app.front.https, took);
    if head_only {
        let length = response.body().size_hint().exact();
        *response.body_mut() = Body::empty();
        let bodiless = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&response.status());
        if let Some(length) = length.filter(|_| !bodiless) {
            response.headers_mut().entry(header::CONTENT_LENGTH).or_insert(HeaderValue::from(length));
        }
    }
    if let Some(place) = note.place {
        let sent = std::mem::take(response.body_mut());
        *response.body_mut() = Body::new(body::Held::new(sent, place));
    }
    app.metrics.answered(&method, if path.is_empty() { UNMATCHED } else { path }, response.status(), took);
    let caller = note.caller.as_ref();
    let (status, ms) = (response.status().as_u16(), format!("{:.1}", took.as_secs_f64() * 1000.0));
    let key = caller.and_then(Caller::key).map(|key| key.id.to_string());
    let user = caller.map(|caller| caller.user().to_string());
    let from = from.map(|address| address.to_string());
    if !(note.quiet && response.status().is_success()) || tracing::enabled!(tracing::Level::DEBUG) {
        let uuid = own_name.map(|_| id.to_string());
        tracing::info!(
            request.id = name, request.uuid = uuid, method = %method, path, status, ms, from, user, key, "request"
        );
    }
    response
}

/// What the log and the headers should know of a request, however it ends.
#[derive(Default)]
struct Note {
    caller: Option<Caller>,
    limit: Option<(LimitClass, Decision)>,
    /// Where it comes from, to be counted by if nobody is signed in.
    from: Option<IpAddr>,
    /// How it came in.
    way: Way,
    /// It asks for a page for people: a refusal is one, too.
    page: bool,
    /// It found what the same request had made before.
    replayed: bool,
    /// It is for anyone, such as a probe or a page: that all went well is told only to whoever wants to know everything.
    quiet: bool,
    /// Falls when nobody waits for the answer any more.
    gone: CancellationToken,
    /// Where it may stay for long: until its answer is sent.
    place: Option<Place>,
}

impl Note {
    /// By whom and how a page is seen that says what was refused.
    fn seen(&self, path: &'static str) -> pages::Sight<'_> {
        pages::Sight { caller: self.caller.as_ref(), way: &self.way, from: self.from, path }
    }
}

async fn enforce(
    app: &Arc<App>,
    id: RequestId,
    now: Timestamp,
    mut parts: Parts,
    body: &mut Body,
    matched: Option<Matched>,
    note: &mut Note,
) -> Result<Response, Refusal> {
    headers::check_sizes(&parts.uri, &parts.headers)?;
    let Some(matched) = matched else {
        note_stranger(app, LimitClass::Open, now, note)?;
        return Err(Refusal::not_found("path; GET / says where to begin, GET /docs what there is"));
    };
    if parts.method == Method::OPTIONS {
        note_stranger(app, LimitClass::Open, now, note)?;
        return Ok(options(app, &parts.headers, &matched));
    }
    let route = matched.find(&parts.method)?;
    let legacy = matched.path != route.path;
    note.quiet = matches!(route.access, Access::Public(_) | Access::Visitor(_));
    note.page = route.page;
    let mut caller = match route.access {
        Access::Key(scope, _) => Some(sign_in(app, route, scope, &parts, now, note).await?),
        Access::Public(_) | Access::Visitor(_) => {
            let mut class = route.limit.filter(|class| matches!(class, LimitClass::Open | LimitClass::Auth));
            let mut may = Ok(());
            if csrf::is_unsafe(&parts.method) {
                may = csrf::check_visitor(&note.way, &app.front.origins, &parts.headers);
                if may.is_err() {
                    // What a page of another sends is no try of whoever reads that page: it must not use up theirs.
                    class = Some(LimitClass::Open);
                }
            }
            if let Some(class) = class {
                note_stranger(app, class, now, note)?;
            }
            may?;
            None
        }
        Access::Ticket(_) => None,
    };
    if let Some(caller) = caller.as_ref().filter(|_| route.is_long()) {
        // The others have places of their own: who wants to know, to cancel, or to keep the books is always served.
        note.place = Some(app.places.take(caller.user())?);
    }
    let own_keys = headers::take_own_keys(&mut parts.headers, route.cost == Cost::Paid)?;
    let key = if route.idempotent { read_idempotency_key(&parts.headers)? } else { None };
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
    let (json, mut form) = read_body(route, legacy, &parts.headers, body).await?;
    if let (Access::Key(scope, _), Some(known)) = (route.access, &caller) {
        // It may have taken its time to come.
        caller = Some(auth::again(app, known, scope).await?);
    }
    if let (Some(caller), BodyRule::Form(_)) = (&caller, route.body) {
        let token = form.remove(form::TOKEN);
        csrf::check_token(caller, token.as_deref().or(csrf::token_of(&parts.headers)))?;
    }
    let mut call = Call {
        request: id,
        request_name: headers::request_id(&parts.headers),
        now,
        path: path_parameters(matched.path, parts.uri.path())?,
        query,
        tried,
        legacy,
        headers: parts.headers,
        from: note.from,
        way: note.way.clone(),
        json,
        form,
        warnings: Vec::new(),
        body: body::lend(Body::empty()).0,
        own_keys,
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
    // What asks for something to be made; what else was sent there is read as it is.
    if legacy && route.cost == Cost::Paid {
        (call.json, call.warnings) = modern(&call.json);
    }
    let mut lent = None;
    if let BodyRule::Stream(_) | BodyRule::File = route.body {
        let (whole, back) = body::lend(std::mem::take(body));
        (call.body, lent) = (whole, Some(back));
    }
    note.replayed = call.replayed.is_some();
    let known = caller.clone().filter(|_| route.is_long());
    let mut answer = match (route.access, caller) {
        (Access::Public(handler) | Access::Ticket(handler), _) => handler(app.clone(), call).await,
        (Access::Visitor(handler), _) => {
            let caller = auth::greet(app, &call.headers, &call.way, now).await?;
            note.caller.clone_from(&caller);
            handler(app.clone(), caller, call).await
        }
        (Access::Key(_, handler), Some(caller)) => {
            // Its handler ends its turn once the job is admitted: others with the same key need not wait for the picture.
            call.turn = turn;
            handler(app.clone(), caller, call).await
        }
        (Access::Key(..), None) => Err(Refusal::internal()),
    };
    // What the handler left of it is cleared away like any other.
    if let Some(rest) = lent.and_then(|back| back.take()) {
        *body = rest;
    }
    if answer.is_ok()
        && let (Access::Key(scope, _), Some(known)) = (route.access, known)
        // Whoever waited is shown nothing if what they came by was revoked meanwhile. What they made stays made.
        && let Err(refusal) = auth::again(app, &known, scope).await
    {
        answer = Err(refusal);
    }
    let got_in = |answer: &Response| answer.status().is_success() || answer.status().is_redirection();
    if route.limit == Some(LimitClass::Auth)
        && matches!(route.access, Access::Public(_) | Access::Visitor(_))
        && answer.as_ref().is_ok_and(got_in)
    {
        // Whoever got in did not guess: many people of one network come in on the same morning.
        if let Some(from) = note.from.map(Counted::network) {
            app.limiter.give_back(from, LimitClass::Auth, app.limits.rate(LimitClass::Auth));
        }
    }
    answer
}

/// Signs in. Who can't is counted as a stranger: guesses are bounded, and so is what they cost.
async fn sign_in(
    app: &Arc<App>,
    route: &Route,
    scope: Scope,
    parts: &Parts,
    now: Timestamp,
    note: &mut Note,
) -> Result<Caller, Refusal> {
    match auth::sign_in(app, &parts.headers, &note.way, now).await {
        Ok(caller) => {
            note.caller = Some(caller.clone());
            if let Err(refusal) = meant(app, route, &caller, parts, &note.way) {
                // Nor is what a page of another sends a call of theirs.
                note_stranger(app, LimitClass::Open, now, note)?;
                return Err(refusal);
            }
            let may = caller.may(scope);
            if let Some(class) = route.limit {
                // Who may not is counted here, for they come no further; of the others it is only told what they have left.
                let decision =
                    if may.is_err() { count(app, &caller, class, now)? } else { peek(app, &caller, class, now) };
                note.limit = Some((class, decision));
            }
            may.map(|()| caller)
        }
        Err(refusal) if refusal.code == codes::UNAUTHORIZED => {
            note_stranger(app, LimitClass::Open, now, note)?;
            Err(refusal)
        }
        Err(refusal) => Err(refusal),
    }
}

/// Whether whoever has the session sent the request, and not a page of another. A form has its token in the body, which is read
/// later.
fn meant(app: &App, route: &Route, caller: &Caller, parts: &Parts, way: &Way) -> Result<(), Refusal> {
    if caller.session().is_none() || !csrf::is_unsafe(&parts.method) {
        return Ok(());
    }
    csrf::check_page(way, &app.front.origins, &parts.headers)?;
    match route.body {
        BodyRule::Form(_) => Ok(()),
        _ => csrf::check_token(caller, csrf::token_of(&parts.headers)),
    }
}

/// What a path takes, for whoever asks; and for a browser that asks for a page, whether that page may.
fn options(app: &App, headers: &HeaderMap, matched: &Matched) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let methods = matched.methods();
    let own_keys = own_key_providers(app);
    cross_origin::tell_preflight(&app.front.origins, headers, &methods, own_keys, response.headers_mut());
    if let Ok(methods) = HeaderValue::try_from(methods) {
        response.headers_mut().insert(header::ALLOW, methods);
    }
    response
}

/// Counts a call by its network, for want of anyone who is signed in.
fn note_stranger(app: &App, class: LimitClass, now: Timestamp, note: &mut Note) -> Result<(), Refusal> {
    let Some(from) = note.from.map(Counted::network) else { return Ok(()) };
    let decision = app.limiter.check(from, class, app.limits.rate(class), now);
    note.limit = Some((class, decision));
    if decision.allowed { Ok(()) } else { Err(Refusal::limited(class, decision)) }
}

/// What a caller calls their request.
pub(super) fn read_idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Refusal> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
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

/// The body as JSON or as the fields of a form, whichever the row takes.
async fn read_body(
    route: &Route,
    legacy: bool,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<(serde_json::Value, BTreeMap<String, String>), Refusal> {
    let nothing = || (serde_json::Value::Null, BTreeMap::new());
    match route.body {
        BodyRule::Form(limit) => {
            form::check_type(headers)?;
            let bytes = body::read(body, headers, limit).await?;
            Ok((serde_json::Value::Null, form::parse(&bytes)?))
        }
        BodyRule::Json(limit, _) => {
            check_json_type(headers)?;
            // There pictures came in the body itself.
            let pictures = legacy && route.limit == Some(LimitClass::Generation);
            let limit = if pictures { LEGACY_BODY_LIMIT } else { limit };
            let bytes = body::read(body, headers, limit).await?;
            Ok((parse_json(&bytes)?, BTreeMap::new()))
        }
        BodyRule::None => {
            // Nobody reads it, so nobody may be made to wait for it.
            if !body::drain(body, body::waits(headers)).await {
                return Err(Refusal::too_large(0));
            }
            Ok(nothing())
        }
        BodyRule::Stream(_) | BodyRule::File => Ok(nothing()),
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
