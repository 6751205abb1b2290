-- Who a provider (OpenID Connect) says a user is: its own name for them, which stays when their address changes.
CREATE TABLE identity (
  user_id  BIGINT NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
  issuer   TEXT NOT NULL,
  subject  TEXT NOT NULL,
  bound_at BIGINT NOT NULL,
  PRIMARY KEY (issuer, subject),
  UNIQUE (user_id, issuer)
);

-- Tries to sign in there, each good once: a hash of what the browser holds.
CREATE TABLE oidc_try (
  token_hash TEXT NOT NULL PRIMARY KEY,
  expires_at BIGINT NOT NULL
);
CREATE INDEX oidc_try_expires ON oidc_try (expires_at);
