-- A host's month, from the ledger alone. Which entries a month is made of is fixed as it begins: those
-- up to `last_entry` that had happened before its end, and are in no earlier month. What commits later
-- is of the next month, however old it says it is.
CREATE TABLE settlement_months (
    month       date PRIMARY KEY CHECK (month = date_trunc('month', month)),
    first_entry bigint NOT NULL,  -- whatever a host has below this is in an earlier month
    last_entry  bigint NOT NULL,  -- none up to this can come any more
    done_entry  bigint NOT NULL,  -- the lines of all entries up to this are written
    begun_at    timestamptz NOT NULL DEFAULT business_now(),
    next_entry  bigint,           -- where the month after this one begins
    closed_at   timestamptz,
    CONSTRAINT settlement_months_in_order CHECK (first_entry <= last_entry + 1),
    CONSTRAINT settlement_months_closed_whole CHECK ((closed_at IS NULL) = (next_entry IS NULL))
);
COMMENT ON TABLE settlement_months IS 'The months that hosts have settlements of, and which ledger entries each is made of';

CREATE TABLE settlement_lines (
    transaction_id bigint NOT NULL REFERENCES ledger_transactions,
    host_id        uuid NOT NULL REFERENCES accounts,
    currency       char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    month          date NOT NULL REFERENCES settlement_months,
    kind           text NOT NULL,  -- this and the next four: of the ledger transaction
    source_id      uuid NOT NULL,
    booking_id     uuid REFERENCES bookings,
    memo           text NOT NULL,
    at             timestamptz NOT NULL,
    gross          bigint NOT NULL,
    platform_fee   bigint NOT NULL,
    gateway_fees   bigint NOT NULL,
    refunds        bigint NOT NULL,
    chargebacks    bigint NOT NULL,
    debts          bigint NOT NULL,
    other          bigint NOT NULL,
    paid           bigint NOT NULL,
    net            bigint NOT NULL GENERATED ALWAYS AS (
        gross - platform_fee - gateway_fees - refunds - chargebacks - debts + other
    ) STORED,
    PRIMARY KEY (transaction_id, host_id, currency)  -- in no two settlements
);
COMMENT ON TABLE settlement_lines IS 'What one ledger transaction is to a host, in the settlement of a month. Append-only';
CREATE INDEX settlement_lines_of_settlement
    ON settlement_lines (month, host_id, currency, transaction_id);

CREATE TABLE settlements (
    id           uuid PRIMARY KEY,
    month        date NOT NULL REFERENCES settlement_months,
    host_id      uuid NOT NULL REFERENCES accounts,
    currency     char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    carried_over bigint NOT NULL,
    gross        bigint NOT NULL,
    platform_fee bigint NOT NULL,
    gateway_fees bigint NOT NULL,
    refunds      bigint NOT NULL,
    chargebacks  bigint NOT NULL,
    debts        bigint NOT NULL,
    other        bigint NOT NULL,
    paid         bigint NOT NULL,
    net          bigint NOT NULL GENERATED ALWAYS AS (
        gross - platform_fee - gateway_fees - refunds - chargebacks - debts + other
    ) STORED,
    balance      bigint NOT NULL GENERATED ALWAYS AS (
        carried_over + gross - platform_fee - gateway_fees - refunds - chargebacks - debts + other
        - paid
    ) STORED,
    lines        integer NOT NULL CHECK (lines > 0),
    CONSTRAINT settlements_once UNIQUE (host_id, currency, month)
);
COMMENT ON TABLE settlements IS 'A host''s month in one currency: the sums of its lines. Append-only; below zero, a balance is a debt';
CREATE INDEX settlements_of_month ON settlements (month, id);

CREATE TRIGGER settlement_lines_append_only BEFORE UPDATE OR DELETE ON settlement_lines
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER settlement_lines_not_emptied BEFORE TRUNCATE ON settlement_lines
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER settlements_append_only BEFORE UPDATE OR DELETE ON settlements
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER settlements_not_emptied BEFORE TRUNCATE ON settlements
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER settlement_months_closed_for_good BEFORE UPDATE OR DELETE ON settlement_months
    FOR EACH ROW WHEN (OLD.closed_at IS NOT NULL) EXECUTE FUNCTION refuse_change();
