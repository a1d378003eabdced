//! What is behind a one-time link: the first owner sets the studio up, someone who was invited joins, someone chooses a new
//! password. A link that is used, over or withdrawn says so kindly, and never which of these.

use super::{
    Answer, Seen, View, api,
    form::{Faults, Field, Typed, password_hint},
    html::{Html, html, written},
    see_other, show,
    words::left,
};
use crate::{
    app::App,
    commands::people::{self as verbs, Acceptance, NotAccepted, OWNER},
    http::{
        call::{Call, Caller},
        cookie,
        refusal::Refusal,
    },
};
use axum::response::Response;
use http::StatusCode;
use std::sync::Arc;
use studio_core::{
    people::{Link, LinkKind, read_address, read_name},
    secret::Secret,
    time::Timestamp,
};

/// Links that open the same page.
type Kinds = &'static [LinkKind];
const SETUP: Kinds = &[LinkKind::Setup];
const OTHERS: Kinds = &[LinkKind::Invitation, LinkKind::Reset];

/// What a kind of link is called, and the button of its form.
const fn words(kind: LinkKind) -> (&'static str, &'static str) {
    match kind {
        LinkKind::Setup => ("Set the studio up", "Set up and sign in"),
        LinkKind::Invitation => ("Join the studio", "Join"),
        LinkKind::Reset => ("Choose a new password", "Choose this password and sign in"),
    }
}

fn form(link: &Link, token: &Secret, typed: &Typed, faults: &Faults, now: Timestamp) -> Html {
    let (path, (_, button)) = (api::link_path(link.kind, token), words(link.kind));
    let about = match link.kind {
        LinkKind::Setup => html(
            "<p>You own this studio. Say who you are and choose a password; what the first key makes is yours, too.</p>",
            &[],
        ),
        LinkKind::Invitation => html(
            "<p>You are invited as {}, a {}: someone who {}.</p>",
            &[&written(&link.email), &link.role.as_str(), &link.role.about()],
        ),
        LinkKind::Reset => html("<p>For {}. All sessions that you have end.</p>", &[&written(&link.email)]),
    };
    let address = match link.kind {
        LinkKind::Setup => Field {
            name: "email",
            label: "E-mail address",
            kind: "email",
            autocomplete: "username",
            hint: "You sign in with it. Nothing is sent there.",
            required: true,
        }
        .show(typed, faults),
        // A password manager keeps the password under it.
        _ => html("<input type=\"hidden\" name=\"username\" autocomplete=\"username\" value=\"{}\">", &[&link.email]),
    };
    let name = (link.kind != LinkKind::Reset).then(|| {
        let hint = "What others see. You may leave it empty.";
        Field { name: "name", label: "Name", kind: "text", autocomplete: "name", hint, required: false }
            .show(typed, faults)
    });
    let password = Field {
        name: "password",
        label: "Password",
        kind: "password",
        autocomplete: "new-password",
        hint: &password_hint(),
        required: true,
    };
    html(
        "{}<section class=\"narrow\"><form method=\"post\" action=\"{}\">{}{}{}<button>{}</button></form></section>\
         <p class=\"muted\">This link works once, and for {} more.</p>",
        &[&about, &path, &address, &name, &password.show(typed, faults), &button, &left(link.expires_at, now)],
    )
}

/// The page of a link that is not good.
fn dead(kinds: Kinds) -> Html {
    let next = match kinds {
        [LinkKind::Setup] => {
            html("Whoever has the studio&#39;s data folder makes a new one: <code>studio user setup-link</code>.", &[])
        }
        _ => html("Ask whoever gave it to you for a new one.", &[]),
    };
    html(
        "<p>It may have been used already, it may have run out, or a newer one has taken its place. {}</p>\
         <p>If you have chosen your password already, <a href=\"/sign-in\">sign in</a>.</p>",
        &[&next],
    )
}

fn not_good(kinds: Kinds, view: &View) -> Result<Response, Refusal> {
    show(StatusCode::NOT_FOUND, "This link is not good any more", &Seen::of(None, view), dead(kinds))
}

async fn look(
    app: &App,
    kinds: Kinds,
    token: &Secret,
    view: &View,
    typed: &Typed,
    faults: &Faults,
) -> Result<Response, Refusal> {
    let Some(link) = verbs::look_at_link(app, kinds, token).await? else { return not_good(kinds, view) };
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let body = form(&link, token, typed, faults, view.now);
    show(status, words(link.kind).0, &Seen { faults: Some(faults), ..Seen::of(None, view) }, body)
}

/// What the form says, or what is wrong with it.
fn read(kinds: Kinds, typed: &Typed) -> Result<(Option<String>, Option<String>), Faults> {
    let mut faults = Faults::default();
    let get = |name: &str| typed.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
    let email = match (kinds, get("email")) {
        ([LinkKind::Setup], text) => match read_address(text.unwrap_or_default()) {
            Ok(email) if email != OWNER => Some(email),
            Ok(_) => {
                faults.add("email", "Write an e-mail address of your own.");
                None
            }
            Err(fault) => {
                faults.add("email", format!("This {fault}."));
                None
            }
        },
        _ => None,
    };
    let name = match get("name").map(read_name).transpose() {
        Ok(name) => name,
        Err(fault) => {
            faults.add("name", format!("The name {fault}."));
            None
        }
    };
    if faults.is_empty() { Ok((email, name)) } else { Err(faults) }
}

async fn accept(app: &Arc<App>, kinds: Kinds, mut call: Call) -> Result<Response, Refusal> {
    let (mut typed, view) = (std::mem::take(&mut call.form), View::of(&call));
    let token = Secret::new(call.parameter("token"));
    let password = Secret::new(typed.remove("password").unwrap_or_default());
    let (email, name) = match read(kinds, &typed) {
        Ok(read) => read,
        Err(faults) => return look(app, kinds, &token, &view, &typed, &faults).await,
    };
    let acceptance = Acceptance { token: token.clone(), email, name, password };
    let faults = match verbs::accept(app, kinds, acceptance, api::visit(&call)).await {
        Ok(signed_in) => {
            tracing::info!(user = %signed_in.user.id, "a link was used");
            return cookie::with(see_other("/account?done=in")?, cookie::kept(&call.way, &signed_in.token));
        }
        Err(NotAccepted::NotGood) => return not_good(kinds, &view),
        Err(NotAccepted::AddressTaken) => Faults::one("email", "Somebody else has this address."),
        Err(NotAccepted::Password(not)) => Faults::one("password", format!("The password {not}.")),
        Err(other) => return Err(Refusal::from(other)),
    };
    look(app, kinds, &token, &view, &typed, &faults).await
}

macro_rules! pages {
    ($($show:ident $accept:ident $kinds:ident;)*) => { $(
        pub(in crate::http) fn $show(app: Arc<App>, _: Option<Caller>, call: Call) -> Answer {
            Box::pin(async move {
                let (token, view) = (Secret::new(call.parameter("token")), View::of(&call));
                look(&app, $kinds, &token, &view, &Typed::new(), &Faults::default()).await
            })
        }

        pub(in crate::http) fn $accept(app: Arc<App>, _: Option<Caller>, call: Call) -> Answer {
            Box::pin(async move { accept(&app, $kinds, call).await })
        }
    )* };
}
pages! {
    setup accept_setup SETUP;
    invitation accept_invitation OTHERS;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(fields: &[(&str, &str)]) -> Typed {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_form_is_read_by_what_its_link_is_for() {
        let both = typed(&[("email", " a@example.com "), ("name", " Ada ")]);
        assert_eq!(read(SETUP, &both), Ok((Some("a@example.com".into()), Some("Ada".into()))));
        assert_eq!(read(OTHERS, &both), Ok((None, Some("Ada".into()))), "an invitation is for its address");
        assert_eq!(read(OTHERS, &typed(&[("name", "")])), Ok((None, None)));
        for bad in ["", "nobody", OWNER] {
            assert!(read(SETUP, &typed(&[("email", bad)])).is_err(), "{bad}");
        }
        assert!(read(OTHERS, &typed(&[("name", &"x".repeat(101))])).is_err());
    }
}
