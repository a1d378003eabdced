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
    const INSERT: &str = "INSERT INTO assets (id, owner, job_id, hash, media_type, bytes, created_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let mut insert = transaction.prepare_cached(INSERT)?;
    for output in &job.outputs {
        insert.execute(params![
            output.asset.as_uuid(),
            job.owner.as_uuid(),
            job.id.as_uuid(),
            output.hash.0,
            output.media_type.as_str(),
            integer(output.bytes)?,
            now.as_millis()
        ])?;
    }
    Ok(())
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
