-- no-transaction
-- As 0018, of those with a lock: the most urgent whose time has come are looked at first.
CREATE INDEX CONCURRENTLY runner_jobs_overdue_locked ON procrastinate_jobs ((-priority::bigint), scheduled_at)
    WHERE status = 'todo' AND lock IS NOT NULL AND scheduled_at IS NOT NULL;
