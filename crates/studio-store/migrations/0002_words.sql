-- Who works on a job now, repeated from its document like the other columns: what a job says is kept every half second, and
-- is checked without reading the document, which holds a whole conversation.
ALTER TABLE jobs ADD COLUMN lease BLOB;
UPDATE jobs SET lease = unhex(replace(doc ->> '$.lease', '-', '')) WHERE doc ->> '$.lease' IS NOT NULL;

-- The lease lies behind the document in its row, and before it here.
DROP INDEX jobs_unfinished;
CREATE INDEX jobs_unfinished ON jobs (id, lease, status) WHERE status IN ('submitting', 'running', 'collecting', 'unknown');

-- What jobs say, in the order in which they say it: a row begins where the one before it ends. What was said in one epoch
-- means nothing in another.
CREATE TABLE words (
  job_id   BLOB    NOT NULL REFERENCES jobs (id),
  epoch    INTEGER NOT NULL,
  at       INTEGER NOT NULL CHECK (at >= 0),      -- how many bytes came before
  bytes    INTEGER NOT NULL CHECK (bytes > 0),    -- of text, in all segments together
  segments TEXT    NOT NULL,                      -- JSON
  PRIMARY KEY (job_id, epoch, at)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER words_never_change BEFORE UPDATE ON words BEGIN SELECT RAISE(ABORT, 'what was said is append-only'); END;
