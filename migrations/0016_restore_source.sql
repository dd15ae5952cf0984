-- What a keyspace is made from, where that is no file that a client sends: JSON of what is read, and of how
-- far that has come.
ALTER TABLE restore ADD COLUMN source TEXT;
ALTER TABLE restore ADD COLUMN progress TEXT;
