//! Uploads, lists of what someone has, and the pages by which they show it. What is removed leaves its blobs behind for a
//! while, as what is forgotten does: a backup that is under way may still name them.

use super::{
    apply::{Answer, Command},
    assets::{self, COLUMN_COUNT, columns},
    error::write_json,
    inputs,
    jobs::{self, integer},
    store::{Engine, Sqlite},
};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use studio_core::{
    id::{AssetId, ShareId, UserId},
    job::{ContentHash, Durability},
    library::{Facts, Origin, Share},
    ports::{Asset, AssetFilter, Kept, Library, NewUpload, Removed, STAYS, SentBefore, StoreError, Stored, Thumbnail},
    time::Timestamp,
};
use uuid::Uuid;

/// What somebody brought, however it came.
pub(super) const BROUGHT: &str = "SELECT coalesce(sum(bytes), 0) FROM assets WHERE owner = ?1 AND origin <> 'made'";
pub(super) const LEAVING: &str =
    "SELECT coalesce(sum(bytes), 0) FROM forgotten_blobs INDEXED BY forgotten_of_owner WHERE owner = ?1 AND at > ?2";
pub(super) const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM assets WHERE owner = ?1 AND id < ?2 AND (?3 IS NULL OR kind = ?3) AND (?4 IS NULL OR origin = ?4)
        ORDER BY id DESC LIMIT ?5"
);
pub(super) const SENT_AS: &str =
    concat!("SELECT ", columns!(), ", sent_hash FROM assets WHERE owner = ?1 AND sent_as = ?2");
pub(super) const SHARES: &str = "SELECT id, slug, owner, asset_id, title, created_at FROM shares
    WHERE owner = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
pub(super) const SHARE: &str = "SELECT id, slug, owner, asset_id, title, created_at FROM shares WHERE slug = ?1";
/// Whether someone may not come in now: nor may what they show be seen.
pub(super) const DISABLED: &str = "SELECT disabled_at IS NOT NULL FROM users WHERE id = ?1";
/// What the writer can be told of a library.
#[derive(Debug)]
pub(crate) enum Change {
    /// Take an upload.
    Add(NewUpload),
    /// Remove an asset.
    Remove(UserId, AssetId, Timestamp),
    /// Note a small picture.
    Thumbnail(AssetId, Thumbnail, Facts),
    /// Show an asset.
    Share(Share),
    /// Show it no more.
    Unshare(UserId, String),
}

impl Change {
    /// Whoever was told that a file is kept may throw their own away, and what is no longer shown must stay so. A small picture
    /// is made again.
    pub(super) fn durability(&self) -> Durability {
        match self {
            Self::Thumbnail(..) => Durability::Process,
            Self::Add(_) | Self::Remove(..) | Self::Share(_) | Self::Unshare(..) => Durability::Power,
        }
    }
}

/// What became of it.
#[derive(Debug)]
pub(crate) enum Done {
    /// Of an upload.
    Kept(Kept),
    /// Of a wish to remove something.
    Removed(Removed),
    /// Whether there was such an asset or page.
    Found(bool),
}

/// Does what is told, within `transaction`.
pub(super) fn apply(transaction: &Transaction<'_>, change: &Change) -> Result<Done, rusqlite::Error> {
    match change {
        Change::Add(upload) => add(transaction, upload).map(Done::Kept),
        Change::Remove(owner, id, now) => remove(transaction, *owner, *id, *now).map(Done::Removed),
        Change::Thumbnail(id, thumbnail, facts) => keep_thumbnail(transaction, *id, thumbnail, facts).map(Done::Found),
        Change::Share(new) => share(transaction, new).map(Done::Found),
        Change::Unshare(owner, slug) => {
            let gone = "DELETE FROM shares WHERE slug = ?1 AND owner = ?2";
            transaction.prepare_cached(gone)?.execute(params![slug, owner.as_uuid()]).map(|rows| Done::Found(rows > 0))
        }
    }
}

/// The sum is read here and nowhere else: of many who come at once each sees what the one before it has added.
fn add(transaction: &Transaction<'_>, upload: &NewUpload) -> Result<Kept, rusqlite::Error> {
    let NewUpload { asset, named, quota } = upload;
    // Our own first run, whose commit was not known of.
    if assets::get_owned(transaction, asset.owner, asset.id)?.is_some() {
        return Ok(Kept::Added);
    }
    if let Some((name, sent)) = named
        && let Some(known) = sent_before(transaction, asset.owner, name)?
    {
        return Ok(known.again(*sent));
    }
    let stored = stored(transaction, asset.owner, asset.created_at)?;
    if asset.bytes > stored.room(*quota) {
        return Ok(Kept::OverQuota(stored));
    }
    assets::insert(transaction, asset, named.as_ref())?;
    Ok(Kept::Added)
}

fn sent_before(connection: &Connection, owner: UserId, name: &str) -> Result<Option<SentBefore>, rusqlite::Error> {
    let read = |row: &Row<'_>| Ok(SentBefore { asset: assets::read(row)?, sent: ContentHash(row.get(COLUMN_COUNT)?) });
    connection.prepare_cached(SENT_AS)?.query_row(params![owner.as_uuid(), name], read).optional()
}

/// What someone brought takes so much.
pub(super) fn stored(connection: &Connection, owner: UserId, now: Timestamp) -> Result<Stored, rusqlite::Error> {
    let used: i64 = connection.prepare_cached(BROUGHT)?.query_row([owner.as_uuid()], |row| row.get(0))?;
    let since = now.minus(STAYS).as_millis();
    let leaving: i64 =
        connection.prepare_cached(LEAVING)?.query_row(params![owner.as_uuid(), since], |row| row.get(0))?;
    Ok(Stored { used: u64::try_from(used).unwrap_or(0), leaving: u64::try_from(leaving).unwrap_or(0) })
}

fn remove(
    transaction: &Transaction<'_>,
    owner: UserId,
    id: AssetId,
    now: Timestamp,
) -> Result<Removed, rusqlite::Error> {
    let Some(asset) = assets::get_owned(transaction, owner, id)? else { return Ok(Removed::Absent) };
    if let Some(job) = inputs::needed_by(transaction, id)? {
        return Ok(Removed::InUse(job));
    }
    remember_blobs(transaction, "id", id.as_uuid(), now)?;
    transaction.prepare_cached("DELETE FROM shares WHERE asset_id = ?1")?.execute([id.as_uuid()])?;
    transaction.prepare_cached("DELETE FROM assets WHERE id = ?1")?.execute([id.as_uuid()])?;
    if let (Origin::Made, Some(job)) = (asset.origin, asset.job)
        && let Some(told) = jobs::get(transaction, job)?.and_then(|job| job.without_output(id))
    {
        jobs::update(transaction, &told)?;
    }
    Ok(Removed::Gone)
}

/// Notes which blobs the assets named that have `value` in a column, which are about to go; and of what
/// somebody brought, whose it was: it takes room for a while yet.
pub(super) fn remember_blobs(
    transaction: &Transaction<'_>,
    column: &str,
    value: Uuid,
    now: Timestamp,
) -> Result<(), rusqlite::Error> {
    let remember = format!(
        "INSERT INTO forgotten_blobs (hash, at, owner, bytes)
            SELECT hash, ?2, iif(origin <> 'made', owner, NULL), bytes FROM assets WHERE {column} = ?1
            UNION SELECT thumb_hash, ?2, NULL, thumb_bytes FROM assets WHERE {column} = ?1 AND thumb_hash IS NOT NULL
        ON CONFLICT (hash) DO UPDATE SET at = ?2, bytes = excluded.bytes, owner = coalesce(excluded.owner, owner)"
    );
    transaction.prepare_cached(&remember)?.execute(params![value, now.as_millis()]).map(drop)
}

fn keep_thumbnail(
    transaction: &Transaction<'_>,
    id: AssetId,
    thumbnail: &Thumbnail,
    facts: &Facts,
) -> Result<bool, rusqlite::Error> {
    const KEEP: &str = "UPDATE assets SET facts = ?2, thumb_hash = ?3, thumb_type = ?4, thumb_bytes = ?5
        WHERE id = ?1 AND thumb_hash IS NULL";
    let (hash, kind, bytes) = (thumbnail.hash.0, thumbnail.media_type.as_str(), integer(thumbnail.bytes)?);
    let facts = write_json(facts, "facts")?;
    transaction.prepare_cached(KEEP)?.execute(params![id.as_uuid(), facts, hash, kind, bytes])?;
    transaction.prepare_cached("SELECT 1 FROM assets WHERE id = ?1")?.exists([id.as_uuid()])
}

fn share(transaction: &Transaction<'_>, share: &Share) -> Result<bool, rusqlite::Error> {
    const NEW: &str =
        "INSERT INTO shares (slug, id, owner, asset_id, title, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    if assets::get_owned(transaction, share.owner, share.asset)?.is_none() {
        return Ok(false);
    }
    // Our own first run, whose commit was not known of.
    if find_share(transaction, &share.slug)?.as_ref() == Some(share) {
        return Ok(true);
    }
    transaction.prepare_cached(NEW)?.execute(params![
        share.slug,
        share.id.as_uuid(),
        share.owner.as_uuid(),
        share.asset.as_uuid(),
        share.title,
        share.created_at.as_millis()
    ])?;
    Ok(true)
}

fn find_share(connection: &Connection, slug: &str) -> Result<Option<Share>, rusqlite::Error> {
    connection.prepare_cached(SHARE)?.query_row([slug], read_share).optional()
}

fn read_share(row: &Row<'_>) -> Result<Share, rusqlite::Error> {
    Ok(Share {
        id: ShareId::from_uuid(row.get(0)?),
        slug: row.get(1)?,
        owner: UserId::from_uuid(row.get(2)?),
        asset: AssetId::from_uuid(row.get(3)?),
        title: row.get(4)?,
        created_at: Timestamp::from_millis(row.get(5)?),
    })
}

async fn run<E: Engine>(store: &Sqlite<E>, change: Change) -> Result<Done, StoreError> {
    match store.0.run(Command::Library(Box::new(change))).await? {
        Answer::Library(done) => Ok(done),
        other => Err(other.misplaced()),
    }
}

async fn found<E: Engine>(store: &Sqlite<E>, change: Change) -> Result<bool, StoreError> {
    match run(store, change).await? {
        Done::Found(found) => Ok(found),
        other => Err(Answer::Library(other).misplaced()),
    }
}

#[async_trait]
impl<E: Engine> Library for Sqlite<E> {
    async fn add_upload(&self, upload: NewUpload) -> Result<Kept, StoreError> {
        match run(self, Change::Add(upload)).await? {
            Done::Kept(kept) => Ok(kept),
            other => Err(Answer::Library(other).misplaced()),
        }
    }

    async fn upload_named(&self, owner: UserId, name: &str) -> Result<Option<SentBefore>, StoreError> {
        let name = name.to_owned();
        self.0.ask(move |connection| sent_before(connection, owner, &name)).await
    }

    async fn stored(&self, owner: UserId, now: Timestamp) -> Result<Stored, StoreError> {
        self.0.ask(move |connection| stored(connection, owner, now)).await
    }

    async fn asset(&self, owner: UserId, id: AssetId) -> Result<Option<Asset>, StoreError> {
        self.0.ask(move |connection| assets::get_owned(connection, owner, id)).await
    }

    async fn assets(&self, owner: UserId, filter: AssetFilter) -> Result<Vec<Asset>, StoreError> {
        self.0
            .ask_at_length(move |connection| {
                let before = filter.before.map_or(Uuid::max(), |id| id.as_uuid());
                let (kind, origin) = (filter.kind.map(|kind| kind.as_str()), filter.origin.map(Origin::as_str));
                connection
                    .prepare_cached(LIST)?
                    .query_map(params![owner.as_uuid(), before, kind, origin, filter.limit], assets::read)?
                    .collect()
            })
            .await
    }

    async fn remove_asset(&self, owner: UserId, id: AssetId, now: Timestamp) -> Result<Removed, StoreError> {
        match run(self, Change::Remove(owner, id, now)).await? {
            Done::Removed(removed) => Ok(removed),
            other => Err(Answer::Library(other).misplaced()),
        }
    }

    async fn keep_thumbnail(&self, id: AssetId, thumbnail: Thumbnail, facts: Facts) -> Result<bool, StoreError> {
        found(self, Change::Thumbnail(id, thumbnail, facts)).await
    }

    async fn share(&self, share: Share) -> Result<bool, StoreError> {
        found(self, Change::Share(share)).await
    }

    async fn unshare(&self, owner: UserId, slug: &str) -> Result<bool, StoreError> {
        found(self, Change::Unshare(owner, slug.to_owned())).await
    }

    async fn shares(&self, owner: UserId, before: Option<ShareId>, limit: u32) -> Result<Vec<Share>, StoreError> {
        self.0
            .ask(move |connection| {
                let before = before.map_or(Uuid::max(), |id| id.as_uuid());
                let mut statement = connection.prepare_cached(SHARES)?;
                statement.query_map(params![owner.as_uuid(), before, limit], read_share)?.collect()
            })
            .await
    }

    async fn shared(&self, slug: &str) -> Result<Option<(Share, Asset)>, StoreError> {
        let slug = slug.to_owned();
        self.0
            .ask(move |connection| {
                let Some(share) = find_share(connection, &slug)? else { return Ok(None) };
                if connection.prepare_cached(DISABLED)?.query_row([share.owner.as_uuid()], |row| row.get(0))? {
                    return Ok(None);
                }
                Ok(assets::get_owned(connection, share.owner, share.asset)?.map(|asset| (share, asset)))
            })
            .await
    }
}
