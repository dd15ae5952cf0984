-- The members that were added, and the peer URLs of this one once they were changed. `id` is a
-- uint64 in decimal, `peer_urls` a JSON list of texts. None but this one ever starts.
CREATE TABLE member (
  id TEXT PRIMARY KEY,
  peer_urls TEXT NOT NULL,
  learner INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The downgrade that has been enabled, to a version such as `3.6.0`. No row is none.
CREATE TABLE downgrade (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  target TEXT NOT NULL
) STRICT;
