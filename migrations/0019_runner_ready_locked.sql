-- no-transaction
-- Jobs with a lock that wait for nothing else: those in the future are found when their time comes.
CREATE INDEX CONCURRENTLY runner_jobs_ready_locked ON procrastinate_jobs ((-priority::bigint), id)
    WHERE status = 'todo' AND lock IS NOT NULL AND scheduled_at IS NULL;
