-- no-transaction
-- A pot causes one refund, one transfer of its charge's money, and one from our balance at most.
CREATE UNIQUE INDEX CONCURRENTLY instructions_once_each
    ON instructions (kind, source_id, from_balance);
