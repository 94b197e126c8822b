CREATE TABLE chargebacks (
    id              uuid PRIMARY KEY,
    payment_id      uuid NOT NULL REFERENCES payments,
    booking_id      uuid NOT NULL REFERENCES bookings,
    gateway         text NOT NULL CHECK (gateway IN ('paystack', 'flutterwave', 'stripe')),
    gateway_id      text NOT NULL,
    state           text NOT NULL,
    amount          bigint NOT NULL CHECK (amount > 0),
    currency        char(3) NOT NULL,
    reason          text NOT NULL,
    -- The gateway has taken it out of our balance, and has not given it back.
    is_taken        boolean NOT NULL,
    fee             bigint CHECK (fee >= 0),
    evidence_due_at timestamptz,
    gateway_data    jsonb NOT NULL,
    recorded_by     uuid REFERENCES accounts,  -- an admin, where the gateway tells of none
    from_deposit    bigint,
    from_rental     bigint,
    from_refunds    bigint,
    from_transfers  bigint,
    from_host       bigint,
    loss            bigint,
    opened_at       timestamptz NOT NULL DEFAULT business_now(),
    closed_at       timestamptz,
    -- When the gateway is asked next, without anybody's wish.
    look_at         timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL DEFAULT business_now(),
    CONSTRAINT chargebacks_once UNIQUE (gateway, gateway_id),
    CONSTRAINT chargebacks_state_known CHECK (state IN ('open', 'won', 'lost')),
    CONSTRAINT chargebacks_closed_with_time CHECK ((state = 'open') = (closed_at IS NULL)),
    CONSTRAINT chargebacks_lost_is_taken CHECK (state <> 'lost' OR is_taken),
    -- Where a lost one was recovered from, to the cent; the rest is the platform's loss.
    CONSTRAINT chargebacks_borne_whole CHECK (
        CASE WHEN state = 'lost'
             THEN (from_deposit >= 0 AND from_rental >= 0 AND from_refunds >= 0
                   AND from_transfers >= 0 AND from_host >= 0 AND loss >= 0
                   AND from_deposit + from_rental + from_refunds + from_transfers + from_host + loss
                       = amount) IS TRUE
             ELSE num_nonnulls(from_deposit, from_rental, from_refunds, from_transfers, from_host,
                               loss) = 0 END
    )
);
COMMENT ON TABLE chargebacks IS 'Charges that guests'' banks want back: open while it is to be decided, and where a lost one was recovered from';
CREATE INDEX chargebacks_of_payment ON chargebacks (payment_id, id);
CREATE INDEX chargebacks_of_booking ON chargebacks (booking_id, id);
CREATE INDEX chargebacks_unfinished ON chargebacks (look_at)
    WHERE state = 'open' OR (state = 'won' AND is_taken);

CREATE TABLE chargeback_history (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    chargeback_id uuid NOT NULL REFERENCES chargebacks,
    was           text,
    state         text NOT NULL,
    at            timestamptz NOT NULL DEFAULT business_now(),
    actor         text NOT NULL CHECK (actor IN ('admin', 'system')),
    actor_id      uuid,
    reason        text NOT NULL,
    -- IS TRUE: a CHECK lets NULL pass, and `was` is null in a first row.
    CONSTRAINT chargeback_history_move_allowed CHECK ((
        (was IS NULL AND state = 'open')
        OR (was = 'open' AND state IN ('won', 'lost'))
    ) IS TRUE)
);
COMMENT ON TABLE chargeback_history IS 'Each move of a chargeback: when, from, to, who, why. Append-only';
CREATE INDEX chargeback_history_of_chargeback ON chargeback_history (chargeback_id, id);
CREATE TRIGGER chargeback_history_append_only BEFORE UPDATE OR DELETE ON chargeback_history
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
