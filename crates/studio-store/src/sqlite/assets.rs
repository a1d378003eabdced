//! What is in someone's library, as rows: names of bytes, and whose they are. The bytes themselves are the asset store's.

use super::{
    error::{read_json, unknown, write_json},
    jobs::integer,
};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use studio_core::{
    id::{AssetId, JobId, UserId},
    job::{ContentHash, Job},
    library::Origin,
    media::MediaType,
    ports::{Asset, Thumbnail},
    time::Timestamp,
};

/// Columns of a row, in the order in which [`read`] wants them.
macro_rules! columns {
    () => {
        "id, owner, job_id, origin, hash, media_type, bytes, name, facts, thumb_hash, thumb_type, thumb_bytes, created_at"
    };
}
pub(super) use columns;

/// How many they are.
pub(super) const COLUMN_COUNT: usize = 13;

/// Puts what a job made into its owner's library.
pub(super) fn insert_outputs(transaction: &Transaction<'_>, job: &Job, now: Timestamp) -> Result<(), rusqlite::Error> {
    for output in &job.outputs {
        insert(transaction, &Asset::of_output(job, output, now), None)?;
    }
    Ok(())
}

/// Puts what the input of `job` brought along into its owner's library.
pub(super) fn insert_inputs(
    transaction: &Transaction<'_>,
    job: JobId,
    assets: &[Asset],
) -> Result<(), rusqlite::Error> {
    assets.iter().try_for_each(|asset| insert(transaction, &Asset { job: Some(job), ..asset.clone() }, None))
}

/// Puts an asset into its owner's library; `sent` is what its sender called the request, and the hash of what they sent.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    asset: &Asset,
    sent: Option<&(String, ContentHash)>,
) -> Result<(), rusqlite::Error> {
    const INSERT: &str =
        "INSERT INTO assets (id, owner, job_id, origin, hash, media_type, kind, bytes, name, facts, thumb_hash,
            thumb_type, thumb_bytes, sent_as, sent_hash, created_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
    let thumbnail = asset.thumbnail.as_ref();
    transaction
        .prepare_cached(INSERT)?
        .execute(params![
            asset.id.as_uuid(),
            asset.owner.as_uuid(),
            asset.job.map(|job| job.as_uuid()),
            asset.origin.as_str(),
            asset.hash.0,
            asset.media_type.as_str(),
            asset.media_type.kind().as_str(),
            integer(asset.bytes)?,
            asset.name,
            write_json(&asset.facts, "facts")?,
            thumbnail.map(|thumbnail| thumbnail.hash.0),
            thumbnail.map(|thumbnail| thumbnail.media_type.as_str()),
            thumbnail.map(|thumbnail| integer(thumbnail.bytes)).transpose()?,
            sent.map(|(name, _)| name),
            sent.map(|(_, hash)| hash.0),
            asset.created_at.as_millis()
        ])
        .map(drop)
}

/// An asset, if it is `owner`'s.
pub(super) fn get_owned(connection: &Connection, owner: UserId, id: AssetId) -> Result<Option<Asset>, rusqlite::Error> {
    const GET: &str = concat!("SELECT ", columns!(), " FROM assets WHERE id = ?1 AND owner = ?2");
    connection.prepare_cached(GET)?.query_row([id.as_uuid(), owner.as_uuid()], read).optional()
}

/// Whether there is such an asset, and it is `owner`'s.
pub(super) fn is_owned(connection: &Connection, owner: UserId, id: AssetId) -> Result<bool, rusqlite::Error> {
    const IS: &str = "SELECT 1 FROM assets WHERE id = ?1 AND owner = ?2";
    connection.prepare_cached(IS)?.exists([id.as_uuid(), owner.as_uuid()])
}

/// The asset in the first columns of a row.
pub(super) fn read(row: &Row<'_>) -> Result<Asset, rusqlite::Error> {
    let size = |index| u64::try_from(row.get::<_, i64>(index)?).map_err(|_| unknown(index, "a size"));
    let kind = |index| MediaType::parse(row.get_ref(index)?.as_str()?).ok_or_else(|| unknown(index, "a media type"));
    let thumbnail = match row.get::<_, Option<[u8; 32]>>(9)? {
        Some(hash) => Some(Thumbnail { hash: ContentHash(hash), media_type: kind(10)?, bytes: size(11)? }),
        None => None,
    };
    Ok(Asset {
        id: AssetId::from_uuid(row.get(0)?),
        owner: UserId::from_uuid(row.get(1)?),
        job: row.get::<_, Option<_>>(2)?.map(JobId::from_uuid),
        origin: Origin::parse(row.get_ref(3)?.as_str()?).ok_or_else(|| unknown(3, "an origin"))?,
        hash: ContentHash(row.get(4)?),
        media_type: kind(5)?,
        bytes: size(6)?,
        name: row.get(7)?,
        facts: read_json(row, 8, "facts")?,
        thumbnail,
        created_at: Timestamp::from_millis(row.get(12)?),
    })
}
