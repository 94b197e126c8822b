CREATE TABLE payout_accounts (
    id             uuid PRIMARY KEY,
    host_id        uuid NOT NULL REFERENCES accounts,
    gateway        text NOT NULL CHECK (gateway IN ('paystack', 'flutterwave', 'stripe')),
    currency       char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    kind           text NOT NULL,
    holder         text NOT NULL,
    account_number text,
    bank_code      text,
    country        char(2) CHECK (country ~ '^[A-Z]{2}$'),
    account_name   text,
    bank_name      text,
    recipient      text,
    state          text NOT NULL,
    missing        text[] NOT NULL DEFAULT '{}',
    failure        text,
    attempts       integer NOT NULL DEFAULT 1,
    answered       integer NOT NULL DEFAULT 0,
    next_try_at    timestamptz,
    created_at     timestamptz NOT NULL DEFAULT business_now(),
    updated_at     timestamptz NOT NULL DEFAULT business_now(),
    CONSTRAINT payout_accounts_state_known CHECK (
        state IN ('pending', 'active', 'stopped', 'refused', 'replaced', 'removed')
    ),
    CONSTRAINT payout_accounts_active_is_known_there CHECK (
        state NOT IN ('active', 'stopped') OR recipient IS NOT NULL
    ),
    CONSTRAINT payout_accounts_numbered_unless_at_gateway CHECK (
        CASE WHEN kind = 'gateway_account'
             THEN account_number IS NULL AND bank_code IS NULL AND country IS NOT NULL
             ELSE account_number IS NOT NULL AND bank_code IS NOT NULL AND country IS NULL END
    ),
    -- Of the times that the gateway was asked, the latest that is answered.
    CONSTRAINT payout_accounts_asked_before_answered CHECK (answered BETWEEN 0 AND attempts),
    -- While the gateway is being asked about it, this is the end of the asker's lease.
    CONSTRAINT payout_accounts_open_has_next_try CHECK (
        (state IN ('pending', 'stopped')) = (next_try_at IS NOT NULL)
    )
);
COMMENT ON TABLE payout_accounts IS 'Where a host''s money goes: one active account per gateway and currency';
CREATE UNIQUE INDEX payout_accounts_one_active ON payout_accounts (host_id, gateway, currency)
    WHERE state = 'active';
CREATE INDEX payout_accounts_of_host ON payout_accounts (host_id, id);
CREATE INDEX payout_accounts_due ON payout_accounts (next_try_at)
    WHERE state IN ('pending', 'stopped');
-- Each gateway account has a recipient of its own; a bank account's may be that of another too.
CREATE UNIQUE INDEX payout_accounts_at_gateway ON payout_accounts (gateway, recipient)
    WHERE kind = 'gateway_account';

CREATE TABLE late_refunds (
    id         uuid PRIMARY KEY,
    booking_id uuid NOT NULL REFERENCES bookings,
    payment_id uuid NOT NULL REFERENCES payments,
    borne_by   text NOT NULL CHECK (borne_by IN ('host', 'platform')),
    amount     bigint NOT NULL CHECK (amount > 0),
    currency   char(3) NOT NULL,
    reason     text NOT NULL,
    admin_id   uuid NOT NULL REFERENCES accounts,
    created_at timestamptz NOT NULL DEFAULT business_now()
);
COMMENT ON TABLE late_refunds IS 'What admins gave back of money that had been paid out already. Append-only';
CREATE INDEX late_refunds_of_booking ON late_refunds (booking_id, id);
CREATE TRIGGER late_refunds_append_only BEFORE UPDATE OR DELETE ON late_refunds
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- A debt has the id of what caused it: a late refund.
CREATE TABLE host_debts (
    id         uuid PRIMARY KEY,
    host_id    uuid NOT NULL REFERENCES accounts,
    booking_id uuid NOT NULL REFERENCES bookings,
    amount     bigint NOT NULL CHECK (amount > 0),
    currency   char(3) NOT NULL,
    recovered  bigint NOT NULL DEFAULT 0,
    reason     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT business_now(),
    CONSTRAINT host_debts_recovered_within CHECK (recovered BETWEEN 0 AND amount)
);
COMMENT ON TABLE host_debts IS 'What hosts owe after a refund past their payout; the next transfers are smaller by it';
CREATE INDEX host_debts_of_host ON host_debts (host_id, id);
CREATE INDEX host_debts_open ON host_debts (host_id, currency, id) WHERE recovered < amount;

CREATE TABLE debt_recoveries (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    debt_id    uuid NOT NULL REFERENCES host_debts,
    source_id  uuid NOT NULL,
    booking_id uuid NOT NULL REFERENCES bookings,
    amount     bigint NOT NULL CHECK (amount > 0),
    at         timestamptz NOT NULL DEFAULT business_now(),
    CONSTRAINT debt_recoveries_once UNIQUE (debt_id, source_id)
);
COMMENT ON TABLE debt_recoveries IS 'What was kept back from a payout (source_id: the pot) towards a debt. Append-only';
CREATE INDEX debt_recoveries_of_source ON debt_recoveries (source_id);
CREATE TRIGGER debt_recoveries_append_only BEFORE UPDATE OR DELETE ON debt_recoveries
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
