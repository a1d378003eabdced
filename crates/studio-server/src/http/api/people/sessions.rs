//! `/sessions`: where someone is signed in.

use super::{
    super::{id, json},
    no_such,
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
use studio_core::{id::SessionId, people::Session};

pub(in crate::http) fn list_sessions(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let sessions = app.store.sessions(caller.user()).await?;
        let current = caller.session().map(|session| session.id);
        let good = sessions.iter().filter(|session| session.is_good(caller.person(), call.now));
        let items: Vec<_> = good.map(|session| show(session, current)).collect();
        Ok(json(StatusCode::OK, &json!({ "success": true, "items": items })))
    })
}

fn show(session: &Session, current: Option<SessionId>) -> Value {
    let mut shown = json!({
        "id": session.id.to_string(),
        "current": current == Some(session.id),
        "createdAt": session.created_at.to_string(),
        "lastSeenAt": session.last_seen_at.to_string(),
        "expiresAt": session.expires_at.to_string(),
    });
    for (field, text) in [("network", &session.network), ("agent", &session.agent)] {
        if let Some(text) = text {
            shown[field] = text.as_str().into();
        }
    }
    shown
}

pub(in crate::http) fn end_session(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let id = id("id", call.parameter("id"), SessionId::parse)?;
        match people::end_session(&app, &caller.doer(&call), caller.user(), id).await? {
            true => Ok(json(StatusCode::OK, &json!({ "success": true, "ended": 1 }))),
            false => Err(no_such("session")),
        }
    })
}

pub(in crate::http) fn revoke_other_sessions(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let keep = caller.session().map(|session| session.id);
        let ended = people::end_other_sessions(&app, &caller.doer(&call), caller.user(), keep).await?;
        Ok(json(StatusCode::OK, &json!({ "success": true, "ended": ended })))
    })
}
