-- The members of a cluster of several nodes; no row where there is one node alone. `id` is a uint64 in
-- decimal, the URLs are JSON lists of texts. `name` is empty until the member has started. A member that
-- was removed stays as such, so that its node is told.
CREATE TABLE cluster_member (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  peer_urls TEXT NOT NULL,
  client_urls TEXT NOT NULL,
  learner INTEGER NOT NULL,
  removed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Which run of a node's runtime has the keyspace, and for the how manieth time one has taken it over. Which
-- member it was told to move to, a uint64 in decimal, and until when, in milliseconds since 1970.
CREATE TABLE cluster_term (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  run TEXT NOT NULL,
  term INTEGER NOT NULL,
  wanted TEXT,
  wanted_until INTEGER NOT NULL DEFAULT 0
) STRICT;
