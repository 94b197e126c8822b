-- no-transaction
-- What a gateway should list is asked by when it was sent.
CREATE INDEX CONCURRENTLY instructions_sent_at ON instructions (gateway, coalesce(sent_at, confirmed_at))
    WHERE state IN ('sent', 'confirmed');
