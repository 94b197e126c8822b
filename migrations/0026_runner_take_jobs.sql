-- How a worker takes jobs: one function for each question, and runner.take_jobs() asks them all.
--
-- No statement reads its way through jobs that may not start: neither through those in the future,
-- nor those of a busy lock, nor those of another queue. Where an index has to be asked once for each
-- queue, priority or lock, WITH RECURSIVE jumps along it from one to the next (a "loose index scan").
-- Every ORDER BY names all columns of the index that is meant: the planner, whose statistics are
-- always out of date for a queue, then has no other one to choose.
--
-- Workers of two releases run side by side during a deploy: a later migration may give a function a
-- better body, but one with other parameters, results or meaning needs a name of its own.
--
-- `queues`: null means all. `paused`: queues of which no job starts until an operator resumes them.

CREATE FUNCTION runner.paused_queues() RETURNS text[]
    LANGUAGE sql STABLE
    AS $$ SELECT ARRAY(SELECT name FROM job_pauses WHERE kind = 'queue') $$;
COMMENT ON FUNCTION runner.paused_queues IS 'The queues of which no job starts until an operator resumes them';

CREATE FUNCTION runner.unpaused_tasks(tasks text[]) RETURNS text[]
    LANGUAGE sql STABLE
    AS $$ SELECT ARRAY(SELECT unnest(tasks) EXCEPT SELECT name FROM job_pauses WHERE kind = 'task') $$;
COMMENT ON FUNCTION runner.unpaused_tasks IS 'These tasks without those of which no job starts until an operator resumes them';

CREATE FUNCTION runner.suits(
    queue_name text, task_name text, queues text[], paused text[], tasks text[]
) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT task_name = ANY (tasks) AND queue_name <> ALL (paused)
           AND (queues IS NULL OR queue_name = ANY (queues))
$$;
COMMENT ON FUNCTION runner.suits IS 'Whether a worker of these queues and tasks runs a job of this queue and task';

-- ---- jobs without a lock ------------------------------------------------------------------------

CREATE FUNCTION runner.queues_to_read(queues text[], paused text[]) RETURNS SETOF text
    LANGUAGE sql STABLE
    AS $$
    WITH RECURSIVE queue AS (
        (SELECT queue_name AS name FROM procrastinate_jobs
          WHERE status = 'todo' AND lock IS NULL AND scheduled_at IS NULL
            AND queues IS NULL
          ORDER BY queue_name, -priority::bigint, id LIMIT 1)
        UNION ALL
        SELECT (SELECT queue_name FROM procrastinate_jobs
                 WHERE status = 'todo' AND lock IS NULL AND scheduled_at IS NULL
                   AND queue_name > queue.name
                 ORDER BY queue_name, -priority::bigint, id LIMIT 1)
          FROM queue WHERE queue.name IS NOT NULL
    )
    SELECT name::text FROM queue WHERE name <> ALL (paused)
     UNION
    (SELECT unnest(queues) EXCEPT SELECT unnest(paused))
$$;
COMMENT ON FUNCTION runner.queues_to_read IS 'The queues that may have jobs without a lock for a worker of `queues`, which may start at once';

CREATE FUNCTION runner.priorities_without_lock() RETURNS SETOF bigint
    LANGUAGE sql STABLE
    AS $$
    WITH RECURSIVE every AS (
        (SELECT -priority::bigint AS negated FROM procrastinate_jobs
          WHERE status = 'todo' AND lock IS NULL AND scheduled_at IS NOT NULL
          ORDER BY -priority::bigint, scheduled_at LIMIT 1)
        UNION ALL
        SELECT (SELECT -priority::bigint FROM procrastinate_jobs
                 WHERE status = 'todo' AND lock IS NULL AND scheduled_at IS NOT NULL
                   AND -priority::bigint > negated
                 ORDER BY -priority::bigint, scheduled_at LIMIT 1)
          FROM every WHERE negated IS NOT NULL
    )
    SELECT negated FROM every WHERE negated IS NOT NULL
$$;
COMMENT ON FUNCTION runner.priorities_without_lock IS 'The negated priorities of scheduled jobs without a lock, the most urgent first';

-- ---- jobs with a lock ---------------------------------------------------------------------------

CREATE FUNCTION runner.priorities_with_lock() RETURNS SETOF bigint
    LANGUAGE sql STABLE
    AS $$
    WITH RECURSIVE every AS (
        (SELECT -priority::bigint AS negated FROM procrastinate_jobs
          WHERE status = 'todo' AND lock IS NOT NULL AND scheduled_at IS NOT NULL
          ORDER BY -priority::bigint, scheduled_at LIMIT 1)
        UNION ALL
        SELECT (SELECT -priority::bigint FROM procrastinate_jobs
                 WHERE status = 'todo' AND lock IS NOT NULL AND scheduled_at IS NOT NULL
                   AND -priority::bigint > negated
                 ORDER BY -priority::bigint, scheduled_at LIMIT 1)
          FROM every WHERE negated IS NOT NULL
    )
    SELECT negated FROM every WHERE negated IS NOT NULL
$$;
COMMENT ON FUNCTION runner.priorities_with_lock IS 'The negated priorities of scheduled jobs with a lock, the most urgent first';

CREATE FUNCTION runner.locks_waited_for() RETURNS SETOF text
    LANGUAGE sql STABLE
    AS $$
    WITH RECURSIVE every AS (
        (SELECT lock FROM procrastinate_jobs
          WHERE status = 'todo' AND lock IS NOT NULL
          ORDER BY lock, -priority::bigint, id LIMIT 1)
        UNION ALL
        SELECT (SELECT job.lock FROM procrastinate_jobs AS job
                 WHERE status = 'todo' AND lock IS NOT NULL AND job.lock > every.lock
                 ORDER BY job.lock, -priority::bigint, id LIMIT 1)
          FROM every WHERE every.lock IS NOT NULL
    )
    SELECT lock FROM every WHERE lock IS NOT NULL
$$;
COMMENT ON FUNCTION runner.locks_waited_for IS 'Each lock that a queued job has, once';

CREATE FUNCTION runner.first_of_lock(
    its_lock text, queues text[], paused text[], tasks text[]
) RETURNS SETOF procrastinate_jobs
    LANGUAGE sql STABLE
    AS $$
    SELECT first.*
      FROM (SELECT * FROM procrastinate_jobs
             WHERE status = 'todo' AND lock IS NOT NULL AND lock = its_lock
               AND (scheduled_at IS NULL OR scheduled_at <= now())
             ORDER BY -priority::bigint, id LIMIT 1) AS first
     WHERE NOT EXISTS (SELECT FROM procrastinate_jobs
                        WHERE lock = its_lock AND status = 'doing')
       AND runner.suits(queue_name, task_name, queues, paused, tasks)
$$;
COMMENT ON FUNCTION runner.first_of_lock IS 'The job whose turn it is to have this lock, if the lock is free and the worker runs such jobs';

-- Locks are looked up for the most urgent jobs. If so many of those have to wait that too few may
-- start, every lock is asked for its first job, until there are 1,000: as many as anybody takes.
CREATE FUNCTION runner.first_of_free_locks(
    queues text[], paused text[], tasks text[], at_most integer
) RETURNS SETOF procrastinate_jobs
    LANGUAGE plpgsql STABLE
    AS $$
DECLARE
    spare CONSTANT integer := 200; -- so many jobs may wait for busy locks before all are asked
    ready CONSTANT text[] := ARRAY(
        SELECT lock FROM procrastinate_jobs
         WHERE status = 'todo' AND lock IS NOT NULL AND scheduled_at IS NULL
           AND runner.suits(queue_name, task_name, queues, paused, tasks)
         ORDER BY -priority::bigint, id LIMIT at_most + spare);
    due CONSTANT text[] := ARRAY(
        SELECT lock
          FROM runner.priorities_with_lock() AS negated, LATERAL (
               SELECT lock FROM procrastinate_jobs
                WHERE status = 'todo' AND lock IS NOT NULL
                  AND -priority::bigint = negated AND scheduled_at <= now()
                  AND runner.suits(queue_name, task_name, queues, paused, tasks)
                ORDER BY scheduled_at LIMIT at_most + spare) AS job
         LIMIT at_most + spare); -- the most urgent: priorities come in their order
    found integer;
BEGIN
    RETURN QUERY
    SELECT job.*
      FROM (SELECT DISTINCT unnest(ready || due)) AS near (lock),
           runner.first_of_lock(near.lock, queues, paused, tasks) AS job;
    GET DIAGNOSTICS found = ROW_COUNT;

    IF found < at_most AND at_most + spare IN (cardinality(ready), cardinality(due)) THEN
        RETURN QUERY
        SELECT job.*
          FROM runner.locks_waited_for() AS every (lock),
               runner.first_of_lock(every.lock, queues, paused, tasks) AS job
         LIMIT 1000;
    END IF;
END $$;
COMMENT ON FUNCTION runner.first_of_free_locks IS 'Of free locks the jobs that may start, among them the `at_most` most urgent; some may come twice';

-- ---- taking -------------------------------------------------------------------------------------

-- Raises unique_violation (procrastinate_jobs_lock_idx_v1) if two workers take jobs of one lock at the
-- same moment; `with_locks` false then takes the others.
CREATE FUNCTION runner.take_jobs(
    worker bigint, queues text[], tasks text[], at_most integer, with_locks boolean
) RETURNS SETOF procrastinate_jobs
    LANGUAGE plpgsql
    AS $$
DECLARE
    paused CONSTANT text[] := runner.paused_queues();
    unpaused CONSTANT text[] := runner.unpaused_tasks(tasks);
    firsts bigint[] := '{}'; -- of free locks
BEGIN
    -- Mostly no job has a lock, and this is half the work.
    IF with_locks AND EXISTS (SELECT FROM procrastinate_jobs
                               WHERE status = 'todo' AND lock IS NOT NULL) THEN
        firsts := ARRAY(
            SELECT id FROM runner.first_of_free_locks(queues, paused, unpaused, at_most)
             GROUP BY id, priority ORDER BY priority DESC, id LIMIT at_most);
    END IF;

    RETURN QUERY
    WITH ready AS (
        SELECT job.id, job.priority
          FROM runner.queues_to_read(queues, paused) AS queue (name), LATERAL (
               SELECT id, priority FROM procrastinate_jobs
                WHERE status = 'todo' AND lock IS NULL AND scheduled_at IS NULL
                  AND queue_name = queue.name AND task_name = ANY (unpaused)
                ORDER BY -priority::bigint, id LIMIT at_most
                  FOR NO KEY UPDATE SKIP LOCKED) AS job
    ), due AS (
        SELECT job.id, job.priority
          FROM runner.priorities_without_lock() AS negated, LATERAL (
               SELECT id, priority FROM procrastinate_jobs
                WHERE status = 'todo' AND lock IS NULL
                  AND -priority::bigint = negated AND scheduled_at <= now()
                  AND runner.suits(queue_name, task_name, queues, paused, unpaused)
                ORDER BY scheduled_at LIMIT at_most
                  FOR NO KEY UPDATE SKIP LOCKED) AS job
    ), locked AS (
        SELECT id, priority FROM procrastinate_jobs
         WHERE status = 'todo' AND id = ANY (firsts)
           AND (scheduled_at IS NULL OR scheduled_at <= now())
           FOR NO KEY UPDATE SKIP LOCKED
    ), chosen AS (
        SELECT id FROM (TABLE ready UNION ALL TABLE due UNION ALL TABLE locked) AS candidate
         ORDER BY priority DESC, id LIMIT at_most
    )
    UPDATE procrastinate_jobs AS job SET status = 'doing', worker_id = worker
      FROM chosen WHERE job.id = chosen.id
    RETURNING job.*;
END $$;
COMMENT ON FUNCTION runner.take_jobs IS 'Let a worker take up to `at_most` jobs that may start now, the most urgent, none that another worker holds';

CREATE FUNCTION runner.is_job_waiting(queues text[], tasks text[]) RETURNS boolean
    LANGUAGE plpgsql STABLE
    AS $$
DECLARE
    paused CONSTANT text[] := runner.paused_queues();
    unpaused CONSTANT text[] := runner.unpaused_tasks(tasks);
BEGIN
    RETURN EXISTS (
        SELECT FROM runner.queues_to_read(queues, paused) AS queue (name), LATERAL (
               SELECT FROM procrastinate_jobs
                WHERE status = 'todo' AND lock IS NULL AND scheduled_at IS NULL
                  AND queue_name = queue.name AND task_name = ANY (unpaused)
                ORDER BY -priority::bigint, id LIMIT 1) AS ready
    ) OR EXISTS (
        SELECT FROM runner.priorities_without_lock() AS negated, LATERAL (
               SELECT FROM procrastinate_jobs
                WHERE status = 'todo' AND lock IS NULL
                  AND -priority::bigint = negated AND scheduled_at <= now()
                  AND runner.suits(queue_name, task_name, queues, paused, unpaused)
                ORDER BY scheduled_at LIMIT 1) AS due
    ) OR EXISTS (
        SELECT FROM runner.first_of_free_locks(queues, paused, unpaused, 1)
    );
END $$;
COMMENT ON FUNCTION runner.is_job_waiting IS 'Whether a worker of these queues and tasks could take a job now, if no other one were about to';
