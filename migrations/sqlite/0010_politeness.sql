-- How sources wish to be asked, kept so that a restart changes nothing.

-- Sources of one host are asked one at a time.
ALTER TABLE source ADD COLUMN host TEXT NOT NULL DEFAULT '';
-- The address that gave the validators: a redirect's target has its own.
ALTER TABLE source ADD COLUMN validators_url TEXT;
-- Where a permanent redirect leads, since when, and how often it was seen.
ALTER TABLE source ADD COLUMN moved_to TEXT;
ALTER TABLE source ADD COLUMN moved_since INTEGER;
ALTER TABLE source ADD COLUMN moved_times INTEGER NOT NULL DEFAULT 0;
-- JSON: what the feed itself says of when to come (ttl, skipHours, skipDays, updatePeriod), and its rhythm.
ALTER TABLE source ADD COLUMN pace TEXT NOT NULL DEFAULT '{}';

-- Until when a host is left alone: somebody is asking it, or it said so.
CREATE TABLE site (
  host    TEXT PRIMARY KEY,
  next_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
