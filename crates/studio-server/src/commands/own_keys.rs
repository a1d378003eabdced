//! By whose key a request's provider is asked: one that came with the request, else one that its owner has stored, else the
//! studio's. What is paid by an own key is no money of the studio's, so no budget counts it; but then the studio's own key is
//! never tried in its place.

use super::NotSubmitted;
use crate::{
    app::{App, Lane},
    secrets,
};
use std::collections::BTreeMap;
use studio_core::{
    id::UserId,
    job::{Job, KeySource},
    seal::{Place, Sealed},
    secret::Secret,
};

/// Keys that came with a request, by the provider's name in small letters.
pub type GivenKeys = BTreeMap<String, Secret>;

/// Which keys may be taken for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Allowed {
    /// As is usual.
    #[default]
    Any,
    /// Only own ones: what was paid by one is not paid by the studio because that one is gone.
    Own,
    /// Only the studio's: what it was to pay for is not paid by somebody's own key.
    Studio,
}

/// The keys of a request.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    /// Those that came with it.
    pub given: GivenKeys,
    /// Which may be taken.
    pub allowed: Allowed,
}

/// The key that was chosen.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) source: KeySource,
    /// Its text, where it came with the request.
    given: Option<Secret>,
    /// What the caller should know.
    pub(super) warning: Option<String>,
}

/// Chooses.
pub(super) async fn choose(
    app: &App,
    lane: &Lane,
    provider: &str,
    owner: UserId,
    keys: Keys,
) -> Result<Chosen, NotSubmitted> {
    let Keys { mut given, allowed } = keys;
    let own = given.remove(&provider.to_ascii_lowercase());
    let unused = !given.is_empty() || own.is_some() && !lane.takes_own_keys;
    let warning = unused
        .then(|| format!("x-api-key-…: a key that {provider}, which runs this model, has no use for was ignored"));
    let own = own.filter(|_| lane.takes_own_keys);
    let chosen = |source, given| Ok(Chosen { source, given, warning });
    if !lane.takes_own_keys || allowed == Allowed::Studio {
        return match (lane.has_key, allowed) {
            (true, Allowed::Any | Allowed::Studio) => chosen(KeySource::Studio, None),
            (_, Allowed::Own) => Err(NotSubmitted::OwnKeyGone),
            (false, _) => Err(NotSubmitted::NoProvider),
        };
    }
    if own.is_some() {
        return chosen(KeySource::Request, own);
    }
    if let Some(stored) = app.store.provider_key(owner, provider).await? {
        // Told now, and not by a job that fails: the studio's key is not taken in its place.
        secrets::open(app, &stored.place(), &stored.sealed).map_err(NotSubmitted::Unopened)?;
        return chosen(KeySource::Own, None);
    }
    match allowed {
        Allowed::Own => Err(NotSubmitted::OwnKeyGone),
        _ if lane.has_key => chosen(KeySource::Studio, None),
        _ => Err(NotSubmitted::NoProvider),
    }
}

impl Chosen {
    /// The key that came with the request, sealed for its job.
    pub(super) fn sealed_for(&self, app: &App, job: &Job) -> Result<Option<Sealed>, NotSubmitted> {
        let Some(text) = &self.given else { return Ok(None) };
        secrets::seal(app, &Place::JobKey(job.id), text).map(Some).map_err(NotSubmitted::Unopened)
    }
}
