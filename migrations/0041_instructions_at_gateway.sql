-- no-transaction
CREATE INDEX CONCURRENTLY instructions_at_gateway ON instructions (gateway, gateway_id)
    WHERE gateway_id IS NOT NULL;
