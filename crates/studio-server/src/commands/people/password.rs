//! Changes a password. All sessions end but the one that asks.

use super::{Doer, NotHashed};
use crate::app::App;
use std::sync::Arc;
use studio_core::{
    id::SessionId,
    people::{Action, NotAPassword, User, check_password},
    ports::{ChangePassword, StoreError},
    secret::Secret,
};

/// Why it stays.
#[derive(Debug, thiserror::Error)]
pub enum NoNewPassword {
    /// The one before is wrong.
    #[error("the present password is wrong")]
    Wrong,
    /// The new one can't be one.
    #[error(transparent)]
    Password(#[from] NotAPassword),
    /// It could not be checked or hashed.
    #[error(transparent)]
    NotHashed(#[from] NotHashed),
    /// The store can't.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Changes someone's password, for whoever knows the one before. Whoever took a session must not be able to try passwords here: its
/// routes are of the class for that, which is counted by whose session it is. Not by the account's tries to sign in: strangers can use
/// those up, and then is when one wants another password.
pub async fn change_password(
    app: &Arc<App>,
    doer: &Doer,
    user: &User,
    keep: Option<SessionId>,
    before: Secret,
    after: Secret,
) -> Result<(), NoNewPassword> {
    check_password(after.expose(), &user.email)?;
    let known = app.store.account(&user.email).await?.filter(|account| account.user.id == user.id);
    let known = known.and_then(|account| account.password);
    let right = app.hashing.verify(before, known.clone()).await?;
    let Some(before) = known.filter(|_| right) else { return Err(NoNewPassword::Wrong) };
    let after = app.hashing.hash(app.chance.as_ref(), after).await?;
    let entry = app.desk().entry(doer, Action::PasswordChanged).of("user", user.id);
    if !app.store.change_password(ChangePassword { user: user.id, before, after, keep, entry }).await? {
        return Err(NoNewPassword::Wrong);
    }
    app.callers.forget();
    Ok(())
}
