//! Takes a file that someone brings: told by its first bytes, held against what it is said to be, counted against its cap and
//! its owner's quota while it comes, looked into by a child, and only then kept. Until then it leaves nothing behind. What comes
//! under a name that is known needs no room: it is only compared.

use crate::{
    app::App,
    work::inspector::{Inspected, Look, NotInspected},
};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use studio_core::{
    id::{AssetId, UserId},
    inspection::FileKind,
    job::ContentHash,
    library::{Contradiction, Facts, Origin, agreed},
    media::MediaType,
    ports::{Asset, AssetError, Blob, Kept, NewUpload, SentBefore, StagedBlob, StoreError, Stored, Thumbnail},
};

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotUploaded {
    /// It has more bytes than files of its kind may have.
    #[error("the file has too many bytes")]
    TooLarge {
        /// What it is, where that is known.
        kind: Option<FileKind>,
        /// The cap.
        limit: u64,
        /// How many it has, as announced, or had when it was refused.
        received: u64,
    },
    /// Its owner's uploads would have too many bytes together.
    #[error("the quota is used up")]
    OverQuota {
        /// The quota.
        quota: u64,
        /// What they have without it; others that are on their way count.
        stored: Stored,
        /// How many it has, as announced, or had when it was refused.
        received: u64,
    },
    /// It has no bytes.
    #[error("the file is empty")]
    Empty,
    /// Its first bytes are those of nothing that is kept.
    #[error("the file is none of those that are taken")]
    UnknownType,
    /// What it is said to be is not what its bytes are.
    #[error("the file is not what it is said to be")]
    Mismatch {
        /// What is said otherwise: its name, its type or its kind.
        said_by: &'static str,
        /// What its bytes are.
        found: MediaType,
    },
    /// Its sender called the request as they had called another.
    #[error("the name of the request was used for another file")]
    NameReused,
    /// It was looked into.
    #[error(transparent)]
    NotInspected(#[from] NotInspected),
    /// It can't be kept.
    #[error(transparent)]
    Assets(#[from] AssetError),
    /// It can't be noted.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is said of a file before it comes.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    /// What it is called, cleaned.
    pub name: Option<String>,
    /// Its media type, as its sender gives it.
    pub media_type: Option<String>,
    /// Its kind, as its sender wants it to be taken.
    pub kind: Option<FileKind>,
    /// How many bytes will come, where that is known.
    pub announced: Option<u64>,
    /// What its sender calls the request: the same again is the same asset.
    pub request: Option<String>,
}

/// What is wanted of a file that has come.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// What it is called, cleaned, whatever it was called before.
    pub name: Option<String>,
    /// The kind as which it is to be taken.
    pub kind: Option<FileKind>,
    /// Metadata stays in it: where and by what a picture was made, and who sings.
    pub keep_metadata: bool,
}

/// A file that is its owner's now.
#[derive(Debug)]
pub struct Uploaded {
    /// What it is.
    pub asset: Asset,
    /// It was there already, by the same request.
    pub replayed: bool,
}

/// Bytes of uploads that are on their way, by owner: they count against quotas as if they were kept, so that many at once can't
/// fill the disk with what is refused at its end.
#[derive(Clone, Default)]
pub struct OnTheirWay(Arc<Mutex<HashMap<UserId, u64>>>);

impl OnTheirWay {
    fn held(&self) -> MutexGuard<'_, HashMap<UserId, u64>> {
        // Nothing between two lines of this file can panic and leave a number half-written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes `more` bytes, if all together are no more than `room`. Else how many are on their way.
    fn add(&self, owner: UserId, more: u64, room: u64) -> Result<(), u64> {
        let mut all = self.held();
        let has = all.get(&owner).copied().unwrap_or(0);
        match has.checked_add(more).filter(|sum| *sum <= room) {
            Some(sum) => drop(all.insert(owner, sum)),
            None => return Err(has),
        }
        Ok(())
    }

    fn release(&self, owner: UserId, bytes: u64) {
        let mut all = self.held();
        if let Some(has) = all.get_mut(&owner) {
            *has = has.saturating_sub(bytes);
            if *has == 0 {
                all.remove(&owner);
            }
        }
    }
}

/// Where the bytes of a file go.
enum Goes {
    /// To where they may be kept, once they were looked into.
    Staged(Box<dyn StagedBlob>),
    /// Nowhere: a file was sent under this name before, and all that is to be learnt is whether this is the same.
    Compared(Box<SentBefore>, Sha256),
}

/// A file on its way in. Dropped before [`Upload::finish`], it leaves nothing behind.
pub struct Upload<'a> {
    app: &'a App,
    owner: UserId,
    claims: Claims,
    goes: Goes,
    /// Its first bytes, until they tell what it is.
    head: Vec<u8>,
    kind: Option<MediaType>,
    received: u64,
    room: Room<'a>,
    /// What its owner brought takes, as it was when this one began.
    stored: Stored,
}

/// How many bytes of a file on its way count against its owner's quota, until it is kept or gone.
struct Room<'a> {
    ways: &'a OnTheirWay,
    owner: UserId,
    bytes: u64,
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.ways.release(self.owner, self.bytes);
    }
}

impl<'a> Upload<'a> {
    /// Begins, unless it is known already that the file can't be taken.
    pub async fn begin(app: &'a App, owner: UserId, claims: Claims) -> Result<Self, NotUploaded> {
        let limits = &app.upload_limits;
        let said = claims.media_type.as_deref().and_then(|text| MediaType::parse(text.trim()));
        let kind = claims.kind.or(said.map(MediaType::kind));
        let cap = kind.map_or_else(|| limits.largest_cap(), |kind| limits.cap(kind));
        if let Some(received) = claims.announced.filter(|announced| *announced > cap) {
            return Err(NotUploaded::TooLarge { kind, limit: cap, received });
        }
        let known = match &claims.request {
            Some(request) => app.store.upload_named(owner, request).await?,
            None => None,
        };
        let (quota, stored) = (limits.quota(), app.store.stored(owner, app.now()).await?);
        let announced = claims.announced.unwrap_or(1);
        let goes = match known {
            // What was said of the file before is said again, however little room there is by now.
            Some(known) => Goes::Compared(Box::new(known), Sha256::new()),
            None if announced > stored.room(quota) => {
                return Err(NotUploaded::OverQuota { quota, stored, received: announced });
            }
            None => Goes::Staged(app.assets.stage(limits.largest_cap()).await?),
        };
        let room = Room { ways: &app.on_their_way, owner, bytes: 0 };
        Ok(Self { app, owner, claims, goes, head: Vec::new(), kind: None, received: 0, room, stored })
    }

    /// Takes what came next. An error ends it: no more is to be read.
    pub async fn take(&mut self, bytes: Bytes) -> Result<(), NotUploaded> {
        let more = bytes.len() as u64;
        if matches!(self.goes, Goes::Staged(_)) {
            self.reserve(more)?;
        }
        self.received += more;
        if self.kind.is_none() {
            self.head.extend(bytes.iter().take(MediaType::SNIFF_BYTES - self.head.len()));
            if self.head.len() == MediaType::SNIFF_BYTES {
                self.tell()?;
            }
        }
        let cap = self.cap(self.kind.map(MediaType::kind));
        if self.received > cap {
            let kind = self.kind.map(MediaType::kind);
            return Err(NotUploaded::TooLarge { kind, limit: cap, received: self.received });
        }
        match &mut self.goes {
            Goes::Staged(staged) => staged.write(bytes).await?,
            Goes::Compared(_, hasher) => hasher.update(&bytes),
        }
        Ok(())
    }

    fn cap(&self, kind: Option<FileKind>) -> u64 {
        let limits = &self.app.upload_limits;
        kind.map_or_else(|| limits.largest_cap(), |kind| limits.cap(kind))
    }

    /// Counts bytes against the quota, with those of others that are on their way.
    fn reserve(&mut self, more: u64) -> Result<(), NotUploaded> {
        let quota = self.app.upload_limits.quota();
        let added = self.app.on_their_way.add(self.owner, more, self.stored.room(quota));
        let received = self.received + more;
        added.map_err(|on_their_way| {
            let others = on_their_way.saturating_sub(self.room.bytes);
            let stored = Stored { used: self.stored.used.saturating_add(others), ..self.stored };
            NotUploaded::OverQuota { quota, stored, received }
        })?;
        self.room.bytes += more;
        Ok(())
    }

    /// Tells what it is by its first bytes, and whether that goes with all that was said.
    fn tell(&mut self) -> Result<MediaType, NotUploaded> {
        if self.head.is_empty() {
            return Err(NotUploaded::Empty);
        }
        let found = MediaType::sniff(&self.head).ok_or(NotUploaded::UnknownType)?;
        let Claims { name, media_type, kind, announced, .. } = &self.claims;
        let told = agreed(found, name.as_deref(), media_type.as_deref()).map_err(|contradiction| {
            let said_by = match contradiction {
                Contradiction::Ending => "name",
                Contradiction::Type => "Content-Type",
            };
            NotUploaded::Mismatch { said_by, found }
        })?;
        let told = match kind {
            Some(kind) => told.taken_as(*kind).ok_or(NotUploaded::Mismatch { said_by: "kind", found })?,
            None => told,
        };
        let (kind, limit) = (told.kind(), self.cap(Some(told.kind())));
        if let Some(received) = announced.filter(|announced| *announced > limit) {
            return Err(NotUploaded::TooLarge { kind: Some(kind), limit, received });
        }
        self.kind = Some(told);
        Ok(told)
    }

    /// All has come: looks into it, and keeps it.
    pub async fn finish(mut self, wishes: Wishes) -> Result<Uploaded, NotUploaded> {
        // Who names it themselves means that, wherever in a form they do.
        self.claims.name = wishes.name.or(self.claims.name.take());
        self.claims.kind = wishes.kind.or(self.claims.kind);
        let kind = self.tell()?;
        let limit = self.cap(Some(kind.kind()));
        if self.received > limit {
            return Err(NotUploaded::TooLarge { kind: Some(kind.kind()), limit, received: self.received });
        }
        let (app, owner, quota) = (self.app, self.owner, self.app.upload_limits.quota());
        let staged = match self.goes {
            Goes::Staged(staged) => staged,
            Goes::Compared(known, hasher) => {
                return known_before(known.again(ContentHash(hasher.finalize().into())), quota, self.received);
            }
        };
        let sent = staged.so_far()?;
        let named = self.claims.request.map(|request| (request, sent.hash));
        // The same may have come beside it since it began.
        if let Some((request, hash)) = &named
            && let Some(known) = app.store.upload_named(owner, request).await?
        {
            return known_before(known.again(*hash), quota, sent.bytes);
        }
        let (kind, keep_metadata) = (kind.kind(), wishes.keep_metadata);
        let look = Look { owner, kind, bytes: sent.bytes, keep_metadata, only_thumbnail: false };
        let file = staged.reader().await?;
        let inspected = app.inspector.look(&*app.assets, look, file).await?;
        // What others have added since is told before anything is kept; the last word has the store.
        let stored = app.store.stored(owner, app.now()).await?;
        if sent.bytes > stored.room(quota) {
            return Err(NotUploaded::OverQuota { quota, stored, received: sent.bytes });
        }
        let asset = keep(app, owner, self.claims.name, staged, inspected).await?;
        let upload = NewUpload { asset: asset.clone(), named, quota };
        match app.store.add_upload(upload).await? {
            Kept::Added => {
                let (kind, bytes, stripped) = (asset.media_type.as_str(), asset.bytes, asset.facts.stripped.join(","));
                tracing::info!(asset = %asset.id, user = %owner, kind, bytes, stripped, "file uploaded");
                Ok(Uploaded { asset, replayed: false })
            }
            known => known_before(known, quota, sent.bytes),
        }
    }
}

/// Makes the bytes durable: cleaned ones instead of those that came.
async fn keep(
    app: &App,
    owner: UserId,
    name: Option<String>,
    staged: Box<dyn StagedBlob>,
    inspected: Inspected,
) -> Result<Asset, NotUploaded> {
    let Inspected { media_type, facts, thumbnail, clean } = inspected;
    let Blob { hash, bytes } = clean.unwrap_or(staged).commit().await?;
    let thumbnail = match thumbnail {
        Some((media_type, picture)) => Some(keep_thumbnail(app, media_type, picture).await?),
        None => None,
    };
    Ok(Asset {
        id: AssetId::new(app.now(), app.chance.id_bytes()),
        owner,
        job: None,
        origin: Origin::Uploaded,
        hash,
        media_type,
        bytes,
        name,
        facts: Facts::from(facts),
        thumbnail,
        created_at: app.now(),
    })
}

/// Keeps a small picture.
pub(super) async fn keep_thumbnail(app: &App, media_type: MediaType, picture: Bytes) -> Result<Thumbnail, AssetError> {
    let mut staged = app.assets.stage(picture.len() as u64).await?;
    staged.write(picture).await?;
    let Blob { hash, bytes } = staged.commit().await?;
    Ok(Thumbnail { hash, media_type, bytes })
}

fn known_before(known: Kept, quota: u64, received: u64) -> Result<Uploaded, NotUploaded> {
    match known {
        Kept::Replayed(asset) => Ok(Uploaded { asset: *asset, replayed: true }),
        Kept::OverQuota(stored) => Err(NotUploaded::OverQuota { quota, stored, received }),
        Kept::NameReused | Kept::Added => Err(NotUploaded::NameReused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use studio_core::time::Timestamp;

    #[test]
    fn what_is_on_its_way_is_counted_until_it_is_gone() {
        let user = |n| UserId::new(Timestamp::from_millis(1_790_000_000_000), [n; 10]);
        let ways = OnTheirWay::default();
        assert_eq!(ways.add(user(1), 60, 100), Ok(()));
        assert_eq!(ways.add(user(1), 41, 100), Err(60));
        assert_eq!(ways.add(user(1), 40, 100), Ok(()));
        assert_eq!(ways.add(user(2), 100, 100), Ok(()));
        assert_eq!(ways.add(user(1), u64::MAX, u64::MAX), Err(100), "no sum is too large to be counted");
        ways.release(user(1), 100);
        ways.release(user(2), 100);
        assert!(ways.held().is_empty());
    }
}
