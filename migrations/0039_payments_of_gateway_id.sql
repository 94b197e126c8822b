-- no-transaction
CREATE INDEX CONCURRENTLY payments_of_gateway_id ON payments (gateway_id)
    WHERE gateway_id IS NOT NULL;
