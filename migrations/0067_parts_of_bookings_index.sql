-- no-transaction
-- The later parts of a booking, each with a number of its own.
CREATE UNIQUE INDEX CONCURRENTLY bookings_later_parts ON bookings (part_of, part)
    WHERE part_of IS NOT NULL;
