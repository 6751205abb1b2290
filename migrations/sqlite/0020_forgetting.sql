-- Forgetting one reader, or those who never confirmed, looks through nobody else's letters.
CREATE INDEX letter_subscription ON letter (subscription_id) WHERE subscription_id IS NOT NULL;
CREATE INDEX subscription_asked ON subscription (asked_at) WHERE state = 'asked';
CREATE INDEX subscriber_asked ON subscriber (created_at) WHERE state = 'asked';
