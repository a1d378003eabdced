//! Makes outputs ours: fetched, capped, told by their bytes, hashed, stored. Only then may a job be called succeeded, and no
//! provider's URL ever reaches a client.

use crate::{
    app::{App, Lane},
    settings::OUTPUT_LIMIT,
};
use bytes::Bytes;
use futures_util::StreamExt;
use std::time::Duration;
use studio_core::{
    id::AssetId,
    job::{Job, Output},
    media::MediaType,
    ports::{AssetError, Blob, Destination, FetchError, Produced, StagedBlob},
    request::Input,
    retry::{Failure, FailureKind},
};
use tokio::time::Instant;

/// How long to wait for room on a full disk before the next try.
const SPACE_PAUSE: Duration = Duration::from_secs(1);
/// How long an output that can't be fetched is tried again: what was made may have been paid for.
const FETCH_LIMIT: Duration = Duration::from_secs(300);
/// Most bytes of an address in a log or an error.
const ADDRESS_CHARS: usize = 80;

/// Why outputs are not ours.
pub(super) enum NotCollected {
    /// The server is to leave everything as it is.
    GaveUp,
    /// They are not what they should be.
    Bad(Failure),
}

fn bad(message: impl Into<String>) -> NotCollected {
    NotCollected::Bad(Failure::new(FailureKind::BadOutput, message))
}

/// Keeps all of `produced`, or says why not.
pub(super) async fn collect(
    app: &App,
    lane: &Lane,
    job: &Job,
    produced: Vec<Produced>,
) -> Result<Vec<Output>, NotCollected> {
    let Input::Image(request) = &job.input else {
        return Err(bad("the provider answered with files instead of words"));
    };
    if produced.is_empty() {
        return Err(bad("the provider answered without a picture"));
    }
    let wanted = usize::try_from(request.count()).unwrap_or(usize::MAX);
    let mut outputs = Vec::new();
    for (index, one) in produced.into_iter().take(wanted).enumerate() {
        let (blob, media_type) = keep(app, lane, job, &one).await?;
        outputs.push(Output {
            asset: AssetId::new(app.now(), app.chance.id_bytes()),
            hash: blob.hash,
            media_type,
            bytes: blob.bytes,
            seed: request.seed(index as u64),
        });
    }
    Ok(outputs)
}

/// Keeps one; while the disk is full it waits, for what was made may have been paid for.
async fn keep(app: &App, lane: &Lane, job: &Job, one: &Produced) -> Result<(Blob, MediaType), NotCollected> {
    let begun = Instant::now();
    loop {
        let kept = match one {
            Produced::Inline(bytes) => keep_bytes(app, bytes).await,
            Produced::At(url) => match app.uploads.take(url) {
                Some(uploaded) => return Ok(uploaded),
                None => fetch(app, lane, job, url).await,
            },
        };
        match kept {
            Err(Trouble::Room) => tracing::warn!("no space left for outputs; will try again"),
            Err(Trouble::Away) if begun.elapsed() < FETCH_LIMIT => {}
            Err(Trouble::Away) => return Err(bad("an output could not be fetched from where the provider put it")),
            Err(Trouble::Output(message)) => return Err(bad(message)),
            Ok(kept) => return Ok(kept),
        }
        tokio::select! {
            biased;
            () = app.giving_up.cancelled() => return Err(NotCollected::GaveUp),
            () = tokio::time::sleep(SPACE_PAUSE) => {}
        }
    }
}

enum Trouble {
    /// We have no room. It passes when someone makes some.
    Room,
    /// Where it is nobody answers now. It may pass.
    Away,
    /// It won't.
    Output(String),
}

impl From<AssetError> for Trouble {
    fn from(error: AssetError) -> Self {
        match error {
            AssetError::TooLarge { limit } => Self::Output(format!("an output has more than {limit} bytes")),
            AssetError::NoSpace | AssetError::Unavailable(_) | AssetError::Absent => Self::Room,
        }
    }
}

async fn keep_bytes(app: &App, bytes: &Bytes) -> Result<(Blob, MediaType), Trouble> {
    let media_type =
        MediaType::sniff_picture(bytes).ok_or_else(|| Trouble::Output("an output is not a picture".into()))?;
    let mut staged = app.assets.stage(OUTPUT_LIMIT).await?;
    staged.write(bytes.clone()).await?;
    Ok((staged.commit().await?, media_type))
}

async fn fetch(app: &App, lane: &Lane, job: &Job, url: &str) -> Result<(Blob, MediaType), Trouble> {
    let destination = Destination::ProviderGiven { origin: lane.origin.clone() };
    let no_use = |error: FetchError| {
        let address: String =
            url.split('?').next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(ADDRESS_CHARS).collect();
        tracing::warn!(job.id = %job.id, address, %error, "an output could not be fetched");
        match error {
            FetchError::Unavailable(_) | FetchError::Answered(_) => Trouble::Away,
            FetchError::TooLarge { limit } => Trouble::Output(format!("an output has more than {limit} bytes")),
            FetchError::Malformed(_) | FetchError::Forbidden(_) => {
                Trouble::Output("an output is at an address that is not allowed".into())
            }
        }
    };
    let mut body = app.fetcher.open(&destination, url, OUTPUT_LIMIT).await.map_err(no_use)?;
    let mut taker = Taker::new(app.assets.stage(OUTPUT_LIMIT).await?);
    while let Some(bytes) = body.next().await {
        taker.take(bytes.map_err(no_use)?).await?;
    }
    taker.finish().await?.ok_or_else(|| Trouble::Output("an output is not a picture".into()))
}

/// Takes bytes into the asset store and remembers how they began.
pub(crate) struct Taker {
    staged: Box<dyn StagedBlob>,
    head: Vec<u8>,
}

impl Taker {
    pub(crate) fn new(staged: Box<dyn StagedBlob>) -> Self {
        Self { staged, head: Vec::with_capacity(MediaType::SNIFF_BYTES) }
    }

    pub(crate) async fn take(&mut self, bytes: Bytes) -> Result<(), AssetError> {
        let missing = MediaType::SNIFF_BYTES - self.head.len();
        self.head.extend(bytes.iter().take(missing));
        self.staged.write(bytes).await
    }

    /// Makes them durable if they are of a type that we keep; else they are gone.
    pub(crate) async fn finish(self) -> Result<Option<(Blob, MediaType)>, AssetError> {
        match MediaType::sniff_picture(&self.head) {
            Some(media_type) => Ok(Some((self.staged.commit().await?, media_type))),
            None => Ok(None),
        }
    }
}
