-- no-transaction
CREATE INDEX CONCURRENTLY instructions_facts_due ON instructions (facts_due_at)
    WHERE facts_due_at IS NOT NULL;
