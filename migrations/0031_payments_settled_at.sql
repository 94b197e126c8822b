-- no-transaction
-- What a gateway should list is asked by when it was settled.
CREATE INDEX CONCURRENTLY payments_settled_at ON payments (gateway, settled_at)
    WHERE settled_at IS NOT NULL;
