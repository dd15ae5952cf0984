-- Whether a replica could not be copied from the keyspace's archive, so that it is copied from the leader.
ALTER TABLE replica_of ADD COLUMN archive_failed INTEGER NOT NULL DEFAULT 0;
