//! The first start: an owner and a first key, shown once on the terminal and never in the log. Without a terminal the key
//! goes to a file that only its owner can read.

use anyhow::Context;
use std::{
    fs::{self, OpenOptions, Permissions},
    io::{ErrorKind, IsTerminal, Write},
    net::SocketAddr,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};
use studio_core::{caller::Scope, people::Role, secret::Secret};
use studio_server::{
    app::App,
    commands::people::{Doer, NewKey, OWNER, create_key, ensure_user, setup_link as setup_link_for},
};

/// What became of the first key.
pub(crate) enum FirstKey {
    /// There are keys already.
    NotNeeded,
    /// To be shown.
    Show(Secret),
    /// It is in this file.
    InFile(PathBuf),
}

/// Makes the first key if there is none.
pub(crate) async fn key(app: &App, data: &Path) -> anyhow::Result<FirstKey> {
    if app.store.has_keys().await? {
        return Ok(FirstKey::NotNeeded);
    }
    let owner = ensure_user(app.desk(), &Doer::STUDIO, OWNER, Role::Owner).await?;
    let new = NewKey { name: "first key".into(), scopes: Scope::ALL.into(), ..NewKey::default() };
    let (_, text) = create_key(app.desk(), &Doer::STUDIO, &owner, new).await?;
    if std::io::stdout().is_terminal() {
        return Ok(FirstKey::Show(text));
    }
    write_privately(data.join("first-key"), &text).map(FirstKey::InFile)
}

/// What became of the link by which the first owner chooses a password.
pub(crate) enum SetupLink {
    /// An owner has a password.
    NotNeeded,
    /// To be shown.
    Show(Secret),
    /// It is in this file.
    InFile(PathBuf),
}

/// Makes a link to set the studio up, as long as no owner has a password: a new one at each start, in place of the one before.
pub(crate) async fn setup_link(app: &App, address: SocketAddr, data: &Path) -> anyhow::Result<SetupLink> {
    let path = data.join("setup-link");
    let Some(new) = setup_link_for(app.desk(), &Doer::STUDIO).await? else {
        // One from an earlier start opens nothing any more, and would only puzzle whoever finds it.
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, "the used link in the data folder can't be removed"),
        }
        return Ok(SetupLink::NotNeeded);
    };
    let origin = app.front.origin.clone().unwrap_or_else(|| format!("http://{address}"));
    let link = Secret::new(format!("{origin}{}{}", new.link.kind.page(), new.token.expose()));
    if std::io::stdout().is_terminal() {
        return Ok(SetupLink::Show(link));
    }
    write_privately(path, &link).map(SetupLink::InFile)
}

/// Writes a secret to a file that only its owner can read.
fn write_privately(path: PathBuf, text: &Secret) -> anyhow::Result<PathBuf> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
    let mut file = file.with_context(|| format!("{}", path.display()))?;
    // One that was there before keeps the rights that it had.
    file.set_permissions(Permissions::from_mode(0o600))?;
    writeln!(file, "{}", text.expose())?;
    Ok(path)
}

/// What a person reads when the server is up.
pub(crate) fn greeting(address: SocketAddr, first: &FirstKey, setup: &SetupLink) -> String {
    let set_up = match setup {
        SetupLink::NotNeeded => String::new(),
        SetupLink::Show(link) => format!(
            "To sign in, choose the owner's password (this link opens once, within a day):\n\n    {}\n\n",
            link.expose()
        ),
        SetupLink::InFile(path) => {
            format!("To sign in, choose the owner's password by the link in {}\n\n", path.display())
        }
    };
    let (about, key) = match first {
        FirstKey::NotNeeded => (
            "Keys exist already. Another one: studio key create --user you@example.com --name laptop".to_owned(),
            "$STUDIO_KEY".to_owned(),
        ),
        FirstKey::Show(text) => (
            format!("Your first API key (shown this once; only its hash is kept):\n\n    {}", text.expose()),
            text.expose().to_owned(),
        ),
        FirstKey::InFile(path) => {
            (format!("Your first API key is in {}", path.display()), format!("$(cat {})", path.display()))
        }
    };
    format!(
        "\n\
         The studio is ready at http://{address}\n\
         \n\
         {about}\n\
         \n\
         {set_up}\
         Make a picture:\n\
         \n\
         curl -f http://{address}/api/v1/generate/image \\\n  \
           -H \"Authorization: Bearer {key}\" -H \"Content-Type: application/json\" \\\n  \
           -H \"Accept: image/png\" -o picture.png -d '{{\"prompt\": \"a lighthouse on a cliff at dusk\"}}'\n\
         \n\
         Without the Accept line the answer is JSON, with the picture's address, its seed and its cost. Ctrl-C stops.\n"
    )
}
