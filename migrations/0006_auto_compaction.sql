-- What periodic compaction knows of the past: the revision at a time, in milliseconds since 1970.
CREATE TABLE auto_compaction (
  time INTEGER PRIMARY KEY,
  revision INTEGER NOT NULL
) STRICT;
