//! Pages for people, made on the server: to get in, to look after an account, to say who else gets in. They work without a
//! script, and their policy allows none; they change things by forms, whose answers are redirects, so that going back or loading
//! again does nothing twice. Only what is shown once, a new key or a link, is the answer to its form itself: it is kept nowhere, so it
//! could not be shown by another request.
//!
//! Each page is a function from plain data to [`html::Html`], beside the handlers that gather the data.

mod account;
mod form;
mod frame;
mod html;
mod keys;
mod links;
mod people;
mod sign_in;
mod welcome;
mod words;

pub(in crate::http) use account::{change_password, end_others, end_session, page as account};
pub(in crate::http) use html::escaped;
pub(in crate::http) use keys::{create as create_key, revoke as revoke_key};
pub(in crate::http) use links::{accept_invitation, accept_setup, invitation, setup};
pub(in crate::http) use people::{change_role, disable, enable, invite, page as people, reset_link, withdraw};
pub(in crate::http) use sign_in::{page as sign_in_page, sign_in, sign_out};
pub(in crate::http) use welcome::page as welcome;

use self::{
    form::Faults,
    frame::{Page, Viewer},
    html::{Html, html},
};
use super::{
    api,
    call::{Call, Caller},
    csrf::Way,
    refusal::{Refusal, RequestIdText},
    table::Answer,
};
use crate::app::App;
use axum::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, header};
use std::{net::IpAddr, sync::Arc};
use studio_core::{caller::Scope, id::NotAnId, time::Timestamp};

/// What `?done=` may say on the page of an account.
pub(in crate::http) const ACCOUNT_DONE: &[&str] = &done::<{ account::DONE.len() }>(account::DONE);
/// And on that of people.
pub(in crate::http) const PEOPLE_DONE: &[&str] = &done::<{ people::DONE.len() }>(people::DONE);

/// The words by which outcomes are named.
const fn done<const N: usize>(outcomes: &[(&'static str, &'static str)]) -> [&'static str; N] {
    let (mut words, mut n) = ([""; N], 0);
    while n < N {
        words[n] = outcomes[n].0;
        n += 1;
    }
    words
}

/// Most bytes of a form.
pub(in crate::http) const FORM: u64 = 16 << 10;
/// What a page may do: show itself and its style, and send its forms back to us.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);
const STYLE: &str = include_str!("studio.css");
/// Browsers need not ask again for ten minutes: after an update a page and its style are of one kind again soon.
const STYLE_CACHE: HeaderValue = HeaderValue::from_static("public, max-age=600");

/// By whom, how and with what outcome a page is seen.
struct Seen<'a> {
    here: &'static str,
    caller: Option<&'a Caller>,
    exposed: bool,
    notice: Option<&'static str>,
    faults: Option<&'a Faults>,
}

impl<'a> Seen<'a> {
    fn of(caller: Option<&'a Caller>, view: &View) -> Self {
        Self { here: "", caller, exposed: view.exposed, notice: None, faults: None }
    }
}

/// What pages need to know of a request. Apart from it: its body can't be shared between threads, so it can't be borrowed while
/// something is waited for.
struct View {
    now: Timestamp,
    exposed: bool,
    /// What was done a moment ago, as the address says it.
    done: Option<String>,
    /// The studio's own origin.
    origin: String,
}

impl View {
    fn of(call: &Call) -> Self {
        Self {
            now: call.now,
            exposed: exposed(&call.way, call.from),
            done: call.query.get("done").cloned(),
            origin: call.way.origin.clone().unwrap_or_else(|| "http://HOST:PORT".to_owned()),
        }
    }

    /// What is to be told of it, of these words.
    fn notice(&self, words: &[(&str, &'static str)], faults: &Faults) -> Option<&'static str> {
        let done = self.done.as_deref().filter(|_| faults.is_empty())?;
        words.iter().find(|(known, _)| *known == done).map(|(_, words)| *words)
    }
}

/// Whether somebody in between could read along.
fn exposed(way: &Way, from: Option<IpAddr>) -> bool {
    !way.https && from.is_some_and(|from| !from.to_canonical().is_loopback())
}

fn viewer(caller: &Caller) -> Viewer<'_> {
    Viewer { email: &caller.person().email, csrf: caller.csrf().unwrap_or_default(), runs_it: caller.has(Scope::Admin) }
}

/// A page as an answer.
fn show(status: StatusCode, title: &str, seen: &Seen<'_>, body: Html) -> Result<Response, Refusal> {
    let Seen { here, exposed, notice, faults, .. } = *seen;
    let page = Page { title, here, viewer: seen.caller.map(viewer), exposed, notice, faults, body };
    Ok(response(status, page.html()))
}

fn response(status: StatusCode, page: String) -> Response {
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    response
}

/// The answer to a form that did what it was for: look there.
fn see_other(path: &'static str) -> Result<Response, Refusal> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static(path));
    Ok(response)
}

/// By whom and how a page was asked for that is not shown.
pub(in crate::http) struct Sight<'a> {
    /// Who is signed in.
    pub(in crate::http) caller: Option<&'a Caller>,
    /// How they came.
    pub(in crate::http) way: &'a Way,
    /// From where.
    pub(in crate::http) from: Option<IpAddr>,
    /// What they asked for.
    pub(in crate::http) path: &'static str,
}

/// What is refused of a page or of a form, as a page: to sign in, for whoever is not; else the message that the API gives.
pub(in crate::http) fn refused(
    refusal: Refusal,
    sight: &Sight<'_>,
    request: RequestIdText<'_>,
    now: Timestamp,
) -> Response {
    let code = refusal.code;
    let named = html(
        "<p class=\"muted\">Code <code id=\"code\">{}</code>, request <code>{}</code></p>",
        &[&code.code, &request.0],
    );
    let (title, here, body) = match code.status {
        StatusCode::UNAUTHORIZED => {
            let form = sign_in::form(&form::Typed::new(), &Faults::default(), sign_in::place(sight.path));
            let about = "You are not signed in, or your session has ended. Nothing was changed. Sign in to go on.";
            ("Sign in", "/sign-in", html("<p role=\"alert\">{}</p>{}{}", &[&about, &form, &named]))
        }
        status => {
            let title = match status {
                StatusCode::FORBIDDEN => "You may not do this",
                StatusCode::NOT_FOUND => "There is nothing here",
                StatusCode::TOO_MANY_REQUESTS => "Too many tries",
                _ => "That did not work",
            };
            let back = html("<p><a href=\"/\">To the beginning</a></p>", &[]);
            (title, "", html("<p role=\"alert\">{}</p>{}{}", &[&refusal.message(), &back, &named]))
        }
    };
    let exposed = exposed(sight.way, sight.from);
    let page = Page { title, here, viewer: sight.caller.map(viewer), exposed, notice: None, faults: None, body };
    let (shown, body) = response(code.status, page.html()).into_parts();
    let mut response = refusal.into_response(request, now);
    *response.body_mut() = body;
    response.headers_mut().extend(shown.headers);
    response
}

/// The style of all pages.
pub(in crate::http) fn style(_: Arc<App>, _: Call) -> Answer {
    Box::pin(async move {
        let mut response = Response::new(Body::from(STYLE));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"));
        headers.insert(header::CACHE_CONTROL, STYLE_CACHE);
        Ok(response)
    })
}

/// The id in the path; what is none is refused as it is by the API.
fn id<T>(call: &Call, parse: fn(&str) -> Result<T, NotAnId>) -> Result<T, Refusal> {
    parse(call.parameter("id")).map_err(|error| Refusal::invalid_field("id", error.to_string()))
}
