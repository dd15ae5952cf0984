-- The revision log. `id` is (main revision << 23) | sub revision, so that the order of rowids is
-- the order of changes and one seek finds a revision. A tombstone has version 0 and keeps the
-- create_revision of the generation that it ended. `previous` is the id of the row replaced.
CREATE TABLE log (
  id INTEGER PRIMARY KEY,
  key BLOB NOT NULL,
  create_revision INTEGER NOT NULL,
  version INTEGER NOT NULL,
  previous INTEGER,
  lease TEXT,
  value BLOB
) STRICT;

-- Reads at an old revision find the keys that have been deleted since.
CREATE INDEX log_tombstone ON log (key) WHERE version = 0;

-- The current state, apart from history: a list reads this tree alone. `value` is NULL where the
-- value is too long to be stored twice; it is then in the log row `id`.
CREATE TABLE current (
  key BLOB PRIMARY KEY,
  id INTEGER NOT NULL,
  create_revision INTEGER NOT NULL,
  version INTEGER NOT NULL,
  previous INTEGER,
  lease TEXT,
  value BLOB
) STRICT, WITHOUT ROWID;

-- The keys of a lease.
CREATE INDEX current_lease ON current (lease) WHERE lease IS NOT NULL;

-- The one row of compaction: the revision that readers see at once, and how far the deletion of
-- superseded rows has come: everything below the log id `cursor` is done.
CREATE TABLE compaction (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  revision INTEGER NOT NULL,
  cursor INTEGER NOT NULL
) STRICT;
