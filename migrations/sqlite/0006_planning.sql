-- Chosen weekdays, what a list's digests are gathered and reviewed by, articles owed and sent apart, critical articles.

-- How digests are gathered, reviewed and how long they're worth sending: JSON, what is missing is as by default.
ALTER TABLE list ADD COLUMN pace TEXT NOT NULL DEFAULT '{}';

-- A rhythm has its days (bits, Monday the lowest; 0 unless weekdays were chosen), which belong to what makes it unique.
-- Readers and digests point at it: the rows go and come back within this transaction, which then finds nothing amiss.
PRAGMA defer_foreign_keys = ON;
CREATE TABLE rhythm_before AS SELECT id, list_id, cadence, hour, zone, next_at FROM rhythm;
DROP TABLE rhythm;
CREATE TABLE rhythm (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  list_id INTEGER NOT NULL REFERENCES list (id) ON DELETE CASCADE,
  cadence TEXT NOT NULL CHECK (cadence IN ('immediate', 'hourly', 'daily', 'weekdays', 'weekly', 'monthly')),
  days    INTEGER NOT NULL CHECK (days BETWEEN 0 AND 127),
  hour    INTEGER NOT NULL CHECK (hour BETWEEN 0 AND 23),
  zone    TEXT NOT NULL,
  next_at INTEGER NOT NULL,
  UNIQUE (list_id, cadence, days, hour, zone)
) STRICT;
INSERT INTO rhythm (id, list_id, cadence, days, hour, zone, next_at)
SELECT id, list_id, cadence, 0, hour, zone, next_at FROM rhythm_before;
DROP TABLE rhythm_before;
CREATE INDEX rhythm_due ON rhythm (next_at);

-- Seqs with commas. `owed`: served in a letter that never went out, to be in the next one. `apart`: sent on their own
-- before their turn, to be left out when it comes. Both are empty for nearly everybody.
ALTER TABLE subscription ADD COLUMN owed TEXT NOT NULL DEFAULT '';
ALTER TABLE subscription ADD COLUMN apart TEXT NOT NULL DEFAULT '';
CREATE INDEX subscription_owed ON subscription (rhythm_id) WHERE owed <> '' AND state = 'active';

-- `not_after`: its letters aren't made any more then. `review_until`: when a held digest's time for review is over.
-- `ranked` and `dropped`: ids of articles as the editor put them. `critical_seq`: the one article it is about, sent
-- to all cadences. `folded`: how its letters stood (JSON) when they were cleared away.
ALTER TABLE digest ADD COLUMN not_after INTEGER;
ALTER TABLE digest ADD COLUMN review_until INTEGER;
ALTER TABLE digest ADD COLUMN introduction TEXT NOT NULL DEFAULT '';
ALTER TABLE digest ADD COLUMN ranked TEXT NOT NULL DEFAULT '[]';
ALTER TABLE digest ADD COLUMN dropped TEXT NOT NULL DEFAULT '[]';
ALTER TABLE digest ADD COLUMN critical_seq INTEGER;
ALTER TABLE digest ADD COLUMN folded TEXT;
CREATE INDEX digest_review ON digest (review_until) WHERE state = 'held';

-- What one person calls critical and another approves of.
CREATE TABLE critical (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  article_id  INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
  list_id     INTEGER NOT NULL REFERENCES list (id) ON DELETE CASCADE,
  asked_by    TEXT NOT NULL,
  asked_at    INTEGER NOT NULL,
  approved_by TEXT,
  approved_at INTEGER,
  digest_id   INTEGER REFERENCES digest (id) ON DELETE SET NULL,
  UNIQUE (article_id, list_id)
) STRICT;

-- Only the constraints of `letter` change, nothing that is stored: this is the documented way to do that without copying
-- every letter there is. Letters for people who look after lists, and letters of a digest that was stopped for a while.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(sql,
  '''link'', ''goodbye''', '''link'', ''goodbye'', ''review'''),
  '''failed'', ''cancelled''', '''failed'', ''cancelled'', ''paused''')
WHERE type = 'table' AND name = 'letter';
PRAGMA writable_schema = RESET;
-- Whom it's for, if not for a subscriber; and whether its articles went back to its reader.
ALTER TABLE letter ADD COLUMN user_id INTEGER REFERENCES "user" (id) ON DELETE SET NULL;
ALTER TABLE letter ADD COLUMN given_back INTEGER NOT NULL DEFAULT 0;
