//! `/users`: everyone, for whoever runs the studio.

use super::{
    super::{id, json},
    role, show_new_link, show_user,
};
use crate::{
    app::App,
    commands::people,
    http::{
        call::{Call, Caller},
        table::Answer,
    },
};
use http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;
use studio_core::{
    id::UserId,
    people::{UserChange, read_name},
    ports::UserRow,
    request::{Fields, Invalid},
};

pub(in crate::http) fn list_users(app: Arc<App>, _: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let items: Vec<_> = app.store.users(call.now).await?.iter().map(show).collect();
        Ok(json(StatusCode::OK, &json!({ "success": true, "items": items })))
    })
}

fn show(row: &UserRow) -> Value {
    let mut shown = show_user(&row.user);
    shown["hasPassword"] = row.has_password.into();
    shown["keys"] = row.keys.into();
    if let Some(at) = row.last_seen_at {
        shown["lastSeenAt"] = at.to_string().into();
    }
    shown
}

pub(in crate::http) fn change_user(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let user = id("id", call.parameter("id"), UserId::parse)?;
        let change = read(&call.json)?;
        let user = people::change_user(app.desk(), &caller.doer(&call), user, change).await?;
        app.callers.forget();
        Ok(json(StatusCode::OK, &json!({ "success": true, "user": show_user(&user) })))
    })
}

/// `{"role"?, "disabled"?, "name"?}`; a name of null is none.
fn read(body: &Value) -> Result<UserChange, Invalid> {
    let mut fields = Fields::of(body)?;
    let role = role(&mut fields, "role");
    let disabled = match fields.take("disabled") {
        None => None,
        Some(Value::Bool(disabled)) => Some(*disabled),
        Some(_) => {
            fields.fault("disabled", "must be true or false");
            None
        }
    };
    let name = match (fields.text("name").map(read_name), body.get("name")) {
        (Some(Ok(name)), _) => Some(Some(name)),
        (Some(Err(fault)), _) => {
            fields.fault("name", fault);
            None
        }
        (None, Some(Value::Null)) => Some(None),
        (None, _) => None,
    };
    let change = UserChange { role, disabled, name };
    if body.as_object().is_some_and(serde_json::Map::is_empty) {
        fields.fault("role", "must be given, or disabled, or name");
    }
    fields.finish(Some(change))
}

pub(in crate::http) fn create_reset_link(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let user = id("id", call.parameter("id"), UserId::parse)?;
        let new = people::reset_link(app.desk(), &caller.doer(&call), user).await?;
        Ok(json(StatusCode::OK, &show_new_link(&call, &new)))
    })
}
