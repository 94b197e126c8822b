-- A timer belongs to the newest workers that know it: its row says since when they run, and when
-- one of them looked last. The defaults are for workers of the release before, which do not say.
ALTER TABLE job_ticks
    ADD COLUMN deployed_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN seen_at     timestamptz NOT NULL DEFAULT now();
COMMENT ON COLUMN job_ticks.deployed_at IS 'When the newest worker that knows the timer by this cron expression had started';
COMMENT ON COLUMN job_ticks.seen_at IS 'When a worker that knows it by this cron expression looked last; written once a minute';

-- Asked for by nobody: where it is known, a zone that is not one of the country's is warned about.
ALTER TABLE listings ADD COLUMN country text;
ALTER TABLE listings ADD CONSTRAINT listings_country_is_a_code
    CHECK (country ~ '^[A-Z]{2}$') NOT VALID;
COMMENT ON COLUMN listings.country IS 'ISO 3166-1 alpha-2 code of the country of `place`; null if the host has not said';

-- squawk-ignore ban-drop-constraint
ALTER TABLE notifications DROP CONSTRAINT notifications_kind_known;
ALTER TABLE notifications ADD CONSTRAINT notifications_kind_known CHECK (kind IN (
    'booking_confirmed', 'booking_cancelled', 'booking_requested', 'booking_declined',
    'booking_times_corrected', 'hold_expired', 'refund_pending', 'dispute_opened',
    'dispute_resolved', 'dispute_withdrawn', 'refund_sent', 'payout_sent', 'payout_failed',
    'host_debt', 'payout_account_stopped',
    'chargeback_opened', 'chargeback_won', 'chargeback_lost'
)) NOT VALID;
