CREATE TABLE notifications (
    id          uuid PRIMARY KEY,
    account_id  uuid NOT NULL REFERENCES accounts,
    kind        text NOT NULL,
    source_id   uuid NOT NULL,
    data        jsonb NOT NULL,
    state       text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'failed')),
    attempts    smallint NOT NULL DEFAULT 0,
    next_try_at timestamptz NOT NULL DEFAULT business_now(),
    last_error  text,
    created_at  timestamptz NOT NULL DEFAULT business_now(),
    sent_at     timestamptz,
    CONSTRAINT notifications_once UNIQUE (account_id, kind, source_id),
    CONSTRAINT notifications_kind_known CHECK (kind IN (
        'booking_confirmed', 'booking_cancelled', 'booking_requested', 'booking_declined',
        'hold_expired', 'refund_pending', 'dispute_opened', 'dispute_resolved',
        'dispute_withdrawn', 'refund_sent', 'payout_sent', 'payout_failed', 'host_debt',
        'payout_account_stopped',
        'chargeback_opened', 'chargeback_won', 'chargeback_lost'
    )),
    CONSTRAINT notifications_sent_with_time CHECK ((state = 'sent') = (sent_at IS NOT NULL)),
    CONSTRAINT notifications_failed_with_error CHECK (state <> 'failed' OR last_error IS NOT NULL)
);
COMMENT ON TABLE notifications IS 'Outbox of mails; while one is being sent, next_try_at is the end of the sender''s lease';
CREATE INDEX notifications_due ON notifications (next_try_at) WHERE state = 'queued';
