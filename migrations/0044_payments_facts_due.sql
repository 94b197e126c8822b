-- no-transaction
CREATE INDEX CONCURRENTLY payments_facts_due ON payments (facts_due_at)
    WHERE facts_due_at IS NOT NULL;
