-- How many letters a digest has made, so that nobody counts them for a page: what isn't found in another state was
-- accepted. Letters of digests and those written to one person are counted apart.
DROP INDEX letter_digest;
CREATE INDEX letter_digest ON letter (digest_id, state) WHERE purpose = 'digest';
CREATE INDEX letter_single ON letter (state) WHERE purpose <> 'digest';
ALTER TABLE digest ADD COLUMN letters BIGINT NOT NULL DEFAULT 0;
UPDATE digest SET letters =
  (SELECT COUNT(*) FROM letter l WHERE l.digest_id = digest.id AND l.purpose = 'digest')
  + (SELECT CAST(COALESCE(SUM(CAST(line.value ->> 1 AS BIGINT)), 0) AS BIGINT)
     FROM json_array_elements(CAST(COALESCE(folded, '[]') AS JSON)) AS line (value));
