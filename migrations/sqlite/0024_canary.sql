-- Letters of the canary that have come into its mailbox.
CREATE TABLE canary_letter (
  letter_id INTEGER PRIMARY KEY REFERENCES letter (id) ON DELETE CASCADE,
  seen_at   INTEGER NOT NULL
) STRICT;

-- When a list's digest didn't come to the canary in time, why as far as we know, and until when.
CREATE TABLE silence (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  list_id   INTEGER NOT NULL REFERENCES list (id) ON DELETE CASCADE,
  digest_id INTEGER REFERENCES digest (id) ON DELETE SET NULL,
  why       TEXT NOT NULL CHECK (why IN ('due', 'waiting', 'refused', 'lost', 'blind')),
  since     INTEGER NOT NULL,
  began_at  INTEGER NOT NULL,
  ended_at  INTEGER
) STRICT;
CREATE UNIQUE INDEX silence_now ON silence (list_id) WHERE ended_at IS NULL;
CREATE INDEX silence_list ON silence (list_id);
CREATE INDEX silence_digest ON silence (digest_id) WHERE digest_id IS NOT NULL;

-- Only a CHECK of `letter` changes, nothing that is stored: one more purpose.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, '''sample''', '''sample'', ''silence''')
WHERE type = 'table' AND name = 'letter';
PRAGMA writable_schema = RESET;
