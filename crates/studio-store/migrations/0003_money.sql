-- Budgets: the most that a payer, a user or a key, may have spent and held in a day, a month, ever. (A payer is named as
-- its account is.)
CREATE TABLE budgets (
  payer  TEXT    NOT NULL,
  span   TEXT    NOT NULL,               -- day, month, lifetime
  amount INTEGER NOT NULL,
  PRIMARY KEY (payer, span)
) STRICT, WITHOUT ROWID;

INSERT INTO budgets (payer, span, amount)
  SELECT 'key:' || lower(substr(hex(id), 1, 8) || '-' || substr(hex(id), 9, 4) || '-' || substr(hex(id), 13, 4) || '-'
    || substr(hex(id), 17, 4) || '-' || substr(hex(id), 21)), 'lifetime', budget FROM keys WHERE budget IS NOT NULL;
ALTER TABLE keys DROP COLUMN budget;

-- What counts against them, whether or not there is one: sums of the ledger's lines, by payer and by owner, in the day and the
-- month in which their jobs were accepted. Written with each entry.
CREATE TABLE commitments (
  payer  TEXT    NOT NULL,
  span   TEXT    NOT NULL,
  start  INTEGER NOT NULL,               -- when the day or month begins; 0 for a lifetime
  amount INTEGER NOT NULL,
  PRIMARY KEY (payer, span, start)
) STRICT, WITHOUT ROWID;

-- Whose job an entry is for, when that was accepted, and why, where a person said so.
DROP TRIGGER entries_never_change;
ALTER TABLE entries ADD COLUMN owner BLOB;
ALTER TABLE entries ADD COLUMN admitted INTEGER;
ALTER TABLE entries ADD COLUMN note TEXT;
UPDATE entries SET (owner, admitted) = (SELECT owner, created_at FROM jobs WHERE id = job_id);
CREATE TRIGGER entries_never_change BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
-- A program of before this, which may still run on the same file, must not go on without them.
CREATE TRIGGER entries_are_whole BEFORE INSERT ON entries WHEN NEW.owner IS NULL OR NEW.admitted IS NULL
  BEGIN SELECT RAISE(ABORT, 'an entry names its owner and when its job was accepted'); END;
CREATE INDEX entries_of_owner ON entries (owner, seq);
CREATE INDEX entries_of_job ON entries (job_id, seq);

INSERT INTO commitments (payer, span, start, amount)
  WITH moved (payer, admitted, amount) AS (
    SELECT account, admitted, -amount FROM lines JOIN entries ON seq = entry
      WHERE (account LIKE 'key:%' OR account LIKE 'user:%') AND amount <> 0
    UNION ALL
    SELECT 'user:' || lower(substr(hex(owner), 1, 8) || '-' || substr(hex(owner), 9, 4) || '-' || substr(hex(owner), 13, 4)
        || '-' || substr(hex(owner), 17, 4) || '-' || substr(hex(owner), 21)), admitted, -amount
      FROM lines JOIN entries ON seq = entry WHERE account LIKE 'key:%' AND amount <> 0
  ), spans (span) AS (VALUES ('day'), ('month'), ('lifetime'))
  SELECT payer, span, CASE span
      WHEN 'day' THEN admitted - admitted % 86400000
      WHEN 'month' THEN unixepoch(admitted / 1000, 'unixepoch', 'start of month') * 1000
      ELSE 0 END AS start, sum(amount)
    FROM moved, spans GROUP BY payer, span, start;

-- What the studio bears of a job, and whether it waits for a person to have it done again; repeated from its document or, the
-- latter, from what came after it.
ALTER TABLE jobs ADD COLUMN absorbed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN dead INTEGER NOT NULL DEFAULT 0;
UPDATE jobs SET dead = 1 WHERE status = 'failed'
  AND doc ->> '$.error.kind' NOT IN ('rejected', 'model_failed', 'bad_output')
  AND doc ->> '$.id' NOT IN (SELECT doc ->> '$.retry_of' FROM jobs WHERE doc ->> '$.retry_of' IS NOT NULL);
CREATE INDEX jobs_dead ON jobs (id) WHERE dead = 1;
