-- no-transaction
CREATE INDEX CONCURRENTLY instructions_sent_together ON instructions (sent_as)
    WHERE sent_as IS NOT NULL;
