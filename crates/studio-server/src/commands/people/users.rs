//! Changes what someone is, what they are called, and whether anything of theirs opens anything.

use super::{Desk, Doer, NotByKey, keys::may_give_rights};
use studio_core::{
    id::UserId,
    people::{Action, NotChanged, User, UserChange},
    ports::{ChangeUser, StoreError, UserChanged},
};

/// Why nobody is changed.
#[derive(Debug, thiserror::Error)]
pub enum NoSuchChange {
    /// There is no such person.
    #[error("there is no such person")]
    Absent,
    /// The rules say no.
    #[error(transparent)]
    Refused(NotChanged),
    /// They came by a key that may not.
    #[error(transparent)]
    NotByKey(#[from] NotByKey),
    /// The store can't.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Changes someone; as they are then. In the server their keys and sessions follow within a second; whoever calls it there forgets
/// what it remembers of callers.
pub async fn change_user(desk: Desk<'_>, doer: &Doer, user: UserId, change: UserChange) -> Result<User, NoSuchChange> {
    if change.role.is_some() || change.disabled == Some(false) {
        may_give_rights(desk, doer).await?;
    }
    let entry = desk.entry(doer, Action::UserChanged).of("user", user);
    match desk.store.change_user(ChangeUser { user, change, by: doer.role, entry }).await? {
        UserChanged::Changed(user) => Ok(user),
        UserChanged::Refused(not) => Err(NoSuchChange::Refused(not)),
        UserChanged::Absent => Err(NoSuchChange::Absent),
    }
}
