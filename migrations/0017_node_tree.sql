-- The tree of etcd's v2 API, which is apart from the keys of v3. A path is in two parts, so that the
-- children of a directory lie together, in order; its bytes are the client's, whatever they are. A
-- directory has no value. `expires` is in milliseconds since 1970.
CREATE TABLE v2_node (
  parent BLOB NOT NULL,
  name BLOB NOT NULL,
  created INTEGER NOT NULL,
  modified INTEGER NOT NULL,
  expires INTEGER,
  value BLOB,
  PRIMARY KEY (parent, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX v2_node_expires ON v2_node (expires) WHERE expires IS NOT NULL;

-- The latest 1,000 changes, for those who wait from an index on. The slot of a change is its index
-- modulo 1,000, so that a new one takes the row of the one that is forgotten. `silent` is a refresh,
-- which nobody is told of; `removed` says that a whole directory is gone. `event` is what clients are told, in JSON.
CREATE TABLE v2_event (
  slot INTEGER PRIMARY KEY,
  position INTEGER NOT NULL,
  path BLOB NOT NULL,
  silent INTEGER NOT NULL,
  removed INTEGER NOT NULL,
  event BLOB NOT NULL
) STRICT;

-- The rest of an event that is longer than a row may be.
CREATE TABLE v2_event_part (
  slot INTEGER NOT NULL,
  part INTEGER NOT NULL,
  event BLOB NOT NULL,
  PRIMARY KEY (slot, part)
) STRICT;

-- A node that is written and the event of it, as one statement: it needs no savepoint to be atomic.
CREATE VIEW v2_change AS
SELECT parent, name, created, modified, expires, value, slot, position, path, silent, removed, event
FROM v2_node, v2_event;

CREATE TRIGGER v2_change_made INSTEAD OF INSERT ON v2_change
BEGIN
  INSERT INTO v2_node (parent, name, created, modified, expires, value)
  VALUES (NEW.parent, NEW.name, NEW.created, NEW.modified, NEW.expires, NEW.value)
  ON CONFLICT (parent, name) DO UPDATE SET created = excluded.created, modified = excluded.modified,
    expires = excluded.expires, value = excluded.value;
  INSERT INTO v2_event (slot, position, path, silent, removed, event)
  VALUES (NEW.slot, NEW.position, NEW.path, NEW.silent, NEW.removed, NEW.event)
  ON CONFLICT (slot) DO UPDATE SET position = excluded.position, path = excluded.path,
    silent = excluded.silent, removed = excluded.removed, event = excluded.event;
END;
