-- no-transaction
-- Of each priority, the jobs whose time has come: the most urgent of them start first.
CREATE INDEX CONCURRENTLY runner_jobs_overdue ON procrastinate_jobs ((-priority::bigint), scheduled_at)
    WHERE status = 'todo' AND lock IS NULL AND scheduled_at IS NOT NULL;
