-- The streams and watches of sockets that carry more of them than a socket's attachment holds, so
-- that they survive hibernation too. A row with an empty `watch_id` is an open stream; any other,
-- an int64 in decimal, is a watch, and `state` is what resumes it.
CREATE TABLE watch (
  socket TEXT NOT NULL,
  stream INTEGER NOT NULL,
  watch_id TEXT NOT NULL,
  state BLOB NOT NULL,
  PRIMARY KEY (socket, stream, watch_id)
) STRICT, WITHOUT ROWID;
