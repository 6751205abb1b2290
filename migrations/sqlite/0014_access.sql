-- Who is signed in, and from where: each session has a number that its owner can name, the network it was last seen
-- from, and when. 'code' waits for the second proof. The table is made anew, since SQLite can't change a CHECK.
CREATE TABLE session_anew (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  token_hash TEXT NOT NULL UNIQUE,
  user_id    INTEGER NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
  purpose    TEXT NOT NULL CHECK (purpose IN ('session', 'sign_in', 'code')),
  network    TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL,
  seen_at    INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;
INSERT INTO session_anew (token_hash, user_id, purpose, created_at, seen_at, expires_at)
SELECT token_hash, user_id, purpose, created_at, created_at, expires_at FROM session;
DROP TABLE session;
ALTER TABLE session_anew RENAME TO session;
CREATE INDEX session_owner ON session (user_id);

-- A second proof (TOTP): what its key is derived with, and the last half minute whose code was taken, so that none is
-- taken twice. 'links_from': mailed sign-in links that were made earlier are no longer good.
ALTER TABLE "user" ADD COLUMN totp_salt TEXT;
ALTER TABLE "user" ADD COLUMN totp_step INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "user" ADD COLUMN links_from INTEGER NOT NULL DEFAULT 0;

-- Codes for a phone that is lost, each good once; only their hashes.
CREATE TABLE recovery_code (
  user_id   INTEGER NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
  code_hash TEXT NOT NULL,
  PRIMARY KEY (user_id, code_hash)
) STRICT, WITHOUT ROWID;

-- Only a CHECK of `letter` changes, nothing that is stored: one more purpose.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, '''erasure''', '''erasure'', ''password''')
WHERE type = 'table' AND name = 'letter';
PRAGMA writable_schema = RESET;
-- How many letters somebody was sent lately.
CREATE INDEX letter_user ON letter (user_id, made_at) WHERE user_id IS NOT NULL;
