-- WebSub. Our own hub: who has the changes of a feed pushed to them, and what they are owed.

-- A feed that is pushed, by its address below base_url in its one spelling. At the counter 'feeds' = `version`
-- it had this hash.
CREATE TABLE hub_topic (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  path    TEXT NOT NULL UNIQUE,
  version INTEGER NOT NULL,
  hash    TEXT NOT NULL
) STRICT;
CREATE INDEX hub_topic_version ON hub_topic (version);

-- A wish whose callback has yet to say that it is its own. A newer one takes its place.
CREATE TABLE hub_wish (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  path     TEXT NOT NULL,
  callback TEXT NOT NULL,
  mode     TEXT NOT NULL CHECK (mode IN ('subscribe', 'unsubscribe')),
  lease_ms INTEGER NOT NULL,
  secret   TEXT,
  asked_at INTEGER NOT NULL,
  due_at   INTEGER NOT NULL,
  tries    INTEGER NOT NULL DEFAULT 0,
  UNIQUE (path, callback)
) STRICT;
CREATE INDEX hub_wish_due ON hub_wish (due_at);

-- `pushed` is the hash of what the callback last took. `due_at` is when it is next pushed to, null while it
-- is owed nothing: a newer content takes the place of one that is still owed.
CREATE TABLE hub_subscription (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  topic_id INTEGER NOT NULL REFERENCES hub_topic (id) ON DELETE CASCADE,
  callback TEXT NOT NULL,
  host     TEXT NOT NULL,
  secret   TEXT,
  until    INTEGER NOT NULL,
  pushed   TEXT NOT NULL,
  due_at   INTEGER,
  tries    INTEGER NOT NULL DEFAULT 0,
  UNIQUE (topic_id, callback)
) STRICT;
CREATE INDEX hub_subscription_due ON hub_subscription (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX hub_subscription_until ON hub_subscription (until);
CREATE INDEX hub_subscription_host ON hub_subscription (host);

-- Somebody else's hub that is told of changes: up to which `version` of the counter 'feeds', as things
-- were at `told_at`.
CREATE TABLE outside_hub (
  url     TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  told_at INTEGER NOT NULL,
  due_at  INTEGER NOT NULL,
  tries   INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- How a source's own hub pushes to us. `due_at` is when to ask it again; `made` is in the callback's signed
-- address and in the secret, so that a new wish has new ones.
CREATE TABLE source_push (
  source_id INTEGER PRIMARY KEY REFERENCES source (id) ON DELETE CASCADE,
  hub       TEXT NOT NULL,
  topic     TEXT NOT NULL,
  state     TEXT NOT NULL CHECK (state IN ('asked', 'active', 'refused')),
  made      INTEGER NOT NULL,
  until     INTEGER,
  due_at    INTEGER NOT NULL,
  tries     INTEGER NOT NULL DEFAULT 0,
  pushed_at INTEGER,
  problem   TEXT
) STRICT;
CREATE INDEX source_push_due ON source_push (due_at);

-- What changed since a moment, for outside hubs.
CREATE INDEX article_changed ON article (changed_at);
