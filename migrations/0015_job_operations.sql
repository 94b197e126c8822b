-- What operators see of the queue, and do to it.

-- Dead letters, and others that did not end well: few among many.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX jobs_ended_badly ON procrastinate_jobs (id)
    WHERE status IN ('failed', 'cancelled', 'aborted');

CREATE TABLE job_locks (
    name          text PRIMARY KEY,
    id            uuid NOT NULL UNIQUE,
    instance      text NOT NULL,
    backend_pid   integer NOT NULL,
    backend_start timestamptz NOT NULL, -- process ids come again
    acquired_at   timestamptz NOT NULL DEFAULT now(),
    renewed_at    timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL CHECK (expires_at > renewed_at)
);
COMMENT ON TABLE job_locks IS 'The visible side of job locks; the lock itself is an advisory one of the backend that is named here';

CREATE TABLE job_retention (
    only_one      boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    last_event_id bigint NOT NULL
);
COMMENT ON TABLE job_retention IS 'Up to which event of the queue finished jobs have been deleted: each event is looked at once';
INSERT INTO job_retention (last_event_id) VALUES (0);
