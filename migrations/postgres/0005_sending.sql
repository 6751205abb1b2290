-- Relays that warm up. Days count since 1970 (UTC): the day of the first letter, and of the count.
CREATE TABLE relay (
  name  TEXT PRIMARY KEY,
  since BIGINT NOT NULL,
  day   BIGINT NOT NULL,
  sent  BIGINT NOT NULL
);
