//! `studio user ...`: straight at the store, so it works whether or not the server runs. Whoever has the data folder may all that
//! an owner may; what is done so stands in the audit log as done by the command line.

use crate::{
    arguments::{InviteUser, NamedUser, SetRole},
    config::Config,
    serve::USUAL_ADDRESS,
    system::SystemClock,
    terminal::{complain, say},
    wiring::{desk, open_existing_store},
};
use anyhow::{anyhow, bail};
use serde_json::{Value, json};
use std::process::ExitCode;
use studio_core::{
    people::{Role, User, UserChange, read_address},
    ports::{Clock, People, UserRow},
};
use studio_server::commands::people::{
    Doer, NewLink, NoSuchChange, NotLinked, change_user, invite, reset_link, setup_link,
};
use studio_store::SqliteStore;

pub(crate) async fn list(config: &Config, as_json: bool) -> anyhow::Result<ExitCode> {
    let rows = open_existing_store(config.data())?.users(SystemClock.now()).await?;
    if as_json {
        say(&json!({ "users": rows.iter().map(show_json).collect::<Vec<_>>() }).to_string());
        return Ok(ExitCode::SUCCESS);
    }
    for row in rows {
        let state = match (row.user.disabled_at, row.has_password) {
            (Some(at), _) => format!("disabled {at}"),
            (None, true) => "can sign in".to_owned(),
            (None, false) => "has no password".to_owned(),
        };
        let user = row.user;
        let name = user.name.unwrap_or_default();
        say(&format!("{}  {:<28}  {:<7}  {} keys  {state}  {name}", user.id, user.email, user.role.as_str(), row.keys));
    }
    Ok(ExitCode::SUCCESS)
}

fn show_json(row: &UserRow) -> Value {
    let mut shown = show_user(&row.user);
    shown["hasPassword"] = row.has_password.into();
    shown["keys"] = row.keys.into();
    shown["lastSeenAt"] = row.last_seen_at.map(|at| at.to_string()).into();
    shown
}

fn show_user(user: &User) -> Value {
    json!({
        "id": user.id.to_string(),
        "email": user.email,
        "name": user.name,
        "role": user.role.as_str(),
        "createdAt": user.created_at.to_string(),
        "disabledAt": user.disabled_at.map(|at| at.to_string()),
    })
}

/// Shows a link: the only time that it can be.
fn show_link(config: &Config, new: &NewLink, as_json: bool) -> anyhow::Result<()> {
    let usual = || format!("http://{}", config.listen.unwrap_or(USUAL_ADDRESS));
    let origin = config.front()?.origin.unwrap_or_else(usual);
    let url = format!("{origin}{}{}", new.link.kind.page(), new.token.expose());
    let (email, ends) = (&new.link.email, new.link.expires_at);
    if as_json {
        say(&json!({ "id": new.link.id.to_string(), "email": email, "url": url, "token": new.token.expose(), "expiresAt": ends.to_string() })
            .to_string());
    } else {
        say(&format!("{url}\n\nFor {email}. Shown this once; it opens once, until {ends}."));
    }
    Ok(())
}

/// The user of an address or id.
async fn find(store: &SqliteStore, who: &str) -> anyhow::Result<User> {
    let rows = store.users(SystemClock.now()).await?;
    let named =
        |row: &UserRow| studio_core::people::same_address(&row.user.email, who) || row.user.id.to_string() == who;
    let found = rows.into_iter().find(named).map(|row| row.user);
    found.ok_or_else(|| anyhow!("there is no user {who}; studio user list shows those that are"))
}

fn read_role(text: &str) -> anyhow::Result<Role> {
    let known = || Role::ALL.map(Role::as_str).join(", ");
    Role::parse(text).ok_or_else(|| anyhow!("{text:?} is no role; roles are {}", known()))
}

pub(crate) async fn invite_one(config: &Config, arguments: InviteUser) -> anyhow::Result<ExitCode> {
    let email = read_address(&arguments.email).map_err(|fault| anyhow!("the address {fault}"))?;
    let role = read_role(&arguments.role)?;
    let store = open_existing_store(config.data())?;
    match invite(desk(&store), &Doer::COMMAND_LINE, email, role).await {
        Ok(new) => show_link(config, &new, arguments.json)?,
        Err(NotLinked::Known) => {
            bail!("there is a user of that address already; to let them sign in: studio user reset-link")
        }
        Err(other) => return Err(other.into()),
    }
    Ok(ExitCode::SUCCESS)
}

async fn change(config: &Config, who: &str, as_json: bool, change: UserChange) -> anyhow::Result<ExitCode> {
    let store = open_existing_store(config.data())?;
    let user = find(&store, who).await?;
    match change_user(desk(&store), &Doer::COMMAND_LINE, user.id, change).await {
        Ok(user) if as_json => say(&show_user(&user).to_string()),
        Ok(user) => {
            let state = if user.is_active() { "" } else { ", disabled" };
            say(&format!("{} is {}{state}.", user.email, user.role.as_str()));
        }
        Err(NoSuchChange::Refused(not)) => {
            complain(&format!("studio: {}: {not}", user.email));
            return Ok(ExitCode::FAILURE);
        }
        Err(other) => return Err(other.into()),
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn set_role(config: &Config, arguments: &SetRole) -> anyhow::Result<ExitCode> {
    let role = Some(read_role(&arguments.role)?);
    change(config, &arguments.user, arguments.json, UserChange { role, ..UserChange::default() }).await
}

pub(crate) async fn disable(config: &Config, arguments: &NamedUser, disabled: bool) -> anyhow::Result<ExitCode> {
    let wanted = UserChange { disabled: Some(disabled), ..UserChange::default() };
    change(config, &arguments.user, arguments.json, wanted).await
}

pub(crate) async fn reset(config: &Config, arguments: &NamedUser) -> anyhow::Result<ExitCode> {
    let store = open_existing_store(config.data())?;
    let user = find(&store, &arguments.user).await?;
    if !user.is_active() {
        bail!("{} is disabled; studio user enable {} first", user.email, user.email);
    }
    let new = reset_link(desk(&store), &Doer::COMMAND_LINE, user.id).await?;
    show_link(config, &new, arguments.json)?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn set_up(config: &Config, as_json: bool) -> anyhow::Result<ExitCode> {
    let store = open_existing_store(config.data())?;
    let Some(new) = setup_link(desk(&store), &Doer::COMMAND_LINE).await? else {
        bail!("an owner has a password already; to choose another: studio user reset-link <address>");
    };
    show_link(config, &new, as_json)?;
    Ok(ExitCode::SUCCESS)
}
