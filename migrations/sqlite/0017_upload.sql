-- A table of people that somebody uploads in the console: looked at first, then taken in part by part, up to 'at_line'.
-- A row goes as it's taken; one that isn't stays with the reason, so that it can be corrected, for a week at most.
CREATE TABLE upload (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  list_id    INTEGER NOT NULL REFERENCES list (id) ON DELETE CASCADE,
  file       TEXT NOT NULL,
  head       TEXT NOT NULL,
  mapping    TEXT NOT NULL,
  consent    TEXT NOT NULL DEFAULT '',
  state      TEXT NOT NULL CHECK (state IN ('looked', 'going', 'done')),
  made_by    TEXT NOT NULL,
  made_at    INTEGER NOT NULL,
  size       INTEGER NOT NULL,
  at_line    INTEGER NOT NULL DEFAULT 0,
  added      INTEGER NOT NULL DEFAULT 0,
  known      INTEGER NOT NULL DEFAULT 0,
  suppressed INTEGER NOT NULL DEFAULT 0,
  left_out   INTEGER NOT NULL DEFAULT 0,
  bad        INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX upload_going ON upload (id) WHERE state = 'going';

CREATE TABLE upload_row (
  upload_id INTEGER NOT NULL REFERENCES upload (id) ON DELETE CASCADE,
  line      INTEGER NOT NULL,
  cells     TEXT NOT NULL,
  why       TEXT,
  PRIMARY KEY (upload_id, line)
) STRICT, WITHOUT ROWID;
