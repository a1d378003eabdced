-- Assets that no job made: uploads. And what is known of an asset beside its bytes.
CREATE TABLE library (
  id          BLOB    NOT NULL PRIMARY KEY,
  owner       BLOB    NOT NULL REFERENCES users (id),
  job_id      BLOB    REFERENCES jobs (id),      -- what made it, or in whose request it came
  origin      TEXT    NOT NULL,                  -- uploaded, sent, made
  hash        BLOB    NOT NULL,
  media_type  TEXT    NOT NULL,
  kind        TEXT    NOT NULL,                  -- image, audio, video, dataset: told by the media type
  bytes       INTEGER NOT NULL CHECK (bytes >= 0),
  name        TEXT,
  facts       TEXT    NOT NULL,                  -- JSON
  thumb_hash  BLOB,
  thumb_type  TEXT,
  thumb_bytes INTEGER,
  sent_as     TEXT,                              -- what its sender called the request
  sent_hash   BLOB,                              -- of the bytes that they sent
  created_at  INTEGER NOT NULL,
  CHECK ((job_id IS NULL) = (origin = 'uploaded')),
  CHECK ((thumb_hash IS NULL) = (thumb_bytes IS NULL) AND (thumb_hash IS NULL) = (thumb_type IS NULL)),
  CHECK ((sent_as IS NULL) = (sent_hash IS NULL))
) STRICT, WITHOUT ROWID;

INSERT INTO library (id, owner, job_id, origin, hash, media_type, kind, bytes, facts, created_at)
  SELECT id, owner, job_id,
      CASE WHEN EXISTS (
        SELECT 1 FROM jobs, json_each(jobs.doc, '$.outputs') AS output
          WHERE jobs.id = assets.job_id AND unhex(replace(output.value ->> '$.asset', '-', '')) = assets.id
      ) THEN 'made' ELSE 'sent' END,
      hash, media_type, 'image', bytes, '{}', created_at
    FROM assets;
DROP TABLE assets;
ALTER TABLE library RENAME TO assets;

CREATE INDEX assets_by_hash ON assets (hash);
CREATE INDEX assets_by_thumb ON assets (thumb_hash) WHERE thumb_hash IS NOT NULL;
CREATE INDEX assets_of_owner ON assets (owner, id);
CREATE INDEX assets_of_job ON assets (job_id) WHERE job_id IS NOT NULL;
CREATE INDEX assets_brought ON assets (owner, bytes, origin) WHERE origin <> 'made';
CREATE UNIQUE INDEX assets_sent_once ON assets (owner, sent_as) WHERE sent_as IS NOT NULL;

-- Who brought them: what somebody removed takes room on the disk for a while yet. Of what jobs made there is no owner.
ALTER TABLE forgotten_blobs ADD COLUMN owner BLOB;
ALTER TABLE forgotten_blobs ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
CREATE INDEX forgotten_of_owner ON forgotten_blobs (owner, at, bytes) WHERE owner IS NOT NULL;
CREATE INDEX forgotten_by_age ON forgotten_blobs (at);

-- What jobs that are not over need: it is neither removed nor forgotten. Repeated from their documents; erased with their end.
CREATE TABLE job_inputs (
  asset_id BLOB NOT NULL REFERENCES assets (id),
  job_id   BLOB NOT NULL REFERENCES jobs (id),
  PRIMARY KEY (asset_id, job_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_inputs_of_job ON job_inputs (job_id);
INSERT INTO job_inputs (asset_id, job_id)
  SELECT DISTINCT assets.id, jobs.id
    FROM jobs, json_tree(jobs.doc, '$.input') AS part
    JOIN assets ON part.key = 'asset' AND assets.owner = jobs.owner AND assets.id = unhex(replace(part.atom, '-', ''))
    WHERE jobs.status NOT IN ('succeeded', 'failed', 'canceled', 'expired');

-- Pages by which assets are shown to whoever knows their address.
CREATE TABLE shares (
  slug       TEXT    NOT NULL PRIMARY KEY,
  id         BLOB    NOT NULL UNIQUE,
  owner      BLOB    NOT NULL REFERENCES users (id),
  asset_id   BLOB    NOT NULL REFERENCES assets (id),
  title      TEXT,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX shares_of_owner ON shares (owner, id);
CREATE INDEX shares_of_asset ON shares (asset_id);
