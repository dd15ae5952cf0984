-- A value that is too long for its row of the log, where `value` then is NULL though `version` is not 0:
-- it is the parts of that `log_id`, in the order of their ids. Without rowids, or by (log_id, number), a
-- search would read all bytes of each part that it compares with.
CREATE TABLE value_part (
  id INTEGER PRIMARY KEY,
  log_id INTEGER NOT NULL,
  bytes BLOB NOT NULL
) STRICT;
CREATE INDEX value_part_log ON value_part (log_id);
