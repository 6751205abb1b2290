-- The reader's side: the archive, pauses, text alone, changes of address, pictures.

-- What a digest held, for whomever: its page in the archive outlives its editions.
CREATE TABLE digest_article (
  digest_id  INTEGER NOT NULL REFERENCES digest (id) ON DELETE CASCADE,
  article_id INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
  PRIMARY KEY (digest_id, article_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX digest_article_article ON digest_article (article_id);
CREATE INDEX digest_list ON digest (list_id, id);
INSERT INTO digest_article (digest_id, article_id)
SELECT DISTINCT e.digest_id, a.id FROM edition e, json_each(e.articles) x JOIN article a ON a.id = x.value;

-- `format`: HTML and text, or text alone. `paused_until`: when a paused subscription goes on.
ALTER TABLE subscriber ADD COLUMN format TEXT NOT NULL DEFAULT 'both' CHECK (format IN ('both', 'text'));
ALTER TABLE subscription ADD COLUMN paused_until INTEGER;
CREATE INDEX subscription_paused ON subscription (paused_until) WHERE state = 'paused';
CREATE INDEX article_history ON article (published_at) WHERE state = 'published' AND mailing = 'digest';

-- A reader asks for another address, which is a subscriber of its own until its owner answers from it. AUTOINCREMENT:
-- the number goes into the link.
CREATE TABLE address_change (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  subscriber_id INTEGER NOT NULL UNIQUE REFERENCES subscriber (id) ON DELETE CASCADE,
  to_id         INTEGER NOT NULL REFERENCES subscriber (id) ON DELETE CASCADE,
  asked_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX address_change_to ON address_change (to_id);

-- Only a CHECK of `letter` changes, nothing that is stored: two more purposes.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, '''goodbye''', '''goodbye'', ''address'', ''erasure''')
WHERE type = 'table' AND name = 'letter';
PRAGMA writable_schema = RESET;

-- Pictures that we hold ourselves, so that readers' browsers and mail programs call nobody else: source's address →
-- file, width, height (JSON). `pictures_at`: when the rest of them is due to be fetched; none is left when NULL.
ALTER TABLE article ADD COLUMN pictures TEXT NOT NULL DEFAULT '{}';
ALTER TABLE article ADD COLUMN pictures_at INTEGER DEFAULT 0;
CREATE INDEX article_pictures ON article (pictures_at) WHERE pictures_at IS NOT NULL;
