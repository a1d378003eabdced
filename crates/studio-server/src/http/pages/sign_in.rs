//! Signing in and out.

use super::{
    Answer, Seen, View, api,
    form::{Faults, Field, Typed},
    html::{Html, html},
    see_other, show,
};
use crate::{
    app::App,
    commands::people::{self, NotSignedIn},
    http::{
        call::{Call, Caller},
        codes, cookie,
        refusal::Refusal,
    },
};
use http::{StatusCode, header};
use std::sync::Arc;
use studio_core::secret::Secret;

/// One message for all that may be wrong, so that a guess learns nothing.
const WRONG: &str = "The e-mail address or the password is wrong, or the account is disabled.";
/// Where someone may wish to go once they are in.
const PLACES: &[&str] = &["/", "/account", "/people"];

const EMAIL: Field<'static> =
    Field { name: "email", label: "E-mail address", kind: "email", autocomplete: "username", hint: "", required: true };
const PASSWORD: Field<'static> = Field {
    name: "password",
    label: "Password",
    kind: "password",
    autocomplete: "current-password",
    hint: "",
    required: true,
};

/// The form. `next` is where they wanted to go.
pub(super) fn form(typed: &Typed, faults: &Faults, next: &str) -> Html {
    html(
        "<section class=\"narrow\"><form method=\"post\" action=\"/sign-in\">\
         <input type=\"hidden\" name=\"next\" value=\"{}\">{}{}<button>Sign in</button></form></section>\
         <p class=\"muted narrow\">No password yet, or forgotten? Ask whoever runs this studio for a link. Whoever has its data folder makes \
         one: <code>studio user setup-link</code>, or <code>studio user reset-link</code> with an address.</p>",
        &[&next, &EMAIL.show(typed, faults), &PASSWORD.show(typed, faults)],
    )
}

/// Of the places that a form may name, the one that it does.
pub(super) fn place(wanted: &str) -> &'static str {
    PLACES.iter().copied().find(|place| *place == wanted).unwrap_or("/account")
}

pub(in crate::http) fn page(_: Arc<App>, caller: Option<Caller>, call: Call) -> Answer {
    Box::pin(async move {
        if caller.is_some() {
            return see_other("/account");
        }
        let body = form(&Typed::new(), &Faults::default(), "/account");
        let notice = call.query.contains_key("out").then_some("You are signed out.");
        show(StatusCode::OK, "Sign in", &Seen { here: "/sign-in", notice, ..Seen::of(None, &View::of(&call)) }, body)
    })
}

pub(in crate::http) fn sign_in(app: Arc<App>, _: Option<Caller>, mut call: Call) -> Answer {
    Box::pin(async move {
        let typed = std::mem::take(&mut call.form);
        let next = place(typed.get("next").map_or("", String::as_str));
        let get = |name: &str| typed.get(name).map_or("", String::as_str);
        let view = View::of(&call);
        let again = |status: StatusCode, faults: Faults| {
            let body = form(&typed, &faults, next);
            show(status, "Sign in", &Seen { here: "/sign-in", faults: Some(&faults), ..Seen::of(None, &view) }, body)
        };
        let mut faults = Faults::default();
        for (field, message) in [("email", "Write your e-mail address."), ("password", "Write your password.")] {
            if get(field).trim().is_empty() {
                faults.add(field, message);
            }
        }
        if !faults.is_empty() {
            return again(StatusCode::BAD_REQUEST, faults);
        }
        match people::sign_in(&app, get("email"), Secret::new(get("password")), api::visit(&call)).await {
            Ok(signed_in) => {
                tracing::info!(user = %signed_in.user.id, "signed in");
                cookie::with(see_other(next)?, cookie::kept(&call.way, &signed_in.token))
            }
            Err(NotSignedIn::Wrong) => again(StatusCode::UNAUTHORIZED, Faults::one("", WRONG)),
            Err(NotSignedIn::Limited(decision)) => {
                let minutes = decision.retry_after.as_secs().div_ceil(60).max(1);
                let message = format!(
                    "Too many tries for this account. Nothing was checked; try again in {}.",
                    super::words::several(minutes, "minute")
                );
                let mut response = again(codes::RATE_LIMITED.status, Faults::one("", message))?;
                let seconds = decision.retry_after.as_secs().max(1);
                response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
                Ok(response)
            }
            Err(other) => Err(Refusal::from(other)),
        }
    })
}

pub(in crate::http) fn sign_out(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        if let Some(session) = caller.session() {
            people::end_session(&app, &caller.doer(&call), caller.user(), session.id).await?;
        }
        cookie::with(see_other("/sign-in?out=1")?, cookie::cleared(&call.way))
    })
}
