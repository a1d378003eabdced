//! `/invitations`: who may come.

use super::{
    super::{id, json},
    no_such, required, role, show_new_link,
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
    id::LinkId,
    people::{Link, LinkKind, Role, read_address},
    ports::LinkWithdrawn,
    request::Fields,
};

pub(in crate::http) fn list_invitations(app: Arc<App>, _: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let links = app.store.links(LinkKind::Invitation, call.now).await?;
        let items: Vec<_> = links.iter().map(show).collect();
        Ok(json(StatusCode::OK, &json!({ "success": true, "items": items })))
    })
}

fn show(link: &Link) -> Value {
    json!({
        "id": link.id.to_string(),
        "email": link.email,
        "role": link.role.as_str(),
        "createdAt": link.created_at.to_string(),
        "expiresAt": link.expires_at.to_string(),
    })
}

pub(in crate::http) fn create_invitation(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let mut fields = Fields::of(&call.json)?;
        let email = required(&mut fields, "email").map(read_address).transpose();
        let email = email.map_err(|fault| fields.fault("email", fault)).ok().flatten();
        let role = role(&mut fields, "role").unwrap_or(Role::Member);
        let email = fields.finish(email)?;
        let new = people::invite(app.desk(), &caller.doer(&call), email, role).await?;
        Ok(json(StatusCode::OK, &show_new_link(&call, &new)))
    })
}

pub(in crate::http) fn withdraw_invitation(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let id = id("id", call.parameter("id"), LinkId::parse)?;
        match people::withdraw_invitation(app.desk(), &caller.doer(&call), id).await? {
            LinkWithdrawn::Withdrawn => Ok(json(StatusCode::OK, &json!({ "success": true }))),
            LinkWithdrawn::Absent => Err(no_such("invitation")),
            LinkWithdrawn::Refused(not) => Err(not.into()),
        }
    })
}
