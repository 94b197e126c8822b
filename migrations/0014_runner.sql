-- What the runner keeps beside procrastinate's own tables, which stay as they are shipped.

-- Claims read only jobs that may start: neither the future nor a busy lock is passed over on the
-- way. Ordered by what procrastinate's own indexes are not, so that the planner, whose statistics are
-- always out of date for a queue, has no other index to choose. (Nothing is queued yet: no need for
-- CONCURRENTLY, which would not run inside a transaction.)
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX runner_jobs_ready ON procrastinate_jobs (queue_name, (-priority::bigint), id)
    WHERE status = 'todo' AND lock IS NULL AND scheduled_at IS NULL;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX runner_jobs_due ON procrastinate_jobs (scheduled_at)
    WHERE status = 'todo' AND scheduled_at IS NOT NULL;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX runner_jobs_locked ON procrastinate_jobs ((-priority::bigint), id)
    WHERE status = 'todo' AND lock IS NOT NULL;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX runner_jobs_of_lock ON procrastinate_jobs (lock, (-priority::bigint), id)
    WHERE status = 'todo' AND lock IS NOT NULL;
-- The foreign key looks here when a worker's row goes: procrastinate's own index does not serve it.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX runner_jobs_of_worker ON procrastinate_jobs (worker_id) WHERE worker_id IS NOT NULL;
-- Empty but after a worker was struck off with jobs in its hands.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX runner_jobs_of_nobody ON procrastinate_jobs (id)
    WHERE status = 'doing' AND worker_id IS NULL;

CREATE TABLE job_workers (
    worker_id       bigint PRIMARY KEY REFERENCES procrastinate_workers ON DELETE CASCADE,
    instance        text NOT NULL,
    queues          text[], -- null: all
    tasks           text[] NOT NULL,
    concurrency     integer NOT NULL CHECK (concurrency >= 1),
    started_at      timestamptz NOT NULL DEFAULT now(),
    looks_by_itself boolean NOT NULL DEFAULT false -- so often that it need not be told of jobs
);
COMMENT ON TABLE job_workers IS 'What each worker is, and which tasks it knows; procrastinate_workers has its heartbeat';

-- Enqueueing without a NOTIFY that nobody needs: Postgres lets transactions that notify commit only
-- one after the other, each with its own wait for the disk. procrastinate's trigger notifies twice
-- for each job, by calling pg_notify(). Inside runner.enqueue() it finds this silent one; what has
-- to be told is told once, after the jobs are in. Its tables, triggers and functions are as shipped,
-- and whoever inserts in another way notifies as ever.
CREATE SCHEMA runner;
CREATE FUNCTION runner.pg_notify(channel text, payload text) RETURNS void
    LANGUAGE plpgsql
    AS $$ BEGIN END $$;
COMMENT ON FUNCTION runner.pg_notify IS 'Says nothing; for procrastinate''s trigger inside runner.enqueue()';

-- Told is who waits for jobs of these queues and does not look by itself, and who is not of our kind.
-- A worker that says that it looks no more (or comes, or comes back) waits until all transactions
-- have ended that had a lock on the table of jobs by then, and looks again: they may have read what
-- was before. So the workers are read after the lock was taken, in a snapshot of its own; where one
-- snapshot serves a whole transaction, everybody is told.
CREATE FUNCTION runner.enqueue(queues text[], tasks text[], args jsonb[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path = runner, pg_catalog, public
    AS $$
BEGIN
    INSERT INTO procrastinate_jobs (queue_name, task_name, args)
    SELECT * FROM unnest(enqueue.queues, enqueue.tasks, enqueue.args);

    IF current_setting('transaction_isolation') <> 'read committed' OR EXISTS (
        SELECT FROM procrastinate_workers AS worker
         WHERE NOT EXISTS (
               SELECT FROM job_workers AS ours
                WHERE ours.worker_id = worker.id
                  AND (ours.looks_by_itself OR NOT coalesce(ours.queues && enqueue.queues, true))))
    THEN
        PERFORM pg_catalog.pg_notify(channel, '{"type": "job_inserted", "job_id": 0}')
           FROM (SELECT 'procrastinate_any_queue_v1' AS channel
                  UNION
                 SELECT 'procrastinate_queue_v1#' || unnest(enqueue.queues)) AS listening;
    END IF;
END $$;
COMMENT ON FUNCTION runner.enqueue IS 'Queue jobs in the caller''s transaction, and tell the workers that need to be told';

CREATE TABLE job_errors (
    job_id    bigint NOT NULL REFERENCES procrastinate_jobs ON DELETE CASCADE,
    attempt   integer NOT NULL CHECK (attempt >= 1),
    at        timestamptz NOT NULL DEFAULT now(),
    error     text NOT NULL,
    traceback text NOT NULL,
    PRIMARY KEY (job_id, attempt)
);
COMMENT ON TABLE job_errors IS 'Why an attempt at a job failed';

CREATE TABLE job_pauses (
    kind text NOT NULL CHECK (kind IN ('queue', 'task')),
    name text NOT NULL,
    at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, name)
);
COMMENT ON TABLE job_pauses IS 'Queues and tasks of which nothing is started until the row is gone';

CREATE TABLE job_ticks (
    name      text PRIMARY KEY,
    cron      text NOT NULL,
    last_tick timestamptz NOT NULL,
    next_tick timestamptz NOT NULL
);
COMMENT ON TABLE job_ticks IS 'Each periodic job, as workers know it, and its last tick that was queued, or passed over: whoever moves it forward queues the job';

CREATE TABLE job_runs (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL,
    tick        timestamptz NOT NULL,
    job_id      bigint NOT NULL, -- no foreign key: runs are kept for longer than jobs
    attempt     integer NOT NULL CHECK (attempt >= 1),
    worker_id   bigint NOT NULL,
    instance    text NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    outcome     text CHECK (outcome IN ('done', 'failed', 'skipped')),
    count       integer,
    error       text,
    CONSTRAINT job_runs_end_once CHECK ((finished_at IS NULL) = (outcome IS NULL)),
    CONSTRAINT job_runs_say_what_came_of_them CHECK (
        (count IS NOT NULL) = (coalesce(outcome, '') = 'done')
        AND (error IS NOT NULL) = (coalesce(outcome, '') IN ('failed', 'skipped')))
);
COMMENT ON TABLE job_runs IS 'Each run of a periodic job: when it should have been and was, and what came of it';
CREATE INDEX job_runs_newest ON job_runs (name, id);
