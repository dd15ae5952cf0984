-- A keyspace that is being made from a file of etcd's. The row is there from the beginning until the
-- keyspace is whole, which the row of `keyspace` then says. `entries` counts those of the file that have
-- come, `touched` is when the last did, in milliseconds since 1970.
CREATE TABLE restore (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  id TEXT NOT NULL,
  entries INTEGER NOT NULL,
  touched INTEGER NOT NULL
) STRICT;
