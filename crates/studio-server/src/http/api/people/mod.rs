//! People: signing in, sessions, keys, and who may do what.

mod audit;
mod auth;
mod invitations;
mod keys;
mod refusals;
mod sessions;
mod users;

pub(in crate::http) use audit::list_audit;
pub(in crate::http) use auth::{accept, change_password, log_in, log_out, set_up, who_am_i};
pub(in crate::http) use invitations::{create_invitation, list_invitations, withdraw_invitation};
pub(in crate::http) use keys::{create_key, list_keys, revoke_key};
pub(in crate::http) use sessions::{end_session, list_sessions, revoke_other_sessions};
pub(in crate::http) use users::{change_user, create_reset_link, list_users};

use crate::{
    commands::people::{NewLink, Visit},
    http::{call::Call, cookie, refusal::Refusal},
};
use http::header;
use serde_json::{Value, json};
use studio_core::{
    people::{LinkKind, Role, User, read_name, read_token, shown_agent},
    request::Fields,
    secret::Secret,
};

/// From where a call comes.
pub(in crate::http) fn visit(call: &Call) -> Visit {
    Visit {
        network: call.from.map(|address| address.to_string()),
        agent: call.header(&header::USER_AGENT).and_then(shown_agent),
        replaces: cookie::session(&call.headers, &call.way).and_then(|token| read_token(token.expose())),
        request: call.request,
    }
}

/// The path at which a person uses a link.
pub(in crate::http) fn link_path(kind: LinkKind, token: &Secret) -> String {
    format!("{}{}", kind.page(), token.expose())
}

/// A text that must be there.
fn required<'a>(fields: &mut Fields<'a>, name: &'a str) -> Option<&'a str> {
    if fields.take(name).is_none() {
        fields.fault(name, "is required");
        return None;
    }
    fields.text(name)
}

/// A secret text that must be there.
fn secret<'a>(fields: &mut Fields<'a>, name: &'a str) -> Option<Secret> {
    required(fields, name).map(Secret::new)
}

/// What someone is called, if it is said.
fn name<'a>(fields: &mut Fields<'a>) -> Option<String> {
    read_name(fields.text("name")?).map_err(|fault| fields.fault("name", fault)).ok()
}

fn role<'a>(fields: &mut Fields<'a>, field: &'a str) -> Option<Role> {
    let text = fields.text(field)?;
    let role = Role::parse(text);
    if role.is_none() {
        fields.fault(field, format!("must be one of {}", Role::ALL.map(Role::as_str).join(", ")));
    }
    role
}

fn show_user(user: &User) -> Value {
    let mut shown = json!({
        "id": user.id.to_string(),
        "email": user.email,
        "role": user.role.as_str(),
        "createdAt": user.created_at.to_string(),
    });
    if let Some(name) = &user.name {
        shown["name"] = name.as_str().into();
    }
    if let Some(at) = user.disabled_at {
        shown["disabledAt"] = at.to_string().into();
    }
    shown
}

/// A link that was just made: the only time that its token is told.
fn show_new_link(call: &Call, new: &NewLink) -> Value {
    let path = link_path(new.link.kind, &new.token);
    let url = format!("{}{path}", call.way.origin.as_deref().unwrap_or_default());
    json!({
        "success": true,
        "link": {
            "id": new.link.id.to_string(),
            "kind": new.link.kind.as_str(),
            "email": new.link.email,
            "role": new.link.role.as_str(),
            "token": new.token.expose(),
            "url": url,
            "expiresAt": new.link.expires_at.to_string(),
        },
    })
}

fn no_such(what: &str) -> Refusal {
    Refusal::not_found(what)
}
