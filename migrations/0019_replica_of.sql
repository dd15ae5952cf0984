-- Of a replica: what it is of, and how far it has come. `charge` is what the directory has told it, in JSON.
-- `epoch` is that of its last row of the log, NULL before all is copied. The state beside the log is that
-- of the leader's stay in memory `incarnation` at its frame `seq`; NULL where some of it is missing.
CREATE TABLE replica_of (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  charge TEXT NOT NULL,
  epoch INTEGER,
  incarnation TEXT,
  seq INTEGER
) STRICT;
