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
