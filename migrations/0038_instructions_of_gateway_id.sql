-- no-transaction
CREATE INDEX CONCURRENTLY instructions_of_gateway_id ON instructions (gateway_id)
    WHERE gateway_id IS NOT NULL;
