-- What pages of the console look for, however many readers and letters there are: readers of a list by how they stand,
-- and letters that didn't arrive. Those that did are nearly all, and cost this index nothing.
CREATE INDEX subscription_list ON subscription (list_id, state);
CREATE INDEX letter_rare ON letter (state, id) WHERE state IN ('refused', 'uncertain', 'failed', 'cancelled', 'paused');
CREATE INDEX letter_finished ON letter (finished_at) WHERE state = 'accepted';
