-- How an article is known again, whatever its source calls it now.

-- The same names without what doesn't tell articles apart: scheme, a slash at the end, tracking parameters.
ALTER TABLE origin ADD COLUMN guid_key TEXT NOT NULL DEFAULT '';
ALTER TABLE origin ADD COLUMN url_key TEXT;
-- When the source said that it took the article off.
ALTER TABLE origin ADD COLUMN gone_at INTEGER;
UPDATE origin SET guid_key = guid, url_key = url;
CREATE INDEX origin_guid_key ON origin (source_id, guid_key);
CREATE INDEX origin_url_key ON origin (url_key) WHERE url_key IS NOT NULL;

-- Who took an article off. What a person took off, no source puts back.
ALTER TABLE article ADD COLUMN withdrawn_by TEXT CHECK (withdrawn_by IN ('person', 'source'));
UPDATE article SET withdrawn_by = 'person' WHERE state = 'withdrawn';

-- A few hashes of an article's title, moment and text: stories that are alike share some.
CREATE TABLE mark (
  mark       INTEGER NOT NULL,
  article_id INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
  PRIMARY KEY (mark, article_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX mark_article ON mark (article_id);

-- Drafts of a flood, which wait for a person. 'dropped' ones are kept by name alone, so that they don't come again.
CREATE TABLE held (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  source_id INTEGER NOT NULL REFERENCES source (id) ON DELETE CASCADE,
  guid      TEXT NOT NULL,
  held_at   INTEGER NOT NULL,
  state     TEXT NOT NULL CHECK (state IN ('held', 'dropped')),
  title     TEXT NOT NULL,
  draft     TEXT NOT NULL,
  UNIQUE (source_id, guid)
) STRICT;
