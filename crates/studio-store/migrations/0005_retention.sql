-- Jobs that are over for long are forgotten: what was asked, said and made. What they cost stays.
ALTER TABLE jobs ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0;
CREATE INDEX jobs_remembered ON jobs (id) WHERE forgotten = 0;
CREATE INDEX idempotency_of_job ON idempotency (job_id);
CREATE INDEX assets_by_hash ON assets (hash);

-- What forgotten jobs named: it stays on the disk for a while, for a backup that is under way may still name it.
CREATE TABLE forgotten_blobs (
  hash BLOB    NOT NULL PRIMARY KEY,
  at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
