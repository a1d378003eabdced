//! What is in someone's library: names of bytes, and whose they are. The bytes themselves are the asset store's.

use super::{error::unknown, jobs::integer};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use studio_core::{
    id::{AssetId, JobId, UserId},
    job::{ContentHash, Job},
    media::MediaType,
    ports::Asset,
    time::Timestamp,
};

/// Puts what a job made into its owner's library.
pub(super) fn insert_outputs(transaction: &Transaction<'_>, job: &Job, now: Timestamp) -> Result<(), rusqlite::Error> {
    for output in &job.outputs {
        insert(transaction, &Asset::of_output(job, output, now))?;
    }
    Ok(())
}

/// Puts what the input of `job` brought along into its owner's library.
pub(super) fn insert_inputs(
    transaction: &Transaction<'_>,
    job: JobId,
    assets: &[Asset],
) -> Result<(), rusqlite::Error> {
    assets.iter().try_for_each(|asset| insert(transaction, &Asset { job, ..asset.clone() }))
}

fn insert(transaction: &Transaction<'_>, asset: &Asset) -> Result<(), rusqlite::Error> {
    const INSERT: &str = "INSERT INTO assets (id, owner, job_id, hash, media_type, bytes, created_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    transaction
        .prepare_cached(INSERT)?
        .execute(params![
            asset.id.as_uuid(),
            asset.owner.as_uuid(),
            asset.job.as_uuid(),
            asset.hash.0,
            asset.media_type.as_str(),
            integer(asset.bytes)?,
            asset.created_at.as_millis()
        ])
        .map(drop)
}

/// An asset, if it is `owner`'s.
pub(super) fn get_owned(connection: &Connection, owner: UserId, id: AssetId) -> Result<Option<Asset>, rusqlite::Error> {
    connection
        .prepare_cached(
            "SELECT id, owner, job_id, hash, media_type, bytes, created_at FROM assets WHERE id = ?1 AND owner = ?2",
        )?
        .query_row([id.as_uuid(), owner.as_uuid()], read)
        .optional()
}

fn read(row: &Row<'_>) -> Result<Asset, rusqlite::Error> {
    Ok(Asset {
        id: AssetId::from_uuid(row.get(0)?),
        owner: UserId::from_uuid(row.get(1)?),
        job: JobId::from_uuid(row.get(2)?),
        hash: ContentHash(row.get(3)?),
        media_type: MediaType::parse(row.get_ref(4)?.as_str()?).ok_or_else(|| unknown(4, "a media type"))?,
        bytes: u64::try_from(row.get::<_, i64>(5)?).map_err(|_| unknown(5, "a size"))?,
        created_at: Timestamp::from_millis(row.get(6)?),
    })
}
