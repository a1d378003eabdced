//! Who gets in, for whoever runs the studio: people with their roles, invitations, links. A link is shown once, to whoever made it.

use super::{
    Answer, Seen, View,
    form::{Faults, Field, Typed, button, choice, token},
    frame::Viewer,
    html::{Html, Piece, html, written},
    see_other, show, viewer,
    words::{ago, left, life, several},
};
use crate::{
    app::App,
    commands::people::{self as verbs, NewLink, NoSuchChange, NotLinked},
    http::{
        call::{Call, Caller},
        refusal::Refusal,
    },
};
use axum::response::Response;
use http::StatusCode;
use std::sync::Arc;
use studio_core::{
    id::{LinkId, UserId},
    people::{Link, LinkKind, Role, UserChange, may_manage, read_address},
    ports::{LinkWithdrawn, UserRow},
    time::Timestamp,
};

/// What there is to see.
struct People<'a> {
    rows: &'a [UserRow],
    invitations: &'a [Link],
    /// Who looks.
    me: UserId,
    role: Role,
    now: Timestamp,
}

/// What was done a moment ago, as the address says it.
pub(super) const DONE: &[(&str, &str)] = &[
    ("role", "The role is changed. It counts at once, for keys and sessions as well."),
    ("disabled", "Nothing of theirs opens anything any more."),
    ("enabled", "They may come in again."),
    ("withdrawn", "The invitation is withdrawn."),
];

/// The roles that someone may give, as value and words.
fn roles(by: Role) -> Vec<(&'static str, &'static str)> {
    let may = |role: &Role| may_manage(Some(by), *role).is_ok();
    Role::ALL.into_iter().filter(may).map(|role| (role.as_str(), role.as_str())).collect()
}

fn body(people: &People<'_>, viewer: Viewer<'_>, typed: &Typed, faults: &Faults) -> Html {
    let rows: Vec<_> = people.rows.iter().map(|row| line(row, people, viewer)).collect();
    let about: Vec<_> =
        Role::ALL.into_iter().map(|role| html("<dt>{}</dt><dd>{}</dd>", &[&role.as_str(), &role.about()])).collect();
    html(
        "<section><h2>{}</h2><ul class=\"items\">{}</ul></section>{}<section><h2>Roles</h2><dl class=\"facts\">{}</dl></section>",
        &[&several_people(people.rows.len() as u64), &rows, &invitations(people, viewer, typed, faults), &about],
    )
}

fn several_people(count: u64) -> String {
    if count == 1 { "1 person".into() } else { format!("{count} people") }
}

fn line(row: &UserRow, people: &People<'_>, viewer: Viewer<'_>) -> Html {
    let user = &row.user;
    let me = user.id == people.me;
    let tag = |words: &'static str, class: &'static str| html("<span class=\"{}\">{}</span>", &[&class, &words]);
    let seen = match row.last_seen_at {
        Some(seen) => html("seen {}", &[&ago(seen, people.now)]),
        None if row.has_password => html("not signed in", &[]),
        None => html("no password yet", &[]),
    };
    // Not oneself: it would be the last thing that one does here.
    let actions = (!me && may_manage(Some(people.role), user.role).is_ok()).then(|| actions(row, people, viewer));
    html(
        "<li><div class=\"what\"><p><strong>{}</strong>{}{}</p><p class=\"muted\">{}{}; {}; {}</p></div>{}</li>",
        &[
            &written(user.name.as_deref().unwrap_or(&user.email)),
            &me.then(|| tag("you", "tag")),
            &(!user.is_active()).then(|| tag("disabled", "tag off")),
            &user.name.as_ref().map(|_| html("{}; ", &[&written(&user.email)])),
            &user.role.as_str(),
            &seen,
            &several(row.keys, "key"),
            &actions,
        ],
    )
}

fn actions(row: &UserRow, people: &People<'_>, viewer: Viewer<'_>) -> Html {
    let user = &row.user;
    let whom = html("{}", &[&written(&user.email)]);
    let path = |verb: &str| format!("/people/{}/{verb}", user.id);
    let id = format!("role-{}", user.id);
    let label = html("Role<span class=\"heard\"> of {}</span>", &[&whom]);
    let standing = match user.is_active() {
        true => button(&path("disable"), viewer.csrf, "Disable", &whom, "danger"),
        false => button(&path("enable"), viewer.csrf, "Enable", &whom, "quiet"),
    };
    html(
        "<div class=\"actions\"><form method=\"post\" action=\"{}\">{}{}<button class=\"quiet\">Change<span class=\"heard\"> the role of \
         {}</span></button></form>{}{}</div>",
        &[
            &path("role"),
            &token(viewer.csrf),
            &choice(&id as &dyn Piece, "role", &label as &dyn Piece, &roles(people.role), user.role.as_str()),
            &whom,
            &user.is_active().then(|| button(&path("reset-link"), viewer.csrf, "New password link", &whom, "quiet")),
            &standing,
        ],
    )
}

fn invitations(people: &People<'_>, viewer: Viewer<'_>, typed: &Typed, faults: &Faults) -> Html {
    let open = |link: &Link| {
        html(
            "<li><div class=\"what\"><p><strong>{}</strong></p><p class=\"muted\">{}; invited {}; good for {}</p></div>{}</li>",
            &[
                &written(&link.email),
                &link.role.as_str(),
                &ago(link.created_at, people.now),
                &left(link.expires_at, people.now),
                &button(
                    &format!("/people/invitations/{}/withdraw", link.id),
                    viewer.csrf,
                    "Withdraw",
                    &html("the invitation of {}", &[&written(&link.email)]),
                    "danger",
                ),
            ],
        )
    };
    let lines: Vec<_> = people.invitations.iter().map(open).collect();
    let list = (!lines.is_empty()).then(|| html("<h3>Open invitations</h3><ul class=\"items\">{}</ul>", &[&lines]));
    let email = Field {
        name: "email",
        label: "E-mail address",
        kind: "email",
        autocomplete: "off",
        hint: "Nothing is sent there: you get a link, and give it to them yourself.",
        required: true,
    };
    let chosen = typed.get("role").map_or(Role::Member.as_str(), String::as_str);
    html(
        "<section id=\"invitations\"><h2>Invite someone</h2><form class=\"narrow\" method=\"post\" action=\"/people/invitations\">{}{}{}\
         <button>Make an invitation</button></form>{}</section>",
        &[
            &token(viewer.csrf),
            &email.show(typed, faults),
            &choice(&"role", "role", &"Role", &roles(people.role), chosen),
            &list,
        ],
    )
}

/// The only time that a link is seen.
fn link_made(new: &NewLink, origin: &str) -> Html {
    let (what, does) = match new.link.kind {
        LinkKind::Reset => ("a new password", "With it they choose a new password, and all their sessions end."),
        _ => ("an invitation", "With it they choose a password and are in."),
    };
    html(
        "<section><p>This is the link for {}, {}. Copy it now and give it to them by a way that only they read: \
         <strong>it is not shown again</strong>.</p><code class=\"secret\" id=\"link\">{}</code><p>It works once, within {}. {}</p>\
         <p><a href=\"/people\">I have copied it: back to the people</a></p></section>",
        &[
            &written(&new.link.email),
            &what,
            &format!("{origin}{}", super::api::link_path(new.link.kind, &new.token)),
            &life(new.link.kind.life()),
            &does,
        ],
    )
}

async fn again(
    app: &App,
    caller: &Caller,
    view: &View,
    status: StatusCode,
    typed: &Typed,
    faults: &Faults,
) -> Result<Response, Refusal> {
    let rows = app.store.users(view.now).await?;
    let invitations = app.store.links(LinkKind::Invitation, view.now).await?;
    let role = caller.person().role;
    let people = People { rows: &rows, invitations: &invitations, me: caller.user(), role, now: view.now };
    let notice = view.notice(DONE, faults);
    let seen = Seen { here: "/people", notice, faults: Some(faults), ..Seen::of(Some(caller), view) };
    show(status, "People", &seen, body(&people, viewer(caller), typed, faults))
}

pub(in crate::http) fn page(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(
        async move { again(&app, &caller, &View::of(&call), StatusCode::OK, &Typed::new(), &Faults::default()).await },
    )
}

/// Changes someone, and says so where they stand.
async fn change(
    app: &App,
    caller: &Caller,
    call: Call,
    change: UserChange,
    then: &'static str,
) -> Result<Response, Refusal> {
    let (user, doer) = (super::id(&call, UserId::parse)?, caller.doer(&call));
    match verbs::change_user(app.desk(), &doer, user, change).await {
        Ok(_) => {
            app.callers.forget();
            see_other(then)
        }
        Err(NoSuchChange::Refused(not)) => {
            let faults = Faults::one("", format!("Nobody was changed: {not}."));
            again(app, caller, &View::of(&call), StatusCode::CONFLICT, &Typed::new(), &faults).await
        }
        Err(other) => Err(Refusal::from(other)),
    }
}

pub(in crate::http) fn change_role(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let Some(role) = call.form.get("role").and_then(|role| Role::parse(role)) else {
            let faults = Faults::one("", "Choose one of the roles in the list.");
            return again(&app, &caller, &View::of(&call), StatusCode::BAD_REQUEST, &Typed::new(), &faults).await;
        };
        let to = UserChange { role: Some(role), ..UserChange::default() };
        change(&app, &caller, call, to, "/people?done=role").await
    })
}

pub(in crate::http) fn disable(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let to = UserChange { disabled: Some(true), ..UserChange::default() };
        change(&app, &caller, call, to, "/people?done=disabled").await
    })
}

pub(in crate::http) fn enable(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let to = UserChange { disabled: Some(false), ..UserChange::default() };
        change(&app, &caller, call, to, "/people?done=enabled").await
    })
}

/// Shows a link that was made, or why none was.
async fn made(
    app: &App,
    caller: &Caller,
    view: &View,
    typed: &Typed,
    made: Result<NewLink, NotLinked>,
) -> Result<Response, Refusal> {
    let (status, faults) = match made {
        Ok(new) => {
            let body = link_made(&new, &view.origin);
            let seen = Seen { here: "/people", ..Seen::of(Some(caller), view) };
            return show(StatusCode::OK, "A link, once", &seen, body);
        }
        Err(NotLinked::Known) => {
            let message = "There is someone of this address already: make them a link for a new password instead.";
            (StatusCode::CONFLICT, Faults::one("email", message))
        }
        Err(NotLinked::Refused(not)) => (StatusCode::FORBIDDEN, Faults::one("", format!("No link was made: {not}."))),
        Err(other) => return Err(Refusal::from(other)),
    };
    again(app, caller, view, status, typed, &faults).await
}

pub(in crate::http) fn invite(app: Arc<App>, caller: Caller, mut call: Call) -> Answer {
    Box::pin(async move {
        let typed = std::mem::take(&mut call.form);
        let mut faults = Faults::default();
        let email = read_address(typed.get("email").map_or("", String::as_str));
        let role = Role::parse(typed.get("role").map_or("", String::as_str));
        if let Err(fault) = &email {
            faults.add("email", format!("This {fault}."));
        }
        if role.is_none() {
            faults.add("role", "Choose one of the roles in the list.");
        }
        let (Ok(email), Some(role)) = (email, role) else {
            return again(&app, &caller, &View::of(&call), StatusCode::BAD_REQUEST, &typed, &faults).await;
        };
        let link = verbs::invite(app.desk(), &caller.doer(&call), email, role).await;
        made(&app, &caller, &View::of(&call), &typed, link).await
    })
}

pub(in crate::http) fn reset_link(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let user = super::id(&call, UserId::parse)?;
        let link = verbs::reset_link(app.desk(), &caller.doer(&call), user).await;
        made(&app, &caller, &View::of(&call), &Typed::new(), link).await
    })
}

pub(in crate::http) fn withdraw(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let id = super::id(&call, LinkId::parse)?;
        match verbs::withdraw_invitation(app.desk(), &caller.doer(&call), id).await? {
            LinkWithdrawn::Withdrawn => see_other("/people?done=withdrawn"),
            LinkWithdrawn::Absent => Err(Refusal::not_found("invitation")),
            LinkWithdrawn::Refused(not) => Err(not.into()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use studio_core::people::User;

    #[test]
    fn nobody_is_offered_what_they_may_not_do() {
        let now = Timestamp::from_millis(1_790_000_000_000);
        let row = |n: u8, role: Role| {
            let mut user = User::new(UserId::new(now, [n; 10]), format!("{}@<b>", role.as_str()), role, now);
            user.disabled_at = (role == Role::Viewer).then_some(now);
            UserRow { user, has_password: true, last_seen_at: None, keys: 2 }
        };
        let rows = [row(1, Role::Owner), row(2, Role::Admin), row(3, Role::Member), row(4, Role::Viewer)];
        let shown = |by: usize| {
            let role = rows[by].user.role;
            let people = People {
                rows: &rows,
                invitations: &[],
                me: rows[by].user.id,
                role,
                now: now.plus(Duration::from_secs(9)),
            };
            let viewer = Viewer { email: "me", csrf: "t0ken", runs_it: true };
            body(&people, viewer, &Typed::new(), &Faults::default()).into_text()
        };
        let (owner, admin) = (shown(0), shown(1));
        let may = |page: &str, of: usize, verb: &str| page.contains(&format!("/people/{}/{verb}\"", rows[of].user.id));
        assert!(may(&owner, 1, "role") && may(&owner, 2, "disable") && may(&owner, 3, "enable"));
        assert!(
            !may(&owner, 3, "disable") && !may(&owner, 2, "enable") && !may(&owner, 0, "disable"),
            "by standing, and not oneself"
        );
        assert!(!may(&admin, 0, "role") && !may(&admin, 0, "reset-link") && may(&admin, 2, "reset-link"));
        assert!(owner.contains("<option value=\"owner\"") && !admin.contains("<option value=\"owner\""));
        assert!(owner.contains("<bdi>member@&lt;b&gt;</bdi>"));
        for page in [owner, admin] {
            let forms = page.matches("method=\"post\"").count();
            assert_eq!(page.matches("name=\"csrf\" value=\"t0ken\"").count(), forms);
        }
    }
}
