-- Which lists an editor looks after: all there are and will be, or, if they are bound, those named here. That they are
-- is said apart, so that an editor whose last list is gone edits nothing, not everything.
ALTER TABLE "user" ADD COLUMN bound BIGINT NOT NULL DEFAULT 0 CHECK (bound = 0 OR (bound = 1 AND role = 'editor'));
CREATE TABLE user_list (
  user_id BIGINT NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
  list_id BIGINT NOT NULL REFERENCES list (id) ON DELETE CASCADE,
  PRIMARY KEY (user_id, list_id)
);
CREATE INDEX user_list_list ON user_list (list_id);
