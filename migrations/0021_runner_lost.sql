-- What a worker runs may be unknown to the one that finds it dead, which is of another release.
ALTER TABLE job_workers ADD COLUMN held_tasks text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN job_workers.held_tasks IS 'Tasks of which a job that this worker was lost over is held for an operator, not run again';
