-- A booking has one or more parts, and each is a row: with its listing, its host, its state and its
-- pots. The first part has the id of the booking. What was booked before is a booking of one part.
ALTER TABLE bookings
    ADD COLUMN part_of uuid,
    ADD COLUMN part smallint NOT NULL DEFAULT 1,
    ADD COLUMN parts smallint NOT NULL DEFAULT 1,
    ADD COLUMN stand_alone boolean NOT NULL DEFAULT false,
    ADD COLUMN split_from uuid,
    ADD COLUMN discount bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN bookings.part_of IS 'the first part of its booking; null: it is the first';
COMMENT ON COLUMN bookings.part IS 'its number in its booking';
COMMENT ON COLUMN bookings.parts IS 'of a first part: how many the booking has';
COMMENT ON COLUMN bookings.stand_alone IS
    'of a first part: the guest wants what hosts accept, though others decline';
COMMENT ON COLUMN bookings.split_from IS 'the part that it was split from, to be given back';
COMMENT ON COLUMN bookings.discount IS 'what of its price a voucher pays';

ALTER TABLE bookings
    ADD CONSTRAINT bookings_part_of_fkey FOREIGN KEY (part_of) REFERENCES bookings NOT VALID,
    ADD CONSTRAINT bookings_split_from_fkey FOREIGN KEY (split_from) REFERENCES bookings NOT VALID,
    ADD CONSTRAINT bookings_first_part_leads CHECK (
        (part_of IS NULL) = (part = 1) AND part BETWEEN 1 AND 200 AND parts BETWEEN 1 AND 200
        AND (part_of IS NULL OR (parts = 1 AND NOT stand_alone))) NOT VALID,
    ADD CONSTRAINT bookings_split_is_a_later_part CHECK (
        split_from IS NULL OR part_of IS NOT NULL) NOT VALID,
    -- squawk-ignore ban-drop-constraint
    DROP CONSTRAINT bookings_total_is_the_sum,
    ADD CONSTRAINT bookings_total_is_the_price CHECK (
        total = rental + fee + deposit - discount
        AND discount >= 0 AND discount <= rental + fee) NOT VALID;
