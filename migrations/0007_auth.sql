-- Whether etcd's auth is on, and the revision that each change of users, roles and permissions
-- counts up.
CREATE TABLE auth (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  enabled INTEGER NOT NULL,
  revision INTEGER NOT NULL
) STRICT;
INSERT INTO auth (one, enabled, revision) VALUES (1, 0, 1);
-- The users. `password` is the text of a bcrypt hash as etcd keeps it, or empty. `password_revision`
-- is the auth revision that set it: a simple token names its user by this number.
CREATE TABLE auth_user (
  name TEXT PRIMARY KEY,
  password BLOB NOT NULL,
  no_password INTEGER NOT NULL,
  password_revision INTEGER NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;
-- Which roles a user has. The role `root` need not be among the roles.
CREATE TABLE auth_user_role (
  user TEXT NOT NULL,
  role TEXT NOT NULL,
  PRIMARY KEY (user, role)
) STRICT, WITHOUT ROWID;
CREATE TABLE auth_role (
  name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
-- What a role may: its permissions in the order of their keys, and of their granting where keys are
-- equal, which `place` counts.
CREATE TABLE auth_permission (
  role TEXT NOT NULL,
  key BLOB NOT NULL,
  place INTEGER NOT NULL,
  range_end BLOB NOT NULL,
  type INTEGER NOT NULL,
  PRIMARY KEY (role, key, place)
) STRICT, WITHOUT ROWID;
-- What signs simple tokens, made anew each time that auth is enabled.
CREATE TABLE auth_token_key (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  key BLOB NOT NULL
) STRICT;
-- The tokens that are in use for longer than they themselves say. `expiry` is in milliseconds since
-- 1970 and never before the token's deadline, which is known to memory alone.
CREATE TABLE auth_token (
  id TEXT PRIMARY KEY,
  expiry INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
