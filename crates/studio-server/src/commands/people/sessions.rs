//! Ends sessions.

use super::Doer;
use crate::app::App;
use studio_core::{
    id::{SessionId, UserId},
    people::Action,
    ports::{Sessions, StoreError},
};

/// Ends one session of someone's. False: they have none of that id.
pub async fn end_session(app: &App, doer: &Doer, user: UserId, id: SessionId) -> Result<bool, StoreError> {
    let entry = app.desk().entry(doer, Action::SessionEnded).of("session", id);
    let ended = app.store.end_sessions(user, Sessions::One(id), entry).await?;
    app.callers.forget();
    Ok(ended > 0)
}

/// Ends all sessions of someone's but this one: how many.
pub async fn end_other_sessions(
    app: &App,
    doer: &Doer,
    user: UserId,
    keep: Option<SessionId>,
) -> Result<u64, StoreError> {
    let entry = app.desk().entry(doer, Action::SessionsEnded).of("user", user);
    let ended = app.store.end_sessions(user, Sessions::AllBut(keep), entry).await?;
    app.callers.forget();
    Ok(ended)
}
