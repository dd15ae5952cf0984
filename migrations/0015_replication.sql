-- How far this keyspace has come in sending itself to the object store; no row is not at all. `name` is the
-- keyspace's, which an object that its alarm wakes may not know. `epoch` is the one that was claimed last
-- (0 for none), by the random text `claimant`. Of it `seq` is the last segment, `revision` how far that
-- goes, `checksum` its own, `time` its end, and `full` JSON that tells of the last full, if there is one.
-- `bytes_since` are those of the segments behind that. `manifest` is the number of the last manifest, and
-- `unlisted` a JSON list of the segments since. `marks` is JSON by which one sees whether the state beside
-- the history is still as it was sent. `deposed` says why nothing more is sent. Times are in ms since 1970.
CREATE TABLE replication (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  name TEXT NOT NULL,
  claimant TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  checksum INTEGER,
  time INTEGER NOT NULL,
  full TEXT,
  bytes_since INTEGER NOT NULL,
  manifest INTEGER NOT NULL,
  unlisted TEXT NOT NULL,
  marks TEXT NOT NULL,
  deposed TEXT
) STRICT;
