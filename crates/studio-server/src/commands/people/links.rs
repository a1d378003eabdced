//! Makes and withdraws one-time links. Their tokens leave here once and are kept nowhere.

use super::{Desk, Doer, NotByKey, ensure_user, keys::may_give_rights};
use serde_json::json;
use studio_core::{
    id::{LinkId, UserId},
    people::{Action, Link, LinkKind, NotChanged, Role, User},
    ports::{CreateLink, LinkCreated, LinkWithdrawn, StoreError},
    secret::Secret,
};

/// Who owns a fresh studio, until they say who they are.
pub const OWNER: &str = "owner@localhost";

/// A link, and its token for whoever is to have it.
#[derive(Debug)]
pub struct NewLink {
    /// The link.
    pub link: Link,
    /// Its token.
    pub token: Secret,
}

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
pub enum NotLinked {
    /// Someone of that address is known already: they need another link.
    #[error("there is someone of that address already")]
    Known,
    /// There is no such person, or they are disabled.
    #[error("there is no such person, or they are disabled")]
    Absent,
    /// Who asks may not.
    #[error(transparent)]
    Refused(NotChanged),
    /// It would be for oneself: another password needs the present one.
    #[error("it would be your own: change your password instead")]
    Own,
    /// They came by a key that may not.
    #[error(transparent)]
    NotByKey(#[from] NotByKey),
    /// The store can't.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// For whom a link is.
enum For {
    Address(String),
    User(User),
}

async fn create(desk: Desk<'_>, doer: &Doer, kind: LinkKind, whom: For, role: Role) -> Result<NewLink, NotLinked> {
    let now = desk.clock.now();
    let (token, hash) = desk.token();
    let (email, user) = match whom {
        For::Address(email) => (email, None),
        For::User(user) => (user.email, Some(user.id)),
    };
    let link = Link {
        id: LinkId::new(now, desk.chance.id_bytes()),
        kind,
        hash,
        email,
        user,
        role,
        created_at: now,
        created_by: doer.actor.user,
        expires_at: now.plus(kind.life()),
        used_at: None,
        withdrawn_at: None,
    };
    let action = match kind {
        LinkKind::Setup => Action::SetupLinkCreated,
        LinkKind::Invitation => Action::InvitationCreated,
        LinkKind::Reset => Action::ResetLinkCreated,
    };
    let entry = desk.entry(doer, action);
    let entry = match user {
        Some(user) => entry.of("user", user),
        None => entry.of("invitation", link.id).with(json!({ "email": link.email, "role": role.as_str() })),
    };
    match desk.store.create_link(CreateLink { link: link.clone(), by: doer.role, entry }).await? {
        LinkCreated::Created => Ok(NewLink { link, token }),
        LinkCreated::Known => Err(NotLinked::Known),
        LinkCreated::Absent => Err(NotLinked::Absent),
        LinkCreated::Refused(not) => Err(NotLinked::Refused(not)),
    }
}

/// Invites someone who is not known yet.
pub async fn invite(desk: Desk<'_>, doer: &Doer, email: String, role: Role) -> Result<NewLink, NotLinked> {
    may_give_rights(desk, doer).await?;
    create(desk, doer, LinkKind::Invitation, For::Address(email), role).await
}

/// A link by which someone who is known chooses a password: their first one, or another.
pub async fn reset_link(desk: Desk<'_>, doer: &Doer, user: UserId) -> Result<NewLink, NotLinked> {
    may_give_rights(desk, doer).await?;
    if doer.actor.user == Some(user) {
        // Whoever took a session or a key must not get in for good.
        return Err(NotLinked::Own);
    }
    let user = desk.store.user(user).await?.ok_or(NotLinked::Absent)?;
    let role = user.role;
    create(desk, doer, LinkKind::Reset, For::User(user), role).await
}

/// A link by which the first owner chooses a password; nothing once an owner has one. It is for the owner of the fresh studio, so
/// that what the first key made is theirs, or for whoever has owned it longest.
pub async fn setup_link(desk: Desk<'_>, doer: &Doer) -> Result<Option<NewLink>, NotLinked> {
    let rows = desk.store.users(desk.clock.now()).await?;
    let mut owners: Vec<_> = rows.into_iter().filter(|row| row.user.is_active_owner()).collect();
    if owners.iter().any(|row| row.has_password) {
        return Ok(None);
    }
    owners.sort_by_key(|row| row.user.email != OWNER);
    let owner = match owners.into_iter().next() {
        Some(row) => row.user,
        None => ensure_user(desk, doer, OWNER, Role::Owner).await?,
    };
    create(desk, doer, LinkKind::Setup, For::User(owner), Role::Owner).await.map(Some)
}

/// Withdraws an invitation.
pub async fn withdraw_invitation(desk: Desk<'_>, doer: &Doer, id: LinkId) -> Result<LinkWithdrawn, StoreError> {
    let entry = desk.entry(doer, Action::InvitationWithdrawn).of("invitation", id);
    desk.store.withdraw_link(id, LinkKind::Invitation, doer.role, entry).await
}
