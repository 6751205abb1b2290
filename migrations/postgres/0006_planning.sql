-- Chosen weekdays, what a list's digests are gathered and reviewed by, articles owed and sent apart, critical articles.

-- How digests are gathered, reviewed and how long they're worth sending: JSON, what is missing is as by default.
ALTER TABLE list ADD COLUMN pace TEXT NOT NULL DEFAULT '{}';

-- A rhythm has its days (bits, Monday the lowest; 0 unless weekdays were chosen), which belong to what makes it unique.
ALTER TABLE rhythm ADD COLUMN days BIGINT NOT NULL DEFAULT 0 CHECK (days BETWEEN 0 AND 127);
ALTER TABLE rhythm ALTER COLUMN days DROP DEFAULT;
ALTER TABLE rhythm DROP CONSTRAINT rhythm_cadence_check;
ALTER TABLE rhythm ADD CONSTRAINT rhythm_cadence_check
  CHECK (cadence IN ('immediate', 'hourly', 'daily', 'weekdays', 'weekly', 'monthly'));
ALTER TABLE rhythm DROP CONSTRAINT rhythm_list_id_cadence_hour_zone_key;
ALTER TABLE rhythm ADD UNIQUE (list_id, cadence, days, hour, zone);

-- Seqs with commas. `owed`: served in a letter that never went out, to be in the next one. `apart`: sent on their own
-- before their turn, to be left out when it comes. Both are empty for nearly everybody.
ALTER TABLE subscription ADD COLUMN owed TEXT NOT NULL DEFAULT '';
ALTER TABLE subscription ADD COLUMN apart TEXT NOT NULL DEFAULT '';
CREATE INDEX subscription_owed ON subscription (rhythm_id) WHERE owed <> '' AND state = 'active';

-- `not_after`: its letters aren't made any more then. `review_until`: when a held digest's time for review is over.
-- `ranked` and `dropped`: ids of articles as the editor put them. `critical_seq`: the one article it is about, sent
-- to all cadences. `folded`: how its letters stood (JSON) when they were cleared away.
ALTER TABLE digest ADD COLUMN not_after BIGINT;
ALTER TABLE digest ADD COLUMN review_until BIGINT;
ALTER TABLE digest ADD COLUMN introduction TEXT NOT NULL DEFAULT '';
ALTER TABLE digest ADD COLUMN ranked TEXT NOT NULL DEFAULT '[]';
ALTER TABLE digest ADD COLUMN dropped TEXT NOT NULL DEFAULT '[]';
ALTER TABLE digest ADD COLUMN critical_seq BIGINT;
ALTER TABLE digest ADD COLUMN folded TEXT;
CREATE INDEX digest_review ON digest (review_until) WHERE state = 'held';

-- What one person calls critical and another approves of.
CREATE TABLE critical (
  id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  article_id  BIGINT NOT NULL REFERENCES article (id) ON DELETE CASCADE,
  list_id     BIGINT NOT NULL REFERENCES list (id) ON DELETE CASCADE,
  asked_by    TEXT NOT NULL,
  asked_at    BIGINT NOT NULL,
  approved_by TEXT,
  approved_at BIGINT,
  digest_id   BIGINT REFERENCES digest (id) ON DELETE SET NULL,
  UNIQUE (article_id, list_id)
);

-- Letters for people who look after lists, and letters of a digest that was stopped for a while.
ALTER TABLE letter DROP CONSTRAINT letter_purpose_check;
ALTER TABLE letter ADD CONSTRAINT letter_purpose_check
  CHECK (purpose IN ('digest', 'confirm', 'welcome', 'link', 'goodbye', 'review'));
ALTER TABLE letter DROP CONSTRAINT letter_state_check;
ALTER TABLE letter ADD CONSTRAINT letter_state_check CHECK (state IN
  ('queued', 'leased', 'handing', 'accepted', 'deferred', 'refused', 'uncertain', 'failed', 'cancelled', 'paused'));
-- Whom it's for, if not for a subscriber; and whether its articles went back to its reader.
ALTER TABLE letter ADD COLUMN user_id BIGINT REFERENCES "user" (id) ON DELETE SET NULL;
ALTER TABLE letter ADD COLUMN given_back BIGINT NOT NULL DEFAULT 0;
