//! Uses a one-time link: someone chooses a password, and is in.

use super::{
    NotHashed,
    sign_in::{SignedIn, Visit},
};
use crate::app::App;
use std::sync::Arc;
use studio_core::{
    id::UserId,
    people::{Action, Link, LinkKind, NotAPassword, Session, Via, check_password, read_token},
    ports::{AcceptLink, LinkAccepted, StoreError},
    secret::Secret,
};

/// What someone says who uses a link.
#[derive(Debug)]
pub struct Acceptance {
    /// The link's token.
    pub token: Secret,
    /// The address that the first owner wants, where a studio is set up.
    pub email: Option<String>,
    /// What they are called.
    pub name: Option<String>,
    /// The password.
    pub password: Secret,
}

/// Why nobody is in.
#[derive(Debug, thiserror::Error)]
pub enum NotAccepted {
    /// There is no such link, or it is used, over or withdrawn: nobody is told which.
    #[error("the link is not good")]
    NotGood,
    /// Somebody else has that address.
    #[error("somebody else has that address")]
    AddressTaken,
    /// It can't be a password.
    #[error(transparent)]
    Password(#[from] NotAPassword),
    /// It could not be hashed.
    #[error(transparent)]
    NotHashed(#[from] NotHashed),
    /// The store can't.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The link of a token, if it is good and of one of these kinds.
pub async fn look_at_link(app: &App, kinds: &[LinkKind], token: &Secret) -> Result<Option<Link>, StoreError> {
    let Some(hash) = read_token(token.expose()) else { return Ok(None) };
    let now = app.now();
    let good = |link: &Link| kinds.contains(&link.kind) && link.is_good(now);
    Ok(app.store.link(hash).await?.filter(good))
}

/// Uses a link of one of these kinds.
pub async fn accept(
    app: &Arc<App>,
    kinds: &[LinkKind],
    acceptance: Acceptance,
    visit: Visit,
) -> Result<SignedIn, NotAccepted> {
    let Acceptance { token, email, name, password } = acceptance;
    // Nothing is hashed for a guess.
    let link = look_at_link(app, kinds, &token).await?.ok_or(NotAccepted::NotGood)?;
    check_password(password.expose(), email.as_deref().unwrap_or(&link.email))?;
    let password = app.hashing.hash(app.chance.as_ref(), password).await?;
    let (desk, now) = (app.desk(), app.now());
    let (token, hash) = desk.token();
    let user = link.user.unwrap_or_else(|| UserId::new(now, app.chance.id_bytes()));
    let session = visit.session(app, user, hash, now);
    let entry = desk.entry(&visit.doer(None, Via::Link(link.id)), Action::LinkUsed);
    let wanted = AcceptLink {
        hash: link.hash,
        kinds: kinds.to_vec(),
        user,
        email,
        name,
        password,
        session: session.clone(),
        replaces: visit.replaces,
        entry,
    };
    match app.store.accept_link(wanted).await? {
        LinkAccepted::Accepted(user) => {
            // What they had before has ended, and is to be so at once.
            app.callers.forget();
            let session = Session { user: user.id, ..session };
            Ok(SignedIn { user, session, token })
        }
        LinkAccepted::NotGood => Err(NotAccepted::NotGood),
        LinkAccepted::AddressTaken => Err(NotAccepted::AddressTaken),
    }
}
