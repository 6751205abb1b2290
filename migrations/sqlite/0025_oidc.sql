-- Who a provider (OpenID Connect) says a user is: its own name for them, which stays when their address changes.
CREATE TABLE identity (
  user_id  INTEGER NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
  issuer   TEXT NOT NULL,
  subject  TEXT NOT NULL,
  bound_at INTEGER NOT NULL,
  PRIMARY KEY (issuer, subject),
  UNIQUE (user_id, issuer)
) STRICT, WITHOUT ROWID;

-- Tries to sign in there, each good once: a hash of what the browser holds.
CREATE TABLE oidc_try (
  token_hash TEXT NOT NULL PRIMARY KEY,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX oidc_try_expires ON oidc_try (expires_at);
