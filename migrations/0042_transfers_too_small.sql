-- no-transaction
CREATE INDEX CONCURRENTLY instructions_too_small ON instructions (payee_id, gateway, currency)
    WHERE waits_for = 'minimum';
