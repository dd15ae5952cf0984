-- Replicas of keyspaces, by their regions. `state` is `ready`, or what is still to be done: `adding`,
-- `removing`, and `untold` where the replica serves but has not heard who leads now. `added` is in milliseconds
-- since 1970.
CREATE TABLE replica (
  keyspace TEXT NOT NULL,
  region TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('adding', 'ready', 'untold', 'removing')),
  added INTEGER NOT NULL,
  PRIMARY KEY (keyspace, region)
) STRICT, WITHOUT ROWID;

-- Keyspaces whose leader was moved, or is to be. Without a row a keyspace is led by its own object in epoch 1.
-- `leader` is the region of the replica that was promoted last, NULL for none. `successor` is the region of the
-- one that is to be, `forced` whether that is so even if the leader cannot be asked. `former` is a leader
-- that is still to hear that it is none any more: a region, '' for the keyspace's own object, NULL for
-- nobody; `keeps` says whether it keeps its data.
CREATE TABLE leadership (
  keyspace TEXT PRIMARY KEY,
  leader TEXT,
  epoch INTEGER NOT NULL,
  successor TEXT,
  forced INTEGER NOT NULL,
  former TEXT,
  keeps INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What a start finds half done.
CREATE INDEX replica_unfinished ON replica (keyspace) WHERE state <> 'ready';
CREATE INDEX leadership_unfinished ON leadership (keyspace)
WHERE successor IS NOT NULL OR former IS NOT NULL;
