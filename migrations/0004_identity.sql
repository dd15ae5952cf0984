-- Who this keyspace is, chosen when it was made: two uint64 in decimal.
CREATE TABLE identity (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  cluster_id TEXT NOT NULL,
  member_id TEXT NOT NULL
) STRICT;
