-- Programs that are told what happens here, by signed requests (standardwebhooks.com). `events` is a JSON list of the
-- events' names; one that answered 410 is gone.
CREATE TABLE webhook (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  url     TEXT NOT NULL,
  events  TEXT NOT NULL,
  secret  TEXT NOT NULL,
  state   TEXT NOT NULL CHECK (state IN ('active', 'gone')),
  made_at INTEGER NOT NULL
) STRICT;

-- What one of them is to be told, the very bytes. `answer` says in words what came of the last try.
CREATE TABLE webhook_message (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  webhook_id INTEGER NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
  event      TEXT NOT NULL,
  body       TEXT NOT NULL,
  state      TEXT NOT NULL CHECK (state IN ('waiting', 'taken', 'failed')),
  made_at    INTEGER NOT NULL,
  due_at     INTEGER NOT NULL,
  tries      INTEGER NOT NULL DEFAULT 0,
  tried_at   INTEGER,
  answer     TEXT
) STRICT;
CREATE INDEX webhook_message_due ON webhook_message (due_at) WHERE state = 'waiting';
CREATE INDEX webhook_message_again ON webhook_message (webhook_id, due_at) WHERE state = 'waiting' AND tries > 0;
CREATE INDEX webhook_message_of ON webhook_message (webhook_id, id);
CREATE INDEX webhook_message_old ON webhook_message (made_at) WHERE state <> 'waiting';

-- When the last letter of a digest came to rest.
ALTER TABLE digest ADD COLUMN sent_at INTEGER;
UPDATE digest SET sent_at = cut_at WHERE state = 'planned' AND NOT EXISTS (
  SELECT 1 FROM letter l WHERE l.digest_id = digest.id AND l.purpose = 'digest'
    AND l.state IN ('queued', 'leased', 'handing', 'deferred', 'paused'));
CREATE INDEX digest_unsent ON digest (id) WHERE state = 'planned' AND sent_at IS NULL;
