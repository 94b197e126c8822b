CREATE TABLE listings (
    id                uuid PRIMARY KEY,
    host_id           uuid NOT NULL REFERENCES accounts,
    kind              text NOT NULL CHECK (kind IN ('stay', 'trip')),
    state             text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed')),
    title             text NOT NULL,
    description       text NOT NULL DEFAULT '',
    place             text NOT NULL,
    destination       text,
    zone              text NOT NULL,
    currency          char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    price             bigint NOT NULL CHECK (price >= 0),
    weekend_price     bigint CHECK (weekend_price >= 0),
    fee               bigint NOT NULL DEFAULT 0 CHECK (fee >= 0),
    deposit           bigint NOT NULL DEFAULT 0 CHECK (deposit >= 0),
    policy            text NOT NULL CHECK (policy IN ('flexible', 'moderate', 'strict')),
    request_to_book   boolean NOT NULL DEFAULT false,
    respond_within_h  smallint NOT NULL DEFAULT 24 CHECK (respond_within_h BETWEEN 1 AND 168),
    check_in_time     time,
    check_out_time    time,
    departure_date    date,
    departure_time    time,
    arrival_date      date,
    arrival_time      time,
    arrival_zone      text,
    words             tsvector GENERATED ALWAYS AS (
        to_tsvector('simple', title || ' ' || place || ' ' || coalesce(destination, ''))
    ) STORED,
    created_at        timestamptz NOT NULL DEFAULT business_now(),
    updated_at        timestamptz NOT NULL DEFAULT business_now(),
    CONSTRAINT listings_stay_whole CHECK (kind <> 'stay' OR (
        check_in_time IS NOT NULL AND check_out_time IS NOT NULL
        AND departure_date IS NULL AND departure_time IS NULL
        AND arrival_date IS NULL AND arrival_time IS NULL AND arrival_zone IS NULL
        AND destination IS NULL
    )),
    CONSTRAINT listings_trip_whole CHECK (kind <> 'trip' OR (
        check_in_time IS NULL AND check_out_time IS NULL
        AND departure_date IS NOT NULL AND departure_time IS NOT NULL
        AND arrival_date IS NOT NULL AND arrival_time IS NOT NULL AND arrival_zone IS NOT NULL
        AND destination IS NOT NULL AND deposit = 0
    ))
);
COMMENT ON TABLE listings IS 'What a host offers: a stay (nights in rooms) or a trip (seats on one departure)';
CREATE INDEX listings_of_host ON listings (host_id, id);
CREATE INDEX listings_words ON listings USING gin (words) WHERE state = 'open';
CREATE INDEX listings_stays ON listings (id) WHERE state = 'open' AND kind = 'stay';
CREATE INDEX listings_stays_in_place ON listings (lower(place), id)
    WHERE state = 'open' AND kind = 'stay';
CREATE INDEX listings_departures ON listings (departure_date, id)
    WHERE state = 'open' AND kind = 'trip';
CREATE INDEX listings_departures_from_place ON listings (lower(place), departure_date, id)
    WHERE state = 'open' AND kind = 'trip';

CREATE TABLE units (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    listing_id uuid NOT NULL REFERENCES listings,
    label      text NOT NULL,
    class      text NOT NULL DEFAULT 'standard',
    price      bigint CHECK (price >= 0),
    seat_row   smallint,
    seat_column smallint,
    active     boolean NOT NULL DEFAULT true,
    CONSTRAINT units_label_taken UNIQUE (listing_id, label)
);
COMMENT ON TABLE units IS 'The smallest thing that can be sold once per slot: a room, a seat';
CREATE INDEX units_of_listing ON units (listing_id, id);

CREATE TABLE price_overrides (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    listing_id uuid NOT NULL REFERENCES listings,
    first_slot date NOT NULL,
    last_slot  date NOT NULL,
    price      bigint NOT NULL CHECK (price >= 0),
    CONSTRAINT price_overrides_in_order CHECK (first_slot <= last_slot)
);
COMMENT ON TABLE price_overrides IS 'Prices per unit for a range of dates, both ends included; the newest row wins';
CREATE INDEX price_overrides_of_listing ON price_overrides (listing_id, last_slot);

CREATE TABLE blocked_dates (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    listing_id uuid NOT NULL REFERENCES listings,
    unit_id    bigint REFERENCES units,
    first_slot date NOT NULL,
    last_slot  date NOT NULL,
    reason     text NOT NULL DEFAULT '',
    CONSTRAINT blocked_dates_in_order CHECK (first_slot <= last_slot)
);
COMMENT ON TABLE blocked_dates IS 'Dates not for sale, of one unit or (unit_id null) of the whole listing';
CREATE INDEX blocked_dates_of_listing ON blocked_dates (listing_id, last_slot);

-- What bookings were priced and dated by cannot change under one that is being made.
CREATE FUNCTION refuse_other_listing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'kind, currency, zone, departure and arrival of a listing never change'
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'listings_fixed_at_creation';
END $$;
COMMENT ON FUNCTION refuse_other_listing() IS 'Trigger: a listing stays what it was created as';
CREATE TRIGGER listings_fixed_at_creation BEFORE UPDATE ON listings FOR EACH ROW
    WHEN ((old.kind, old.host_id, old.currency, old.zone, old.departure_date, old.departure_time,
           old.arrival_date, old.arrival_time, old.arrival_zone)
          IS DISTINCT FROM
          (new.kind, new.host_id, new.currency, new.zone, new.departure_date, new.departure_time,
           new.arrival_date, new.arrival_time, new.arrival_zone))
    EXECUTE FUNCTION refuse_other_listing();
