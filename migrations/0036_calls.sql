-- What the last request of an attempt left behind, until a look-up has found out what it did.
ALTER TABLE instructions
    -- The gateway has done with it: what a look-up does not find now will not come later.
    ADD COLUMN answered boolean NOT NULL DEFAULT false,
    -- The gateway answered with an error that it may repeat under this reference: another attempt
    -- needs another one.
    ADD COLUMN reference_spent boolean NOT NULL DEFAULT false;

ALTER TABLE webhook_events
    -- The gateway's id of the charge or transfer that it is about: it may have no reference of ours.
    ADD COLUMN gateway_id text,
    ADD COLUMN dismissed_because text,
    ADD CONSTRAINT webhook_events_dismissed_once_ignored CHECK (
        dismissed_because IS NULL OR state = 'ignored'
    ) NOT VALID;

ALTER TABLE gateway_calls
    ADD COLUMN attempts_max smallint NOT NULL DEFAULT 1,
    -- When this call is made again, as it was planned when this attempt had ended.
    ADD COLUMN next_attempt_at timestamptz,
    ADD CONSTRAINT gateway_calls_attempts_counted CHECK (attempts_max > 0) NOT VALID,
    ADD CONSTRAINT gateway_calls_again_only_if_unclear CHECK (
        next_attempt_at IS NULL OR (outcome = 'unclear' AND attempt < attempts_max)
    ) NOT VALID;

-- What its gateway takes to close the page where the charge could be paid.
ALTER TABLE payments ADD COLUMN checkout_id text;

-- Why its bank did not take what the gateway last paid there from the account; null once it did.
ALTER TABLE payout_accounts
    ADD COLUMN bank_failure text,
    ADD COLUMN bank_failed_at timestamptz,
    ADD CONSTRAINT payout_accounts_bank_failed_with_time CHECK (
        (bank_failure IS NULL) = (bank_failed_at IS NULL)
    ) NOT VALID;

-- squawk-ignore ban-drop-constraint
ALTER TABLE notifications DROP CONSTRAINT notifications_kind_known;
ALTER TABLE notifications ADD CONSTRAINT notifications_kind_known CHECK (kind IN (
    'booking_confirmed', 'booking_cancelled', 'booking_requested', 'booking_declined',
    'booking_times_corrected', 'hold_expired', 'refund_pending', 'dispute_opened',
    'dispute_resolved', 'dispute_withdrawn', 'refund_sent', 'payout_sent', 'payout_failed',
    'host_debt', 'payout_account_stopped', 'bank_refused',
    'chargeback_opened', 'chargeback_won', 'chargeback_lost'
)) NOT VALID;
