-- The leases. `id` is an int64 in decimal, because a Durable Object answers integers as doubles.
-- `ttl` is in seconds, `expiry` in milliseconds since 1970: the lease lives in memory for at most
-- that long, so that it may be trusted when memory is lost. There is no index on `expiry`: leases
-- are queued in memory, and a second tree would double the rows written.
CREATE TABLE lease (
  id TEXT PRIMARY KEY,
  ttl INTEGER NOT NULL,
  expiry INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
