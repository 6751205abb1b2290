-- The way of an article and of a letter. Times are milliseconds since 1970 (UTC); small lists are JSON.
-- AUTOINCREMENT wherever a number goes into a signed link or a Message-ID: it must never be given twice.

-- Numbers that only grow. 'article' is the last seq given; the row is locked until the publishing
-- transaction commits, so the order of commits is the order of seq. 'feeds' changes whenever a feed might.
CREATE TABLE counter (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT;
INSERT INTO counter (name, value) VALUES ('article', 0), ('feeds', 0);

CREATE TABLE source (
  id              INTEGER PRIMARY KEY AUTOINCREMENT,
  url             TEXT NOT NULL UNIQUE,
  kind            TEXT NOT NULL CHECK (kind IN ('auto', 'feed', 'listing', 'page', 'sitemap')),
  name            TEXT NOT NULL,
  selectors       TEXT NOT NULL,
  every_ms        INTEGER NOT NULL,
  state           TEXT NOT NULL CHECK (state IN ('active', 'paused', 'gone')),
  etag            TEXT,
  last_modified   TEXT,
  created_at      INTEGER NOT NULL,
  first_polled_at INTEGER,
  last_polled_at  INTEGER,
  last_good_at    INTEGER,
  next_poll_at    INTEGER NOT NULL,
  failures        INTEGER NOT NULL DEFAULT 0,
  problem         TEXT
) STRICT;
CREATE INDEX source_due ON source (next_poll_at) WHERE state = 'active';

CREATE TABLE topic (
  id   INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL CHECK (kind IN ('department', 'topic')),
  slug TEXT NOT NULL,
  name TEXT NOT NULL,
  UNIQUE (kind, slug)
) STRICT;

-- `published` is the source's own date, RFC 3339 with the offset found; `published_at` is when we gave the seq.
CREATE TABLE article (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  seq           INTEGER NOT NULL UNIQUE,
  revision      INTEGER NOT NULL,
  state         TEXT NOT NULL CHECK (state IN ('published', 'withdrawn')),
  mailing       TEXT NOT NULL CHECK (mailing IN ('digest', 'never')),
  title         TEXT NOT NULL,
  summary       TEXT NOT NULL,
  html          TEXT NOT NULL,
  text          TEXT NOT NULL,
  url           TEXT,
  published     TEXT,
  published_at  INTEGER NOT NULL,
  changed_at    INTEGER NOT NULL,
  authors       TEXT NOT NULL,
  media         TEXT NOT NULL,
  language      TEXT NOT NULL,
  licence       TEXT,
  source_id     INTEGER REFERENCES source (id) ON DELETE SET NULL,
  fingerprint   TEXT NOT NULL,
  digest_topics TEXT NOT NULL  -- ids of the topics it had when published: what digests go by
) STRICT;
CREATE INDEX article_source ON article (source_id, seq);
CREATE INDEX article_url ON article (url) WHERE url IS NOT NULL;

CREATE TABLE article_topic (
  article_id INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
  topic_id   INTEGER NOT NULL REFERENCES topic (id) ON DELETE CASCADE,
  position   INTEGER NOT NULL,
  PRIMARY KEY (article_id, topic_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX article_topic_topic ON article_topic (topic_id, article_id);

-- How a source names an article: the identity that keeps an edit from becoming a second article.
CREATE TABLE origin (
  source_id  INTEGER NOT NULL REFERENCES source (id) ON DELETE CASCADE,
  guid       TEXT NOT NULL,
  article_id INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
  url        TEXT,
  PRIMARY KEY (source_id, guid)
) STRICT, WITHOUT ROWID;
CREATE INDEX origin_url ON origin (source_id, url) WHERE url IS NOT NULL;
CREATE INDEX origin_article ON origin (article_id);

-- What an article said before an edit.
CREATE TABLE revision (
  article_id INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
  number     INTEGER NOT NULL,
  replaced_at INTEGER NOT NULL,
  title      TEXT NOT NULL,
  summary    TEXT NOT NULL,
  html       TEXT NOT NULL,
  PRIMARY KEY (article_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE list (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  slug        TEXT NOT NULL UNIQUE,
  name        TEXT NOT NULL,
  description TEXT NOT NULL,
  sender      TEXT NOT NULL,
  language    TEXT NOT NULL,
  zone        TEXT NOT NULL,
  hour        INTEGER NOT NULL CHECK (hour BETWEEN 0 AND 23),
  cadences    TEXT NOT NULL,
  topics      TEXT NOT NULL,   -- ids of the topics that qualify an article; [] is all
  review      TEXT NOT NULL CHECK (review IN ('auto', 'hold')),
  created_at  INTEGER NOT NULL
) STRICT;

-- `address_mac` is the keyed hash that suppressions are kept under, so that the gate is one join.
CREATE TABLE subscriber (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  email       TEXT NOT NULL,
  email_key   TEXT NOT NULL UNIQUE,
  address_mac TEXT NOT NULL,
  name        TEXT NOT NULL,
  language    TEXT NOT NULL,
  zone        TEXT NOT NULL,
  state       TEXT NOT NULL CHECK (state IN ('asked', 'confirmed')),
  created_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX subscriber_mac ON subscriber (address_mac);

-- One beat of a list: everybody who gets it at this cadence, hour and zone. The timer looks only here.
CREATE TABLE rhythm (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  list_id INTEGER NOT NULL REFERENCES list (id) ON DELETE CASCADE,
  cadence TEXT NOT NULL CHECK (cadence IN ('immediate', 'hourly', 'daily', 'weekly', 'monthly')),
  hour    INTEGER NOT NULL CHECK (hour BETWEEN 0 AND 23),
  zone    TEXT NOT NULL,
  next_at INTEGER NOT NULL,
  UNIQUE (list_id, cadence, hour, zone)
) STRICT;
CREATE INDEX rhythm_due ON rhythm (next_at);

-- `topics_key`: the chosen topics' ids in order, with commas; '' is all. `cursor_seq`: the last seq this
-- subscription has been served; the next window begins after it.
CREATE TABLE subscription (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  subscriber_id INTEGER NOT NULL REFERENCES subscriber (id) ON DELETE CASCADE,
  list_id       INTEGER NOT NULL REFERENCES list (id) ON DELETE CASCADE,
  rhythm_id     INTEGER NOT NULL REFERENCES rhythm (id),
  topics_key    TEXT NOT NULL,
  cursor_seq    INTEGER NOT NULL,
  state         TEXT NOT NULL CHECK (state IN ('asked', 'active', 'paused', 'ended')),
  asked_at      INTEGER NOT NULL,
  active_at     INTEGER,
  ended_at      INTEGER,
  UNIQUE (subscriber_id, list_id)
) STRICT;
CREATE INDEX subscription_rhythm ON subscription (rhythm_id, cursor_seq, topics_key) WHERE state = 'active';

-- Append-only evidence. It outlives what it speaks of, so it has no foreign keys.
CREATE TABLE consent (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  subscriber_id INTEGER NOT NULL,
  list_id       INTEGER NOT NULL,
  act           TEXT NOT NULL CHECK (act IN ('asked', 'given', 'changed', 'withdrawn')),
  at            INTEGER NOT NULL,
  origin        TEXT NOT NULL,
  wording       TEXT NOT NULL
) STRICT;
CREATE INDEX consent_subscriber ON consent (subscriber_id, id);

CREATE TABLE suppression (
  address_mac TEXT PRIMARY KEY,
  reason      TEXT NOT NULL CHECK (reason IN ('bounce', 'complaint', 'erasure', 'admin')),
  at          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One run of a list's cadence for one period. `rhythm_id` is null for a run by hand, which takes in every rhythm.
CREATE TABLE digest (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  list_id    INTEGER NOT NULL REFERENCES list (id) ON DELETE CASCADE,
  cadence    TEXT NOT NULL,
  period_key TEXT NOT NULL,
  rhythm_id  INTEGER REFERENCES rhythm (id),
  to_seq     INTEGER NOT NULL,
  cut_at     INTEGER NOT NULL,
  state      TEXT NOT NULL CHECK (state IN ('held', 'planning', 'planned', 'cancelled')),
  UNIQUE (list_id, cadence, period_key)
) STRICT;
CREATE INDEX digest_planning ON digest (id) WHERE state = 'planning';

-- The frozen content of a digest for all who share articles and language, with marks where the reader's own links go.
-- That there is one for each is the planner's doing, who holds the digest's row: the articles are too long a key.
CREATE TABLE edition (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  digest_id INTEGER NOT NULL REFERENCES digest (id) ON DELETE CASCADE,
  language  TEXT NOT NULL,
  articles  TEXT NOT NULL,
  subject   TEXT NOT NULL,
  html      TEXT NOT NULL,
  text      TEXT NOT NULL,
  made_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX edition_digest ON edition (digest_id, language);

-- The outbox row and the ledger row in one. Every change of state is guarded by state and fence.
CREATE TABLE letter (
  id              INTEGER PRIMARY KEY AUTOINCREMENT,
  purpose         TEXT NOT NULL CHECK (purpose IN ('digest', 'confirm', 'welcome', 'link', 'goodbye')),
  subscriber_id   INTEGER REFERENCES subscriber (id) ON DELETE SET NULL,
  subscription_id INTEGER REFERENCES subscription (id) ON DELETE SET NULL,
  digest_id       INTEGER REFERENCES digest (id) ON DELETE CASCADE,
  edition_id      INTEGER REFERENCES edition (id) ON DELETE CASCADE,
  state           TEXT NOT NULL CHECK (state IN
                    ('queued', 'leased', 'handing', 'accepted', 'deferred', 'refused', 'uncertain', 'failed', 'cancelled')),
  lane            INTEGER NOT NULL,   -- 0: somebody waits for it; 1: digests
  made_at         INTEGER NOT NULL,
  due_at          INTEGER NOT NULL,
  deadline_at     INTEGER NOT NULL,
  fence           INTEGER NOT NULL DEFAULT 0,
  worker          TEXT,
  leased_until    INTEGER,
  handing_at      INTEGER,
  finished_at     INTEGER,
  tries           INTEGER NOT NULL DEFAULT 0,
  resends         INTEGER NOT NULL DEFAULT 0,
  UNIQUE (digest_id, subscription_id)
) STRICT;
CREATE INDEX letter_due ON letter (lane, due_at) WHERE state IN ('queued', 'deferred');
CREATE INDEX letter_held ON letter (id) WHERE state IN ('leased', 'handing');
CREATE INDEX letter_digest ON letter (digest_id, state);
CREATE INDEX letter_subscriber ON letter (subscriber_id, made_at);

-- One try at handing a letter over. Append-only.
CREATE TABLE attempt (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  letter_id INTEGER NOT NULL REFERENCES letter (id) ON DELETE CASCADE,
  at        INTEGER NOT NULL,
  outcome   TEXT NOT NULL,
  phase     TEXT NOT NULL,
  host      TEXT NOT NULL,
  code      INTEGER,
  enhanced  TEXT,
  text      TEXT NOT NULL
) STRICT;
CREATE INDEX attempt_letter ON attempt (letter_id, id);

-- People who look after lists. Tokens are kept only as hashes.
CREATE TABLE "user" (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  email      TEXT NOT NULL,
  email_key  TEXT NOT NULL UNIQUE,
  role       TEXT NOT NULL CHECK (role IN ('owner', 'editor', 'viewer')),
  password   TEXT,
  state      TEXT NOT NULL CHECK (state IN ('active', 'disabled')),
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE session (
  token_hash TEXT PRIMARY KEY,
  user_id    INTEGER NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
  purpose    TEXT NOT NULL CHECK (purpose IN ('session', 'sign_in')),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
