-- What people may do, what they are called, and whether anything of theirs opens anything.
ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'member';
ALTER TABLE users ADD COLUMN name TEXT;
ALTER TABLE users ADD COLUMN disabled_at INTEGER;

-- Whoever had a key that runs the studio runs it; who was the first of these, or the owner of a fresh studio, owns it.
UPDATE users SET role = 'admin' WHERE id IN
  (SELECT user_id FROM keys, json_each(keys.scopes) WHERE json_each.value = 'admin' AND revoked_at IS NULL);
UPDATE users SET role = 'owner'
  WHERE email = 'owner@localhost' OR id = (SELECT min(id) FROM users WHERE role = 'admin');

-- Capitals don't tell two addresses apart. (Not unique: older ones may differ by these alone; the older of two is meant.)
CREATE INDEX users_by_address ON users (lower(email), id);

-- Beside the users, so that no query for them can show one.
CREATE TABLE passwords (
  user_id    BLOB    NOT NULL PRIMARY KEY REFERENCES users (id),
  hash       TEXT    NOT NULL,           -- a PHC string
  changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE keys ADD COLUMN last_used_at INTEGER;

CREATE TABLE sessions (
  id           BLOB    NOT NULL PRIMARY KEY,
  user_id      BLOB    NOT NULL REFERENCES users (id),
  hash         BLOB    NOT NULL UNIQUE,
  created_at   INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  expires_at   INTEGER NOT NULL,
  network      TEXT,
  agent        TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_of_user ON sessions (user_id, id);

-- Links that open once: to set the studio up, to join it, to choose a new password.
CREATE TABLE links (
  id           BLOB    NOT NULL PRIMARY KEY,
  kind         TEXT    NOT NULL,
  hash         BLOB    NOT NULL UNIQUE,
  email        TEXT    NOT NULL,
  user_id      BLOB    REFERENCES users (id),
  role         TEXT    NOT NULL,
  created_at   INTEGER NOT NULL,
  created_by   BLOB    REFERENCES users (id),
  expires_at   INTEGER NOT NULL,
  used_at      INTEGER,
  withdrawn_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX links_open ON links (kind, id) WHERE used_at IS NULL AND withdrawn_at IS NULL;

-- Who did what, of all that decides who may do what.
CREATE TABLE audit (
  number     INTEGER NOT NULL PRIMARY KEY,
  id         BLOB    NOT NULL UNIQUE,
  at         INTEGER NOT NULL,
  actor      BLOB,                       -- the user, where one is known
  via        TEXT    NOT NULL,
  via_id     BLOB,
  action     TEXT    NOT NULL,
  target     TEXT,
  details    TEXT    NOT NULL,           -- JSON
  network    TEXT,
  request_id BLOB
) STRICT;
CREATE INDEX audit_of_actor ON audit (actor, number);
CREATE TRIGGER audit_never_changes BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_never_goes BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
