-- What servers and people said of letters after they had left: bounces and complaints. Append-only.
-- `report` tells a report that comes twice. `address_mac` is what suppressions are kept under: a reader who
-- was forgotten leaves no address here.
CREATE TABLE bounce (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  report      TEXT NOT NULL UNIQUE,
  letter_id   INTEGER REFERENCES letter (id) ON DELETE SET NULL,
  digest_id   INTEGER REFERENCES digest (id) ON DELETE SET NULL,
  address_mac TEXT NOT NULL,
  kind        TEXT NOT NULL CHECK (kind IN ('hard', 'soft', 'policy', 'complaint')),
  origin      TEXT NOT NULL,
  status      TEXT,
  text        TEXT NOT NULL,
  at          INTEGER NOT NULL
) STRICT;
CREATE INDEX bounce_address ON bounce (address_mac, at);
CREATE INDEX bounce_letter ON bounce (letter_id) WHERE letter_id IS NOT NULL;
CREATE INDEX bounce_digest ON bounce (digest_id, kind) WHERE digest_id IS NOT NULL;
-- Letters whose refusal may say something of the address.
CREATE INDEX letter_refused ON letter (finished_at) WHERE state = 'refused';
