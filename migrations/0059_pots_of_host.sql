-- no-transaction
CREATE INDEX CONCURRENTLY pots_of_host ON pots (host_id, gateway, payment_id);
