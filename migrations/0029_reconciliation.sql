-- Three ways: what a gateway lists, what is here, what the ledger says.

CREATE TABLE gateway_movements (
    gateway          text NOT NULL CHECK (gateway IN ('paystack', 'flutterwave', 'stripe')),
    kind             text NOT NULL,
    gateway_id       text NOT NULL,
    reference        text NOT NULL,
    charge_reference text NOT NULL DEFAULT '',
    charge_id        text NOT NULL DEFAULT '',
    state            text NOT NULL,
    amount           bigint NOT NULL,
    currency         char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    returned         bigint NOT NULL DEFAULT 0,  -- given back of a charge, reversed of a transfer
    fee              bigint,                     -- null: the gateway has not said it (yet)
    settled_amount   bigint,
    settled_currency char(3),
    recipient        text NOT NULL DEFAULT '',
    is_taken         boolean NOT NULL DEFAULT false,  -- by a chargeback, out of our balance
    live             boolean NOT NULL,
    arrives_at       timestamptz,  -- a payout, at our bank
    at               timestamptz NOT NULL,
    first_seen       timestamptz NOT NULL DEFAULT business_now(),
    last_seen        timestamptz NOT NULL DEFAULT business_now(),
    changed_at       timestamptz NOT NULL DEFAULT business_now(),
    PRIMARY KEY (gateway, kind, gateway_id),
    CONSTRAINT gateway_movements_kind_known CHECK (
        kind IN ('charge', 'refund', 'transfer', 'chargeback', 'payout', 'change')
    ),
    CONSTRAINT gateway_movements_settled_whole CHECK (
        (settled_amount IS NULL) = (settled_currency IS NULL)
    ),
    CONSTRAINT gateway_movements_amount_signed_if_change CHECK (kind = 'change' OR amount >= 0)
) WITH (fillfactor = 80);  -- each row is read, and its last_seen renewed, many times
COMMENT ON TABLE gateway_movements IS 'What gateways list, as last read: ours, and that of other products on the same account';
CREATE INDEX gateway_movements_of_time ON gateway_movements (gateway, kind, at);
CREATE INDEX gateway_movements_of_reference ON gateway_movements (reference) WHERE reference <> '';

CREATE TABLE reconciliation_runs (
    id            uuid PRIMARY KEY,
    gateway       text NOT NULL CHECK (gateway IN ('paystack', 'flutterwave', 'stripe')),
    since         timestamptz NOT NULL,
    until         timestamptz NOT NULL,
    started_at    timestamptz NOT NULL DEFAULT business_now(),
    working_until timestamptz NOT NULL,  -- after it, whoever worked at it has not come back
    tries         smallint NOT NULL DEFAULT 1 CHECK (tries > 0),
    stage         text NOT NULL,
    cursor        text,
    pages         integer NOT NULL DEFAULT 0,
    rows          integer NOT NULL DEFAULT 0,
    unreadable    integer NOT NULL DEFAULT 0,
    error         text,
    finished_at   timestamptz,
    CONSTRAINT reconciliation_runs_span CHECK (since < until),
    CONSTRAINT reconciliation_runs_stage_known CHECK (stage IN (
        'charge', 'refund', 'transfer', 'chargeback', 'payout', 'change', 'compare'
    )),
    CONSTRAINT reconciliation_runs_finished_compared CHECK (
        finished_at IS NULL OR stage = 'compare'
    )
);
COMMENT ON TABLE reconciliation_runs IS 'Reconciliations of a gateway and a span of time, and how far each has come';
CREATE INDEX reconciliation_runs_unfinished ON reconciliation_runs (gateway, id)
    WHERE finished_at IS NULL;

CREATE TABLE differences (
    id             uuid PRIMARY KEY,
    gateway        text NOT NULL CHECK (gateway IN ('paystack', 'flutterwave', 'stripe')),
    what           text NOT NULL,
    kind           text NOT NULL,
    subject        text NOT NULL,
    at             timestamptz NOT NULL,
    day            date NOT NULL GENERATED ALWAYS AS ((at AT TIME ZONE 'UTC')::date) STORED,
    currency       char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    -- What has moved, in minor units: null where there is nothing.
    at_gateway     bigint,
    here           bigint,
    in_ledger      bigint,
    gateway_state  text,
    state          text,
    reference      text NOT NULL,
    charge_reference text NOT NULL,
    charge_id      text NOT NULL,
    payment_id     uuid REFERENCES payments,
    instruction_id uuid REFERENCES instructions,
    first_seen     timestamptz NOT NULL DEFAULT business_now(),
    last_seen      timestamptz NOT NULL DEFAULT business_now(),
    tries          smallint NOT NULL DEFAULT 0 CHECK (tries >= 0),  -- to mend it
    alerted_at     timestamptz,
    closed_at      timestamptz,
    explained_at   timestamptz,
    explained_by   uuid REFERENCES accounts,
    note           text,
    CONSTRAINT differences_what_known CHECK (
        what IN ('charge', 'refund', 'transfer', 'chargeback', 'payout', 'change')
    ),
    CONSTRAINT differences_kind_known CHECK (
        kind IN ('missing_here', 'missing_there', 'amount', 'currency', 'state', 'fee', 'twice')
    ),
    CONSTRAINT differences_explained_whole CHECK (
        num_nulls(explained_at, explained_by, note) IN (0, 3)
    )
);
COMMENT ON TABLE differences IS 'What a reconciliation found unequal between gateway, instruction and ledger; closed when it is gone';
CREATE UNIQUE INDEX differences_open ON differences (gateway, what, subject, kind)
    WHERE closed_at IS NULL;
CREATE INDEX differences_unexplained ON differences (gateway, at)
    WHERE closed_at IS NULL AND explained_at IS NULL;
CREATE INDEX differences_of_day ON differences (day, id);

CREATE TABLE reconciliation_hours (
    gateway    text NOT NULL CHECK (gateway IN ('paystack', 'flutterwave', 'stripe')),
    hour       timestamptz NOT NULL,
    what       text NOT NULL,
    currency   char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    count      integer NOT NULL CHECK (count >= 0),
    others     integer NOT NULL CHECK (others >= 0),  -- of other products on the same account
    at_gateway bigint NOT NULL,
    here       bigint NOT NULL,
    in_ledger  bigint NOT NULL,
    PRIMARY KEY (gateway, hour, what, currency),
    CONSTRAINT reconciliation_hours_what_known CHECK (
        what IN ('charge', 'refund', 'transfer', 'chargeback', 'payout', 'change', 'fee')
    )
);
COMMENT ON TABLE reconciliation_hours IS 'The sums of an hour as last compared: at the gateway, here, in the ledger';
