-- Relays that warm up. Days count since 1970 (UTC): the day of the first letter, and of the count.
CREATE TABLE relay (
  name  TEXT PRIMARY KEY,
  since INTEGER NOT NULL,
  day   INTEGER NOT NULL,
  sent  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
