-- Users take turns at each provider; among a user's own jobs the more urgent go first, then the older.
ALTER TABLE jobs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
DROP INDEX jobs_queued_by_age;
CREATE INDEX jobs_queued_by_turn ON jobs (provider, owner, priority DESC, id, run_at) WHERE status = 'queued';

-- Whose turn it was last. The next one is that of the next user, in the order of their ids, who waits.
CREATE TABLE turns (
  provider TEXT NOT NULL PRIMARY KEY,
  owner    BLOB NOT NULL
) STRICT, WITHOUT ROWID;
