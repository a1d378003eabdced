//! What jobs that are not over need to come to their end. Beside their documents, so that nobody has to read these to know
//! whether an asset may go.

use super::assets;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use studio_core::{
    id::{AssetId, JobId},
    job::Job,
    ports::Asset,
};

/// A job that needs an asset.
pub(super) const NEEDED_BY: &str = "SELECT job_id FROM job_inputs WHERE asset_id = ?1 ORDER BY job_id LIMIT 1";
/// Whether any needs something that came with a job or was made by it. In this order, for most jobs have few assets.
pub(super) const NEEDED_OF_JOB: &str = "SELECT 1 FROM assets INDEXED BY assets_of_job
    CROSS JOIN job_inputs ON job_inputs.asset_id = assets.id WHERE assets.job_id = ?1 LIMIT 1";
/// Erases what a job needs.
pub(super) const ERASE: &str = "DELETE FROM job_inputs WHERE job_id = ?1";

/// The first picture that the input of a job names and its owner has not, nor brings with it.
pub(super) fn missing(
    connection: &Connection,
    job: &Job,
    brought: &[Asset],
) -> Result<Option<AssetId>, rusqlite::Error> {
    for picture in job.input.pictures() {
        let comes = brought.iter().any(|asset| asset.id == picture.asset && asset.owner == job.owner);
        if !comes && !assets::is_owned(connection, job.owner, picture.asset)? {
            return Ok(Some(picture.asset));
        }
    }
    Ok(None)
}

/// Notes what a new job needs.
pub(super) fn note(transaction: &Transaction<'_>, job: &Job) -> Result<(), rusqlite::Error> {
    // A picture may be there twice: as its own mask, or in two messages.
    const NOTE: &str = "INSERT INTO job_inputs (asset_id, job_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    for picture in job.input.pictures() {
        transaction.prepare_cached(NOTE)?.execute(params![picture.asset.as_uuid(), job.id.as_uuid()])?;
    }
    Ok(())
}

/// A job is over: it needs nothing any more.
pub(super) fn erase(transaction: &Transaction<'_>, job: JobId) -> Result<(), rusqlite::Error> {
    transaction.prepare_cached(ERASE)?.execute([job.as_uuid()]).map(drop)
}

/// A job that needs an asset, of some the oldest.
pub(super) fn needed_by(connection: &Connection, asset: AssetId) -> Result<Option<JobId>, rusqlite::Error> {
    connection
        .prepare_cached(NEEDED_BY)?
        .query_row([asset.as_uuid()], |row| row.get(0).map(JobId::from_uuid))
        .optional()
}

/// Whether something that came with a job or was made by it is needed by one that is not over.
pub(super) fn any_needed_of(connection: &Connection, job: JobId) -> Result<bool, rusqlite::Error> {
    connection.prepare_cached(NEEDED_OF_JOB)?.exists([job.as_uuid()])
}
