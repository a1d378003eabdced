//! One's own keys: a list, a form for a new one, which is shown once, and revoking.

use super::{
    Answer, Seen, View,
    account::{Account, again},
    form::{Faults, Field, Typed, button, choice, token},
    frame::Viewer,
    html::{Html, html, written},
    see_other, show,
    words::{ago, day, several},
};
use crate::{
    app::App,
    commands::people::{self as verbs, NewKey, NotByKey, NotMade},
    http::{
        call::{Call, Caller},
        refusal::Refusal,
    },
};
use http::StatusCode;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use studio_core::{
    caller::Scope,
    id::KeyId,
    ledger::{Limits, Window},
    money::Nanos,
    people::{Role, read_name},
    ports::KeyRow,
    time::Timestamp,
};

/// How long a key may last, as value and words.
const LIVES: &[(&str, &str)] =
    &[("never", "It lasts"), ("7", "In 7 days"), ("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year")];

/// What a key may do, with the name of its field, in words.
const SCOPES: &[(Scope, &str, &str)] = &[
    (Scope::Generate, "scope_generate", "Make things: pictures, conversations, titles"),
    (Scope::Read, "scope_read", "See jobs, results, models and what was spent"),
    (Scope::Account, "scope_account", "Manage this account: keys, sessions"),
    (Scope::Admin, "scope_admin", "Run the studio: people, budgets, failed jobs of anyone"),
];

/// The fields of a budget.
const BUDGETS: &[(Window, &str, &str)] =
    &[(Window::Day, "day", "A day"), (Window::Month, "month", "A month"), (Window::Lifetime, "lifetime", "In all")];

pub(super) fn section(account: &Account<'_>, viewer: Viewer<'_>, typed: &Typed, faults: &Faults) -> Html {
    let (good, over): (Vec<_>, Vec<_>) = account.keys.iter().partition(|row| row.key.is_good(account.now));
    let lines: Vec<_> = good.into_iter().map(|row| line(row, viewer, account.now)).collect();
    let list = match lines.is_empty() {
        true => html("<p>You have no key. Programs need one; this browser does not.</p>", &[]),
        false => html("<ul class=\"items\">{}</ul>", &[&lines]),
    };
    let over = over.len() as u64;
    let over =
        (over > 0).then(|| html("<p class=\"muted\">{} revoked or over, and not shown.</p>", &[&several(over, "key")]));
    html(
        "<section id=\"keys\"><h2>Keys</h2>{}{}<h3>Make a key</h3>{}</section>",
        &[&list, &over, &form(account.user.role, viewer, typed, faults)],
    )
}

fn line(row: &KeyRow, viewer: Viewer<'_>, now: Timestamp) -> Html {
    let key = &row.key;
    let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    let used = match row.last_used_at {
        Some(used) => html("used {}", &[&ago(used, now)]),
        None => html("never used", &[]),
    };
    let ends = key.expires_at.map(|at| html("; ends on {}", &[&day(at)]));
    let budget: Vec<_> = row
        .limits
        .iter()
        .map(|(window, limit)| {
            let per = match window {
                Window::Day => "a day",
                Window::Month => "a month",
                Window::Lifetime => "in all",
            };
            html("; at most {} USD {}", &[&limit.to_string(), &per])
        })
        .collect();
    html(
        "<li><div class=\"what\"><p><strong>{}</strong> <code>…{}</code></p><p class=\"muted\">May {}; made {}; {}{}{}</p></div>{}</li>",
        &[
            &written(&key.name),
            &key.last4,
            &scopes.join(", "),
            &ago(key.created_at, now),
            &used,
            &ends,
            &budget,
            &button(
                &format!("/account/keys/{}/revoke", key.id),
                viewer.csrf,
                "Revoke",
                &html("the key {}", &[&written(&key.name)]),
                "danger",
            ),
        ],
    )
}

fn form(role: Role, viewer: Viewer<'_>, typed: &Typed, faults: &Faults) -> Html {
    let name = Field {
        name: "name",
        label: "Name",
        kind: "text",
        autocomplete: "off",
        hint: "What it is for, so that you know it again: laptop, shop, nightly run.",
        required: true,
    };
    let untouched = typed.is_empty();
    let scope = |(scope, field, about): &(Scope, &'static str, &'static str)| {
        let usual = matches!(scope, Scope::Generate | Scope::Read);
        let checked = if untouched { usual } else { typed.contains_key(*field) };
        html(
            "<label class=\"check\"><input type=\"checkbox\" name=\"{}\" value=\"yes\"{}><span>{} <code>{}</code></span></label>",
            &[field, &checked.then(|| html(" checked", &[])), about, &scope.as_str()],
        )
    };
    let scopes: Vec<_> = SCOPES.iter().filter(|(scope, ..)| role.has(*scope)).map(scope).collect();
    let budget = |&(_, name, label): &(Window, &'static str, &'static str)| {
        Field { name, label, kind: "text", autocomplete: "off", hint: "", required: false }.show(typed, faults)
    };
    let budgets: Vec<_> = BUDGETS.iter().map(budget).collect();
    let chosen = typed.get("expires").map_or("90", String::as_str);
    html(
        "<form method=\"post\" action=\"/account/keys\">{}{}<fieldset id=\"scopes\"><legend>It may</legend>{}</fieldset>{}\
         <fieldset><legend>It may spend at most, in US dollars</legend><p class=\"hint\">Such as 5 or 0.25. Empty: as much as you may.</p>\
         <div class=\"row\">{}</div></fieldset><button>Make key</button></form>",
        &[
            &token(viewer.csrf),
            &name.show(typed, faults),
            &scopes,
            &choice(&"expires", "expires", &"It ends", LIVES, chosen),
            &budgets,
        ],
    )
}

/// A key as its form says it is to be.
fn read(typed: &Typed, now: Timestamp) -> Result<NewKey, Faults> {
    let mut faults = Faults::default();
    let mut new = NewKey::default();
    let get = |name: &str| typed.get(name).map_or("", |text| text.trim());
    match read_name(get("name")) {
        Ok(name) => new.name = name,
        Err(fault) => faults.add("name", format!("The name {fault}.")),
    }
    let ticked = SCOPES.iter().filter(|(_, field, _)| typed.contains_key(*field));
    new.scopes = ticked.map(|(scope, ..)| *scope).collect::<BTreeSet<_>>();
    if new.scopes.is_empty() {
        faults.add("scopes", "Choose at least one thing that the key may do.");
    }
    match get("expires") {
        "never" | "" => {}
        days => match days.parse::<u64>().ok().filter(|_| LIVES.iter().any(|(value, _)| *value == days)) {
            Some(days) => new.expires_at = Some(now.plus(Duration::from_secs(days * 24 * 3600))),
            None => faults.add("expires", "Choose one of the ends in the list."),
        },
    }
    let mut limits = Limits::new();
    for &(window, field, _) in BUDGETS.iter().filter(|(_, field, _)| !get(field).is_empty()) {
        match Nanos::parse_usd(get(field)).ok().filter(|amount| *amount >= Nanos::ZERO) {
            Some(amount) => {
                limits.insert(window, amount);
            }
            None => faults.add(field, "This is no amount in US dollars, such as 5 or 0.25."),
        }
    }
    new.limits = limits;
    if faults.is_empty() { Ok(new) } else { Err(faults) }
}

/// The only time that a key is seen.
fn made(name: &str, text: &str, origin: &str) -> Html {
    html(
        "<section><p>This is the key {}. Copy it now: <strong>it is not shown again</strong>, and not even the studio can tell it to you \
         later.</p><code class=\"secret\" id=\"key\">{}</code><p>Programs send it with each request:</p>\
         <pre tabindex=\"0\">curl -s {}/api/v1/models \\\n  -H \"Authorization: Bearer $STUDIO_KEY\"</pre>\
         <p>Whoever has it can do what it may do. If it gets lost or seen, revoke it.</p>\
         <p><a href=\"/account\">I have copied it: back to my account</a></p></section>",
        &[&written(name), &text, &origin],
    )
}

pub(in crate::http) fn create(app: Arc<App>, caller: Caller, mut call: Call) -> Answer {
    Box::pin(async move {
        let (typed, view) = (std::mem::take(&mut call.form), View::of(&call));
        let new = match read(&typed, call.now) {
            Ok(new) => new,
            Err(faults) => return again(&app, &caller, &view, StatusCode::BAD_REQUEST, &typed, &faults).await,
        };
        let name = new.name.clone();
        let doer = caller.doer(&call);
        match verbs::create_own_key(app.desk(), &doer, caller.person(), new).await {
            Ok((key, text)) => {
                tracing::info!(key.id = %key.id, user = %key.user, "key made");
                let seen = Seen { here: "/account", ..Seen::of(Some(&caller), &view) };
                show(StatusCode::OK, "Your new key", &seen, made(&name, text.expose(), &view.origin))
            }
            Err(not @ (NotMade::LacksScope { .. } | NotMade::NotByKey(NotByKey::Beyond(_) | NotByKey::Bounded(_)))) => {
                let faults = Faults::one("scopes", format!("No key was made: {not}."));
                again(&app, &caller, &view, StatusCode::FORBIDDEN, &typed, &faults).await
            }
            Err(not @ NotMade::TooMany) => {
                let faults = Faults::one("", format!("No key was made: {not}. Revoke one first."));
                again(&app, &caller, &view, StatusCode::CONFLICT, &typed, &faults).await
            }
            Err(other) => Err(Refusal::from(other)),
        }
    })
}

pub(in crate::http) fn revoke(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let id = super::id(&call, KeyId::parse)?;
        if !verbs::revoke_key(app.desk(), &caller.doer(&call), Some(caller.user()), id).await? {
            return Err(Refusal::not_found("key"));
        }
        app.callers.forget();
        see_other("/account?done=revoked")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(fields: &[(&str, &str)]) -> Typed {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_form_is_a_key_or_says_what_is_wrong_with_each_field() {
        let now = Timestamp::from_millis(1_790_000_000_000);
        let good = typed(&[
            ("name", " shop "),
            ("scope_generate", "yes"),
            ("expires", "30"),
            ("day", "0.25"),
            ("month", ""),
            ("lifetime", "20"),
        ]);
        let new = read(&good, now).unwrap();
        assert_eq!((new.name.as_str(), new.scopes.len(), new.limits.len()), ("shop", 1, 2));
        assert_eq!(new.expires_at, Some(now.plus(Duration::from_secs(30 * 86_400))));
        let bad = typed(&[("name", " "), ("expires", "31"), ("day", "-1"), ("month", "much")]);
        let faults = read(&bad, now).unwrap_err();
        let told = faults.summary().unwrap().into_text();
        for field in ["name", "scopes", "expires", "day", "month"] {
            assert!(told.contains(&format!("href=\"#{field}\"")), "{field}: {told}");
        }
        // What was typed stays, also what was not ticked.
        let viewer = Viewer { email: "a@b", csrf: "t", runs_it: false };
        let again = form(Role::Member, viewer, &good, &faults).into_text();
        assert!(again.contains("name=\"scope_generate\" value=\"yes\" checked") && again.contains("value=\" shop \""));
        assert!(
            again.contains("name=\"scope_read\" value=\"yes\">") && again.contains("<option value=\"30\" selected>")
        );
        assert!(!again.contains("scope_admin"), "nobody is offered what they may not give");
    }
}
