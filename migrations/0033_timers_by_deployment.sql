-- A timer belongs to the newest workers that know it: its row says since when they run, and when
-- one of them looked last. The defaults are for workers of the release before, which do not say.
ALTER TABLE job_ticks
    ADD COLUMN deployed_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN seen_at     timestamptz NOT NULL DEFAULT now();
COMMENT ON COLUMN job_ticks.deployed_at IS 'When the newest worker that knows the timer by this cron expression had started';
COMMENT ON COLUMN job_ticks.seen_at IS 'When a worker that knows it by this cron expression looked last; written once a minute';
