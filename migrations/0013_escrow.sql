CREATE TABLE pots (
    id             uuid PRIMARY KEY,
    booking_id     uuid NOT NULL REFERENCES bookings,
    kind           text NOT NULL CHECK (kind IN ('rental', 'deposit')),
    state          text NOT NULL,
    payment_id     uuid NOT NULL REFERENCES payments,
    guest_id       uuid NOT NULL REFERENCES accounts,
    host_id        uuid NOT NULL REFERENCES accounts,
    gateway        text NOT NULL CHECK (gateway IN ('paystack', 'flutterwave', 'stripe')),
    amount         bigint NOT NULL CHECK (amount > 0),
    currency       char(3) NOT NULL,
    charged_back   bigint NOT NULL DEFAULT 0,
    contested      boolean NOT NULL DEFAULT false,
    commission_bps smallint NOT NULL CHECK (commission_bps BETWEEN 0 AND 10000),
    opens_at       timestamptz,
    closes_at      timestamptz,
    to_guest       bigint,
    commission     bigint,
    to_host        bigint,
    created_at     timestamptz NOT NULL DEFAULT business_now(),
    updated_at     timestamptz NOT NULL DEFAULT business_now(),
    divided_at     timestamptz,
    CONSTRAINT pots_once UNIQUE (booking_id, kind),
    CONSTRAINT pots_state_known CHECK (
        state IN ('held', 'disputed', 'releasing', 'released', 'refunding', 'refunded',
                  'charged_back')
    ),
    CONSTRAINT pots_window_in_order CHECK (opens_at < closes_at),
    CONSTRAINT pots_window_whole CHECK ((opens_at IS NULL) = (closes_at IS NULL)),
    CONSTRAINT pots_disputed_in_window CHECK (state <> 'disputed' OR closes_at IS NOT NULL),
    CONSTRAINT pots_divided_once_over CHECK (
        (state IN ('held', 'disputed', 'charged_back')) = (to_guest IS NULL)
        AND (to_guest IS NULL) = (commission IS NULL)
        AND (to_guest IS NULL) = (to_host IS NULL)
        AND (to_guest IS NULL) = (divided_at IS NULL)
    ),
    CONSTRAINT pots_divided_without_loss CHECK (
        to_guest IS NULL
        OR (to_guest >= 0 AND commission >= 0 AND to_host >= 0
            AND to_guest + commission + to_host + charged_back = amount)
    ),
    -- What the guest's bank has taken back of it while it was held. The rest is divided, if any.
    CONSTRAINT pots_charged_back_within CHECK (
        charged_back BETWEEN 0 AND amount AND (state = 'charged_back') = (charged_back = amount)
    ),
    -- While a chargeback of its charge is open, nobody divides it.
    CONSTRAINT pots_contested_while_held CHECK (NOT contested OR state IN ('held', 'disputed'))
);
COMMENT ON TABLE pots IS 'Money of a booking in escrow; its window says when it may be disputed (none until confirmed)';
CREATE INDEX pots_due ON pots (closes_at) WHERE state = 'held' AND NOT contested;
CREATE INDEX pots_of_payment ON pots (payment_id);

CREATE TABLE disputes (
    id          uuid PRIMARY KEY,
    pot_id      uuid NOT NULL REFERENCES pots,
    booking_id  uuid NOT NULL REFERENCES bookings,
    opened_by   uuid NOT NULL REFERENCES accounts,
    side        text NOT NULL CHECK (side IN ('guest', 'host')),
    state       text NOT NULL,
    reason      text NOT NULL,
    claimed     bigint NOT NULL CHECK (claimed > 0),
    to_guest    bigint CHECK (to_guest >= 0),
    resolved_by uuid REFERENCES accounts,
    decision    text,
    opened_at   timestamptz NOT NULL DEFAULT business_now(),
    ended_at    timestamptz,
    CONSTRAINT disputes_state_known CHECK (state IN ('open', 'resolved', 'withdrawn')),
    CONSTRAINT disputes_ended_with_time CHECK ((state = 'open') = (ended_at IS NULL)),
    CONSTRAINT disputes_resolved_by_somebody CHECK (
        (state = 'resolved') = (resolved_by IS NOT NULL)
        AND (state = 'resolved') = (to_guest IS NOT NULL)
        AND (state = 'resolved') = (decision IS NOT NULL)
    )
);
COMMENT ON TABLE disputes IS 'Claims on a pot, made inside its window: by the guest on the rental, by the host on the deposit';
CREATE UNIQUE INDEX disputes_one_open ON disputes (pot_id) WHERE state = 'open';
CREATE INDEX disputes_of_booking ON disputes (booking_id, id);
CREATE INDEX disputes_open ON disputes (id) WHERE state = 'open';

CREATE TABLE dispute_history (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dispute_id uuid NOT NULL REFERENCES disputes,
    was        text,
    state      text NOT NULL,
    at         timestamptz NOT NULL DEFAULT business_now(),
    actor      text NOT NULL CHECK (actor IN ('guest', 'host', 'admin', 'system')),
    actor_id   uuid,
    reason     text NOT NULL,
    -- IS TRUE: a CHECK lets NULL pass, and `was` is null in a first row.
    CONSTRAINT dispute_history_move_allowed CHECK ((
        (was IS NULL AND state = 'open')
        OR (was = 'open' AND state IN ('resolved', 'withdrawn'))
    ) IS TRUE)
);
COMMENT ON TABLE dispute_history IS 'Each move of a dispute: when, from, to, who, why. Append-only';
CREATE INDEX dispute_history_of_dispute ON dispute_history (dispute_id, id);
CREATE TRIGGER dispute_history_append_only BEFORE UPDATE OR DELETE ON dispute_history
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE dispute_evidence (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dispute_id uuid NOT NULL REFERENCES disputes,
    author_id  uuid NOT NULL REFERENCES accounts,
    side       text NOT NULL CHECK (side IN ('guest', 'host')),
    text       text NOT NULL,
    files      text[] NOT NULL,
    at         timestamptz NOT NULL DEFAULT business_now(),
    CONSTRAINT dispute_evidence_shows_something CHECK (text <> '' OR cardinality(files) > 0)
);
COMMENT ON TABLE dispute_evidence IS 'What both sides brought forward: text, and references to files. Append-only';
CREATE INDEX dispute_evidence_of_dispute ON dispute_evidence (dispute_id, id);
CREATE TRIGGER dispute_evidence_append_only BEFORE UPDATE OR DELETE ON dispute_evidence
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE escrow_events (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    booking_id uuid NOT NULL REFERENCES bookings,
    pot_id     uuid NOT NULL REFERENCES pots,
    pot        text NOT NULL CHECK (pot IN ('rental', 'deposit')),
    was        text,
    state      text NOT NULL,
    at         timestamptz NOT NULL DEFAULT business_now(),
    actor      text NOT NULL CHECK (actor IN ('guest', 'host', 'admin', 'system')),
    actor_id   uuid,
    reason     text NOT NULL,
    -- IS TRUE: a CHECK lets NULL pass, and `was` is null in a first row.
    CONSTRAINT escrow_events_move_allowed CHECK ((
        (was IS NULL AND state = 'held')
        OR (was = 'held' AND state IN ('disputed', 'releasing', 'refunding', 'charged_back'))
        OR (was = 'disputed' AND state = 'held')
        OR (was = 'releasing' AND state = 'released')
        OR (was = 'refunding' AND state = 'refunded')
    ) IS TRUE)
);
COMMENT ON TABLE escrow_events IS 'Each move of a pot: when, from, to, who, why. Append-only';
CREATE INDEX escrow_events_of_booking ON escrow_events (booking_id, id);
CREATE TRIGGER escrow_events_append_only BEFORE UPDATE OR DELETE ON escrow_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
