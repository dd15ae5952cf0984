-- The replicas of this keyspace, by their regions. `member_id` is a uint64 in decimal, `added` in milliseconds since
-- 1970, and `awake` whether the replica wants frames to be pushed.
CREATE TABLE replica (
  region TEXT PRIMARY KEY,
  member_id TEXT NOT NULL,
  added INTEGER NOT NULL,
  awake INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How this object leads its keyspace; without a row it does so in epoch 1 and never had a replica. `keyspace` and
-- `jurisdiction` are the keyspace's, which an object that its alarm wakes does not know. `region` is that of a
-- replica that was promoted, NULL for the keyspace's own object. `began` is the last revision of the epoch before,
-- whose number is `former`. `successor` is the region that the keyspace was handed over to, in the epoch
-- `handed_over`: nothing is served here from then on. It is NULL as long as this object leads.
CREATE TABLE leadership (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  keyspace TEXT NOT NULL,
  jurisdiction TEXT,
  region TEXT,
  epoch INTEGER NOT NULL,
  began INTEGER NOT NULL,
  former INTEGER NOT NULL,
  successor TEXT,
  handed_over INTEGER
) STRICT;
