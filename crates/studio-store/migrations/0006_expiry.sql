-- Keys may end by themselves. No time: they last until they are revoked.
ALTER TABLE keys ADD COLUMN expires_at INTEGER;
