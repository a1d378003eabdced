//! `/auth`: in, out, and who is in.

use super::{super::json, name, required, secret, show_user, visit};
use crate::{
    app::App,
    commands::people::{self, Acceptance, SignedIn},
    http::{
        call::{Call, Caller},
        codes, cookie,
        refusal::Refusal,
        table::Answer,
    },
};
use axum::response::Response;
use http::StatusCode;
use serde_json::json;
use std::sync::Arc;
use studio_core::{
    caller::Scope,
    people::{LinkKind, csrf_token, read_address},
    request::Fields,
};

pub(in crate::http) fn log_in(app: Arc<App>, call: Call) -> Answer {
    Box::pin(async move {
        let mut fields = Fields::of(&call.json)?;
        let (email, password) = (required(&mut fields, "email"), secret(&mut fields, "password"));
        let (email, password) = fields.finish(email.zip(password))?;
        let signed_in = people::sign_in(&app, email, password, visit(&call)).await?;
        show(&call, &signed_in)
    })
}

pub(in crate::http) fn set_up(app: Arc<App>, call: Call) -> Answer {
    Box::pin(async move {
        let mut fields = Fields::of(&call.json)?;
        let email = fields.text("email").map(read_address).transpose();
        let email = email.map_err(|fault| fields.fault("email", fault)).ok().flatten();
        let acceptance = acceptance(fields, email)?;
        let signed_in = people::accept(&app, &[LinkKind::Setup], acceptance, visit(&call)).await?;
        show(&call, &signed_in)
    })
}

pub(in crate::http) fn accept(app: Arc<App>, call: Call) -> Answer {
    Box::pin(async move {
        let acceptance = acceptance(Fields::of(&call.json)?, None)?;
        let kinds = [LinkKind::Invitation, LinkKind::Reset];
        let signed_in = people::accept(&app, &kinds, acceptance, visit(&call)).await?;
        show(&call, &signed_in)
    })
}

fn acceptance(mut fields: Fields<'_>, email: Option<String>) -> Result<Acceptance, Refusal> {
    let (token, password) = (secret(&mut fields, "token"), secret(&mut fields, "password"));
    let name = name(&mut fields);
    let read = token.zip(password).map(|(token, password)| Acceptance { token, email, name, password });
    Ok(fields.finish(read)?)
}

/// Someone is in: their browser keeps the session.
fn show(call: &Call, signed_in: &SignedIn) -> Result<Response, Refusal> {
    let SignedIn { user, session, token } = signed_in;
    let body = json!({
        "success": true,
        "by": "session",
        "user": show_user(user),
        "scopes": user.role.scopes().iter().map(|scope| scope.as_str()).collect::<Vec<_>>(),
        "csrfToken": csrf_token(token),
        "expiresAt": session.expires_at.to_string(),
    });
    cookie::with(json(StatusCode::OK, &body), cookie::kept(&call.way, token))
}

pub(in crate::http) fn log_out(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let Some(session) = caller.session() else { return Err(no_session()) };
        people::end_session(&app, &caller.doer(&call), caller.user(), session.id).await?;
        cookie::with(json(StatusCode::OK, &json!({ "success": true })), cookie::cleared(&call.way))
    })
}

fn no_session() -> Refusal {
    Refusal::new(codes::NO_SESSION, "You came by an API key, and have no session to end.")
}

pub(in crate::http) fn who_am_i(_: Arc<App>, caller: Caller, _: Call) -> Answer {
    Box::pin(async move {
        let mut body = json!({
            "success": true,
            "by": if caller.key().is_some() { "key" } else { "session" },
            "user": show_user(caller.person()),
            "scopes": caller.scopes().into_iter().map(Scope::as_str).collect::<Vec<_>>(),
        });
        if let Some(csrf) = caller.csrf() {
            body["csrfToken"] = csrf.into();
        }
        let ends = caller.session().map(|session| session.expires_at);
        if let Some(ends) = ends.or(caller.key().and_then(|key| key.expires_at)) {
            body["expiresAt"] = ends.to_string().into();
        }
        Ok(json(StatusCode::OK, &body))
    })
}

pub(in crate::http) fn change_password(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let mut fields = Fields::of(&call.json)?;
        let (current, new) = (secret(&mut fields, "current"), secret(&mut fields, "new"));
        let (current, new) = fields.finish(current.zip(new))?;
        let keep = caller.session().map(|session| session.id);
        people::change_password(&app, &caller.doer(&call), caller.person(), keep, current, new).await?;
        Ok(json(StatusCode::OK, &json!({ "success": true })))
    })
}
