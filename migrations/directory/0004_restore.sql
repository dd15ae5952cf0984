-- The restore that makes, or has made, a keyspace from a file of etcd's. One that is not ready is no
-- keyspace yet: nobody is told of it.
ALTER TABLE keyspace ADD COLUMN restore TEXT;
