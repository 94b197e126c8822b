-- no-transaction
CREATE INDEX CONCURRENTLY payments_at_gateway ON payments (gateway, gateway_id)
    WHERE gateway_id IS NOT NULL;
