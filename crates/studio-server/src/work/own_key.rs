//! The provider of a job, asked by the key that is meant for it. An own key is opened when it is needed, and dropped, which wipes it,
//! with the attempt.

use crate::{
    app::{App, Lane},
    secrets,
};
use std::{sync::Arc, time::Duration};
use studio_core::{
    job::{Job, KeySource},
    ports::{Provider, StoreError},
    retry::{Failure, FailureKind},
    seal::{Place, Sealed},
};

/// How long to wait before a store that can't be read is asked again.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// The provider, by the right key. Nothing: the server gives up. A store that can't be read is asked until it can: nothing
/// is known of the job's work because of that, and so nothing may be said of it.
pub(super) async fn provider_of(app: &App, lane: &Lane, job: &Job) -> Option<Result<Arc<dyn Provider>, Failure>> {
    if job.key_source.is_studio() {
        let failure = || Failure::new(FailureKind::NotConfigured, "its provider is not configured any more");
        return Some(if lane.has_key { Ok(lane.provider.clone()) } else { Err(failure()) });
    }
    let mut unopened = None;
    loop {
        match sealed(app, job).await {
            // Perhaps it was sealed anew as it was read: then there is another one now.
            Ok(Some((_, found))) if unopened.as_ref() != Some(&found) && !secrets::is_openable(app, &found) => {
                unopened = Some(found);
                continue;
            }
            Ok(found) => return Some(by_key(app, lane, job, found)),
            Err(error) => tracing::warn!(job.id = %job.id, %error, "own key can't be read; will try again"),
        }
        app.giving_up.run_until_cancelled(tokio::time::sleep(STORE_PAUSE)).await?;
    }
}

/// The key that is meant, and its place.
async fn sealed(app: &App, job: &Job) -> Result<Option<(Place, Sealed)>, StoreError> {
    Ok(match job.key_source {
        KeySource::Request => app.store.job_key(job.id).await?.map(|sealed| (Place::JobKey(job.id), sealed)),
        _ => app.store.provider_key(job.owner, &job.provider).await?.map(|key| (key.place(), key.sealed)),
    })
}

fn by_key(app: &App, lane: &Lane, job: &Job, found: Option<(Place, Sealed)>) -> Result<Arc<dyn Provider>, Failure> {
    let failure = |what: &str| Failure::new(FailureKind::OwnKey, format!("your key for {} {what}", job.provider));
    let (place, sealed) = found.ok_or_else(|| failure("is not here any more"))?;
    let key = secrets::open(app, &place, &sealed).map_err(|_| failure("can't be opened any more; set it again"))?;
    lane.provider.with_key(&key).ok_or_else(|| failure("is of no use: it takes none"))
}
