//! The first start: an owner and a first key, shown once on the terminal and never in the log. Without a terminal the key
//! goes to a file that only its owner can read.

use anyhow::Context;
use std::{
    fs::OpenOptions,
    io::{IsTerminal, Write},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};
use studio_core::{caller::Scope, secret::Secret};
use studio_server::{
    app::App,
    commands::{NewKey, create_key},
};

/// Who owns a fresh studio, until people can be named.
const OWNER: &str = "owner@localhost";

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
    if !app.store.keys().await?.is_empty() {
        return Ok(FirstKey::NotNeeded);
    }
    let new = NewKey { email: OWNER.into(), name: "first key".into(), scopes: Scope::ALL.into(), ..NewKey::default() };
    let (_, text) = create_key(app.store.as_ref(), app.clock.as_ref(), app.chance.as_ref(), new).await?;
    if std::io::stdout().is_terminal() {
        return Ok(FirstKey::Show(text));
    }
    let path = data.join("first-key");
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
    let mut file = file.with_context(|| format!("first key in {}", path.display()))?;
    writeln!(file, "{}", text.expose())?;
    Ok(FirstKey::InFile(path))
}

/// What a person reads when the server is up.
pub(crate) fn greeting(address: SocketAddr, first: &FirstKey) -> String {
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
         Make a picture:\n\
         \n\
         curl -f http://{address}/api/v1/generate/image \\\n  \
           -H \"Authorization: Bearer {key}\" -H \"Content-Type: application/json\" \\\n  \
           -H \"Accept: image/png\" -o picture.png -d '{{\"prompt\": \"a lighthouse on a cliff at dusk\"}}'\n\
         \n\
         Without the Accept line the answer is JSON, with the picture's address, its seed and its cost. Ctrl-C stops.\n"
    )
}
