//! Seals what people entrust to us, and opens it where it is used.

use crate::app::App;
use studio_core::{
    ports::{NoKeyring, StoreError},
    seal::{MasterKeyId, NONCE_BYTES, Place, SealError, Sealed},
    secret::Secret,
};

/// Why something can't be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotOpened {
    /// There is no master key.
    #[error(transparent)]
    NoKeyring(#[from] NoKeyring),
    /// It can't be opened by those that there are.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Seals a text for a place, by the master key that is in use now.
pub fn seal(app: &App, place: &Place, text: &Secret) -> Result<Sealed, NotOpened> {
    let mut nonce = [0; NONCE_BYTES];
    app.chance.fill(&mut nonce);
    Ok(app.keyrings.keyring()?.seal(place, nonce, text)?)
}

/// Opens what was sealed for a place. That it can't be is told in the log: whoever runs the studio can do something about it.
pub fn open(app: &App, place: &Place, sealed: &Sealed) -> Result<Secret, NotOpened> {
    let opened = app.keyrings.keyring().map_err(NotOpened::from).and_then(|keyring| Ok(keyring.open(place, sealed)?));
    opened.inspect_err(|error| tracing::error!(%error, "a sealed key can't be opened: studio secret status"))
}

/// Whether something can be opened, as far as that can be told without doing it.
pub fn is_openable(app: &App, sealed: &Sealed) -> bool {
    app.keyrings.keyring().is_ok_and(|keyring| keyring.find(sealed.key()).is_some())
}

/// At start: tells of sealed keys whose master key is not here, and takes the one that seals back into use, should an earlier run
/// have taken it out. Whatever needs none of them works all the same.
pub(crate) async fn look(app: &App) -> Result<(), StoreError> {
    let keyring = match app.keyrings.keyring() {
        Ok(keyring) => keyring,
        Err(error) => {
            tracing::error!(%error, "people's own keys for providers can't be used");
            return Ok(());
        }
    };
    let lost: Vec<(MasterKeyId, u64)> =
        app.store.sealed_by().await?.into_iter().filter(|(id, _)| keyring.find(*id).is_none()).collect();
    for (master, count) in lost {
        tracing::error!(
            %master, count, current = %keyring.current().id(),
            "sealed keys can't be opened: the master key that sealed them is not here. Bring it back (secret.key in the data folder, or \
             STUDIO_SECRET_KEY), or their owners must set them again"
        );
    }
    let mut retired = app.store.retired_master_keys().await?;
    if retired.remove(&keyring.current().id()) {
        app.store.retire_master_keys(retired).await?;
    }
    Ok(())
}
