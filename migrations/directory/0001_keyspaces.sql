-- The keyspaces of a deployment, `default` among them, which nobody creates. Options that are NULL
-- are the deployment's own. `state` is `ready`, or what is still to be done: `creating`, `deleting`.
-- `created` is in milliseconds since 1970.
CREATE TABLE keyspace (
  name TEXT PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('creating', 'ready', 'deleting')),
  created INTEGER NOT NULL,
  quota_backend_bytes INTEGER,
  auto_compaction_mode TEXT,
  auto_compaction_retention TEXT,
  location_hint TEXT,
  jurisdiction TEXT
) STRICT, WITHOUT ROWID;

-- What a start finds half done.
CREATE INDEX keyspace_unfinished ON keyspace (name) WHERE state <> 'ready';

INSERT INTO keyspace (name, state, created) VALUES ('default', 'ready', 0);
