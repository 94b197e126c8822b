-- no-transaction
CREATE UNIQUE INDEX CONCURRENTLY instructions_of_key ON instructions ((coalesce(key, id)));
