-- Keys of providers that people entrust to us, each in a sealed envelope; `master` names the key that sealed it.
CREATE TABLE provider_keys (
  number     INTEGER PRIMARY KEY,
  user_id    BLOB    NOT NULL REFERENCES users (id),
  provider   TEXT    NOT NULL,
  sealed     BLOB    NOT NULL,
  master     BLOB    NOT NULL,
  last4      TEXT    NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (user_id, provider)
) STRICT;

-- Those that came with one request: erased in the commit that ends its job.
CREATE TABLE job_keys (
  number INTEGER PRIMARY KEY,
  job_id BLOB    NOT NULL UNIQUE REFERENCES jobs (id),
  sealed BLOB    NOT NULL,
  master BLOB    NOT NULL
) STRICT;

-- Master keys by which nothing is sealed any more.
CREATE TABLE retired_master_keys (
  id BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Whether a job is paid by a key of its owner's own; repeated from its document.
ALTER TABLE jobs ADD COLUMN own_key INTEGER NOT NULL DEFAULT 0;
