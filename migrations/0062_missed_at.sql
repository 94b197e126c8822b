-- When the gateway first did not know an attempt whose outcome is unknown: a list may be behind.
ALTER TABLE instructions ADD COLUMN missed_at timestamp with time zone;
COMMENT ON COLUMN instructions.missed_at IS
    'when a look did not find the latest attempt for the first time; null if none has missed it';
