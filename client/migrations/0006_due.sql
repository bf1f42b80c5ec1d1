-- What is due is found without reading the conversations themselves.
CREATE INDEX conversation_epoch ON conversation (sealed_in_epoch, epoch_started_at);
-- Kept envelopes are tried in the order in which they came.
ALTER TABLE held ADD COLUMN came INTEGER NOT NULL DEFAULT 0;
