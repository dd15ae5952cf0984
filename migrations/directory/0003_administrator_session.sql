-- In which keyspaces sockets were opened by which administrator's token: there it has to be told when
-- the token is revoked. A row whose token is no more is what is still to be told.
CREATE TABLE administrator_session (
  token TEXT NOT NULL,
  keyspace TEXT NOT NULL,
  jurisdiction TEXT NOT NULL,
  PRIMARY KEY (token, keyspace, jurisdiction)
) STRICT, WITHOUT ROWID;
