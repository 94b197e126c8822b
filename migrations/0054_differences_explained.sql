-- no-transaction
CREATE INDEX CONCURRENTLY differences_explained
    ON differences (gateway, what, subject) WHERE explained_at IS NOT NULL;
