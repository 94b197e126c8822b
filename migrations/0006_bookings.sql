CREATE TABLE bookings (
    id            uuid PRIMARY KEY,
    guest_id      uuid NOT NULL REFERENCES accounts,
    host_id       uuid NOT NULL REFERENCES accounts,
    listing_id    uuid NOT NULL REFERENCES listings,
    kind          text NOT NULL CHECK (kind IN ('stay', 'trip')),
    state         text NOT NULL,
    unit_ids      bigint[] NOT NULL CHECK (cardinality(unit_ids) > 0),
    first_slot    date NOT NULL,
    last_slot     date NOT NULL,
    check_in_at   timestamptz NOT NULL,
    check_out_at  timestamptz NOT NULL,
    currency      char(3) NOT NULL,
    rental        bigint NOT NULL CHECK (rental >= 0),
    fee           bigint NOT NULL CHECK (fee >= 0),
    deposit       bigint NOT NULL CHECK (deposit >= 0),
    total         bigint NOT NULL,
    lines         jsonb NOT NULL,
    terms         jsonb NOT NULL,
    expires_at    timestamptz,
    respond_by    timestamptz,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    CONSTRAINT bookings_state_known CHECK (state IN (
        'held', 'awaiting_payment', 'awaiting_host', 'confirmed', 'completed',
        'expired', 'declined', 'cancelled'
    )),
    CONSTRAINT bookings_total_is_the_sum CHECK (total = rental + fee + deposit),
    CONSTRAINT bookings_slots_in_order CHECK (first_slot <= last_slot),
    CONSTRAINT bookings_instants_in_order CHECK (check_in_at < check_out_at),
    CONSTRAINT bookings_hold_has_deadline CHECK (
        (state IN ('held', 'awaiting_payment')) = (expires_at IS NOT NULL)
    ),
    CONSTRAINT bookings_request_has_deadline CHECK (state <> 'awaiting_host' OR respond_by IS NOT NULL)
);
COMMENT ON TABLE bookings IS 'One guest''s purchase of units for slots, with its price and terms frozen';
CREATE INDEX bookings_of_guest ON bookings (guest_id, id);
CREATE INDEX bookings_of_host ON bookings (host_id, id);
CREATE INDEX bookings_unpaid ON bookings (expires_at) WHERE state IN ('held', 'awaiting_payment');
CREATE INDEX bookings_over ON bookings (check_out_at) WHERE state = 'confirmed';
CREATE INDEX bookings_requested ON bookings (respond_by) WHERE state = 'awaiting_host';

CREATE TABLE claims (
    unit_id    bigint NOT NULL REFERENCES units,
    slot       date NOT NULL,
    booking_id uuid NOT NULL REFERENCES bookings DEFERRABLE INITIALLY DEFERRED,
    expires_at timestamptz,
    PRIMARY KEY (unit_id, slot)
);
COMMENT ON TABLE claims IS 'One unit, one slot, one booking; expires_at is null once paid for';

CREATE TABLE booking_history (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    booking_id uuid NOT NULL REFERENCES bookings,
    was        text,
    state      text NOT NULL,
    at         timestamptz NOT NULL DEFAULT business_now(),
    actor      text NOT NULL CHECK (actor IN ('guest', 'host', 'admin', 'system')),
    actor_id   uuid,
    reason     text NOT NULL,
    -- IS TRUE: a CHECK lets NULL pass, and `was` is null in a first row.
    CONSTRAINT booking_history_move_allowed CHECK ((
        (was IS NULL AND state = 'held')
        OR (was = 'held' AND state IN ('awaiting_payment', 'expired', 'cancelled'))
        OR (was = 'awaiting_payment' AND state IN ('awaiting_host', 'confirmed', 'expired', 'cancelled'))
        OR (was = 'awaiting_host' AND state IN ('confirmed', 'declined', 'cancelled'))
        OR (was = 'confirmed' AND state IN ('completed', 'cancelled'))
        OR (was = 'expired' AND state IN ('awaiting_host', 'confirmed'))
    ) IS TRUE)
);
COMMENT ON TABLE booking_history IS 'Each move of a booking: when, from, to, who, why. Append-only';
CREATE INDEX booking_history_of_booking ON booking_history (booking_id, id);

CREATE TABLE passengers (
    booking_id uuid NOT NULL REFERENCES bookings,
    unit_id    bigint NOT NULL REFERENCES units,
    name       text NOT NULL,
    document   text NOT NULL DEFAULT '',
    contact    text NOT NULL DEFAULT '',
    updated_at timestamptz NOT NULL DEFAULT business_now(),
    PRIMARY KEY (booking_id, unit_id)
);
COMMENT ON TABLE passengers IS 'Who sits on a booked seat';

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END $$;
COMMENT ON FUNCTION refuse_change() IS 'Trigger of append-only tables';
CREATE TRIGGER booking_history_append_only BEFORE UPDATE OR DELETE ON booking_history
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
