-- Looked at while all go on writing: the file before holds the table for a moment only.
ALTER TABLE bookings VALIDATE CONSTRAINT bookings_part_of_fkey;
ALTER TABLE bookings VALIDATE CONSTRAINT bookings_split_from_fkey;
ALTER TABLE bookings VALIDATE CONSTRAINT bookings_first_part_leads;
ALTER TABLE bookings VALIDATE CONSTRAINT bookings_split_is_a_later_part;
ALTER TABLE bookings VALIDATE CONSTRAINT bookings_total_is_the_price;
