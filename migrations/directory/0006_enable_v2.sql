-- Whether etcd's v2 API is served in the keyspace, NULL where that is as the deployment has it. `untold` says that its
-- objects may not have heard of it yet.
ALTER TABLE keyspace ADD COLUMN enable_v2 INTEGER;
ALTER TABLE keyspace ADD COLUMN untold INTEGER NOT NULL DEFAULT 0;

-- What a start finds half done.
CREATE INDEX keyspace_untold ON keyspace (name) WHERE untold = 1;
