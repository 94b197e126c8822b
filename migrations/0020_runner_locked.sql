-- no-transaction
-- 0019 has one without the jobs in the future.
DROP INDEX CONCURRENTLY IF EXISTS runner_jobs_locked;
