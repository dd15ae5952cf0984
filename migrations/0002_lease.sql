-- The leases. `id` is an int64 in decimal, because a Durable Object answers integers as doubles.
-- `ttl` is in seconds, `expiry` in milliseconds since 1970 and never before the lease's deadline,
-- which is known to memory alone. There is no index on `expiry`: memory queues the leases, and an
-- index entry would be a second row written each time.
CREATE TABLE lease (
  id TEXT PRIMARY KEY,
  ttl INTEGER NOT NULL,
  expiry INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
