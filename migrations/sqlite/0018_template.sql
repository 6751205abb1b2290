-- Letters' templates as owners wrote them in the console: only ever added to. Of each template the row with the highest
-- number is in force; one without a text says "as shipped". A row without a number was only tried, in a letter to its writer.
CREATE TABLE template (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  purpose TEXT NOT NULL,
  part    TEXT NOT NULL CHECK (part IN ('subject.txt', 'body.html', 'body.txt')),
  number  INTEGER,
  text    TEXT,
  made_at INTEGER NOT NULL,
  made_by TEXT NOT NULL,
  UNIQUE (purpose, part, number)
) STRICT;

-- Only a CHECK of `letter` changes, nothing that is stored: one more purpose.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, '''password''', '''password'', ''sample''')
WHERE type = 'table' AND name = 'letter';
PRAGMA writable_schema = RESET;
-- What a sample is of.
ALTER TABLE letter ADD COLUMN template_id INTEGER REFERENCES template (id);
