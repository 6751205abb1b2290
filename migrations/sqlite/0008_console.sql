-- Keys for scripts. Only the hash is kept: a key is shown once, when it's made.
CREATE TABLE api_key (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT NOT NULL UNIQUE,
  token_hash TEXT NOT NULL UNIQUE,
  scopes     TEXT NOT NULL,
  state      TEXT NOT NULL CHECK (state IN ('active', 'revoked')),
  created_at INTEGER NOT NULL,
  used_at    INTEGER
) STRICT;

-- What a request with an Idempotency-Key was answered, so that it's answered the same again. 'status' is 0 while
-- the first one is being answered.
CREATE TABLE reply (
  key_id   INTEGER NOT NULL REFERENCES api_key (id) ON DELETE CASCADE,
  name     TEXT NOT NULL,
  request  TEXT NOT NULL,
  at       INTEGER NOT NULL,
  status   INTEGER NOT NULL,
  headers  TEXT NOT NULL,
  body     TEXT NOT NULL,
  PRIMARY KEY (key_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX reply_at ON reply (at);

-- Who changed what by the console, the API or the command line. Append-only; it outlives what it speaks of.
CREATE TABLE audit (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  at      INTEGER NOT NULL,
  actor   TEXT NOT NULL,
  action  TEXT NOT NULL,
  subject TEXT NOT NULL,
  was     TEXT NOT NULL,
  became  TEXT NOT NULL
) STRICT;
CREATE INDEX audit_subject ON audit (subject, id);

-- How many there were on each day.
CREATE INDEX subscription_begun ON subscription (active_at) WHERE active_at IS NOT NULL;
CREATE INDEX subscription_gone ON subscription (ended_at) WHERE ended_at IS NOT NULL;
