-- What an installation was given once, or has looked like since a moment. 'authority' and 'year' are part of every
-- identifier in every feed: they're written at the first start and never changed.
CREATE TABLE installation (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL,
  since INTEGER NOT NULL
) STRICT;

-- When an edit last took an article off the topic: its feed changed then, and no article in it tells.
ALTER TABLE topic ADD COLUMN left_at INTEGER NOT NULL DEFAULT 0;
