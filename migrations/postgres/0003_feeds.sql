-- What feeds need beside the articles themselves.

-- The value that counter 'feeds' had when the article was last published, edited, withdrawn or put back. The counter's
-- row is held to commit, so whoever has seen a value has seen every change up to it: what a reader lacks can be told.
ALTER TABLE article ADD COLUMN version BIGINT NOT NULL DEFAULT 0;

-- Feeds tell that an article was withdrawn; the map for search engines has the last two days apart.
CREATE INDEX article_withdrawn ON article (seq) WHERE state = 'withdrawn';
CREATE INDEX article_published ON article (published_at);

-- Whether a subscription can be read as a feed, and by which address: it's open while this is odd, and every change of
-- it makes the address before worthless.
ALTER TABLE subscription ADD COLUMN feed_turn BIGINT NOT NULL DEFAULT 0;

-- How many people read a feed through a service, as the service itself says when it asks.
CREATE TABLE feed_reader (
  feed    TEXT NOT NULL,
  reader  TEXT NOT NULL,
  people  BIGINT NOT NULL,
  told_at BIGINT NOT NULL,
  PRIMARY KEY (feed, reader)
);

-- The words of articles, kept by the database. Apostrophes and the stress mark go, since people write them in five ways
-- or not at all: «п'ять», «пʼять», «пять». What the parser takes for addresses and paths is cut into words. An index
-- entry holds at most 1 MB, hence the limit.
ALTER TABLE article ADD COLUMN words TSVECTOR NOT NULL GENERATED ALWAYS AS (
  setweight(to_tsvector('simple', translate(title, './:@-_''’ʼ`' || chr(769), '      ')), 'A') ||
  setweight(to_tsvector('simple', translate(left(summary, 20000), './:@-_''’ʼ`' || chr(769), '      ')), 'B') ||
  setweight(to_tsvector('simple', translate(left(text, 100000), './:@-_''’ʼ`' || chr(769), '      ')), 'C')
) STORED;
CREATE INDEX article_words ON article USING GIN (words);
