CREATE TABLE payments (
    id           uuid PRIMARY KEY,
    booking_id   uuid NOT NULL REFERENCES bookings,
    payer_id     uuid NOT NULL REFERENCES accounts,
    gateway      text NOT NULL CHECK (gateway IN ('paystack', 'flutterwave', 'stripe')),
    reference    text NOT NULL CONSTRAINT payments_reference_taken UNIQUE,
    state        text NOT NULL,
    amount       bigint NOT NULL CHECK (amount > 0),
    currency     char(3) NOT NULL,
    refunded     bigint NOT NULL DEFAULT 0,
    charged_back bigint NOT NULL DEFAULT 0 CHECK (charged_back >= 0),
    contested    boolean NOT NULL DEFAULT false,
    checkout_url text,
    gateway_id   text,
    gateway_data jsonb,
    failure      text,
    calling_until timestamptz,
    asking_until timestamptz,
    look_at      timestamptz,
    created_at   timestamptz NOT NULL DEFAULT business_now(),
    updated_at   timestamptz NOT NULL DEFAULT business_now(),
    settled_at   timestamptz,
    CONSTRAINT payments_state_known CHECK (
        state IN ('created', 'pending', 'succeeded', 'failed', 'abandoned')
    ),
    -- What is promised back, from the moment it is: refunds at the same time cannot exceed it.
    -- What the guest's bank has taken back cannot be refunded any more.
    CONSTRAINT payments_refunded_within CHECK (
        refunded >= 0 AND refunded + charged_back <= amount
    ),
    CONSTRAINT payments_refunded_after_success CHECK (refunded = 0 OR state = 'succeeded'),
    CONSTRAINT payments_contested_after_success CHECK (
        (NOT contested AND charged_back = 0) OR state = 'succeeded'
    ),
    CONSTRAINT payments_settled_with_time CHECK ((state = 'succeeded') = (settled_at IS NOT NULL)),
    -- When the gateway is asked next, without anybody's wish: while a charge may still be paid.
    CONSTRAINT payments_looked_at_until_paid CHECK (state <> 'succeeded' OR look_at IS NULL)
);
COMMENT ON TABLE payments IS 'Charges: money in, one attempt at one gateway';
CREATE UNIQUE INDEX payments_one_open ON payments (booking_id) WHERE state IN ('created', 'pending');
CREATE INDEX payments_to_look_at ON payments (look_at) WHERE look_at IS NOT NULL;

CREATE TABLE payment_history (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id uuid NOT NULL REFERENCES payments,
    was        text,
    state      text NOT NULL,
    at         timestamptz NOT NULL DEFAULT business_now(),
    reason     text NOT NULL,
    -- IS TRUE: a CHECK lets NULL pass, and `was` is null in a first row.
    CONSTRAINT payment_history_move_allowed CHECK ((
        (was IS NULL AND state = 'created')
        OR (was = 'created' AND state IN ('pending', 'succeeded', 'failed', 'abandoned'))
        OR (was = 'pending' AND state IN ('succeeded', 'failed', 'abandoned'))
        OR (was = 'failed' AND state = 'succeeded')
        OR (was = 'abandoned' AND state = 'succeeded')
    ) IS TRUE)
);
COMMENT ON TABLE payment_history IS 'Each move of a charge. Append-only';
CREATE INDEX payment_history_of_payment ON payment_history (payment_id, id);
CREATE TRIGGER payment_history_append_only BEFORE UPDATE OR DELETE ON payment_history
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE webhook_events (
    id           uuid PRIMARY KEY,
    gateway      text NOT NULL CHECK (gateway IN ('paystack', 'flutterwave', 'stripe')),
    event_key    text NOT NULL,
    kind         text NOT NULL,
    name         text NOT NULL,
    reference    text,
    body         bytea NOT NULL,
    body_sha256  bytea NOT NULL,
    state        text NOT NULL DEFAULT 'received',
    attempts     smallint NOT NULL DEFAULT 0,
    error        text,
    received_at  timestamptz NOT NULL DEFAULT business_now(),
    -- From here on the sweep sees to it: whoever had it in hand has not come back.
    next_try_at  timestamptz NOT NULL DEFAULT business_now() + interval '2 minutes',
    processed_at timestamptz,
    CONSTRAINT webhook_events_once UNIQUE (gateway, event_key),
    CONSTRAINT webhook_events_state_known CHECK (
        state IN ('received', 'processed', 'ignored', 'failed')
    )
);
COMMENT ON TABLE webhook_events IS 'What gateways told us, as it came, once each';
CREATE INDEX webhook_events_open ON webhook_events (next_try_at) WHERE state IN ('received', 'failed');
CREATE INDEX webhook_events_of_reference ON webhook_events (reference);

CREATE TABLE gateway_outages (
    gateway    text PRIMARY KEY CHECK (gateway IN ('paystack', 'flutterwave', 'stripe')),
    failures   integer NOT NULL CHECK (failures > 0),
    since      timestamptz NOT NULL DEFAULT business_now(),
    last_at    timestamptz NOT NULL DEFAULT business_now(),
    down_until timestamptz,
    reason     text NOT NULL
);
COMMENT ON TABLE gateway_outages IS 'Gateways whose last calls got no answer: how many in a row, and until when nothing new goes there';
