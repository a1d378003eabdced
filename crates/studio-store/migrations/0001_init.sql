-- Times are milliseconds since 1970, ids UUIDv7 as 16 bytes (so that they sort by age), money nano-USD.

CREATE TABLE users (
  id         BLOB    NOT NULL PRIMARY KEY,
  email      TEXT    NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
  id         BLOB    NOT NULL PRIMARY KEY,
  user_id    BLOB    NOT NULL REFERENCES users (id),
  name       TEXT    NOT NULL,
  hash       BLOB    NOT NULL UNIQUE,
  last4      TEXT    NOT NULL,
  scopes     TEXT    NOT NULL,           -- JSON
  budget     INTEGER,
  limits     TEXT    NOT NULL,           -- JSON
  created_at INTEGER NOT NULL,
  revoked_at INTEGER
) STRICT, WITHOUT ROWID;

-- `doc` is the job. The other columns repeat what queries need an index or a sum of, and are written with it, always.
CREATE TABLE jobs (
  id              BLOB    NOT NULL PRIMARY KEY,
  owner           BLOB    NOT NULL REFERENCES users (id),
  status          TEXT    NOT NULL,
  provider        TEXT    NOT NULL,
  modality        TEXT    NOT NULL,
  model           TEXT    NOT NULL,
  run_at          INTEGER NOT NULL,
  untold_deadline INTEGER,               -- its deadline, while it is not over and was not told of it
  hold            INTEGER NOT NULL,
  cost            INTEGER,
  version         INTEGER NOT NULL,
  created_at      INTEGER NOT NULL,
  doc             TEXT    NOT NULL       -- JSON
) STRICT;

CREATE INDEX jobs_of_owner ON jobs (owner, id);
CREATE INDEX jobs_queued_by_age ON jobs (provider, id, run_at) WHERE status = 'queued';
CREATE INDEX jobs_queued_by_time ON jobs (provider, run_at) WHERE status = 'queued';
CREATE INDEX jobs_unfinished ON jobs (id) WHERE status IN ('submitting', 'running', 'collecting', 'unknown');
CREATE INDEX jobs_untold ON jobs (untold_deadline, id) WHERE untold_deadline IS NOT NULL;

-- What was, or may have been, sent to a provider. A row is written before anything is sent: the intent.
CREATE TABLE attempts (
  job_id     BLOB    NOT NULL REFERENCES jobs (id),
  number     INTEGER NOT NULL,
  provider   TEXT    NOT NULL,
  started_at INTEGER NOT NULL,
  handle     TEXT,
  ended_at   INTEGER,
  outcome    TEXT,
  PRIMARY KEY (job_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
  owner       BLOB    NOT NULL,
  route       TEXT    NOT NULL,
  key         TEXT    NOT NULL,
  fingerprint BLOB    NOT NULL,
  job_id      BLOB    NOT NULL REFERENCES jobs (id),
  created_at  INTEGER NOT NULL,
  PRIMARY KEY (owner, route, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
  name    TEXT    NOT NULL PRIMARY KEY,
  balance INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE entries (
  seq          INTEGER NOT NULL PRIMARY KEY,
  job_id       BLOB    NOT NULL REFERENCES jobs (id),
  kind         TEXT    NOT NULL,
  attempt      INTEGER NOT NULL,
  provider     TEXT    NOT NULL,
  provider_ref TEXT,
  price_list   TEXT,
  at           INTEGER NOT NULL
) STRICT;

-- A job is held for once and resolved once, whatever a bug may try.
CREATE UNIQUE INDEX entries_held_once ON entries (job_id) WHERE kind = 'hold';
CREATE UNIQUE INDEX entries_resolved_once ON entries (job_id) WHERE kind IN ('post', 'void');

CREATE TABLE lines (
  entry   INTEGER NOT NULL REFERENCES entries (seq),
  number  INTEGER NOT NULL,
  account TEXT    NOT NULL REFERENCES accounts (name),
  amount  INTEGER NOT NULL,
  PRIMARY KEY (entry, number)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER entries_never_change BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER entries_never_go BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER lines_never_change BEFORE UPDATE ON lines BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER lines_never_go BEFORE DELETE ON lines BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;

CREATE TABLE assets (
  id         BLOB    NOT NULL PRIMARY KEY,
  owner      BLOB    NOT NULL REFERENCES users (id),
  job_id     BLOB    NOT NULL REFERENCES jobs (id),
  hash       BLOB    NOT NULL,
  media_type TEXT    NOT NULL,
  bytes      INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row that is written to learn whether anything can be.
CREATE TABLE probe (
  id    INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  times INTEGER NOT NULL
) STRICT;
