//! One's own account: who one is, keys, sessions, the password.

use super::{
    Answer, Seen, View,
    form::{Faults, Field, Typed, button, password_hint, token},
    frame::Viewer,
    html::{Html, html, written},
    keys, see_other, show, viewer,
    words::{ago, browser, day, left, several},
};
use crate::{
    app::App,
    commands::people::{self as verbs, NoNewPassword},
    http::{
        call::{Call, Caller},
        refusal::Refusal,
    },
};
use axum::response::Response;
use http::StatusCode;
use std::sync::Arc;
use studio_core::{
    id::SessionId,
    people::{Session, User},
    ports::KeyRow,
    secret::Secret,
    time::Timestamp,
};

/// What there is to see.
pub(super) struct Account<'a> {
    pub(super) user: &'a User,
    pub(super) keys: &'a [KeyRow],
    pub(super) sessions: &'a [Session],
    /// The session that looks.
    pub(super) here: Option<SessionId>,
    pub(super) now: Timestamp,
}

/// What was done a moment ago, as the address says it.
pub(super) const DONE: &[(&str, &str)] = &[
    ("in", "Welcome. You are signed in, and the link that brought you here is used up."),
    ("revoked", "The key is revoked: it opens nothing any more."),
    ("ended", "The session has ended."),
    ("others", "All your other sessions have ended."),
    ("password", "Your password is changed, and all your other sessions have ended."),
];

fn body(account: &Account<'_>, viewer: Viewer<'_>, typed: &Typed, faults: &Faults) -> Html {
    html(
        "{}{}{}{}",
        &[
            &who(account),
            &keys::section(account, viewer, typed, faults),
            &sessions(account, viewer),
            &password(viewer, typed, faults),
        ],
    )
}

fn who(account: &Account<'_>) -> Html {
    let Account { user, .. } = account;
    let name = user.name.as_deref().map(|name| html("<dt>Name</dt><dd>{}</dd>", &[&written(name)]));
    html(
        "<section><h2>You</h2><dl class=\"facts\"><dt>E-mail</dt><dd>{}</dd>{}<dt>Role</dt><dd>{}: {}</dd>\
         <dt>Since</dt><dd>{}</dd><dt>Id</dt><dd><code>{}</code></dd></dl></section>",
        &[
            &written(&user.email),
            &name,
            &user.role.as_str(),
            &user.role.about(),
            &day(user.created_at),
            &user.id.to_string(),
        ],
    )
}

fn sessions(account: &Account<'_>, viewer: Viewer<'_>) -> Html {
    let line = |session: &Session| {
        let here = account.here == Some(session.id);
        let name = session.agent.as_deref().map_or_else(|| "A program".to_owned(), browser);
        let from = session.network.as_deref().map(|network| html(" from {}", &[&written(network)]));
        let end = format!("/account/sessions/{}/end", session.id);
        let whom = html("the session of {}", &[&name]);
        html(
            "<li><div class=\"what\"><p><strong>{}</strong>{}</p><p class=\"muted\">Signed in {}{}; seen {}; ends in {}</p></div>{}</li>",
            &[
                &written(&name),
                &here.then(|| html("<span class=\"tag\">this one</span>", &[])),
                &ago(session.created_at, account.now),
                &from,
                &ago(session.last_seen_at, account.now),
                &left(session.expires_at, account.now),
                &(!here).then(|| button(&end, viewer.csrf, "End", &whom, "danger")),
            ],
        )
    };
    let lines: Vec<_> = account.sessions.iter().map(line).collect();
    let others = account.sessions.iter().filter(|session| account.here != Some(session.id)).count() as u64;
    let all = (others > 0).then(|| {
        let of = several(others, "other session");
        html(
            "<form method=\"post\" action=\"/account/sessions/end-others\">{}<button class=\"danger\">End {}</button></form>",
            &[&token(viewer.csrf), &of],
        )
    });
    html(
        "<section id=\"sessions\"><h2>Sessions</h2><p class=\"muted\">Browsers in which you are signed in. If you do not know one, end it \
         and change your password.</p><ul class=\"items\">{}</ul>{}</section>",
        &[&lines, &all],
    )
}

fn password(viewer: Viewer<'_>, typed: &Typed, faults: &Faults) -> Html {
    let present = Field {
        name: "present",
        label: "Present password",
        kind: "password",
        autocomplete: "current-password",
        hint: "",
        required: true,
    };
    let new = Field {
        name: "password",
        label: "New password",
        kind: "password",
        autocomplete: "new-password",
        hint: &password_hint(),
        required: true,
    };
    html(
        "<section id=\"password-section\"><h2>Password</h2><form class=\"narrow\" method=\"post\" action=\"/account/password\">{}\
         <input type=\"text\" name=\"username\" autocomplete=\"username\" aria-label=\"Account\" value=\"{}\" hidden>{}{}<button>Change password</button>\
         <p class=\"hint\">All your other sessions end. Your keys stay.</p></form></section>",
        &[&token(viewer.csrf), &viewer.email, &present.show(typed, faults), &new.show(typed, faults)],
    )
}

/// The page as it is now, after a form that was refused or before any.
pub(super) async fn again(
    app: &App,
    caller: &Caller,
    view: &View,
    status: StatusCode,
    typed: &Typed,
    faults: &Faults,
) -> Result<Response, Refusal> {
    let (keys, sessions) = (app.store.keys(Some(caller.user())).await?, app.store.sessions(caller.user()).await?);
    let user = caller.person();
    let sessions: Vec<_> = sessions.into_iter().filter(|session| session.is_good(user, view.now)).collect();
    let here = caller.session().map(|session| session.id);
    let account = Account { user, keys: &keys, sessions: &sessions, here, now: view.now };
    let notice = view.notice(DONE, faults);
    let seen = Seen { here: "/account", notice, faults: Some(faults), ..Seen::of(Some(caller), view) };
    show(status, "Your account", &seen, body(&account, viewer(caller), typed, faults))
}

pub(in crate::http) fn page(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(
        async move { again(&app, &caller, &View::of(&call), StatusCode::OK, &Typed::new(), &Faults::default()).await },
    )
}

pub(in crate::http) fn end_session(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let id = super::id(&call, SessionId::parse)?;
        if !verbs::end_session(&app, &caller.doer(&call), caller.user(), id).await? {
            return Err(Refusal::not_found("session"));
        }
        see_other("/account?done=ended")
    })
}

pub(in crate::http) fn end_others(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let keep = caller.session().map(|session| session.id);
        verbs::end_other_sessions(&app, &caller.doer(&call), caller.user(), keep).await?;
        see_other("/account?done=others")
    })
}

pub(in crate::http) fn change_password(app: Arc<App>, caller: Caller, mut call: Call) -> Answer {
    Box::pin(async move {
        let mut secret = |name: &str| Secret::new(call.form.remove(name).unwrap_or_default());
        let (present, new) = (secret("present"), secret("password"));
        let keep = caller.session().map(|session| session.id);
        let changed = verbs::change_password(&app, &caller.doer(&call), caller.person(), keep, present, new).await;
        let (status, faults) = match changed {
            Ok(()) => return see_other("/account?done=password"),
            Err(NoNewPassword::Wrong) => {
                (StatusCode::BAD_REQUEST, Faults::one("present", "This is not your present password."))
            }
            Err(NoNewPassword::Password(not)) => {
                (StatusCode::BAD_REQUEST, Faults::one("password", format!("The new password {not}.")))
            }
            Err(other) => return Err(Refusal::from(other)),
        };
        again(&app, &caller, &View::of(&call), status, &Typed::new(), &faults).await
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use studio_core::{
        id::UserId,
        people::{Role, TokenHash},
    };

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_790_000_000_000).plus(Duration::from_secs(seconds))
    }

    #[test]
    fn a_session_can_be_ended_but_not_the_one_that_looks() {
        let mut user = User::new(UserId::new(at(0), [1; 10]), "a@example.com", Role::Member, at(0));
        user.name = Some("<b>\u{202e}".into());
        let session = |n: u8| Session {
            id: SessionId::new(at(0), [n; 10]),
            user: user.id,
            hash: TokenHash([n; 32]),
            created_at: at(0),
            last_seen_at: at(60),
            expires_at: at(86_400),
            network: Some("192.0.2.7".into()),
            agent: Some("<script>".into()),
        };
        let (here, other) = (session(1), session(2));
        let both = [here.clone(), other.clone()];
        let account = Account { user: &user, keys: &[], sessions: &both, here: Some(here.id), now: at(3600) };
        let viewer = Viewer { email: &user.email, csrf: "t0ken", runs_it: false };
        let page = body(&account, viewer, &Typed::new(), &Faults::default()).into_text();
        assert!(page.contains(&format!("action=\"/account/sessions/{}/end\"", other.id)), "{page}");
        assert!(!page.contains(&format!("action=\"/account/sessions/{}/end\"", here.id)));
        assert!(page.contains("End 1 other session") && page.contains("this one"));
        assert!(page.contains("<bdi>&lt;b&gt;[U+202E]</bdi>") && !page.contains("<script"));
        let forms = page.matches("method=\"post\"").count();
        assert_eq!(
            page.matches("name=\"csrf\" value=\"t0ken\"").count(),
            forms,
            "every form proves where it comes from"
        );
    }
}
