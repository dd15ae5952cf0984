-- What this keyspace was made with; without the row there is no keyspace, but for `default`, which
-- nobody makes. `created` is in milliseconds since 1970. What is NULL is as the deployment has it.
CREATE TABLE keyspace (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  created INTEGER NOT NULL,
  quota_backend_bytes INTEGER,
  auto_compaction_mode TEXT,
  auto_compaction_retention TEXT
) STRICT;
