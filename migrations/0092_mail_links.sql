-- When the address of an account was proved to be its owner's. All accounts of before count as
-- proved, since the day of this change: they have booked and been paid by mails to it.
ALTER TABLE accounts ADD COLUMN email_proved_at timestamptz DEFAULT '2026-12-01T00:00:00Z';
-- squawk-ignore ban-drop-default
ALTER TABLE accounts ALTER COLUMN email_proved_at DROP DEFAULT;
COMMENT ON COLUMN accounts.email_proved_at IS
    'when a link in a mail to this address was used; without it nobody pays and nobody hosts';

CREATE TABLE mail_links (
    id         uuid        NOT NULL,
    account_id uuid        NOT NULL REFERENCES accounts,
    purpose    text        NOT NULL,
    address    text        NOT NULL,
    made_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    voided_at  timestamptz,
    CONSTRAINT mail_links_pkey PRIMARY KEY (id),
    CONSTRAINT mail_links_purpose CHECK (purpose IN ('verify', 'change', 'take_back', 'reset')),
    CONSTRAINT mail_links_address CHECK (address = lower(address)),
    CONSTRAINT mail_links_times CHECK (expires_at > made_at),
    CONSTRAINT mail_links_used_or_voided CHECK (used_at IS NULL OR voided_at IS NULL)
);
COMMENT ON TABLE mail_links IS
    'Links in mails that do something, each once. Its token follows from its id and SECRET_KEYS';
COMMENT ON COLUMN mail_links.address IS
    'verify, reset: where the mail goes; change: the new address; take_back: the one of before';
COMMENT ON COLUMN mail_links.made_at IS 'links live by real time, as log-ins do';
CREATE INDEX mail_links_of_account ON mail_links (account_id, purpose);
CREATE INDEX mail_links_expired ON mail_links (expires_at);

-- A mail that goes to another address than the account has: to a new one, or to the old one.
ALTER TABLE notifications ADD COLUMN address text;
COMMENT ON COLUMN notifications.address IS 'where it goes, if not to the address of the account';

-- squawk-ignore ban-drop-constraint
ALTER TABLE notifications DROP CONSTRAINT notifications_kind_known;
ALTER TABLE notifications ADD CONSTRAINT notifications_kind_known CHECK (kind IN (
    'booking_confirmed', 'booking_cancelled', 'booking_requested', 'booking_declined',
    'booking_times_corrected', 'hold_expired', 'refund_pending', 'dispute_opened',
    'dispute_resolved', 'dispute_withdrawn', 'refund_sent', 'payout_sent', 'payout_failed',
    'host_debt', 'rental_given_back', 'payout_account_stopped', 'bank_refused',
    'chargeback_opened', 'chargeback_won', 'chargeback_lost', 'session_ended',
    'payout_account_changed', 'payout_number_outdated', 'second_factor_changed',
    'verify_email', 'email_change_asked', 'email_changed', 'password_reset', 'password_changed'
)) NOT VALID;
