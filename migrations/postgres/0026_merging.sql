-- A withdrawn article that is the same story as another: its page leads there.
ALTER TABLE article ADD COLUMN same_as BIGINT;
CREATE INDEX article_same ON article (same_as) WHERE same_as IS NOT NULL;
