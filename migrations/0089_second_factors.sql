-- The second factor of an account: the secret that it shares with an authenticator app.
CREATE TABLE second_factors (
    account_id   uuid        NOT NULL REFERENCES accounts,
    secret       bytea       NOT NULL,
    began_at     timestamptz NOT NULL,
    confirmed_at timestamptz,
    last_step    bigint      NOT NULL DEFAULT 0,
    wrong_codes  smallint    NOT NULL DEFAULT 0,
    wrong_since  timestamptz,
    CONSTRAINT second_factors_pkey PRIMARY KEY (account_id),
    CONSTRAINT second_factors_secret CHECK (octet_length(secret) BETWEEN 1 AND 1000),
    CONSTRAINT second_factors_step CHECK (last_step >= 0),
    CONSTRAINT second_factors_wrong CHECK (wrong_codes >= 0),
    CONSTRAINT second_factors_wrong_since CHECK ((wrong_codes = 0) = (wrong_since IS NULL))
);
COMMENT ON TABLE second_factors IS
    'The authenticator app of an account; in use once a first code confirmed it. By real time';
COMMENT ON COLUMN second_factors.secret IS 'encrypted with a key that follows from SECRET_KEYS';
COMMENT ON COLUMN second_factors.last_step IS
    'the 30 seconds of the last code that was accepted: no code of it or before works again';
COMMENT ON COLUMN second_factors.wrong_codes IS 'since wrong_since, which bounds guessing';

CREATE TABLE recovery_codes (
    account_id uuid        NOT NULL REFERENCES second_factors ON DELETE CASCADE,
    code_hash  bytea       NOT NULL,
    used_at    timestamptz,
    CONSTRAINT recovery_codes_pkey PRIMARY KEY (account_id, code_hash),
    CONSTRAINT recovery_codes_hash CHECK (octet_length(code_hash) = 32)
);
COMMENT ON TABLE recovery_codes IS
    'Codes that stand in for a lost authenticator app, each once. Only their hashes are kept';

-- squawk-ignore ban-drop-constraint
ALTER TABLE notifications DROP CONSTRAINT notifications_kind_known;
ALTER TABLE notifications ADD CONSTRAINT notifications_kind_known CHECK (kind IN (
    'booking_confirmed', 'booking_cancelled', 'booking_requested', 'booking_declined',
    'booking_times_corrected', 'hold_expired', 'refund_pending', 'dispute_opened',
    'dispute_resolved', 'dispute_withdrawn', 'refund_sent', 'payout_sent', 'payout_failed',
    'host_debt', 'rental_given_back', 'payout_account_stopped', 'bank_refused',
    'chargeback_opened', 'chargeback_won', 'chargeback_lost', 'session_ended',
    'payout_account_changed', 'payout_number_outdated', 'second_factor_changed'
)) NOT VALID;
