-- Letters of templates that ask about their reader.

-- What each letter of an edition is rendered from (JSON), where putting the reader's own words in place of marks would
-- give another letter.
ALTER TABLE edition ADD COLUMN own TEXT;
