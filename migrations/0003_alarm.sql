-- The alarms that stand, one for each member and type. `member_id` is a uint64 in decimal.
CREATE TABLE alarm (
  member_id TEXT NOT NULL,
  type INTEGER NOT NULL,
  PRIMARY KEY (member_id, type)
) STRICT, WITHOUT ROWID;
