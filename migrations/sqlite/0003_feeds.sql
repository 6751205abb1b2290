-- What feeds need beside the articles themselves.

-- The value that counter 'feeds' had when the article was last published, edited, withdrawn or put back. The counter's
-- row is held to commit, so whoever has seen a value has seen every change up to it: what a reader lacks can be told.
ALTER TABLE article ADD COLUMN version INTEGER NOT NULL DEFAULT 0;

-- Feeds tell that an article was withdrawn; the map for search engines has the last two days apart.
CREATE INDEX article_withdrawn ON article (seq) WHERE state = 'withdrawn';
CREATE INDEX article_published ON article (published_at);

-- Whether a subscription can be read as a feed, and by which address: it's open while this is odd, and every change of
-- it makes the address before worthless.
ALTER TABLE subscription ADD COLUMN feed_turn INTEGER NOT NULL DEFAULT 0;

-- How many people read a feed through a service, as the service itself says when it asks.
CREATE TABLE feed_reader (
  feed    TEXT NOT NULL,
  reader  TEXT NOT NULL,
  people  INTEGER NOT NULL,
  told_at INTEGER NOT NULL,
  PRIMARY KEY (feed, reader)
) STRICT, WITHOUT ROWID;

-- The words of articles. Only the index is kept, and the database keeps it. Apostrophes and the stress mark go, since
-- people write them in five ways or not at all: «п'ять», «пʼять», «пять».
CREATE VIRTUAL TABLE article_search USING fts5 (
  title, summary, text,
  content = '', contentless_delete = 1, prefix = '3', tokenize = 'unicode61 remove_diacritics 0'
);

CREATE TRIGGER article_search_added AFTER INSERT ON article BEGIN
  INSERT INTO article_search (rowid, title, summary, text) VALUES (
    NEW.id,
    replace(replace(replace(replace(replace(NEW.title, '''', ''), '’', ''), 'ʼ', ''), '`', ''), char(769), ''),
    replace(replace(replace(replace(replace(NEW.summary, '''', ''), '’', ''), 'ʼ', ''), '`', ''), char(769), ''),
    replace(replace(replace(replace(replace(NEW.text, '''', ''), '’', ''), 'ʼ', ''), '`', ''), char(769), ''));
END;

CREATE TRIGGER article_search_changed AFTER UPDATE OF title, summary, text ON article BEGIN
  UPDATE article_search SET
    title = replace(replace(replace(replace(replace(NEW.title, '''', ''), '’', ''), 'ʼ', ''), '`', ''), char(769), ''),
    summary = replace(replace(replace(replace(replace(NEW.summary, '''', ''), '’', ''), 'ʼ', ''), '`', ''), char(769), ''),
    text = replace(replace(replace(replace(replace(NEW.text, '''', ''), '’', ''), 'ʼ', ''), '`', ''), char(769), '')
  WHERE rowid = NEW.id;
END;

CREATE TRIGGER article_search_removed AFTER DELETE ON article BEGIN
  DELETE FROM article_search WHERE rowid = OLD.id;
END;

INSERT INTO article_search (rowid, title, summary, text)
SELECT id,
  replace(replace(replace(replace(replace(title, '''', ''), '’', ''), 'ʼ', ''), '`', ''), char(769), ''),
  replace(replace(replace(replace(replace(summary, '''', ''), '’', ''), 'ʼ', ''), '`', ''), char(769), ''),
  replace(replace(replace(replace(replace(text, '''', ''), '’', ''), 'ʼ', ''), '`', ''), char(769), '')
FROM article;
