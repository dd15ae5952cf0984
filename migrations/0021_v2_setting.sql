-- Whether etcd's v2 API is served here. Without the row that is as the deployment has it. It is apart from the row
-- of `keyspace` since `default`, which nobody makes, has one too.
CREATE TABLE v2_setting (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  enabled INTEGER NOT NULL
) STRICT;
