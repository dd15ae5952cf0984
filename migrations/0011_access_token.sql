-- Who may come in at all, apart from etcd's users. `hash` is the SHA-256 of the token's secret, which
-- is kept nowhere. Times are in milliseconds since 1970; without `expires` a token lives until it is
-- revoked.
CREATE TABLE access_token (
  id TEXT PRIMARY KEY,
  hash BLOB NOT NULL,
  access TEXT NOT NULL,
  common_names INTEGER NOT NULL,
  description TEXT NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER
) STRICT, WITHOUT ROWID;
