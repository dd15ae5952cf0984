-- A current row whose value is short enough to stand in it is a whole change, and goes into the log
-- with the statement that writes it: one statement for a put instead of two, and atomic by itself.
-- A longer value is only in the log, and whoever writes the current row puts it there.
CREATE TRIGGER current_created AFTER INSERT ON current WHEN NEW.value IS NOT NULL
BEGIN
  INSERT INTO log (id, key, create_revision, version, previous, lease, value)
  VALUES (NEW.id, NEW.key, NEW.create_revision, NEW.version, NEW.previous, NEW.lease, NEW.value);
END;

CREATE TRIGGER current_replaced AFTER UPDATE ON current WHEN NEW.value IS NOT NULL
BEGIN
  INSERT INTO log (id, key, create_revision, version, previous, lease, value)
  VALUES (NEW.id, NEW.key, NEW.create_revision, NEW.version, NEW.previous, NEW.lease, NEW.value);
END;
