//! The handlers, one file for each resource. Each is short: read what the route says, call one verb, show the answer.

mod answers;
mod assets;
mod budgets;
mod bytes;
mod catalog;
mod chat;
mod dead_letters;
mod docs;
mod favicon;
mod health;
mod images;
mod jobs;
mod legacy;
mod metrics;
mod operators;
mod outputs;
mod people;
mod provider_keys;
mod shares;
mod uploads;
mod usage;

pub(super) use assets::{delete_asset, get_asset, get_details, get_thumbnail, list_assets};
pub(super) use budgets::{list_budgets, put_budgets};
pub(super) use catalog::{list_models, list_models_of};
pub(super) use chat::{chat, title};
pub(super) use dead_letters::{get_dead_letter, list_dead_letters, replay_dead_letter};
pub(super) use docs::{docs, openapi};
pub(super) use favicon::favicon;
pub(super) use health::{health, live, ready};
pub(super) use images::generate_image;
pub(super) use jobs::{cancel_job, get_job, job_events, job_stream, list_jobs, retry_job};
pub(super) use legacy::legacy_status;
pub(super) use metrics::metrics;
pub(super) use operators::{adjust_job, list_stuck, resolve_job};
pub(super) use outputs::receive_output;
pub(super) use people::{
    accept, change_password, change_user, create_invitation, create_key, create_reset_link, end_session, link_path,
    list_audit, list_invitations, list_keys, list_sessions, list_users, log_in, log_out, revoke_key,
    revoke_other_sessions, set_up, visit, who_am_i, withdraw_invitation,
};
pub(super) use provider_keys::{delete_provider_key, list_provider_keys, put_provider_key};
pub(super) use shares::{
    end_share, get_shared, get_shared_content, get_shared_page, get_shared_thumbnail, list_shares, share,
};
pub(super) use uploads::upload;
pub(super) use usage::{get_usage, list_entries};

use super::{
    call::{Call, Caller},
    refusal::Refusal,
    table::{ALL, LONGEST_PAGE},
};
use axum::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;
use studio_core::{
    caller::Scope,
    id::{NotAnId, UserId},
    money::Nanos,
    request::Fields,
    time::Timestamp,
};

/// What pages of ours may do: show themselves, and nothing else.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/// A JSON answer.
fn json(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An id from a path or a query.
fn id<T>(field: &str, text: &str, parse: fn(&str) -> Result<T, NotAnId>) -> Result<T, Refusal> {
    parse(text).map_err(|error| Refusal::invalid_field(field, error.to_string()))
}

/// An amount in USD, as text or as a number, of `most` at most.
fn amount<'a>(fields: &mut Fields<'a>, name: &'a str, most: Nanos) -> Option<Nanos> {
    let read = match fields.take(name)? {
        Value::String(text) => Nanos::parse_usd(text),
        other => Nanos::parse_usd(&other.to_string()),
    };
    let allowed = |amount: &Nanos| (Nanos::ZERO..=most).contains(amount);
    let outside = || format!("must be from 0 to {most}, in USD");
    let read =
        read.map_err(|error| error.to_string()).and_then(|amount| Some(amount).filter(allowed).ok_or_else(outside));
    read.map_err(|fault| fields.fault(name, fault)).ok()
}

/// A time from the query.
fn time(call: &Call, name: &str) -> Result<Option<Timestamp>, Refusal> {
    let Some(text) = call.query.get(name) else { return Ok(None) };
    // A day is its beginning.
    let time = Timestamp::parse(text).or_else(|| Timestamp::parse(&format!("{text}T00:00:00Z")));
    let wanted = "must be a day or a time in ISO 8601, such as 2026-11-24 or 2026-11-24T12:00:00Z";
    time.map(Some).ok_or_else(|| Refusal::invalid_field(name, wanted))
}

/// How many a page is to have.
fn page_size(call: &Call, usual: u32) -> Result<u32, Refusal> {
    call.query.get("limit").map_or(Ok(usual), |text| {
        let number = text.parse().ok().filter(|limit| (1..=LONGEST_PAGE).contains(limit));
        number
            .ok_or_else(|| Refusal::invalid_field("limit", format!("must be a whole number from 1 to {LONGEST_PAGE}")))
    })
}

/// A page, of one row more than it is to have: that one tells whether there is another page, which begins after `name` of the last.
fn page<T>(mut rows: Vec<T>, size: u32, item: impl Fn(&T) -> Value, name: impl Fn(&T) -> String) -> Response {
    let more = rows.len() > size as usize;
    rows.truncate(size as usize);
    let items: Vec<_> = rows.iter().map(item).collect();
    let mut body = serde_json::json!({ "success": true, "items": items });
    if let Some(last) = rows.last().filter(|_| more) {
        body["nextCursor"] = name(last).into();
    }
    json(StatusCode::OK, &body)
}

/// Whose are to be shown: the caller's own, or, for whoever runs the studio and asks so, everyone's.
fn ours_or_all(caller: &Caller, call: &Call) -> Result<Option<UserId>, Refusal> {
    match call.query.get(ALL).map(String::as_str) {
        None | Some("false") => Ok(Some(caller.user())),
        Some("true") if caller.has(Scope::Admin) => Ok(None),
        Some("true") => Err(Refusal::missing_scope(Scope::Admin)),
        Some(_) => Err(Refusal::invalid_field(ALL, "must be true or false")),
    }
}
